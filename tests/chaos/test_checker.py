"""The checker sees: one planted corruption after the other, each found by its own invariant and by no other."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.chaos import corruptions  # noqa: F401 - registers them
from tests.chaos.check import heads_of, look, quiesce, verify
from tests.chaos.check.registering import INVARIANTS, NOT_APPLICABLE
from tests.chaos.check.reporting import judged
from tests.chaos.filling import fill
from tests.chaos.planting import PLANTS, Garden
from tests.chaos.still import StillStack
from tests.harness.whole import MOODY_NATION, WholeStack, temporary_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
FULL_OF_PROBLEMS = {**MOODY_NATION, "NATION_REJECTS": "0.15", "NATION_PROBLEMS": "0.15"}
REST = 60.0


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
        world = await look(stack, journals, quiet=True)
        report = judged(world)
        assert report.is_clean, report.told()
        yield Garden(stack, journals, world)
    finally:
        await asyncio.to_thread(working.stop)
        await asyncio.to_thread(still.stop)
        shutil.rmtree(folder, ignore_errors=True)


def test_every_invariant_has_a_corruption() -> None:
    registered = {each.id for each in INVARIANTS}
    assert registered == {invariant for invariant, _ in PLANTS.values()}
    assert sorted({*registered, *NOT_APPLICABLE}) == sorted(f"I{number}" for number in range(1, 34))


def test_the_stack_has_something_of_everything(garden: Garden) -> None:
    world = garden.world
    assert {row.status for row in world.registry["student"]} == {
        "draft", "submitted", "returned", "registered", "rejected", "removed",
    }  # fmt: skip
    assert {row.outcome for row in world.registry["import_row"]} >= {"created", "unchanged", "duplicate", "refused"}
    assert {row.state for row in world.review["review_case"]} == {"open", "decided", "withdrawn"}
    assert {row.standing for row in world.sync["national_pupil"]} >= {"accepted", "problem", "rejected"}
    assert world.registry["duplicate_case"]
    assert world.registry["evidence"]
    assert world.photo["photo"]
    assert all(log.records for log in world.broker.logs.values())


@pytest.mark.parametrize("name", PLANTS)
async def test_a_corruption_is_found_by_its_invariant_alone(garden: Garden, name: str) -> None:
    invariant, planted = PLANTS[name]
    async with planted(garden):
        report = await verify(garden.stack, garden.journals, quiet=True, heads=heads_of(garden.world))
    assert list(report.violations) == [invariant], report.told()


async def test_afterwards_all_is_well_again(garden: Garden) -> None:
    report = await verify(garden.stack, garden.journals, quiet=True, heads=heads_of(garden.world))
    assert report.is_clean, report.told()
    assert report.not_applicable == dict(NOT_APPLICABLE)
