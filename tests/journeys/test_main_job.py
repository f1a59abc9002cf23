"""The main job: a roster from Excel to the nation's receipts, and again while everything dies once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from sample.clients import Services
from sample.county import AUTHORITY_SEATS, SCHOOLS
from sample.journey import Journey, Papers
from sample.portraits import write_archive
from sample.progress import Bars
from sample.reckoning import Reckoning
from sample.roster import roster, write_workbook
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@asynccontextmanager
async def journeys(stack: WholeStack, folder: Path) -> AsyncIterator["Journeys"]:
    async with Services(stack.urls) as services:
        yield Journeys(stack, services, folder)


class Journeys:
    """Makes rosters for the centre school and takes them to the nation."""

    def __init__(self, stack: WholeStack, services: Services, folder: Path) -> None:
        self.stack = stack
        self.services = services
        self.folder = folder

    async def go(self, seed: int, pupils: int, *, faults: bool, returns: int) -> Reckoning:
        accounts, plan = self.stack.accounts, SCHOOLS[0]
        founded = accounts.founded
        made = roster(
            seed, pupils, plan.code, founded["schools"][plan.code]["classes"], founded["school_year"], faults=faults
        )
        book, photos = self.folder / f"{seed}.xlsx", self.folder / f"{seed}.zip"
        write_workbook(made, book)
        write_archive(made, photos)
        registrar = await accounts.enter(self.services, plan.seats[0].login)
        officer = await accounts.enter(self.services, AUTHORITY_SEATS[plan.authority][0].login)
        papers = Papers(book.name, book.read_bytes(), photos.read_bytes())
        with Bars(Console(quiet=True)) as bars:
            return await Journey(registrar, officer, papers, bars, returns=returns).run()


async def test_a_roster_travels_from_excel_to_the_nations_receipts(sample_county: WholeStack, tmp_path: Path) -> None:
    async with journeys(sample_county, tmp_path) as trips:
        found = await trips.go(7, 150, faults=True, returns=2)

    assert found.differences() == []
    assert (found.rows, found.drafted, found.duplicate, found.refused) == (150, 132, 2, 16)
    assert sum(found.by_reason.values()) == 18
    assert found.photographed == 127  # five pupils have no photo that can be used
    assert found.held_back == 8  # those five, and three rows with a gap
    assert found.sent_back == 2
    assert (found.submitted, found.approved, found.registered) == (124, 124, 124)
    assert found.problems
    assert sum(found.by_problem_record.values()) == found.problems  # the simulator finds one thing at a time
    assert sum(found.by_rejection.values()) == found.refused_by_nation


async def test_everything_is_killed_once_and_nothing_is_lost(sample_county: WholeStack, tmp_path: Path) -> None:
    names = sorted(sample_county.pids, key=lambda name: (name in ("postgres", "kafka"), name))
    assert {"postgres", "kafka", "nation", "registry-relay", "review-worker", "sync-api"} <= set(names)
    killed: list[str] = []

    async def kill_each() -> None:
        for name in names:
            pid = sample_county.pids[name]
            os.kill(pid, signal.SIGKILL)
            killed.append(name)
            assert await eventually(back_of(sample_county, name, pid), within=120, every=0.2)

    async with journeys(sample_county, tmp_path) as trips:
        killing = asyncio.create_task(kill_each())
        found: list[Reckoning] = []
        seed = 20
        while not killing.done() or not found:
            found.append(await trips.go(seed, 12, faults=False, returns=1))
            seed += 1
        await killing

    assert killed == names
    assert [each.differences() for each in found] == [[] for _ in found]
    assert [each.registered for each in found] == [12 for _ in found]


def back_of(stack: WholeStack, name: str, before: int) -> Callable[[], Awaitable[bool]]:
    return lambda: is_back(stack, name, before)


async def is_back(stack: WholeStack, name: str, before: int) -> bool:
    """Whether another process does its work, and the services it belongs to answer."""
    if stack.pids.get(name, before) == before:
        return False
    async with httpx2.AsyncClient(trust_env=False, timeout=2) as client:
        for url in stack.urls.values():
            try:
                if (await client.get(f"{url}/health/ready")).status_code != 200:
                    return False
            except httpx2.HTTPError:
                return False
    return True


async def test_a_restart_goes_on_with_what_was_there(sample_county: WholeStack, tmp_path: Path) -> None:
    async with journeys(sample_county, tmp_path) as trips:
        registrar = await sample_county.accounts.enter(trips.services, SCHOOLS[0].seats[0].login)
        before = (await registrar.get("registry", "/v1/students", limit=1))["total"]

    assert sample_county.stop() < 10
    assert sample_county.about() == {}
    sample_county.start()

    assert "stands" in sample_county.run("county").stdout
    async with journeys(sample_county, tmp_path) as trips:
        registrar = await sample_county.accounts.enter(trips.services, SCHOOLS[0].seats[0].login)
        assert (await registrar.get("registry", "/v1/students", limit=1))["total"] == before
        found = await trips.go(90, 8, faults=False, returns=0)
    assert found.differences() == []
    assert found.registered == 8
