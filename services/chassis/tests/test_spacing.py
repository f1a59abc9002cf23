"""Under a trickle, batches and rounds grow instead of following on each other's heels."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from chassis.consuming import Listeners
from chassis.relay import Relay
from chassis.transaction import Database
from services.chassis.tests.child import open_database, taker
from services.chassis.tests.rig import Rig, running
from tests.harness.eventually import eventually

TRICKLE = 10
LONG = 4.0


@asynccontextmanager
async def spaced(rig: Rig, dsn: str, spacing: float) -> AsyncIterator[Database]:
    database = open_database(rig.told(dsn, spacing=spacing), rig.topics)
    try:
        yield database
    finally:
        await database.close()


async def trickle(rig: Rig, arrived: Callable[[int], Awaitable[bool]], *, each: bool) -> None:
    """Say one fact, and when it has arrived ten more, one by one.

    `arrived(n)`: whether n facts have; with `each` the next is said only then.
    """
    subject = uuid4()
    await rig.say([subject])
    await eventually(partial(arrived, 1), within=30)
    for number in range(2, TRICKLE + 2):
        await rig.say([subject])
        if each:
            await eventually(partial(arrived, number), within=30)
    await eventually(partial(arrived, TRICKLE + 1), within=30)


async def rounds(rig: Rig) -> int:
    """Rounds of the relay: each ends with a mark in its partition, which takes an offset and is no record."""
    records = await rig.records(rig.topics.talk)
    assert len(records) == TRICKLE + 1
    assert len({record.partition for record in records}) == 1
    offsets: list[int] = [record.offset for record in records]
    return 1 + sum(after - before - 1 for before, after in pairwise(offsets))


@pytest.mark.parametrize(("spacing", "fewest", "most"), [(0.0, TRICKLE + 1, TRICKLE + 1), (LONG, 2, 4)])
async def test_rounds_of_the_relay_keep_their_distance(rig: Rig, spacing: float, fewest: int, most: int) -> None:
    async def sent(_number: int) -> bool:
        return await rig.unsent() == 0

    async with spaced(rig, rig.maker_dsn, spacing) as database:
        async with running(Relay(database, f"maker{rig.suffix}")):
            await trickle(rig, sent, each=spacing == 0)
        assert fewest <= await rounds(rig) <= most


@pytest.mark.parametrize(("spacing", "fewest", "most"), [(0.0, TRICKLE + 1, TRICKLE + 1), (LONG, 2, 4)])
async def test_small_batches_keep_their_distance(rig: Rig, spacing: float, fewest: int, most: int) -> None:
    about = {"topic": rig.topics.talk.name}

    async def heard(number: int) -> bool:
        return REGISTRY.get_sample_value("consumed_batch_size_sum", about) == number

    async with (
        spaced(rig, rig.maker_dsn, 0.0) as maker,
        spaced(rig, rig.taker_dsn, spacing) as database,
        running(Relay(maker, f"maker{rig.suffix}"), Listeners(database, taker(rig.topics))),
    ):
        await trickle(rig, heard, each=spacing == 0)
    batches = REGISTRY.get_sample_value("consumed_batch_size_count", about)
    assert batches is not None
    assert fewest <= batches <= most
