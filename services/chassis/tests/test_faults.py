"""Servers die, relays contend, topics come twice: the promise holds."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import ProducerFenced
from aiokafka.protocol.metadata import MetadataRequest
from faststream.kafka.subscriber.usecase import LogicSubscriber
from sqlalchemy import event, text

from chassis import parked, topics
from chassis.consuming import Listeners, Received, Subscribers
from chassis.relay import Relay
from chassis.relay.sending import Sending
from chassis.respeaking import respeak
from chassis.topics import WrongTopics
from chassis.transaction import Database, Tx
from local_stack.kafka import KafkaServer
from local_stack.postgres import Address
from services.chassis.tests.child import note_effects, taker
from services.chassis.tests.conftest import Asked
from services.chassis.tests.rig import Rig, died, new_subjects, retried, running
from services.chassis.tests.test_crashes import all_sent, topic_is_whole
from tests.harness.eventually import eventually


async def test_three_relays_contend_and_the_leader_dies(rig: Rig) -> None:
    subjects = new_subjects(50)
    doomed = await rig.child("relay", crash_at="relay.after_ack_before_mark:3")
    relays = [await rig.child("relay"), await rig.child("relay"), doomed]
    for _ in range(6):
        await rig.say(subjects, times=2)

        async def is_sent() -> bool:
            return await rig.unsent() == 0

        await eventually(is_sent, within=60)
        # Kill whoever leads, so that the lead goes round, as long as one is left that does not kill itself.
        pid = await leading_pid(rig)
        alive = [process for process in relays if process.returncode is None]
        leaders = [process for process in alive if process.pid == pid]
        if leaders and any(process not in (doomed, *leaders) for process in alive):
            leaders[0].kill()
            await leaders[0].wait()
    assert sum(process.returncode is not None for process in relays) >= 1
    await topic_is_whole(rig, dict.fromkeys(subjects, 12))


async def leading_pid(rig: Rig) -> int:
    """The process that holds the lock, found by its connection's local port."""
    async with rig.maker.snapshot() as tx:
        port = await tx.scalar(
            text(
                "SELECT client_port FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
            )
        )
    return next((pid for pid in (p.pid for p in rig.children) if port in _ports_of(pid)), 0)


def _ports_of(pid: int) -> set[int]:
    import psutil

    try:
        return {each.laddr.port for each in psutil.Process(pid).net_connections() if each.laddr}
    except psutil.Error:
        return set()


async def test_a_former_leader_is_refused_by_the_broker(rig: Rig) -> None:
    await rig.say([uuid4()])
    async with rig.maker.snapshot() as tx:
        rows = await tx.fetch(
            "SELECT id, topic, subject, epoch, version, event_id, type, body, time, actor, cause, traceparent"
            " FROM outbox"
        )
    service = f"maker{rig.suffix}"
    old, new = (Sending(rig.kafka, service, rig.maker.topics, None) for _ in range(2))
    await old.start()
    await old.send(rows)
    await new.start()
    with pytest.raises(ProducerFenced):
        await old.send(rows)
    await new.send(rows)
    await old.stop()
    await new.stop()
    assert len(await rig.records(rig.topics.talk)) == 2


async def test_a_stopped_leader_loses_the_lead_and_is_harmless_when_it_goes_on(rig: Rig) -> None:
    subjects = new_subjects(20)

    async def is_sent() -> bool:
        return await rig.unsent() == 0

    leader = await rig.child("relay", silence="2000")
    await rig.say(subjects)
    await eventually(is_sent, within=60)
    os.kill(leader.pid, signal.SIGSTOP)
    await rig.say(subjects, times=2)
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        await eventually(is_sent, within=60)
        os.kill(leader.pid, signal.SIGCONT)
        await rig.say(subjects)
        await eventually(is_sent, within=60)
    assert leader.returncode is None
    await rig.say(subjects)  # now it leads again
    await eventually(is_sent, within=60)
    await topic_is_whole(rig, dict.fromkeys(subjects, 5))


