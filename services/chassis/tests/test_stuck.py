"""A consumer that is stuck is seen: its lag goes on being measured, and readiness says so, but not too soon."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from chassis.consuming import Listeners, Received, Subscribers, listening
from chassis.transaction import Tx
from services.chassis.tests.conftest import Asked
from services.chassis.tests.rig import Rig, new_subjects, running
from services.chassis.tests.test_crashes import all_sent
from tests.harness.eventually import eventually


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_LOOK_EVERY", 0.1)


def lag(rig: Rig) -> dict[str, float]:
    """Of each partition of the talk for which it is known."""
    name = rig.topics.talk.name
    found = {str(n): REGISTRY.get_sample_value("consumed_lag", {"topic": name, "partition": str(n)}) for n in range(3)}
    return {partition: value for partition, value in found.items() if value is not None}


def lag_is(rig: Rig, records: int) -> Callable[[], bool]:
    return lambda: len(lag(rig)) == 3 and sum(lag(rig).values()) == records


async def test_lag_is_known_before_anything_comes(rig: Rig) -> None:
    hears = Subscribers("taker")

    @hears.hear(rig.topics.talk, Asked)
    async def nothing(tx: Tx, received: Sequence[Received[Asked]]) -> None: ...

    async with running(Listeners(rig.taker, hears)):
        await eventually(lag_is(rig, 0), within=30)


async def test_a_stuck_consumer_tells_its_lag_and_after_a_while_that_it_is_not_ready(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes = asyncio.Event()
    hears = Subscribers("taker")

    @hears.hear(rig.topics.talk, Asked)
    async def take(tx: Tx, received: Sequence[Received[Asked]]) -> None:
        if not goes.is_set():
            raise ConnectionError

    await rig.say(new_subjects(40))
    await all_sent(rig)
    listeners = Listeners(rig.taker, hears)
    async with running(listeners):
        await eventually(lambda: [each.trouble for each in listeners.listeners] == ["ConnectionError"], within=30)
        await eventually(lag_is(rig, 40))
        assert listeners.why_not_ready() is None  # it lasts for a moment only
        monkeypatch.setattr(listening, "TROUBLE", 0.0)
        assert listeners.why_not_ready() == f"Batches fail again and again: {rig.topics.talk.name} (ConnectionError)."
        goes.set()
        await eventually(lag_is(rig, 0), within=30)
        await eventually(lambda: listeners.why_not_ready() is None)


async def test_a_batch_that_takes_long_is_behind(rig: Rig) -> None:
    goes, taken = asyncio.Event(), asyncio.Event()
    hears = Subscribers("taker")

    @hears.hear(rig.topics.talk, Asked)
    async def take(tx: Tx, received: Sequence[Received[Asked]]) -> None:
        taken.set()
        await goes.wait()

    async with running(Listeners(rig.taker, hears)):
        await eventually(lag_is(rig, 0), within=30)
        await rig.say([uuid4()] * 5)
        await all_sent(rig)
        await taken.wait()
        await eventually(lag_is(rig, 5))
        goes.set()
        await eventually(lag_is(rig, 0))


async def test_a_partition_that_stands_still_tells_how_it_grows(rig: Rig) -> None:
    devil = Subscribers("taker")

    @devil.hear(rig.topics.talk, Asked)
    async def fail(tx: Tx, received: Sequence[Received[Asked]]) -> None:
        raise ZeroDivisionError

    subject = uuid4()  # of one partition
    await rig.say(new_subjects(900))
    await all_sent(rig)
    listeners = Listeners(rig.taker, devil)
    async with running(listeners):
        await eventually(lambda: [len(each.stopped) for each in listeners.listeners] == [3], within=60)
        await eventually(lambda: sum(lag(rig).values()) > 0)
        before = sum(lag(rig).values())
        await rig.say([subject] * 50)
        await all_sent(rig)
        await eventually(lambda: sum(lag(rig).values()) == before + 51)  # the second round's mark is among them


async def test_poison_alone_keeps_nobody_from_being_ready(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "TROUBLE", 0.0)
    hears = Subscribers("taker")
    handled: list[int] = []

    @hears.hear(rig.topics.talk, Asked)
    async def take(tx: Tx, received: Sequence[Received[Asked]]) -> None:
        if poison in {each.subject for each in received}:
            raise ZeroDivisionError
        handled.append(len(received))

    poison = uuid4()
    await rig.say([poison, uuid4(), uuid4()])
    await all_sent(rig)
    listeners = Listeners(rig.taker, hears)
    async with running(listeners):
        await eventually(lag_is(rig, 0), within=30)
        assert handled
        async with rig.taker.snapshot() as tx:
            assert len(await tx.fetch("SELECT 1 FROM parked")) == 1
        assert listeners.why_not_ready() is None
