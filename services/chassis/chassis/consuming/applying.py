"""One transaction: a batch is admitted, what cannot be applied is kept, the hearers are called, the offsets noted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from chassis import crash
from chassis.consuming import keeping
from chassis.consuming.admission import Mark, Plan, admit_facts, admit_foreign, admit_states, by_subject
from chassis.consuming.declaring import Hearer, Subscribers
from chassis.consuming.records import Fault, Outcome, Record
from chassis.sealing import SealBroken
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.identity import Actor
    from chassis.transaction import Database, Tx


@dataclass(slots=True)
class Attempt:
    """What a try came to, known also when it failed half-way."""

    drained: list[Record] = field(default_factory=list)
    """Waiting records that were applied with it."""
    parked: int = 0
    """Records that were found to be poison."""


class Applying:
    """Applies records of one topic for one service."""

    def __init__(self, database: "Database", subscribers: Subscribers, topic: Topic) -> None:
        self.database = database
        self.topic = topic
        self.hearers: Mapping[str, Sequence[Hearer]] = subscribers.of(topic)
        self._order = list(dict.fromkeys(hearing.hearer for hearing in subscribers.hearings if hearing.topic is topic))

    async def apply(
        self, records: Sequence[Record], attempt: Attempt, *, drain: bool = True, actor: "Actor | None" = None
    ) -> None:
        """One transaction for all of them; each record has its outcome once it is committed.

        Raises whatever a hearer or the database raises; then nothing has changed.
        """
        crash.point("ack.after_receive_before_tx" if self.topic.kind is Kind.FOREIGN else "consume.before_tx")
        async with self.database.transaction(actor, consuming=True) as tx:
            plan = await self._admit(tx, records, drain=drain)
            attempt.drained = plan.drained
            await keeping.note_offsets(tx, self.topic, records)
            # Answers of strangers have no versions to stand in line by: whoever hears them takes them in any order.
            for wave in [plan.admitted] if self.topic.kind is Kind.FOREIGN else plan.waves():
                await self._call(tx, wave)
                crash.point("consume.mid_tx")
        for record, outcome in plan.outcomes.items():
            record.outcome = outcome
        attempt.parked = sum(fault.reason != "behind" for _, fault in plan.parks)
        if plan.parks:
            crash.point("dlq.after_park_before_offset")

    async def _admit(self, tx: "Tx", records: Sequence[Record], *, drain: bool) -> Plan:
        plan = Plan()
        for record in records:
            if record.envelope is None:
                assert record.fault is not None
                plan.park(record, record.fault)
        subjects = by_subject(records)
        if self.topic.kind is Kind.FOREIGN:
            readable = [record for record in records if record.envelope is not None]
            ids = [record.envelope.id for record in readable if record.envelope is not None]
            admit_foreign(plan, readable, await keeping.new_ids(tx, self.topic, ids), self._open)
            await keeping.store(tx, self.topic, plan, {}, self.database)
            return plan
        before = await keeping.lock(tx, self.topic, list(subjects))
        marks = {subject: mark.copy() for subject, mark in before.items()}
        replayed = await self._release(tx, records, marks)
        if self.topic.kind is Kind.STATE:
            admit_states(plan, subjects, marks, self._open)
        else:
            waiting = await keeping.waiting_of(tx, self.topic, before, self.database)
            admit_facts(plan, subjects, marks, waiting, self._open, drain=drain)
        for subject in replayed:
            plan.marks[subject].held = "parked"
        await keeping.store(tx, self.topic, plan, before, self.database)
        return plan

    async def _release(self, tx: "Tx", records: Sequence[Record], marks: Mapping[UUID, Mark]) -> set[UUID]:
        """Records that are replayed are not held up by themselves. Subjects that have more parked than these."""
        rows = {record.envelope.subject: record.parked_id for record in records if record.parked_id and record.envelope}
        if not rows:
            return set()
        for subject in rows:
            if subject in marks:
                marks[subject].held = None
        return await keeping.still_parked(tx, self.topic, list(rows), [row for row in rows.values() if row])

    async def _call(self, tx: "Tx", wave: Sequence[Record]) -> None:
        calls: dict[Hearer, list[Record]] = {}
        for record in wave:
            for hearer in self.hearers.get(record.kind, ()):
                calls.setdefault(hearer, []).append(record)
        for hearer in self._order:
            if hearer in calls:
                tx.caused_by(dict(record.cause() for record in calls[hearer]))
                await hearer(tx, [record.received() for record in calls[hearer]])

    def _open(self, record: Record) -> Fault | None:
        """Read the event when somebody hears it; the headers alone decide that."""
        if record.kind not in self.hearers:
            return None
        try:
            record.open(self.database.wire if self.topic.sealed else None)
        except (ValidationError, SealBroken) as error:
            return Fault.of(error)
        return None


def counted(records: Sequence[Record]) -> Mapping[Outcome, int]:
    """How many records have each outcome."""
    counts: dict[Outcome, int] = {}
    for record in records:
        if record.outcome is not None:
            counts[record.outcome] = counts.get(record.outcome, 0) + 1
    return counts