async def test_the_broker_is_killed_under_record_batches(
    rig: Rig, own_kafka: Callable[[], Awaitable[KafkaServer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.relaying.ROUND", 500)
    monkeypatch.setattr("chassis.relay.sending.BATCH_BYTES", 4096)
    broker = await own_kafka()
    rig.kafka = rig.maker.settings.kafka = rig.taker.settings.kafka = broker.bootstrap
    await rig.begin()
    subjects = new_subjects(1000)
    await rig.say(subjects, times=6)
    async with running(Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, taker(rig.topics))):

        async def some_are_sent() -> bool:
            return await rig.unsent() < 5500

        await eventually(some_are_sent, within=60)
        await broker.kill()
        await rig.say(subjects)
        await broker.start()
        await eventually(rig.effects_are({each: list(range(1, 8)) for each in subjects}), within=90)
    await topic_is_whole(rig, dict.fromkeys(subjects, 7))


async def test_connections_of_both_databases_are_cut(rig: Rig, postgres_server: Address) -> None:
    subjects = new_subjects(100)
    listeners = Listeners(rig.taker, taker(rig.topics))
    async with running(Relay(rig.maker, f"maker{rig.suffix}"), listeners):
        for _ in range(4):
            await rig.say(subjects)
            connection = await postgres_server.connect()
            names = [str(each.engine.url.database) for each in (rig.maker, rig.taker)]
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)", names
            )
            await connection.close()
        await eventually(rig.effects_are({each: [1, 2, 3, 4] for each in subjects}), within=60)


async def test_a_whole_topic_delivered_again_has_no_effect(rig: Rig) -> None:
    subjects = new_subjects(50)
    await rig.say(subjects, times=2)
    await rig.touch(rig.topics.thing, dict.fromkeys(subjects, 3))
    await all_sent(rig)
    expected = {each: [1, 1, 2] for each in subjects}

    async def done() -> bool:
        return {key: sorted(found) for key, found in (await rig.effects()).items()} == expected

    async with running(Listeners(rig.taker, taker(rig.topics))):
        await eventually(done, within=60)
    for topic in (rig.topics.talk, rig.topics.thing):
        await rewind(rig, topic.name)
    assert await respeak(rig.maker, rig.topics.talk.name) == 100
    assert await respeak(rig.maker, rig.topics.thing.name, subjects[:7]) == 7
    await all_sent(rig)
    assert len(await rig.records(rig.topics.talk)) == 200
    late = uuid4()
    async with running(Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, taker(rig.topics))):
        await rig.say([late])
        expected[late] = [1]
        await eventually(done, within=60)


async def rewind(rig: Rig, name: str) -> None:
    """The group begins at the beginning again."""
    consumer = AIOKafkaConsumer(bootstrap_servers=rig.kafka, group_id=f"taker.{name}", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(name, n) for n in range(3)]
        consumer.assign(places)

        async def accepted() -> bool:
            # The static member has not left; its session must end first.
            await consumer.commit(dict.fromkeys(places, 0))
            return True

        await retried(accepted)
    finally:
        await consumer.stop()


async def test_rubbish_in_a_topic_is_parked_and_everything_else_goes_on(rig: Rig) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=rig.kafka)
    await producer.start()
    rubbish: Sequence[tuple[bytes | None, bytes | None, list[Any]]] = [
        (None, b"no key", []),
        (b"not a uuid", b"{}", [("ce_type", b"\xff\xfe")]),
        (str(uuid4()).encode(), None, [("ce_id", b"x"), ("reply_to", rig.topics.thing.name.encode())]),
        (str(uuid4()).encode(), b"[" * 100_000, [("ce_sequence", b"-1")]),
    ]
    for key, value, headers in rubbish:
        await producer.send_and_wait(rig.topics.talk.name, value, key=key, headers=headers, partition=0)
    await producer.stop()
    subjects = new_subjects(30)
    await rig.say(subjects)
    async with running(Relay(rig.maker, f"maker{rig.suffix}"), Listeners(rig.taker, taker(rig.topics))):
        await eventually(rig.effects_are({each: [1] for each in subjects}), within=60)
    found = await parked.list_parked(rig.taker)
    assert {each.reason for each in found} == {"unreadable"}
    assert len(found) == 4
    shown = [await parked.show(rig.taker, each.id) for each in found]
    assert "no key" in {each.body for each in shown}
    assert await rig.records(rig.topics.thing) == []  # nobody answered to reply_to


async def test_too_much_poison_stops_the_partition_and_readiness_says_so(rig: Rig) -> None:
    devil = Subscribers("taker")

    @devil.hear(rig.topics.talk, Asked)
    async def fail(tx: Tx, received: Sequence[Received[Asked]]) -> None:
        raise ZeroDivisionError

    await rig.say(new_subjects(900))
    await all_sent(rig)
    listeners = Listeners(rig.taker, devil)
    async with running(listeners):

        async def says_so() -> bool:
            return "stand still" in (listeners.why_not_ready() or "")

        await eventually(says_so, within=60)
    found = await parked.list_parked(rig.taker, limit=1000)
    assert 200 <= len(found) < 900
    # Control: below the threshold nothing stands still, as the test of rubbish shows.


