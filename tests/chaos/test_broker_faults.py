"""The broker dies, is away, forgets topics and offsets: nothing is lost, doubled or out of order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from chassis import topics as chassis_topics
from chassis.auditor import Report, audit
from contracts.topics import Topic
from local_stack.kafka import KafkaServer
from services.chassis.tests.rig import new_subjects, retried, running
from tests.chaos.conftest import MakeRig
from tests.chaos.network.pair import Pair, last, pair
from tests.harness.eventually import eventually

PILE = 400
"""Subjects that are spoken of while the broker is away, each twenty times: 8,000 rows."""


@pytest.mark.timeout(600)
async def test_the_broker_is_killed_five_times_under_load_and_is_away_for_a_while(
    make_rig: MakeRig, own_kafka: Callable[[], Awaitable[KafkaServer]]
) -> None:
    broker = await own_kafka()
    async with pair(await make_rig(broker.bootstrap)) as made:
        await made.speak()
        await made.everything_arrives()
        async with made.speaking():
            for _ in range(4):
                before = made.said
                await broker.kill()
                await broker.start()
                # Under load: the next one comes while the backlog of this one is sent.
                await eventually(partial(_some_effect_after, made, before), within=120, every=0.2)
            await broker.kill()
            many = new_subjects(PILE)
            for _ in range(20):
                await made.rig.say(many)
            piled = await made.rig.unsent()
            assert piled >= PILE * 20
            await broker.start()
        await eventually(partial(_effects_of, made, many, list(range(1, 21))), within=60, every=0.2)
        await made.everything_arrives()
        assert await _order_in_topic(made, made.rig.topics.talk) == {
            **{each: list(range(1, 21)) for each in many},
            **{each: list(range(1, made.said + 1)) for each in made.subjects},
        }


async def _some_effect_after(made: Pair, said: int) -> bool:
    return max(len(facts) for facts, _ in (await made.effects()).values()) > said


async def _effects_of(made: Pair, subjects: Sequence[UUID], versions: list[int]) -> bool:
    found = await made.effects()
    return all(found.get(each, ([], []))[0] == versions for each in subjects)


async def _order_in_topic(made: Pair, topic: Topic) -> dict[UUID, list[int]]:
    """Versions of each subject in the topic, in the order of their first occurrence."""
    found: dict[UUID, list[int]] = {}
    for record in await made.rig.records(topic):
        seen = found.setdefault(UUID(record.key.decode()), [])
        version = int(dict(record.headers)["ce_sequence"])
        if version not in seen:
            seen.append(version)
    return found


async def test_topics_that_were_deleted_are_made_anew_and_filled_from_the_outbox(make_rig: MakeRig) -> None:
    """What the taker had not heard comes to it all the same, though the topic that held it is gone."""
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        made.links["taker-kafka"].cut()  # it hears nothing of what is said now
        for _ in range(5):
            await made.speak()
        await eventually(partial(_is_sent, made), within=30)
        await delete_topics(made)
        await chassis_topics.create(made.rig.kafka, topics=made.rig.topics.all)

        async def comparing() -> bool:
            found = [await audit_now(made, topic) for topic in (made.rig.topics.talk, made.rig.topics.thing)]
            return all(report.is_clean for report in found)

        await eventually(comparing, within=60, every=0.1)
        # The new topic is longer than where the taker stood in the old one: no offset is out of range.
        made.links["taker-kafka"].heal()
        await made.speak()
        await made.everything_arrives()
        await made.topic_is_in_order()


async def test_topics_are_deleted_under_load_and_everything_is_there_in_the_end(make_rig: MakeRig) -> None:
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        async with made.speaking():
            await last(1)
            await delete_topics(made)
            await last(1)
            await chassis_topics.create(made.rig.kafka, topics=made.rig.topics.all)
            await last(1)

        async def comparing() -> bool:
            found = [await audit_now(made, topic) for topic in (made.rig.topics.talk, made.rig.topics.thing)]
            return await made.rig.unsent() == 0 and all(report.is_clean for report in found)

        await eventually(comparing, within=60, every=0.5)
        await made.everything_arrives()
        # What was said again stands behind what was said later: it is the readers who keep the order.
        there = await _order_in_topic(made, made.rig.topics.talk)
        assert {each: sorted(found) for each, found in there.items()} == {
            each: list(range(1, made.said + 1)) for each in made.subjects
        }


async def audit_now(made: Pair, topic: Topic) -> Report:
    return await audit(made.rig.maker, topic.name, settled=timedelta(0))


async def delete_topics(made: Pair) -> None:
    async with administrator(made.rig.kafka) as admin:
        names = [made.rig.topics.talk.name, made.rig.topics.thing.name]
        await admin.delete_topics(names)

        async def are_gone() -> bool:
            return not set(names) & set(await admin.list_topics())

        await eventually(are_gone, within=30)


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _is_sent(made: Pair) -> bool:
    return not await made.rig.unsent()


async def test_offsets_that_are_lost_or_beyond_the_end_begin_at_the_beginning(make_rig: MakeRig) -> None:
    made = await Pair(await make_rig()).start()
    relay, listeners = made.parts()
    talk, thing = made.rig.topics.talk.name, made.rig.topics.thing.name
    async with running(relay):
        async with running(listeners):
            await made.speak()
            await made.everything_arrives()
        await made.speak()
        # A static member has not left: its session must end first.
        await asyncio.gather(
            retried(partial(forget, made.rig.kafka, f"taker.{talk}")), commit(made, f"taker.{thing}", thing, 100_000)
        )
        assert await made.rig.committed(made.rig.topics.talk) == {}
        async with running(made.parts()[1]):
            await made.speak()
            await made.everything_arrives()
    await made.stop()


async def forget(bootstrap: str, group: str) -> bool:
    """The group and its offsets are no more."""
    async with administrator(bootstrap) as admin:
        answer = await admin._send_request_to_node(await admin.find_coordinator(group), DeleteGroupsRequest([group]))
        assert [code for _, code in answer.results] == [0]
        return True


async def commit(made: Pair, group: str, topic: str, offset: int) -> None:
    """The group has read up to there, it says."""
    consumer = AIOKafkaConsumer(bootstrap_servers=made.rig.kafka, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for n in range(3)]
        consumer.assign(places)

        async def accepted() -> bool:
            await consumer.commit(dict.fromkeys(places, offset))
            return True

        await retried(accepted)
    finally:
        await consumer.stop()


async def test_without_the_auditor_a_deleted_topic_stays_empty(make_rig: MakeRig) -> None:
    """The control: it is the auditor that heals."""
    made = await Pair(await make_rig()).start()
    async with running(made.parts()[0]):
        await made.speak()
        await eventually(partial(_is_sent, made), within=30)
        await delete_topics(made)
        await chassis_topics.create(made.rig.kafka, topics=made.rig.topics.all)
        with pytest.raises(AssertionError):
            await made.topic_is_in_order()
        report = await audit(made.rig.maker, made.rig.topics.talk.name, repair=False, settled=timedelta(0))
        assert (report.missing, report.said_again) == (12, 0)
    await made.stop()
