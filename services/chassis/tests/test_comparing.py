"""Topic and outbox are compared as of one moment, and nothing is missed that Kafka was told to let go."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis import auditor
from chassis.consuming import Subscribers
from chassis.running.process import Role, _parts
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.timing import Due, Timer, Timers
from contracts.topics import Topic
from services.chassis.tests.rig import Rig, new_subjects, running
from services.chassis.tests.test_crashes import all_sent
from tests.harness.eventually import eventually

AT_ONCE = timedelta(0)


async def compared(rig: Rig, topic: Topic, *, repair: bool = False) -> auditor.Report:
    return await auditor.audit(rig.maker, topic.name, repair=repair, settled=AT_ONCE)


async def was_sent(rig: Rig, days: dict[UUID, int]) -> None:
    """The rows of these subjects were said and sent so many days ago; by now it is forgotten when exactly."""
    said = text("UPDATE outbox SET time = now() - make_interval(days => :ago) WHERE subject = :subject")
    forget = text("DELETE FROM saying WHERE id IN (SELECT saying FROM outbox WHERE subject = :subject)")
    async with rig.maker.transaction() as tx:
        for subject, ago in days.items():
            await tx.execute(said, {"subject": subject, "ago": ago})
            await tx.execute(forget, {"subject": subject})


async def test_what_is_sent_while_the_topic_is_read_is_not_missed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = uuid4()

    async def say() -> None:
        await rig.say([subject, uuid4()])
        await rig.touch(rig.topics.thing, {subject: 1, uuid4(): 1})
        await all_sent(rig)

    class Slow(AIOKafkaConsumer):  # type: ignore[misc]  # it has no types
        async def end_offsets(self, places: Sequence[TopicPartition]) -> Any:
            found = await super().end_offsets(places)
            await say()
            return found

    await say()
    monkeypatch.setattr(auditor, "AIOKafkaConsumer", Slow)
    for topic in (rig.topics.talk, rig.topics.thing):
        found = await compared(rig, topic)
        assert found.is_clean, found
        assert found.records >= 2


async def test_an_end_that_compaction_has_taken_away_is_not_missed(rig: Rig) -> None:
    ended, just_ended, old = new_subjects(3)
    await rig.touch(rig.topics.thing, {ended: -1, just_ended: -1, old: 1})
    await was_sent(rig, {ended: 31, just_ended: 5, old: 400})
    # None of them is in the topic: the first need not be.
    found = await compared(rig, rig.topics.thing)
    assert sorted(found.witnesses) == sorted([f"behind {just_ended}", f"behind {old}"])
    assert (found.missing, found.ghosts) == (2, 0)


async def test_an_old_end_behind_an_older_state_is_said_again(rig: Rig) -> None:
    subject = uuid4()
    await rig.touch(rig.topics.thing, {subject: 1})
    await all_sent(rig)
    await rig.touch(rig.topics.thing, {subject: -1})
    await was_sent(rig, {subject: 31})
    found = await compared(rig, rig.topics.thing, repair=True)
    assert (found.missing, found.said_again) == (1, 1)


async def test_facts_that_are_over_the_topics_time_are_not_missed_and_are_no_ghosts(rig: Rig) -> None:
    over, recent, lost, unknown = new_subjects(4)
    await rig.say([over, recent])
    await was_sent(rig, {over: 91, recent: 80})
    found = await compared(rig, rig.topics.talk)
    assert (found.missing, found.ghosts) == (1, 0)
    # What was said again of old outlives its row in the topic; a young one without a row is a ghost.
    await rig.say([lost, unknown])
    async with rig.maker.transaction() as tx:
        await tx.execute(
            text("UPDATE outbox SET time = now() - interval '91 days' WHERE subject = :subject"), {"subject": lost}
        )
    await all_sent(rig)
    async with rig.maker.transaction() as tx:
        await tx.execute(text("DELETE FROM outbox WHERE subject = ANY(:lost)"), {"lost": [lost, unknown]})
    assert (await compared(rig, rig.topics.talk)).ghosts == 1


async def test_a_large_topic_is_compared_some_partitions_at_a_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = new_subjects(60)
    await rig.say(subjects, times=2)
    await rig.touch(rig.topics.thing, dict.fromkeys(subjects, 1))
    await all_sent(rig)
    monkeypatch.setattr(auditor, "AT_ONCE", 1)
    monkeypatch.setattr(auditor, "_PAGE", 7)
    for topic, records in ((rig.topics.talk, 120), (rig.topics.thing, 60)):
        found = await compared(rig, topic)
        assert found.is_clean, found
        assert found.records == records
    # Control: what is gone is missed, in whatever partition it was.
    await rig.touch(rig.topics.thing, dict.fromkeys(subjects[:9], 2))
    await rig.say(subjects[:9])
    await was_sent(rig, dict.fromkeys(subjects[:9], 1))
    assert (await compared(rig, rig.topics.talk)).missing == 9
    assert (await compared(rig, rig.topics.thing)).missing == 9


MAKER = Service(name="maker", settings=ServiceSettings, subscribers=Subscribers("maker"))


async def test_a_worker_says_again_what_is_lost_without_being_asked(rig: Rig) -> None:
    subjects = new_subjects(3)
    await rig.say(subjects)
    await rig.touch(rig.topics.thing, dict.fromkeys(subjects[:2], 1))
    await was_sent(rig, dict.fromkeys(subjects, 1))  # and is not there

    def found(topic: Topic, what: str) -> float | None:
        return REGISTRY.get_sample_value("topic_compared", {"topic": topic.name, "found": what})

    settings = rig.maker.settings.model_copy(update={"audit_every": timedelta(milliseconds=200)})
    parts = _parts(MAKER, settings, rig.maker, {}, Role.WORKER)
    async with running(*parts.values()):

        async def all_are_to_be_sent() -> bool:
            return await rig.unsent() == 5

        await eventually(all_are_to_be_sent, within=30)
        await all_sent(rig)
        await eventually(lambda: found(rig.topics.talk, "records") == 3 and found(rig.topics.thing, "records") == 2)
        assert [found(topic, "missing") for topic in (rig.topics.talk, rig.topics.thing)] == [0, 0]
        assert found(rig.topics.report, "missing") is None  # another says it


def test_topics_are_compared_daily_and_not_as_soon_as_a_worker_starts(rig: Rig) -> None:
    parts = _parts(MAKER, rig.maker.settings, rig.maker, {}, Role.WORKER)
    [timers] = [part.work.__self__ for part in parts.values()]  # type: ignore[attr-defined]  # bound to its timers
    [audit] = [each for each in timers._timers if each.name.endswith("topic_audit")]
    assert (audit.every, audit.first) == (timedelta(days=1), timedelta(hours=1))


async def test_a_timer_waits_for_its_first_run(rig: Rig) -> None:
    ran: list[str] = []

    def noting(name: str, first: timedelta) -> Timer:
        async def act(_: Due) -> int:
            ran.append(name)
            return 0

        return Timer(f"{name} {rig.suffix}", timedelta(milliseconds=1), act, first=first)

    timers = [noting("late", timedelta(hours=1)), noting("early", timedelta(0))]
    async with running(Timers(timers, rig.maker, {}, rig.maker.settings)):
        await eventually(lambda: len(ran) > 20)
    assert set(ran) == {"early"}