async def test_topics_with_other_partitions_are_refused(rig: Rig) -> None:
    await topics.verify(rig.kafka, topics=rig.topics.all)
    with pytest.raises(WrongTopics, match="3 partitions and not 2"):
        await topics.create(rig.kafka, 2, topics=rig.topics.all)


async def test_every_subscriber_is_by_hand_and_from_the_beginning(rig: Rig) -> None:
    listeners = Listeners(rig.taker, taker(rig.topics))
    subscribers = [each for each in listeners.declare().subscribers if isinstance(each, LogicSubscriber)]
    assert len(subscribers) == 4
    for subscriber in subscribers:
        arguments = subscriber._connection_args
        assert arguments["enable_auto_commit"] is False
        assert arguments["auto_offset_reset"] == "earliest"
        assert arguments["group_instance_id"].startswith("taker.0.")
        assert str(subscriber.group_id).startswith(("taker.maker.", "taker.nation."))
        assert subscriber.batch if hasattr(subscriber, "batch") else True
        assert not subscriber._outer_config.allow_auto_create_topics
        assert subscriber._no_reply, "what a record names as its reply_to is never written to"
    # Control: FastStream's own default would be found.
    from faststream.kafka import KafkaBroker

    careless: Any = KafkaBroker(rig.kafka).subscriber("anything")
    assert careless._connection_args["enable_auto_commit"] is True


async def test_a_batch_costs_the_same_statements_whatever_its_size(rig: Rig) -> None:
    from chassis.testing import deliver, spoken

    seen = queries_of(rig.taker)
    hears = Subscribers("taker")
    hears.hear(rig.topics.talk, Asked)(note_effects)
    counts = []
    for number in (3, 10, 500):
        said = [spoken(rig.topics.talk, uuid4(), Asked(number=n)) for n in range(number)]
        seen.clear()
        assert await deliver(rig.taker, hears, said) == ["applied"] * number
        counts.append(list(seen))
    # begin, clock, lock, offsets, watermarks, the hearer's one, commit; the first batch also learned types.
    assert len(counts[1]) == len(counts[2]) <= 7, counts[2]


def queries_of(database: Database) -> list[str]:
    """The statements of its new connections, from now on."""
    seen: list[str] = []

    @event.listens_for(database.engine.sync_engine, "connect")
    def listen(connection: Any, _record: object) -> None:
        connection.driver_connection.add_query_logger(lambda query: seen.append(query.query))

    return seen


async def test_flushing_costs_the_same_statements_whatever_is_said(rig: Rig) -> None:
    seen = queries_of(rig.maker)
    counts = []
    for number in (3, 10, 500):
        seen.clear()
        await rig.say(new_subjects(number))
        counts.append(list(seen))
    # begin, clock, counters, outbox (many rows: a saying, and COPY, which is not told here), audit, commit; the first
    # transaction also learned types.
    assert len(counts[1]) == len(counts[2]) <= 6, counts[2]


async def test_a_killed_consumer_is_back_at_once(rig: Rig) -> None:
    """A restarted replica takes its partitions back as the same member; it need not wait for its session to end."""
    subjects = new_subjects(10)
    await rig.say(subjects)
    await all_sent(rig)
    await died(await rig.child("consume", crash_at="consume.after_offset"))
    await rig.say(subjects)
    await all_sent(rig)
    async with running(Listeners(rig.taker, taker(rig.topics))):
        await eventually(rig.effects_are({each: [1, 2] for each in subjects}), within=60)


async def test_a_connection_that_has_just_broken_is_told_as_broken_under_uvloop(rig: Rig) -> None:
    # aiokafka knows OSError and its own errors; what uvloop raises would end its tasks and leave consumers waiting.
    told: list[str] = []

    async def break_and_write() -> None:
        host, port = rig.maker.settings.kafka.split(":")
        connection = await create_conn(host, int(port))
        writing = asyncio.get_running_loop().create_future()

        def write() -> None:
            """Once in each turn of the loop, so that one is between the transport's end and the reader's."""
            try:
                connection.send(MetadataRequest([])).close()
            except Exception as error:  # noqa: BLE001 - which one it is, is the question
                told.append(type(error).__name__)
                writing.set_result(None)
            else:
                asyncio.get_running_loop().call_soon(write)

        write()
        connection._writer.transport.abort()
        await writing
        assert not connection.connected()

    await asyncio.to_thread(uvloop.run, break_and_write())
    assert told == ["KafkaConnectionError"]
