"""A process is killed at every named line, and begun again: nothing lost, nothing twice in effect, order kept."""

from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

from chassis import auditing
from chassis.consuming import Listeners
from chassis.relay import Relay
from services.chassis.tests.child import speak, taker
from services.chassis.tests.rig import Rig, died, new_subjects, running
from tests.harness.eventually import eventually


async def topic_is_whole(rig: Rig, subjects: dict[UUID, int]) -> None:
    """Every fact is in the topic, on one partition, first occurrences in order, and nothing that was never said."""
    first: dict[UUID, list[int]] = {}
    partitions: dict[UUID, set[int]] = {}
    said: set[tuple[UUID, int]] = set()
    for record in await rig.records(rig.topics.talk):
        subject, version = UUID(record.key.decode()), int(dict(record.headers)["ce_sequence"])
        partitions.setdefault(subject, set()).add(record.partition)
        if (subject, version) not in said:
            first.setdefault(subject, []).append(version)
            said.add((subject, version))
    assert {key: list(range(1, number + 1)) for key, number in subjects.items()} == first
    assert all(len(each) == 1 for each in partitions.values())


async def all_sent(rig: Rig) -> None:
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):

        async def nothing_left() -> bool:
            return await rig.unsent() == 0

        await eventually(nothing_left, within=60)


@pytest.mark.parametrize(
    "point", ["relay.after_fetch", "relay.after_send_before_ack", "relay.after_ack_before_mark", "relay.after_mark"]
)
async def test_a_relay_killed_at_any_line_loses_nothing(rig: Rig, point: str) -> None:
    subjects = new_subjects(100)
    await rig.say(subjects, times=3)
    await died(await rig.child("relay", crash_at=point))
    await rig.say(subjects)
    await all_sent(rig)
    await topic_is_whole(rig, dict.fromkeys(subjects, 4))


@pytest.mark.parametrize(
    "point",
    ["consume.before_tx", "consume.mid_tx", "consume.after_tx_before_offset", "consume.after_offset"],
)
async def test_a_consumer_killed_at_any_line_has_each_effect_once(rig: Rig, point: str) -> None:
    subjects = new_subjects(100)
    await rig.say(subjects, times=3)
    await all_sent(rig)
    await died(await rig.child("consume", crash_at=f"{point}:2", batch=60))
    async with running(Listeners(rig.taker, taker(rig.topics))):

        async def each_once() -> bool:
            return await rig.effects() == {subject: [1, 2, 3] for subject in subjects}

        await eventually(each_once, within=60)
        assert await eventually(lambda: rig.offsets_never_run_ahead(rig.topics.talk))


async def test_poison_is_parked_once_though_the_consumer_dies_after_it(rig: Rig) -> None:
    subjects = new_subjects(20)
    await rig.say(subjects)
    async with rig.maker.transaction() as tx:
        await tx.execute(text("UPDATE outbox SET body = '{}' WHERE subject = :s"), {"s": subjects[0]})
    await rig.say(subjects)
    await all_sent(rig)
    await died(await rig.child("consume", crash_at="dlq.after_park_before_offset"))
    async with running(Listeners(rig.taker, taker(rig.topics))):

        async def all_but_one() -> bool:
            return await rig.effects() == {subject: [1, 2] for subject in subjects[1:]}

        await eventually(all_but_one, within=60)
    async with rig.taker.snapshot() as tx:
        parked = await tx.rows(text("SELECT version, state FROM parked ORDER BY version"))
    assert [(row.version, row.state) for row in parked] == [(1, "parked"), (2, "behind")]


@pytest.mark.parametrize("point", ["cmd.before_commit", "cmd.after_commit_before_reply", "audit.after_insert"])
async def test_a_speaker_killed_at_any_line_says_all_or_nothing(rig: Rig, point: str) -> None:
    await died(await rig.child("speak", crash_at=f"{point}:4", number=8))
    await speak(rig.maker, rig.topics, 8)
    async with rig.maker.snapshot() as tx:
        rows = await tx.rows(
            text(
                "SELECT version, convert_from(body, 'utf8')::jsonb->'number' AS number FROM outbox"
                " WHERE topic = :t ORDER BY id"
            ),
            {"t": rig.topics.talk.name},
        )
        states = await tx.scalar(text("SELECT count(*) FROM outbox WHERE topic = :t"), {"t": rig.topics.thing.name})
        entries = await tx.scalar(text("SELECT count(*) FROM audit"))
    assert [(row.version, row.number) for row in rows] == [(n, n) for n in range(1, 9)]
    assert (states, entries) == (8, 8)
    assert await auditing.verify(rig.maker) == []


async def test_a_relay_that_marked_before_it_was_acknowledged_would_lose(rig: Rig) -> None:
    """The known-bad control: the same check finds what such a relay loses."""
    subjects = new_subjects(5)
    await rig.say(subjects)
    async with rig.maker.transaction() as tx:
        await tx.execute(text("UPDATE saying SET sent_at = now()"))
    # … and here it dies, before it has sent anything.
    await rig.say(subjects)
    await all_sent(rig)
    with pytest.raises(AssertionError):
        await topic_is_whole(rig, dict.fromkeys(subjects, 2))


async def test_a_consumer_that_committed_before_its_transaction_would_lose(rig: Rig) -> None:
    """The known-bad control of offsets: what is committed ahead of its effect never has one."""
    subjects = new_subjects(5)
    await rig.say(subjects)
    await all_sent(rig)
    bad = AIOKafkaConsumer(
        bootstrap_servers=rig.kafka, group_id=f"taker.{rig.topics.talk.name}", enable_auto_commit=False
    )
    await bad.start()
    places = [TopicPartition(rig.topics.talk.name, n) for n in range(3)]
    bad.assign(places)
    await bad.commit(await bad.end_offsets(places))
    await bad.stop()
    assert not await rig.offsets_never_run_ahead(rig.topics.talk)
    late = uuid4()
    await rig.say([late])
    await all_sent(rig)
    async with running(Listeners(rig.taker, taker(rig.topics))):

        async def the_last_came() -> bool:
            return late in await rig.effects()

        await eventually(the_last_came, within=60)
    assert set(await rig.effects()) == {late}
