"""Every topic from its first record, by a plain client: no group, nothing committed, nothing left behind.

Record batches are read as they lie there, because only they tell which producer wrote them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from chassis import envelope
from chassis.envelope import Envelope, Unreadable
from contracts.topics import TOPICS, Kind, Topic

Keep = Callable[["Said"], None]
"""Sees each record with its body, which it may drop."""
AT_ONCE = 16 * 2**20
OF_PARTITION = 4 * 2**20
NO_PRODUCER = (-1, -1)
NOBODY = UUID(int=0)
FRUITLESS = 100
"""Answers without a record after which reading is given up: some ten seconds."""


@dataclass(slots=True)
class Said:
    """One record of a topic."""

    topic: Topic
    partition: int
    offset: int
    producer: tuple[int, int]
    """Id and epoch: they rise with every relay that begins to lead. (-1, -1) for a producer without transactions."""
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...] | None
    envelope: Envelope | None
    """None where the headers are not those of an event."""
    body: bytes | None
    """Opened where it was sealed; dropped (None) where nothing needs it, and where it does not open."""
    hash: bytes
    """SHA-256 of the body as it came."""
    mark: bytes
    """What an inbox notes of the event: 16 bytes of body and type."""
    is_end: bool
    """It has no body: the end of its subject."""
    subject: UUID
    order: tuple[int, int]
    """(epoch, version); of what is no event nothing is meant by either."""

    def __str__(self) -> str:
        return f"{self.topic.name}/{self.partition}@{self.offset}"


@dataclass(slots=True)
class Log:
    """One topic as it was found."""

    topic: Topic
    partitions: int
    records: list[Said]
    settings: Mapping[str, str]

    def readable(self) -> Iterator[Said]:
        """The records that are events."""
        return (record for record in self.records if record.envelope is not None)

    def newest(self) -> dict[UUID, Said]:
        """The newest record of each subject."""
        found: dict[UUID, Said] = {}
        for record in self.readable():
            if (before := found.get(record.subject)) is None or before.order < record.order:
                found[record.subject] = record
        return found


@dataclass(slots=True)
class Broker:
    """Everything that is asked of Kafka."""

    logs: dict[str, Log]
    committed: dict[tuple[str, str, int], int]
    """(reader, topic, partition) → committed offset; missing where a group never committed."""
    settings: Mapping[str, str]


async def read_broker(bootstrap: str, keep: Keep) -> Broker:
    """Committed offsets first, then every record that is there by then; `keep` sees each record with its body.

    In this order an offset that is ahead of its effect cannot be explained by time that has passed between.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        topics = [topic for topic in TOPICS if topic.name in there]
        committed = await read_committed(admin, topics)
        settings, of_topics = await _settings(admin, topics)
        described = await admin.describe_topics([topic.name for topic in topics])
    finally:
        await admin.close()
    partitions = {each["topic"]: len(each["partitions"]) for each in described}
    logs = {topic.name: Log(topic, partitions[topic.name], [], of_topics[topic.name]) for topic in topics}
    places = [TopicPartition(name, each) for name, log in logs.items() for each in range(log.partitions)]
    async with asking(bootstrap, places) as consumer:
        position = dict(await consumer.beginning_offsets(places))
        ends = await consumer.end_offsets(places)
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client.set_topics(list(logs))
        await _read(client, logs, position, ends, keep)
    finally:
        await client.close()
    for log in logs.values():
        log.records.sort(key=lambda each: (each.partition, each.offset))
    return Broker(logs, committed, settings)


