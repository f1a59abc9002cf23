"""Whether a topic holds what the outbox says was sent; what is missing is said again.

Kafka acknowledges from memory: a power cut can take what was marked as sent. Of facts every row of the outbox must be
in the topic; of state the last record of each subject must be its newest. A topic that is ahead of the outbox (which
was restored from a backup) is told and never repaired: what is newer wins.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Gauge
from sqlalchemy import text

import chassis.broken_connections  # noqa: F401 - before a client is made
from chassis import envelope
from chassis.envelope import Envelope, Unreadable
from chassis.respeaking import respeak, respeak_facts
from chassis.retention import FACTS_IN_TOPIC, TOMBSTONES
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.transaction import Database, Tx

log = structlog.get_logger("chassis.auditor")
FOUND: Final = Gauge(
    "topic_compared", "What the last comparison of a topic with the outbox found, by what it is.", ["topic", "found"]
)
AT_ONCE: Final = 500_000
"""Offsets of one pass: a larger topic is compared some partitions at a time, at least one."""
_PAGE = 5000
_SETTLED = timedelta(minutes=1)
_BRINK: Final = timedelta(days=1)
"""What Kafka may let go within a day is not looked for: it could go while the topic is read."""
_STALLED: Final = 60.0
"""Seconds without a record after which reading is given up."""
_TOLD: Final = ("records", "missing", "said_again", "ghosts", "ahead", "differing", "unreadable")
# PostgreSQL's crc32 is the partitioner's (chassis.envelope).
_FACTS = text(
    "SELECT event_id, subject, epoch, version, body FROM spoken WHERE kind = 'fact' AND topic = :topic"
    " AND (subject, epoch, version) > (:subject, :epoch, :version) AND sent_at < :before AND time > :oldest"
    " AND crc32(convert_to(subject::text, 'UTF8')) % :partitions = ANY(:these)"
    " ORDER BY subject, epoch, version LIMIT :page"
)
_NEWEST = text(
    "SELECT DISTINCT ON (subject) subject, epoch, version, body, sent_at FROM spoken"
    " WHERE kind = 'state' AND topic = :topic AND subject > :after"
    " AND crc32(convert_to(subject::text, 'UTF8')) % :partitions = ANY(:these)"
    " ORDER BY subject, epoch DESC, version DESC LIMIT :page"
)


@dataclass(slots=True)
class Report:
    """What was found. Lists hold at most the first ten."""

    records: int = 0
    missing: int = 0
    """Rows (facts) or subjects (state) of the outbox that the topic does not have, or only an older state of."""
    said_again: int = 0
    ghosts: int = 0
    """Facts, or subjects with a state, in the topic that the outbox does not know."""
    ahead: int = 0
    """Subjects whose last record is newer than the outbox: was its database restored?"""
    differing: int = 0
    """The same event, or the same version, with other bytes."""
    unreadable: int = 0
    witnesses: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether topic and outbox say the same."""
        return not (self.missing or self.ghosts or self.ahead or self.differing)

    def saw(self, what: str, where: object) -> None:
        if len(self.witnesses) < 10:
            self.witnesses.append(f"{what} {where}")


async def audit(database: "Database", topic_name: str, *, repair: bool = True, settled: timedelta = _SETTLED) -> Report:
    """Compare the topic with the outbox, and say again what is missing unless `repair` is false.

    Rows sent within the last minute (`settled`) before it began are left alone. It holds some 140 bytes of memory for
    each fact and 230 for each subject with a state, of `AT_ONCE` offsets at a time: 120 MB at most, unless a single
    partition has more. Raises KeyError for a topic that is not known, KafkaError when no broker answers, TimeoutError
    when records stay away that should come.
    """
    topic, report = database.topics[topic_name], Report()
    compare = _compare_states if topic.kind is Kind.STATE else _compare_facts
    async with database.snapshot() as tx:
        # Before the ends are asked for: what was marked as sent until now stands before them.
        clock = tx.now
    async with _reading(database, topic) as (consumer, places):
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        consumer.unsubscribe()
        for these in _passes(places, begins, ends):
            # A topic that is not there has lost everything.
            numbers = sorted(place.partition for place in these) or [0]
            share = _Share(database, topic, clock, settled, max(1, len(places)), numbers)
            wanted = {place: ends[place] for place in these if ends[place] > begins[place]}
            await compare(share, report, _read(consumer, topic, wanted, report), repair=repair)
    return report


async def audit_own(database: "Database", service: str) -> None:
    """Compare everything that the service says with its outbox, one topic after the other, and tell what was found.

    What is missing is said again. Raises ConnectionError when the broker is away, TimeoutError as `audit` does.
    """
    for topic in database.topics.values():
        if topic.writer != service or topic.kind is Kind.FOREIGN:
            continue
        try:
            report = await audit(database, topic.name)
        except KafkaError as error:
            raise ConnectionError("the broker is away") from error
        found = {name: getattr(report, name) for name in _TOLD}
        for name, number in found.items():
            FOUND.labels(topic.name, name).set(number)
        tell = log.info if report.is_clean else log.error
        tell("topic.compared", topic=topic.name, **found, witnesses=report.witnesses)


@dataclass(frozen=True, slots=True)
class _Share:
    """Some partitions of a topic, and the moment of which the comparison is."""

    database: "Database"
    topic: Topic
    clock: datetime
    """The database's, before the ends of the topic were asked for."""
    settled: timedelta
    partitions: int
    these: Sequence[int]

    @property
    def before(self) -> datetime:
        """What was sent before is looked for."""
        return self.clock - self.settled

    def values(self, **more: object) -> dict[str, object]:
        """The parameters that every page of rows has."""
        return {
            "topic": self.topic.name,
            "partitions": self.partitions,
            "these": list(self.these),
            "page": _PAGE,
            **more,
        }


