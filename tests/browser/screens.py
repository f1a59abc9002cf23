"""What a person does at the portal's screens."""

from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page, expect

from sample.clients import Services
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

PATIENCE = 120_000
"""Milliseconds for work in the background."""


class Person:
    """Somebody at a browser."""

    def __init__(self, page: Page, stack: WholeStack, login: str, *, scripts: bool) -> None:
        self.page = page
        self.login = login
        self.complaints: list[str] = []
        """What the browser's console and axe had to say."""
        self._stack = stack
        self._portal = stack.urls["portal"]
        self._scripts = scripts
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    async def sign_in(self) -> None:
        """With login and password; the first password has been changed before."""
        async with Services(self._stack.urls) as services:
            accounts = self._stack.accounts
            await accounts.enter(services, self.login)
        await self.go("/sign-in")
        await self.page.get_by_label("账号").fill(self.login)
        await self.page.get_by_label("密码").fill(accounts.people[self.login]["password"])
        await self.press("登录")
        await expect(self.page.get_by_role("heading", name="工作台", level=1)).to_be_visible()

    async def go(self, path: str) -> None:
        """To an address."""
        await self.page.goto(self._portal + path)
        await self.look()

    async def choose(self, word: str) -> None:
        """A place of the menu."""
        await self.page.get_by_role("navigation", name="主菜单").get_by_role("link", name=word, exact=True).click()
        await self.look()

    async def press(self, word: str) -> None:
        """A button, or a link that looks like one."""
        await (
            self.page.locator("main")
            .get_by_role("button", name=word)
            .or_(self.page.locator("main").get_by_role("link", name=word))
            .first.click()
        )
        await self.page.wait_for_load_state()

    async def look(self) -> None:
        """Read the page with axe, where there are scripts."""
        if self._scripts:
            found = await Axe().run(self.page)
            self.complaints += [f"{self.page.url}: {each['id']}" for each in found.response["violations"]]

    async def send(self, file: Path) -> None:
        """Choose a file."""
        await self.page.locator("input[type=file]").set_input_files(file)

    async def sees(self, text: str, within: int = PATIENCE) -> None:
        """The text is in the main part of the page, or comes while the page refreshes itself."""
        await expect(self.page.locator("main")).to_contain_text(text, timeout=within)

    async def reloads_until(self, text: str) -> None:
        """The text is there after one reload or another: what services tell each other takes a moment."""

        async def seen() -> bool:
            await self.page.reload()
            return text in " ".join((await self.page.locator("main").inner_text()).split())

        await eventually(seen, within=PATIENCE / 1000)
        await self.look()

    async def tick_all(self, name: str) -> None:
        """Every box of a name: with the one box for all where there are scripts, one by one where there are none."""
        boxes = self.page.locator(f"input[type=checkbox][name={name}]")
        if self._scripts:
            await self.page.get_by_label("全选").check()
        else:
            for place in range(await boxes.count()):
                await boxes.nth(place).check()