@asynccontextmanager
async def asking(bootstrap: str, places: Collection[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of no group that can be asked where these begin and end.

    They are assigned to it, or it would look for their topics one after the other, a tenth of a second each.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        yield consumer
    finally:
        await consumer.stop()


async def read_committed(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[tuple[str, str, int], int]:
    """(reader, topic, partition) → committed offset."""
    hearings = [(reader, topic) for topic in topics for reader in sorted(topic.readers)]
    groups = sorted({_group(reader, topic) for reader, topic in hearings})
    offsets = await asyncio.gather(*(admin.list_consumer_group_offsets(group) for group in groups))
    by_group = dict(zip(groups, offsets, strict=True))
    return {
        (reader, topic.name, place.partition): about.offset
        for reader, topic in hearings
        for place, about in by_group[_group(reader, topic)].items()
        if place.topic == topic.name and about.offset >= 0
    }


def _group(reader: str, topic: Topic) -> str:
    """The nation's group is called as it likes."""
    return "nation" if reader == "nation" else f"{reader}.{topic.name}"


async def _settings(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Of the broker, and of each topic."""
    node = (await admin.describe_cluster())["brokers"][0]["node_id"]
    asked = [ConfigResource(ConfigResourceType.BROKER, str(node))]
    asked += [ConfigResource(ConfigResourceType.TOPIC, each.name) for each in topics]
    broker: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked):
        for code, _, kind, name, entries in answer.resources:
            if code:
                raise for_code(code)(name)
            values = {entry[0]: entry[1] for entry in entries}
            if kind == ConfigResourceType.BROKER:
                broker = values
            else:
                found[name] = values
    return broker, found


async def _read(
    client: AIOKafkaClient,
    logs: Mapping[str, Log],
    position: dict[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    keep: Keep,
) -> None:
    fruitless, before = 0, sum(position.values())
    while left := [place for place in position if position[place] < ends[place]]:
        leaders: dict[int, dict[str, list[tuple[int, int, int]]]] = {}
        for place in left:
            leader = client.cluster.leader_for_partition(place)
            if leader is None or leader < 0:
                raise ConnectionError(f"{place.topic}/{place.partition} has no leader")
            asked = leaders.setdefault(leader, {}).setdefault(place.topic, [])
            asked.append((place.partition, position[place], OF_PARTITION))
        for leader, topics in leaders.items():
            answer = await client.send(leader, FetchRequest(100, 1, AT_ONCE, 0, list(topics.items())))
            for name, parts in answer.topics:
                for partition, code, _, *rest in parts:
                    if code:
                        raise for_code(code)(f"{name}/{partition}")
                    place = TopicPartition(name, partition)
                    after = _take(logs[name], partition, position[place], rest[-1], keep)
                    position[place] = max(position[place], after)
        fruitless, before = (fruitless + 1 if before == sum(position.values()) else 0), sum(position.values())
        if fruitless > FRUITLESS:
            raise ConnectionError(f"nothing more comes of {left[0].topic}/{left[0].partition} at {position[left[0]]}")


def _take(log: Log, partition: int, start: int, data: bytes, keep: Keep) -> int:
    batches, after = MemoryRecords(data or b""), start
    while batches.has_next():
        batch = batches.next_batch()
        after = batch.next_offset
        if batch.is_control_batch:
            continue
        producer = (batch.producer_id, batch.producer_epoch) if batch.is_transactional else NO_PRODUCER
        for record in batch:
            if record.offset < start:
                continue
            said = _said(log.topic, partition, record, producer)
            keep(said)
            log.records.append(said)
    return int(after)


def _said(topic: Topic, partition: int, record: Any, producer: tuple[int, int]) -> Said:
    try:
        about = envelope.read(topic, record.key, record.headers)
        if record.value is None and topic.kind is not Kind.STATE:
            raise Unreadable("the body is missing")
    except Unreadable:
        about = None
    body, kind = record.value, about.type if about else ""
    mark = blake2b((body or b"") + (envelope.ENDED if body is None else kind).encode(), digest_size=16).digest()
    headers = None if about else tuple(record.headers)
    return Said(
        topic, partition, record.offset, producer, record.key, headers, about, body,
        sha256(body or b"").digest(), mark, body is None,
        about.subject if about else NOBODY, about.order if about else (0, 0),
    )  # fmt: skip
