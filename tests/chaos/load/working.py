"""Everybody at work: started and stopped together."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.chaos.journal import Journal, read
from tests.chaos.load.asking import Client, GivenUp
from tests.chaos.load.founding import Founded, School
from tests.chaos.load.officer import Officer
from tests.chaos.load.papers import Papers, Sheet
from tests.chaos.load.photographer import Photographer
from tests.chaos.load.registrar import Clerk, Registrar
from tests.chaos.load.settings import LoadSettings
from tests.harness.eventually import until

_log = logging.getLogger(__name__)


class Load:
    """The people of a stack, for one round."""

    def __init__(
        self,
        urls: dict[str, str],
        founded: Founded,
        settings: LoadSettings,
        journals: Path,
        seed: int,
        *,
        round_number: int = 0,
        sheets_before: dict[int, int] | None = None,
    ) -> None:
        """`sheets_before`: school's number → sheets that were imported in earlier rounds."""
        self.urls = urls
        self.settings = settings
        self.founded = founded
        self.turn = turn_of(journals, round_number)
        self.journals = journals / self.turn
        self.sheets: dict[int, int] = dict(sheets_before or {})
        self.troubles: list[str] = []
        """What a person gave up: an answer that she cannot live with."""
        self._seed = seed
        self._people: list[asyncio.Task[None]] = []
        self._clients: list[Client] = []
        self._closing = AsyncExitStack()
        self._ending = asyncio.Event()
        """No more workbooks."""
        self._leaving = asyncio.Event()
        """Nothing more at all."""

    async def start(self) -> None:
        """Everybody begins."""
        await self._closing.__aenter__()
        for school in self.founded.schools:
            await self._begin_school(school)
        for number, login in enumerate(self.founded.officers):
            officer = Officer(await self._client(f"officer-{number}", login), self.settings, number)
            self._employ(f"officer-{number}", officer.work)

    async def finish(self, within: float) -> None:
        """No more workbooks; what is under way is gone on with for so many seconds at most."""
        self._ending.set()
        done = [task for task in self._people if task.get_name().startswith("registrar")]
        await asyncio.wait(done, timeout=within)

    async def stop(self) -> None:
        """Everybody lets go, wherever she is; what was not answered yet stays unknown."""
        self._leaving.set()
        for task in self._people:
            task.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        await self._closing.aclose()

    @property
    def acknowledged(self) -> int:
        """Changes that somebody was told are done."""
        return sum(each.acknowledged for each in self._clients)

    def counts(self) -> Counter[tuple[str, str]]:
        """(operation, outcome) → how often, in this round."""
        return Counter((each.op, each.outcome) for each in read(self.journals))

    async def _begin_school(self, school: School) -> None:
        sheets: asyncio.Queue[Sheet] = asyncio.Queue()
        before = self.sheets.setdefault(school.number, 0)
        papers = Papers(school, self._chance(f"pupils of {school.number}").randrange(10**9), before)
        registrar = Registrar(
            await self._client(f"registrar-{school.number}", school.registrar), school, papers, self.settings, sheets
        )
        clerk = Clerk(await self._client(f"clerk-{school.number}", school.registrar), school, self.settings)
        photographer = Photographer(
            await self._client(f"photographer-{school.number}", school.photographer), school, self.settings, sheets
        )

        async def bring_in() -> None:
            async for _ in registrar.sheets(self._ending):
                self.sheets[school.number] += 1

        self._employ(f"registrar-{school.number}", bring_in)
        self._employ(f"clerk-{school.number}", clerk.work)
        self._employ(f"photographer-{school.number}", photographer.work)

    async def _client(self, name: str, login: str) -> Client:
        journal = Journal(self.journals / f"{name}.jsonl")
        chance = self._chance(name)
        client = Client(self.urls, self.founded.accounts, login, journal, chance, self._leaving)
        self._clients.append(client)
        return await self._closing.enter_async_context(client)

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self._seed} {self.turn} {what}")

    def _employ(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self._people.append(asyncio.create_task(self._work(name, work), name=name))

    async def _work(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                return
            except GivenUp as reason:
                _log.warning("%s gave up: %s", name, reason)
                self.troubles.append(f"{name}: {reason}")
                await until(self._leaving, 1)


def turn_of(journals: Path, round_number: int) -> str:
    """The round's name, another one where the round was begun before and cut short: no key may come twice."""
    turn, times = f"{round_number:03}", 1
    while (journals / turn).exists():
        times += 1
        turn = f"{round_number:03}-{times}"
    return turn