def _passes(
    places: Sequence[TopicPartition], begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> Iterator[Sequence[TopicPartition]]:
    """The partitions, as many at a time as have at most `AT_ONCE` offsets together."""
    together: list[TopicPartition] = []
    offsets = 0
    for place in places:
        own = ends[place] - begins[place]
        if together and offsets + own > AT_ONCE:
            yield together
            together, offsets = [], 0
        together.append(place)
        offsets += own
    yield together


_Records = AsyncIterator[tuple[Envelope, bytes | None]]


async def _compare_facts(share: _Share, report: Report, records: _Records, *, repair: bool) -> None:
    # Older facts may be gone from the topic, and said again they outlive their rows: neither is a finding.
    oldest = share.clock - (share.topic.retention or FACTS_IN_TOPIC) + _BRINK
    there = {said.id.bytes: digest(body) async for said, body in records if said.time > oldest}
    after: dict[str, object] = {"subject": UUID(int=0), "epoch": 0, "version": 0}
    while True:
        async with share.database.snapshot() as tx:
            rows = await tx.rows(_FACTS, share.values(before=share.before, oldest=oldest, **after))
        if not rows:
            break
        after = {"subject": rows[-1].subject, "epoch": rows[-1].epoch, "version": rows[-1].version}
        missing: list[tuple[UUID, UUID]] = []
        for row in rows:
            found = there.pop(row.event_id.bytes, None)
            if found is None:
                missing.append((row.subject, row.event_id))
                report.saw("missing", row.event_id)
            elif found != digest(row.body):
                report.differing += 1
                report.saw("other bytes", row.event_id)
        report.missing += len(missing)
        if missing and repair:
            report.said_again += await respeak_facts(share.database, share.topic.name, missing)
    async with share.database.snapshot() as tx:
        ghosts = await _unknown(tx, share.topic, [UUID(bytes=each) for each in there])
    report.ghosts += len(ghosts)
    for each in ghosts[:10]:
        report.saw("ghost", each)


async def _unknown(tx: "Tx", topic: Topic, ids: list[UUID]) -> list[UUID]:
    """Those ids that no row of the outbox has, whatever its age."""
    unknown: list[UUID] = []
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        found = await tx.rows(
            text("SELECT event_id FROM outbox WHERE kind = 'fact' AND topic = :topic AND event_id = ANY(:ids)"),
            {"topic": topic.name, "ids": page},
        )
        unknown += sorted(set(page) - {row.event_id for row in found})
    return unknown


async def _compare_states(share: _Share, report: Report, records: _Records, *, repair: bool) -> None:
    # The record of each subject with the highest offset: what compaction keeps.
    last = {said.subject.bytes: (said.epoch, said.version, digest(body)) async for said, body in records}
    # What ended long ago compaction has taken away, and its end too.
    forgotten = share.clock - TOMBSTONES + _BRINK
    after = UUID(int=0)
    while True:
        async with share.database.snapshot() as tx:
            rows = await tx.rows(_NEWEST, share.values(after=after))
        if not rows:
            break
        after = rows[-1].subject
        behind: list[UUID] = []
        for row in rows:
            found = last.pop(row.subject.bytes, None)
            if found is None and row.body is None and row.sent_at is not None and row.sent_at < forgotten:
                continue
            epoch, version, content = found or (0, 0, b"")
            if (epoch, version) < (row.epoch, row.version):
                if row.sent_at is not None and row.sent_at < share.before:
                    behind.append(row.subject)
                    report.saw("behind", row.subject)
            elif (epoch, version) > (row.epoch, row.version):
                report.ahead += 1
                report.saw("ahead", row.subject)
            elif content != digest(row.body):
                report.differing += 1
                report.saw("other bytes", row.subject)
        report.missing += len(behind)
        if behind and repair:
            report.said_again += await respeak(share.database, share.topic.name, behind)
    ghosts = sorted(UUID(bytes=subject) for subject, (_, _, content) in last.items() if content != digest(None))
    report.ghosts += len(ghosts)
    for each in ghosts[:10]:
        report.saw("ghost", each)


@asynccontextmanager
async def _reading(
    database: "Database", topic: Topic
) -> AsyncIterator[tuple[AIOKafkaConsumer, Sequence[TopicPartition]]]:
    """A consumer without a group, which leaves no trace, and the partitions of the topic."""
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=database.settings.kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    try:
        await consumer.start()
        yield consumer, [TopicPartition(topic.name, n) for n in sorted(consumer.partitions_for_topic(topic.name) or ())]
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, topic: Topic, ends: Mapping[TopicPartition, int], report: Report
) -> _Records:
    """What stands in these partitions before their ends, each in order."""
    if not ends:
        return
    consumer.assign(list(ends))
    left = set(ends)
    loop = asyncio.get_running_loop()
    heard = loop.time()
    while left:
        for place, records in (await consumer.getmany(timeout_ms=200)).items():
            heard = loop.time()
            for record in records:
                if record.offset >= ends[place]:
                    continue
                report.records += 1
                try:
                    said = envelope.read(topic, record.key, record.headers)
                except Unreadable:
                    report.unreadable += 1
                    continue
                yield said, record.value
        if loop.time() - heard > _STALLED:
            raise TimeoutError(f"{topic.name} is not read to its end")
        async with asyncio.timeout(_STALLED):
            left -= {place for place in left if await consumer.position(place) >= ends[place]}


def digest(body: bytes | None) -> bytes:
    """16 bytes of a body."""
    return blake2b(body or b"", digest_size=16).digest()
