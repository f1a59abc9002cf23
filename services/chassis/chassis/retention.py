"""How long everything is kept: every number of it, and the housekeeping that follows them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import text

from contracts.topics import FACTS_KEPT, Kind, Topic

if TYPE_CHECKING:
    from chassis.transaction import Database

FACTS_IN_TOPIC: Final = FACTS_KEPT
FACTS_IN_OUTBOX: Final = FACTS_KEPT + timedelta(days=14)
"""Longer than in the topic, so that everything there can be said again: Kafka takes away whole segments, which hold a
week (`log.roll.hours`), and so keeps a record up to a week longer than it says. Whole months are dropped."""
FOREIGN_IN_TOPIC: Final = FACTS_KEPT
FOREIGN_IDS: Final = FACTS_KEPT + timedelta(days=90)
"""Ids of foreign events outlive the topic and whatever is parked: an id that is forgotten has its effect again."""
SETTLED_PARKED: Final = timedelta(days=180)
"""Parked records that were replayed, dropped or superseded."""
ANSWERS: Final = timedelta(days=7)
"""First answers to commands with an idempotency key."""
TOMBSTONES: Final = timedelta(days=30)
"""A reader that was away longer than this never hears that a subject of a state topic has ended."""
MONTHS_AHEAD: Final = 2
"""Months of the outbox that exist before they begin."""
SAYINGS: Final = timedelta(days=1)
"""When single sayings were sent; of older ones it is only known that they were."""
AT_ONCE: Final = 5000
"""Rows deleted in one transaction."""

# Kept for ever: audit and audit_head, counter, watermark, epoch, the newest state of each subject in the outbox,
# what waits or is parked.

_SUBJECTS = text("""
SELECT topic, subject FROM counter WHERE (topic, subject) > (:topic, :subject) AND version > 1
ORDER BY topic, subject LIMIT :most
""")
_SUPERSEDED = """
DELETE FROM outbox USING unnest($1::text[], $2::uuid[]) AS asked (topic, subject)
WHERE outbox.kind = 'state' AND outbox.topic = asked.topic AND outbox.subject = asked.subject
  AND NOT EXISTS (
    SELECT FROM saying WHERE saying.id = outbox.saying
      AND (saying.sent_at IS NULL OR saying.sent_at > now() - interval '1 hour')
  )
  AND EXISTS (
    SELECT FROM spoken AS newer
    WHERE newer.kind = 'state' AND newer.topic = asked.topic AND newer.subject = asked.subject
      AND (newer.epoch, newer.version) > (outbox.epoch, outbox.version) AND newer.sent_at IS NOT NULL
  )
RETURNING 1
"""
_OLD = (
    (
        text(
            "DELETE FROM inbox WHERE (topic, event_id) IN"
            " (SELECT topic, event_id FROM inbox WHERE received_at < now() - CAST(:kept AS interval) LIMIT :most)"
        ),
        FOREIGN_IDS,
    ),
    (
        text(
            "DELETE FROM saying WHERE id IN"
            " (SELECT id FROM saying WHERE sent_at < now() - CAST(:kept AS interval) ORDER BY id LIMIT :most)"
        ),
        SAYINGS,
    ),
    (
        text(
            "DELETE FROM idempotency WHERE (account_id, key) IN"
            " (SELECT account_id, key FROM idempotency WHERE created_at < now() - CAST(:kept AS interval) LIMIT :most)"
        ),
        ANSWERS,
    ),
    (
        text(
            "DELETE FROM parked WHERE id IN"
            " (SELECT id FROM parked WHERE settled_at < now() - CAST(:kept AS interval) LIMIT :most)"
        ),
        SETTLED_PARKED,
    ),
)


def of_topic(topic: Topic) -> dict[str, str]:
    """The settings of a topic in Kafka that say what it keeps."""
    if topic.kind is Kind.STATE:
        return {"cleanup.policy": "compact", "delete.retention.ms": _milliseconds(TOMBSTONES)}
    kept = topic.retention or (FOREIGN_IN_TOPIC if topic.kind is Kind.FOREIGN else FACTS_IN_TOPIC)
    return {"cleanup.policy": "delete", "retention.ms": _milliseconds(kept)}


async def housekeep(database: "Database") -> int:
    """How much was made or removed: months of the outbox, superseded states, what is older than its time.

    One short transaction for each; to be called again at once while it is not 0, then daily.
    """
    done = 0
    async with database.transaction() as tx:
        done += int(await tx.scalar(text("SELECT make_outbox_months(:ahead)"), {"ahead": MONTHS_AHEAD}))
    async with database.transaction() as tx:
        done += int(await tx.scalar(text("SELECT drop_outbox_months(:kept)"), {"kept": FACTS_IN_OUTBOX}))
    done += await _forget_superseded(database)
    for statement, kept in _OLD:
        async with database.transaction() as tx:
            done += (await tx.execute(statement, {"kept": kept, "most": AT_ONCE})).rowcount
    return done


async def _forget_superseded(database: "Database") -> int:
    """One pass over all subjects, in pages: states that were sent, and after which a newer one was sent."""
    done, topic, subject = 0, "", UUID(int=0)
    while True:
        async with database.transaction() as tx:
            page = await tx.rows(_SUBJECTS, {"topic": topic, "subject": subject, "most": AT_ONCE})
            if not page:
                return done
            topic, subject = page[-1].topic, page[-1].subject
            gone = await tx.fetch(_SUPERSEDED, [row.topic for row in page], [row.subject for row in page])
            done += len(gone)


def _milliseconds(kept: timedelta) -> str:
    return str(kept // timedelta(milliseconds=1))
