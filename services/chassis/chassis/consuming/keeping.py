"""The tables of the inbox: watermarks, waiting, parked, offsets. Every statement is set-based."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chassis.consuming.admission import Held, Mark, Plan
from chassis.consuming.records import BEHIND, Fault, Record
from chassis.faults import Contention
from chassis.ids import new_id
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.sealing import Vault
    from chassis.transaction import Database, Tx

_LOCK = """
SELECT subject, epoch, version, hash, held FROM watermark
WHERE topic = $1 AND subject = ANY($2::uuid[]) ORDER BY subject FOR UPDATE
"""
# A row that was locked above may be overwritten. One that was not there then and is now was made by another process.
_ADVANCE = """
WITH written AS (
    INSERT INTO watermark (topic, subject, epoch, version, hash, held)
    SELECT $1, * FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::bytea[], $6::text[])
    ON CONFLICT (topic, subject) DO UPDATE
        SET epoch = excluded.epoch, version = excluded.version, hash = excluded.hash, held = excluded.held
        WHERE watermark.subject = ANY($7::uuid[])
    RETURNING 1
)
SELECT count(*) FROM written
"""
_NEW_IDS = """
INSERT INTO inbox (topic, event_id, received_at) SELECT $1, id, $3 FROM unnest($2::uuid[]) AS come (id)
ON CONFLICT DO NOTHING RETURNING event_id
"""
_OFFSETS = """
INSERT INTO inbox_offset (topic, partition, highest, noted_at)
SELECT $1, partition, highest, $4 FROM unnest($2::integer[], $3::bigint[]) AS come (partition, highest)
ON CONFLICT (topic, partition) DO UPDATE
    SET highest = greatest(inbox_offset.highest, excluded.highest), noted_at = excluded.noted_at
"""
_WAITING = """
SELECT id, subject, raw FROM waiting WHERE topic = $1 AND subject = ANY($2::uuid[]) ORDER BY subject, epoch, version
"""
_WAIT = """
INSERT INTO waiting (id, topic, subject, epoch, version, raw, waiting_since)
SELECT id, $1, subject, epoch, version, raw, $2
FROM unnest($3::uuid[], $4::uuid[], $5::integer[], $6::bigint[], $7::bytea[]) AS come (id, subject, epoch, version, raw)
ON CONFLICT (topic, subject, epoch, version) DO NOTHING
"""
_STOP_WAITING = """
DELETE FROM waiting USING unnest($2::uuid[], $3::integer[], $4::bigint[], $5::boolean[])
    AS done (subject, epoch, version, everything)
WHERE waiting.topic = $1 AND waiting.subject = done.subject
  AND (done.everything OR (waiting.epoch, waiting.version) <= (done.epoch, done.version))
"""
_PARK = """
INSERT INTO parked (id, topic, partition, "offset", subject, epoch, version, type, reason, detail, state, fingerprint,
    raw, parked_at)
