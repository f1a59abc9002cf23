"""Whether a topic holds what the outbox says was sent; what is missing is said again.

Kafka acknowledges from memory: a power cut can take what was marked as sent. Of facts every row of the outbox must be
in the topic; of state the last record of each subject must be its newest. A topic that is ahead of the outbox (which
was restored from a backup) is told and never repaired: what is newer wins.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

import chassis.broken_connections  # noqa: F401 - before a client is made
from chassis import envelope
from chassis.envelope import Unreadable
from chassis.respeaking import respeak
from chassis.retention import FACTS_IN_TOPIC
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.transaction import Database, Tx

_PAGE = 5000
_SETTLED = timedelta(minutes=1)
_FACTS = text(
    "SELECT id, event_id, subject, body FROM outbox WHERE kind = 'fact' AND topic = :topic AND id > :after"
    " AND published_at < now() - cast(:settled AS interval) AND time > now() - cast(:kept AS interval)"
    " ORDER BY id LIMIT :page"
)
_NEWEST = text(
    "SELECT DISTINCT ON (subject) subject, epoch, version, body,"
    " published_at < now() - cast(:settled AS interval) AS old FROM outbox"
    " WHERE kind = 'state' AND topic = :topic AND subject > :after"
    " ORDER BY subject, epoch DESC, version DESC LIMIT :page"
)
_AGAIN = """
WITH again AS (UPDATE outbox SET published_at = NULL WHERE kind = 'fact' AND id = ANY($1::bigint[]) RETURNING 1)
SELECT count(*), pg_notify('outbox', '') FROM again
"""


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

    Rows sent within the last minute (`settled`) are left alone. It holds 16 to 60 bytes a record in memory. Raises
    KeyError for a topic that is not known.
    """
    topic, report = database.topics[topic_name], Report()
    if topic.kind is Kind.STATE:
        last = await _last_records(database, topic, report)
        await _compare_states(database, topic, report, last, repair=repair, settled=settled)
    else:
        there = await _all_records(database, topic, report)
        await _compare_facts(database, topic, report, there, repair=repair, settled=settled)
    return report


async def _compare_facts(
    database: "Database", topic: Topic, report: Report, there: dict[UUID, bytes], *, repair: bool, settled: timedelta
) -> None:
    after = 0
    known: set[UUID] = set()
    values = {"topic": topic.name, "settled": settled, "kept": topic.retention or FACTS_IN_TOPIC, "page": _PAGE}
    while True:
        async with database.snapshot() as tx:
            rows = await tx.rows(_FACTS, {**values, "after": after})
        if not rows:
            break
        after = rows[-1].id
        known.update(row.event_id for row in rows)
        missing = [row.id for row in rows if row.event_id not in there]
        for row in rows:
            if there.get(row.event_id, digest(row.body)) != digest(row.body):
                report.differing += 1
                report.saw("other bytes", row.event_id)
        report.missing += len(missing)
        if missing and repair:
            report.said_again += await _say_again(database, missing)
    async with database.snapshot() as tx:
        ghosts = await _unknown(tx, topic, list(there.keys() - known))
    report.ghosts = len(ghosts)
    for each in ghosts[:10]:
        report.saw("ghost", each)


async def _say_again(database: "Database", ids: list[int]) -> int:
    async with database.transaction() as tx:
        [row] = await tx.fetch(_AGAIN, ids)
        tx.note("outbox.respeak", [], detail={"rows": row[0]})
        return int(row[0])


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


async def _compare_states(
    database: "Database",
    topic: Topic,
    report: Report,
    last: Mapping[UUID, tuple[tuple[int, int], bytes]],
    *,
    repair: bool,
    settled: timedelta,
) -> None:
    after = UUID(int=0)
    unknown = {subject for subject, (_, body) in last.items() if body != digest(None)}
    while True:
        async with database.snapshot() as tx:
            rows = await tx.rows(_NEWEST, {"topic": topic.name, "settled": settled, "after": after, "page": _PAGE})
        if not rows:
            break
        after = rows[-1].subject
        unknown.difference_update(row.subject for row in rows)
        behind: list[UUID] = []
        for row in rows:
            order, found = last.get(row.subject, ((0, 0), b""))
            if order < (row.epoch, row.version):
                if row.old:
                    behind.append(row.subject)
                    report.saw("behind", row.subject)
            elif order > (row.epoch, row.version):
                report.ahead += 1
                report.saw("ahead", row.subject)
            elif found != digest(row.body):
                report.differing += 1
                report.saw("other bytes", row.subject)
        report.missing += len(behind)
        if behind and repair:
            report.said_again += await respeak(database, topic.name, behind)
    report.ghosts = len(unknown)
    for each in sorted(unknown)[:10]:
        report.saw("ghost", each)


async def _all_records(database: "Database", topic: Topic, report: Report) -> dict[UUID, bytes]:
    found: dict[UUID, bytes] = {}
    async with _reading(database, topic) as records:
        async for record in records:
            report.records += 1
            try:
                said = envelope.read(topic, record.key, record.headers)
            except Unreadable:
                report.unreadable += 1
                continue
            found[said.id] = digest(record.value)
    return found


async def _last_records(
    database: "Database", topic: Topic, report: Report
) -> Mapping[UUID, tuple[tuple[int, int], bytes]]:
    """The record of each subject with the highest offset: what compaction keeps."""
    found: dict[UUID, tuple[tuple[int, int], bytes]] = {}
    async with _reading(database, topic) as records:
        async for record in records:
            report.records += 1
            try:
                said = envelope.read(topic, record.key, record.headers)
            except Unreadable:
                report.unreadable += 1
                continue
            found[said.subject] = (said.order, digest(record.value))
    return found


@asynccontextmanager
async def _reading(database: "Database", topic: Topic) -> AsyncIterator[AsyncIterator[Any]]:
    """All records that the topic holds now, each partition in order; no group, no trace."""
    consumer = AIOKafkaConsumer(
        topic.name,
        bootstrap_servers=database.settings.kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        yield _records(consumer, topic)
    finally:
        await consumer.stop()


async def _records(consumer: AIOKafkaConsumer, topic: Topic) -> AsyncIterator[Any]:
    places = [TopicPartition(topic.name, each) for each in sorted(consumer.partitions_for_topic(topic.name) or ())]
    ends = await consumer.end_offsets(places)
    begins = await consumer.beginning_offsets(places)
    left = {place for place in places if ends[place] > begins[place]}
    while left:
        for place, records in (await consumer.getmany(timeout_ms=200)).items():
            for record in records:
                if record.offset < ends[place]:
                    yield record
        for place in list(left):
            if await consumer.position(place) >= ends[place]:
                left.discard(place)


def digest(body: bytes | None) -> bytes:
    """16 bytes of a body."""
    return blake2b(body or b"", digest_size=16).digest()
