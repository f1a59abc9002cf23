"""What was parked or lost is put right: corrected, replayed, dropped, said again."""

from datetime import timedelta
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import text

from chassis import auditor, parked
from chassis.consuming import Listeners
from chassis.respeaking import begin_epoch
from services.chassis.tests.child import taker
from services.chassis.tests.conftest import Asked
from services.chassis.tests.rig import Rig, new_subjects, retried, running
from services.chassis.tests.test_crashes import all_sent, topic_is_whole
from tests.harness.eventually import eventually


async def test_parked_facts_are_corrected_and_replayed_in_order(rig: Rig) -> None:
    subject = uuid4()
    async with rig.maker.transaction() as tx:
        tx.say(subject, Asked(number=1), Asked(number=2), Asked(number=3))
    async with rig.maker.transaction() as tx:
        await tx.execute(text('UPDATE outbox SET body = \'{"number": "two"}\' WHERE version = 2'))
    await all_sent(rig)
    hears = taker(rig.topics)
    async with running(Listeners(rig.taker, hears)):

        async def two_are_parked() -> bool:
            return len(await parked.list_parked(rig.taker)) == 2

        await eventually(two_are_parked, within=60)
        bad, behind = await parked.list_parked(rig.taker)
        assert [bad.state, behind.state] == ["parked", "behind"]
        assert [each.outcome.value for each in await parked.replay(rig.taker, hears, bad.id)] == ["parked"]
        await parked.correct(rig.taker, bad.id, '{"number": 2}')
        assert [each.outcome.value for each in await parked.replay(rig.taker, hears, bad.id)] == ["applied", "applied"]
        await rig.say([subject])
        await all_sent(rig)
        await eventually(rig.effects_are({subject: [1, 2, 3, 4]}), within=60)
    assert await parked.list_parked(rig.taker) == []


async def test_a_dropped_fact_lets_the_later_ones_pass(rig: Rig) -> None:
    subject = uuid4()
    await rig.say([subject], times=2)
    async with rig.maker.transaction() as tx:
        await tx.execute(text("UPDATE outbox SET body = '{' WHERE version = 1"))
    await all_sent(rig)
    hears = taker(rig.topics)
    async with running(Listeners(rig.taker, hears)):

        async def two_are_parked() -> bool:
            return len(await parked.list_parked(rig.taker)) == 2

        await eventually(two_are_parked, within=60)
        bad, _ = await parked.list_parked(rig.taker)
        assert [each.outcome.value for each in await parked.drop(rig.taker, hears, bad.id)] == ["applied"]
        await rig.say([subject])
        await all_sent(rig)
        await eventually(rig.effects_are({subject: [2, 3]}), within=60)


async def test_a_topic_that_lost_its_records_is_filled_again(rig: Rig) -> None:
    subjects = new_subjects(20)
    await rig.say(subjects, times=2)
    await rig.touch(rig.topics.thing, dict.fromkeys(subjects, 1))
    await all_sent(rig)
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka)
    await admin.start()
    await admin.delete_topics([rig.topics.talk.name, rig.topics.thing.name])
    await admin.close()
    await retried(lambda: _made_again(rig))
    # Control: without the auditor nothing would come back.
    await all_sent(rig)
    assert await rig.records(rig.topics.talk) == []
    facts = await auditor.audit(rig.maker, rig.topics.talk.name, settled=timedelta(0))
    states = await auditor.audit(rig.maker, rig.topics.thing.name, settled=timedelta(0))
    assert (facts.missing, facts.said_again, states.missing, states.said_again) == (40, 40, 20, 20)
    await all_sent(rig)
    await topic_is_whole(rig, dict.fromkeys(subjects, 2))
    for name in (rig.topics.talk.name, rig.topics.thing.name):
        assert (await auditor.audit(rig.maker, name, settled=timedelta(0))).is_clean


async def _made_again(rig: Rig) -> bool:
    await rig.begin()
    return True


async def test_an_old_state_behind_a_newer_one_is_mended_and_a_ghost_is_told(rig: Rig) -> None:
    subject = uuid4()
    for number in (1, 2):
        await rig.touch(rig.topics.thing, {subject: number})
    await rig.say([subject])
    await all_sent(rig)
    [first, _] = await rig.records(rig.topics.thing)
    producer = AIOKafkaProducer(bootstrap_servers=rig.kafka)
    await producer.start()
    zombie = {"key": first.key, "headers": list(first.headers), "partition": first.partition}
    await producer.send_and_wait(rig.topics.thing.name, first.value, **zombie)
    [fact] = await rig.records(rig.topics.talk)
    headers = [(name, str(uuid4()).encode() if name == "ce_id" else value) for name, value in fact.headers]
    await producer.send_and_wait(rig.topics.talk.name, fact.value, key=fact.key, headers=headers, partition=0)
    await producer.stop()
    found = await auditor.audit(rig.maker, rig.topics.thing.name, settled=timedelta(0))
    assert (found.missing, found.said_again) == (1, 1)
    await all_sent(rig)
    last = (await rig.records(rig.topics.thing))[-1]
    assert dict(last.headers)["ce_sequence"] == b"2"
    assert (await auditor.audit(rig.maker, rig.topics.talk.name)).ghosts == 1


async def test_after_a_restore_a_new_epoch_wins_over_what_was_said_before(rig: Rig) -> None:
    subject, lost = uuid4(), uuid4()
    for number in range(5):
        await rig.touch(rig.topics.thing, {subject: number, lost: number})
    await all_sent(rig)
    # The backup knows only the first two states of one subject, and nothing of the other.
    async with rig.maker.transaction() as tx:
        for statement in (
            "DELETE FROM outbox WHERE version > 2 OR subject = :lost",
            "UPDATE counter SET version = 2",
            "DELETE FROM counter WHERE subject = :lost",
            "DELETE FROM thing WHERE id = :lost",
            "UPDATE thing SET number = 1",
        ):
            await tx.execute(text(statement), {"lost": lost} if ":lost" in statement else {})
    found = await auditor.audit(rig.maker, rig.topics.thing.name, settled=timedelta(0))
    assert (found.ahead, found.ghosts, found.said_again) == (1, 1, 0)
    assert await begin_epoch(rig.maker) == 2
    await all_sent(rig)
    records = [each for each in await rig.records(rig.topics.thing) if each.key == str(subject).encode()]
    headers = dict(records[-1].headers)
    assert (headers["ce_epoch"], headers["ce_sequence"], records[-1].value) == (b"2", b"3", b'{"number":1,"name":""}')
    hears = taker(rig.topics)
    async with running(Listeners(rig.taker, hears)):

        async def the_restored_state_came() -> bool:
            async with rig.taker.snapshot() as tx:
                rows = await tx.rows(text("SELECT number FROM effect WHERE subject = :s ORDER BY n"), {"s": subject})
            return bool(rows) and rows[-1].number == 1

        await eventually(the_restored_state_came, within=60)
