"""A relay is woken by what is said, and tells how much waits and for how long."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis import auditor
from chassis.relay import Relay, leading, relaying
from chassis.relay.leading import Lead
from chassis.respeaking import respeak
from chassis.telemetry.metrics import exposition
from chassis.transaction import Database
from services.chassis.tests.conftest import Asked, Topics
from services.chassis.tests.rig import Rig, new_subjects, running
from tests.harness.eventually import eventually

AN_HOUR = 3600.0


async def test_the_relay_is_woken_by_what_is_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, woken = asyncio.Event(), relaying._woken

    async def told(lead: Lead) -> None:
        waits.set()
        await woken(lead)

    monkeypatch.setattr(relaying, "_woken", told)
    monkeypatch.setattr(relaying, "POLL", AN_HOUR)
    subject = uuid4()

    async def found_missing() -> None:
        async with rig.maker.transaction() as tx:
            await tx.execute(
                text("UPDATE outbox SET event_id = gen_random_uuid() WHERE topic = :t"), {"t": rig.topics.talk.name}
            )
        report = await auditor.audit(rig.maker, rig.topics.talk.name, settled=timedelta(0))
        assert report.said_again == 1

    speaking: list[tuple[int, Callable[[], Awaitable[object]]]] = [
        (1, lambda: rig.say([subject])),
        (2, lambda: rig.touch(rig.topics.thing, {subject: 1})),
        (3, lambda: respeak(rig.maker, rig.topics.talk.name)),
        (4, lambda: respeak(rig.maker, rig.topics.thing.name)),
        (5, found_missing),
    ]

    async def arrived(number: int) -> bool:
        talk, thing = await rig.records(rig.topics.talk), await rig.records(rig.topics.thing)
        return len(talk) + len(thing) == number and await rig.unsent() == 0

    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        for number, speak in speaking:
            await asyncio.wait_for(waits.wait(), 30)
            waits.clear()
            await speak()
            await eventually(lambda number=number: arrived(number), within=15)  # type: ignore[misc]  # bound now


def measured(name: str) -> float:
    found = REGISTRY.get_sample_value(name)
    assert found is not None
    return found


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "_BEAT", 0.05)
    relaying.DEPTH.set(-1)
    relaying.AGE.set(-1)


async def was_said(database: Database, seconds: int) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE outbox SET time = now() - make_interval(secs => :ago)"), {"ago": seconds})
        await tx.execute(text("UPDATE saying SET said_at = now() - make_interval(secs => :ago)"), {"ago": seconds})


@pytest.mark.usefixtures("beats")
async def test_how_much_waits_and_for_how_long_stands_in_the_metrics(database: Database) -> None:
    async with database.transaction() as tx:
        for subject in new_subjects(3):
            tx.say(subject, Asked(number=1))
    await was_said(database, 100)
    async with running(Relay(database, "maker")):  # its broker is away
        await eventually(lambda: measured("outbox_depth") == 3)
        assert 100 <= measured("outbox_age_seconds") < 160
        lines = exposition()[0].decode().splitlines()
        assert "outbox_depth 3.0" in lines
        async with database.transaction() as tx:
            await tx.execute(text("UPDATE saying SET sent_at = now()"))
        await eventually(lambda: (measured("outbox_depth"), measured("outbox_age_seconds")) == (0, 0))


@pytest.mark.usefixtures("beats")
async def test_what_is_said_again_has_not_waited_since_it_was_first_said(database: Database, topics: Topics) -> None:
    async with database.transaction() as tx:
        tx.say(uuid4(), Asked(number=1))
    await was_said(database, 60 * 24 * 3600)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE saying SET sent_at = now()"))
    async with running(Relay(database, "maker")):
        await eventually(lambda: measured("outbox_depth") == 0)
        assert await respeak(database, topics.talk.name) == 1
        await eventually(lambda: measured("outbox_depth") == 1)
        assert 0 <= measured("outbox_age_seconds") < 60