SELECT id, $1, partition, "offset", subject, epoch, version, type, reason, detail, state, fingerprint, raw, $2
FROM unnest($3::uuid[], $4::integer[], $5::bigint[], $6::uuid[], $7::integer[], $8::bigint[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::bytea[], $14::bytea[])
    AS come (id, partition, "offset", subject, epoch, version, type, reason, detail, state, fingerprint, raw)
ON CONFLICT (topic, fingerprint) DO NOTHING
"""
_SUPERSEDE = """
UPDATE parked SET state = 'superseded', settled_at = $2
FROM unnest($3::uuid[], $4::integer[], $5::bigint[]) AS newer (subject, epoch, version)
WHERE parked.topic = $1 AND parked.subject = newer.subject AND parked.state IN ('parked', 'behind')
  AND (parked.epoch, parked.version) <= (newer.epoch, newer.version)
"""
_REPLAYED = """
UPDATE parked SET state = 'replayed', settled_at = $1, settled_by = $2, attempts = attempts + 1
WHERE id = ANY($3::uuid[])
"""
_PARK_AGAIN = """
UPDATE parked SET state = again.state, reason = again.reason, detail = again.detail, attempts = attempts + 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS again (id, state, reason, detail)
WHERE parked.id = again.id
"""
_STILL_PARKED = """
SELECT DISTINCT subject FROM parked
WHERE topic = $1 AND subject = ANY($2::uuid[]) AND state IN ('parked', 'behind') AND id <> ALL($3::uuid[])
"""


async def lock(tx: "Tx", topic: Topic, subjects: Sequence[UUID]) -> dict[UUID, Mark]:
    """The marks of these subjects, locked in order; subjects never heard of are missing."""
    rows = await tx.fetch(_LOCK, topic.name, sorted(subjects))
    return {row[0]: Mark(row[1], row[2], row[3], row[4]) for row in rows}


async def new_ids(tx: "Tx", topic: Topic, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those ids of foreign events that have never come before; from now on they have."""
    return frozenset(row[0] for row in await tx.fetch(_NEW_IDS, topic.name, sorted(set(ids)), tx.now))


async def waiting_of(
    tx: "Tx", topic: Topic, marks: Mapping[UUID, Mark], database: "Database"
) -> dict[UUID, list[Record]]:
    """What waits of the subjects whose marks say that something is kept back."""
    subjects = [subject for subject, mark in marks.items() if mark.held is not None]
    if not subjects:
        return {}
    found: dict[UUID, list[Record]] = {}
    for row in await tx.fetch(_WAITING, topic.name, subjects):
        record = Record.from_bytes(topic, database.vault.open(row[2], table="waiting", column="raw", row=row[0]))
        record.waiting_id = row[0]
        found.setdefault(row[1], []).append(record)
    return found


async def still_parked(tx: "Tx", topic: Topic, subjects: Sequence[UUID], but: Sequence[UUID] = ()) -> set[UUID]:
    """Those of the subjects that have something parked, other than the rows `but`."""
    return {row[0] for row in await tx.fetch(_STILL_PARKED, topic.name, list(subjects), list(but))}


async def note_offsets(tx: "Tx", topic: Topic, records: Sequence[Record]) -> None:
    """The highest offsets that have come: evidence that no committed offset runs ahead of its effect."""
    highest: dict[int, int] = {}
    for record in records:
        highest[record.partition] = max(highest.get(record.partition, 0), record.offset)
    partitions = sorted(highest)
    await tx.fetch(_OFFSETS, topic.name, partitions, [highest[each] for each in partitions], tx.now)


async def store(tx: "Tx", topic: Topic, plan: Plan, before: Mapping[UUID, Mark], database: "Database") -> None:
    """Keep what the plan says. Raises Contention when another process has begun a subject meanwhile."""
    if plan.waits:
        await _wait(tx, topic, plan.waits, database.vault)
    await _settle_replayed(tx, plan)
    if new := [(record, fault) for record, fault in plan.parks if record.parked_id is None]:
        await _park(tx, topic, new, database.vault)
    if topic.kind is Kind.FOREIGN:
        return
    waited = [subject for subject, mark in before.items() if mark.held is not None and subject in plan.marks]
    if waited:
        marks = [plan.marks[subject] for subject in waited]
        await tx.fetch(
            _STOP_WAITING,
            topic.name,
            waited,
            [mark.epoch for mark in marks],
            [mark.version for mark in marks],
            [subject in plan.moved for subject in waited],
        )
    if topic.kind is Kind.STATE:
        await _supersede(tx, topic, plan, before)
    await _advance(tx, topic, plan.marks, before)


async def _settle_replayed(tx: "Tx", plan: Plan) -> None:
    """Parked records that were tried again: done, or parked as they are now."""
    tried = {record.parked_id for record in plan.outcomes if record.parked_id}
    if not tried:
        return
    again = [(record, fault) for record, fault in plan.parks if record.parked_id]
    done = sorted(tried - {record.parked_id for record, _ in again})
    await tx.fetch(_REPLAYED, tx.now, tx.actor.account_id if tx.actor else None, done)
    await tx.fetch(
        _PARK_AGAIN,
        [record.parked_id for record, _ in again],
        [_state(fault) for _, fault in again],
        [fault.reason for _, fault in again],
        [fault.detail for _, fault in again],
    )


def _state(fault: Fault) -> str:
    return "behind" if fault is BEHIND else "parked"


async def _advance(tx: "Tx", topic: Topic, marks: Mapping[UUID, Mark], before: Mapping[UUID, Mark]) -> None:
    changed = sorted(subject for subject, mark in marks.items() if mark != before.get(subject))
    if not changed:
        return
    found = [marks[subject] for subject in changed]
    rows = await tx.fetch(
        _ADVANCE,
        topic.name,
        changed,
        [mark.epoch for mark in found],
        [mark.version for mark in found],
        [mark.hash for mark in found],
        [mark.held for mark in found],
        [subject for subject in changed if subject in before],
    )
    if rows[0][0] != len(changed):
        raise Contention(f"{len(changed) - rows[0][0]} subjects of {topic.name} were begun by another process")


async def _supersede(tx: "Tx", topic: Topic, plan: Plan, before: Mapping[UUID, Mark]) -> None:
    """A newer valid state settles what was parked of its subject."""
    held = [
        subject
        for subject, mark in plan.marks.items()
        if (was := before.get(subject)) and was.held == "parked" and mark.order > was.order
    ]
    if not held:
        return
    marks = [plan.marks[subject] for subject in held]
    await tx.fetch(
        _SUPERSEDE, topic.name, tx.now, held, [mark.epoch for mark in marks], [mark.version for mark in marks]
    )
    left = await still_parked(tx, topic, held)
    for subject in held:
        still: Held = "parked" if subject in left else None
        plan.marks[subject].held = still


async def _wait(tx: "Tx", topic: Topic, records: Sequence[Record], vault: "Vault") -> None:
    rows: list[tuple[Any, ...]] = []
    for record in records:
        row, said = new_id(), record.envelope
        assert said is not None
        raw = vault.seal(record.to_bytes(), table="waiting", column="raw", row=row)
        rows.append((row, said.subject, said.epoch, said.version, raw))
    await tx.fetch(_WAIT, topic.name, tx.now, *map(list, zip(*rows, strict=True)))


async def _park(tx: "Tx", topic: Topic, parks: Sequence[tuple[Record, Fault]], vault: "Vault") -> None:
    rows: list[tuple[Any, ...]] = []
    for record, fault in parks:
        row, said = new_id(), record.envelope
        rows.append(
            (
                row,
                record.partition,
                record.offset,
                said.subject if said else None,
                said.epoch if said else None,
                said.version if said else None,
                said.type if said else None,
                fault.reason,
                fault.detail,
                _state(fault),
                record.fingerprint,
                vault.seal(record.to_bytes(), table="parked", column="raw", row=row),
            )
        )
    await tx.fetch(_PARK, topic.name, tx.now, *map(list, zip(*rows, strict=True)))
