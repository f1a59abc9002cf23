"""A real Chromium in front of the whole system."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.screens import Person
from tests.harness.whole import WholeStack

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
Enter = Callable[..., Awaitable[Person]]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser; without one the test is skipped, by name."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium fonts-noto-cjk")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        await browser.close()


@pytest.fixture
async def enter(chromium: Browser, sample_county: WholeStack) -> AsyncIterator[Enter]:
    """Signs somebody in with a browser window of her own; `scripts=False` is a browser without JavaScript."""
    opened: list[Person] = []

    async def enter(login: str, *, scripts: bool = True) -> Person:
        context = await chromium.new_context(
            java_script_enabled=scripts, locale="zh-CN", viewport={"width": 1280, "height": 900}
        )
        context.set_default_timeout(30_000)
        person = Person(await context.new_page(), sample_county, login, scripts=scripts)
        opened.append(person)
        await person.sign_in()
        return person

    yield enter
    for person in opened:
        await person.page.context.close()
