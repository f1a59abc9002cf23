"""Saying again what stands in the outbox: after a loss in the broker, or for a reader that begins anew."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from contracts.topics import Kind

if TYPE_CHECKING:
    from chassis.transaction import Database

_AT_ONCE = 1000
"""Subjects of one transaction: what it says again is sent in one round of the relay."""
_SUBJECTS = text("SELECT subject FROM counter WHERE topic = :topic AND subject > :after ORDER BY subject LIMIT :most")
# Nobody may say something newer of a subject meanwhile: it could be sent before the old state, which would then be
# the last one in the topic and survive compaction.
_LOCK = "SELECT 1 FROM counter WHERE topic = $1 AND subject = ANY($2::uuid[]) ORDER BY subject FOR UPDATE"
# Rows leave the saying that they were sent with for one that is not sent.
_AGAIN = """
WITH picked AS ({picked}), again AS (
    INSERT INTO saying (rows, said_at) SELECT count(*), now() FROM picked HAVING count(*) > 0 RETURNING id
), moved AS (
    UPDATE outbox SET saying = again.id FROM again
    WHERE topic = $1 AND subject = ANY($2::uuid[]) AND outbox.id IN (SELECT picked.id FROM picked) RETURNING 1
)
SELECT count(*), pg_notify('outbox', '') FROM moved
"""
_NEWEST = _AGAIN.format(
    picked="SELECT DISTINCT ON (subject) id FROM outbox WHERE kind = 'state' AND topic = $1"
    " AND subject = ANY($2::uuid[]) ORDER BY subject, epoch DESC, version DESC"
)
_ALL = _AGAIN.format(picked="SELECT id FROM outbox WHERE kind = 'fact' AND topic = $1 AND subject = ANY($2::uuid[])")
_THESE = _AGAIN.format(
    picked="SELECT id FROM outbox WHERE kind = 'fact' AND topic = $1 AND subject = ANY($2::uuid[])"
    " AND event_id = ANY($3::uuid[])"
)


async def respeak(database: "Database", topic_name: str, subjects: Sequence[UUID] = ()) -> int:
    """How many rows will be sent again: of state the newest, of facts all, of these subjects or of every one.

    Raises KeyError for a topic that is not known.
    """
    statement = _NEWEST if database.topics[topic_name].kind is Kind.STATE else _ALL
    if subjects:
        return await _again(database, statement, topic_name, sorted(subjects))
    done, after = 0, UUID(int=0)
    while True:
        async with database.snapshot() as tx:
            found = await tx.rows(_SUBJECTS, {"topic": topic_name, "after": after, "most": _AT_ONCE})
        if not found:
            return done
        after = found[-1].subject
        done += await _again(database, statement, topic_name, [row.subject for row in found])


async def respeak_facts(database: "Database", topic_name: str, events: Sequence[tuple[UUID, UUID]]) -> int:
    """How many of these facts, given as (subject, event), will be sent again."""
    subjects = sorted({subject for subject, _ in events})
    return await _again(database, _THESE, topic_name, subjects, [event for _, event in events])


async def begin_epoch(database: "Database") -> int:
    """The new epoch, after this database was restored from a backup; the state of every subject is said in it.

    Whatever was said before the restore, and is not in the backup, is older than what is said from now on. Run it
    before anything else is said.
    """
    async with database.transaction() as tx:
        epoch = int(await tx.scalar(text("UPDATE epoch SET epoch = epoch + 1 RETURNING epoch")))
        tx.note("epoch.begin", [], detail={"epoch": epoch})
    for topic in database.spoken_states:
        after = UUID(int=0)
        while True:
            async with database.transaction() as tx:
                found = await tx.rows(_SUBJECTS, {"topic": topic.name, "after": after, "most": _AT_ONCE})
                tx.touch(topic, [row.subject for row in found])
            if not found:
                break
            after = found[-1].subject
    return epoch


async def _again(
    database: "Database", statement: str, topic_name: str, subjects: Sequence[UUID], *more: Sequence[UUID]
) -> int:
    async with database.transaction() as tx:
        await tx.fetch(_LOCK, topic_name, list(subjects))
        [row] = await tx.fetch(statement, topic_name, list(subjects), *more)
        tx.note("outbox.respeak", [], detail={"topic": topic_name, "rows": row[0]})
        return int(row[0])
