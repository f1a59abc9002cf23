"""Under a trickle, batches and rounds grow instead of following on each other's heels."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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


async def trickle(rig: Rig, *, each_sent: bool) -> float:
    """Say one fact, and when it is sent ten more, one by one; seconds from the first to its being sent."""

    async def all_sent() -> bool:
        return await rig.unsent() == 0

    subject, began = uuid4(), time.monotonic()
    await rig.say([subject])
    await eventually(all_sent, within=30, every=0.02)
    first = time.monotonic() - began
    for _ in range(TRICKLE):
        await rig.say([subject])
        if each_sent:
            await eventually(all_sent, within=30, every=0.02)
    await eventually(all_sent, within=30, every=0.02)
    return first


async def rounds(rig: Rig) -> int:
    """Rounds of the relay: each ends with a mark in its partition, which takes an offset and is no record."""
    records = await rig.records(rig.topics.talk)
    assert len(records) == TRICKLE + 1
    assert len({record.partition for record in records}) == 1
    offsets = [record.offset for record in records]
    return 1 + sum(after - before - 1 for before, after in pairwise(offsets))


@pytest.mark.parametrize(("spacing", "fewest", "most"), [(0.0, TRICKLE + 1, TRICKLE + 1), (LONG, 2, 4)])
async def test_rounds_of_the_relay_keep_their_distance(rig: Rig, spacing: float, fewest: int, most: int) -> None:
    async with spaced(rig, rig.maker_dsn, spacing) as database:
        async with running(Relay(database, f"maker{rig.suffix}")):
            first = await trickle(rig, each_sent=spacing == 0)
        assert fewest <= await rounds(rig) <= most
        assert spacing == 0 or first < LONG  # what comes after a silence does not wait


@pytest.mark.parametrize(("spacing", "fewest", "most"), [(0.0, TRICKLE // 2, TRICKLE + 1), (LONG, 2, 4)])
async def test_small_batches_keep_their_distance(rig: Rig, spacing: float, fewest: int, most: int) -> None:
    async with (
        spaced(rig, rig.maker_dsn, 0.0) as maker,
        spaced(rig, rig.taker_dsn, spacing) as database,
        running(Relay(maker, f"maker{rig.suffix}"), Listeners(database, taker(rig.topics))),
    ):
        await trickle(rig, each_sent=True)
        about = {"topic": rig.topics.talk.name}
        await eventually(lambda: REGISTRY.get_sample_value("consumed_batch_size_sum", about) == TRICKLE + 1, within=30)
    batches = REGISTRY.get_sample_value("consumed_batch_size_count", about)
    assert batches is not None
    assert fewest <= batches <= most
