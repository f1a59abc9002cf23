"""What a transaction has noted becomes true: versions, outbox rows, the audit entry. Once, just before the commit.

The order of locks is fixed for all: aggregates (the command's own), counters by topic and subject, the audit chain.
Nothing is locked afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chassis import chain
from chassis.envelope import ENDED, LARGEST_BODY
from chassis.ids import new_id
from chassis.telemetry import traceparent
from chassis.transaction.tx import COPY_FROM, Cause, Tx
from contracts.event import Event
from contracts.topics import Topic

if TYPE_CHECKING:
    from chassis.transaction.database import Database

_RAISE = """
INSERT INTO counter (topic, subject, version)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[])
ON CONFLICT (topic, subject) DO UPDATE SET version = counter.version + excluded.version
RETURNING topic, subject, version
"""
_LOWER = """
UPDATE counter SET version = counter.version - 1
FROM unnest($1::text[], $2::uuid[]) AS silent (topic, subject)
WHERE counter.topic = silent.topic AND counter.subject = silent.subject
"""
# NOTIFY is only a hint that saves the relay's next poll; once per transaction. The saying's number is drawn under the
# counters' locks, as the rows' are: what follows has a higher one.
_SAY = """
WITH made AS (INSERT INTO saying (rows, said_at) VALUES ($1, $2) RETURNING id)
SELECT id, pg_notify('outbox', '') FROM made
"""
_SAY_FEW = """
WITH made AS (INSERT INTO saying (rows, said_at) VALUES ($1, $2) RETURNING id), put AS (
    INSERT INTO outbox (saying, epoch, time, kind, topic, subject, version, event_id, type, body, actor, cause,
        traceparent)
    SELECT made.id, $3, $2, said.*
    FROM made, unnest($4::text[], $5::text[], $6::uuid[], $7::bigint[], $8::uuid[], $9::text[], $10::bytea[],
        $11::uuid[], $12::uuid[], $13::text[]) AS said
)
SELECT pg_notify('outbox', '')
"""
_COLUMNS = (
    "saying", "epoch", "time", "kind", "topic", "subject", "version", "event_id", "type", "body", "actor", "cause",
    "traceparent",
)  # fmt: skip


@dataclass(slots=True)
class _Spoken:
    """One outbox row."""

    topic: Topic
    subject: UUID
    version: int
    event: Event | None
    cause: Cause


async def flush(tx: Tx, database: "Database") -> None:
    """Give versions, read touched state, seal, write outbox rows and the audit entry.

    Three or four statements and one builder per touched topic, however much was said.
    """
    tx.closed = True
    spoken = await _spoken(tx, database) if tx.noted.facts or tx.noted.touched else []
    if spoken:
        await _put(tx, database, spoken)
    await chain.append(tx, _counts(spoken))


async def _spoken(tx: Tx, database: "Database") -> list[_Spoken]:
    versions = await _raise_counters(tx)
    spoken = []
    for topic, touched in tx.noted.touched.items():
        # Read only now, under the counters' locks: a newer version never carries an older content.
        built = await database.build(tx, topic, sorted(touched))
        spoken += [
            _Spoken(topic, subject, versions[topic.name, subject], built[subject], cause)
            for subject, cause in touched.items()
            if subject in built
        ]
        silent = sorted(touched.keys() - built.keys())
        if silent:
            await tx.fetch(_LOWER, [topic.name] * len(silent), silent)
    left: dict[tuple[str, UUID], int] = {}
    for topic, subject, _, _ in tx.noted.facts:
        left[topic.name, subject] = left.get((topic.name, subject), 0) + 1
    for topic, subject, event, cause in tx.noted.facts:
        key = (topic.name, subject)
        left[key] -= 1
        spoken.append(_Spoken(topic, subject, versions[key] - left[key], event, cause))
    return spoken


async def _raise_counters(tx: Tx) -> Mapping[tuple[str, UUID], int]:
    """The version that each subject has now; for several facts of one subject, the last one's."""
    wanted: dict[tuple[str, UUID], int] = {}
    for topic, subject, _, _ in tx.noted.facts:
        wanted[topic.name, subject] = wanted.get((topic.name, subject), 0) + 1
    for topic, touched in tx.noted.touched.items():
        wanted.update(dict.fromkeys(((topic.name, subject) for subject in touched), 1))
    keys = sorted(wanted)
    rows = await tx.fetch(_RAISE, [name for name, _ in keys], [key for _, key in keys], [wanted[key] for key in keys])
    return {(row[0], row[1]): row[2] for row in rows}


async def _put(tx: Tx, database: "Database", spoken: list[_Spoken]) -> None:
    here = traceparent()
    rows: list[tuple[Any, ...]] = [
        (
            one.topic.kind.value,
            one.topic.name,
            one.subject,
            one.version,
            new_id(),
            ENDED if one.event is None else type(one.event).__name__,
            _body(tx, database, one),
            one.cause.actor,
            one.cause.event,
            one.cause.traceparent or here,
        )
        for one in spoken
    ]
    if len(rows) < COPY_FROM:
        await tx.fetch(_SAY_FEW, len(rows), tx.now, tx.epoch, *map(list, zip(*rows, strict=True)))
        return
    [(saying, _)] = await tx.fetch(_SAY, len(rows), tx.now)
    common = (saying, tx.epoch, tx.now)
    await tx.copy("outbox", _COLUMNS, [common + row for row in rows])


def _body(tx: Tx, database: "Database", one: _Spoken) -> bytes | None:
    """The bytes that will stand in the topic."""
    if one.event is None:
        return None
    body = one.event.__pydantic_serializer__.to_json(one.event)
    if one.topic.sealed:
        body = database.wire.seal(one.topic.name, one.subject, tx.epoch, one.version, body)
    if len(body) > LARGEST_BODY:
        raise ValueError(f"{type(one.event).__name__} has {len(body)} bytes; {LARGEST_BODY} are the most.")
    return body


def _counts(spoken: list[_Spoken]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in spoken:
        counts[one.topic.name] = counts.get(one.topic.name, 0) + 1
    return counts
