"""What several files of the rig stand on."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis.tests.conftest import make_topics, migrate, write_keys
from services.chassis.tests.rig import Rig
from tests.chaos import parts
from tests.chaos.check import look, quiesce
from tests.chaos.check.reporting import judged
from tests.chaos.filling import fill
from tests.chaos.planting import Garden
from tests.chaos.still import StillStack
from tests.harness.whole import MOODY_NATION, WholeStack, temporary_folder

MakeRig = Callable[..., Awaitable[Rig]]
PASSED = pytest.StashKey[bool]()
FULL_OF_PROBLEMS = {**MOODY_NATION, "NATION_REJECTS": "0.3", "NATION_PROBLEMS": "0.5"}
"""So often that of two dozen pupils none is rejected, or none has a problem, in one of some thousand times."""
REST = 60.0
"""Seconds that a filled stack has to come to rest."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how a part of the rig ended, for the page of a run, and for who keeps the evidence of a failure."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    mark = item.get_closest_marker("part")
    if mark is not None and (report.when == "call" or not report.passed):
        part, dose = mark.args
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        parts.note(part, item.nodeid, dose, report.outcome, report.duration, why.removeprefix("Skipped: "))
    return report


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """For a whole stack, gone once the test has passed: of one that fails logs, journals and databases are evidence."""
    found = temporary_folder(request.path.stem.removeprefix("test_"))
    yield found
    if request.node.stash.get(PASSED, False):
        shutil.rmtree(found, ignore_errors=True)
    else:
        print(f"the evidence stays in {found}")


@pytest.fixture(scope="session")
async def garden() -> AsyncIterator[Garden]:
    """A filled stack that stands still, and on which all is well."""
    folder = temporary_folder("checker")
    journals = folder / "journals"
    working, still = WholeStack(folder / "local", environment=FULL_OF_PROBLEMS), StillStack(folder / "local")
    try:
        await asyncio.to_thread(working.start)
        await fill(working, folder, journals)
        await quiesce(working.about(), REST)
        await asyncio.to_thread(working.stop)
        stack = await asyncio.to_thread(still.start)
        await quiesce(stack, REST)  # a broker that has just started does not know its groups at once
        world = await look(stack, journals, quiet=True)
        report = judged(world)
        assert report.is_clean, report.told()
        yield Garden(stack, journals, world)
    finally:
        await asyncio.to_thread(working.stop)
        await asyncio.to_thread(still.stop)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def make_rig(template_database: Callable[..., str], kafka_server: str, tmp_path: Path) -> AsyncIterator[MakeRig]:
    """`await make_rig()` → a maker and a taker with databases and topics of their own, on the run's servers."""
    made: list[Rig] = []

    async def make(kafka: str = kafka_server) -> Rig:
        suffix = uuid4().hex[:8]
        topics, folder = make_topics(suffix), tmp_path / suffix
        folder.mkdir()
        dsn = [template_database("chassis-delivery", migrate) for _ in range(2)]
        rig = Rig(suffix, topics, write_keys(folder, [topics.secret.name]), kafka, dsn[0], dsn[1])
        made.append(rig)
        await rig.begin()
        return rig

    yield make
    for rig in made:
        await rig.end()


@pytest.fixture
async def rig(make_rig: MakeRig) -> Rig:
    """A maker and a taker."""
    return await make_rig()
