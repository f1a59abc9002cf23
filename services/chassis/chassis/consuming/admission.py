"""Which records of a batch are applied, and what becomes of the others. It decides; it stores nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from chassis.consuming.records import BEHIND, CONFLICT, Fault, Outcome, Record

Held = Literal["waiting", "parked"] | None
Open = Callable[[Record], Fault | None]
"""Reads a record's event if somebody hears it; why it cannot be read, or None."""


@dataclass(slots=True)
class Mark:
    """How far a subject has been applied, and whether something of it is kept back."""

    epoch: int = 0
    version: int = 0
    hash: bytes = b""
    held: Held = None

    @property
    def order(self) -> tuple[int, int]:
        return self.epoch, self.version

    def copy(self) -> "Mark":
        """Another one that can be moved."""
        return Mark(self.epoch, self.version, self.hash, self.held)

    def advance(self, record: Record) -> None:
        """The record is applied."""
        assert record.envelope is not None
        self.epoch, self.version, self.hash = record.envelope.epoch, record.envelope.version, record.hash

    def precedes(self, order: tuple[int, int]) -> bool:
        """Whether a fact of this order is the next one.

        A newer epoch begins where its writer was restored to: at most one behind what was applied.
        """
        epoch, version = order
        return version == self.version + 1 if epoch == self.epoch else version <= self.version + 1


@dataclass(slots=True)
class Plan:
    """What a transaction does with a batch."""

    admitted: list[Record] = field(default_factory=list)
    marks: dict[UUID, Mark] = field(default_factory=dict)
    """New marks of the subjects that have changed."""
    waits: list[Record] = field(default_factory=list)
    parks: list[tuple[Record, Fault]] = field(default_factory=list)
    drained: list[Record] = field(default_factory=list)
    """Waiting records whose time has come."""
    moved: set[UUID] = field(default_factory=set)
    """Subjects whose waiting records are parked now."""
    outcomes: dict[Record, Outcome] = field(default_factory=dict)

    def admit(self, record: Record) -> None:
        """It is applied."""
        self.admitted.append(record)
        self.outcomes[record] = Outcome.APPLIED

    def park(self, record: Record, fault: Fault, mark: Mark | None = None) -> None:
        """It is kept as one that cannot be applied, and its subject is marked."""
        self.parks.append((record, fault))
        self.outcomes[record] = Outcome.PARKED
        if mark is not None:
            mark.held = "parked"

    def wait(self, record: Record) -> None:
        """It is kept until an earlier one comes."""
        self.waits.append(record)
        self.outcomes[record] = Outcome.WAITING

    def compare(self, record: Record, mark: Mark) -> None:
        """A record that is not newer than what was applied is seen; the same version with other bytes is a conflict."""
        assert record.envelope is not None
        if record.envelope.order == mark.order and record.hash != mark.hash:
            self.park(record, CONFLICT, mark)
        else:
            self.outcomes[record] = Outcome.SEEN

    def waves(self) -> Iterable[Sequence[Record]]:
        """The admitted records, each subject's in order, one of each subject at a time."""
        waves: list[list[Record]] = []
        depth: dict[UUID, int] = {}
        for record in self.admitted:
            assert record.envelope is not None
            subject = record.envelope.subject
            n = depth.get(subject, 0)
            depth[subject] = n + 1
            if n == len(waves):
                waves.append([])
            waves[n].append(record)
        return waves


def by_subject(records: Iterable[Record]) -> dict[UUID, list[Record]]:
    """The readable records of each subject, in the order of their coming."""
    found: dict[UUID, list[Record]] = {}
    for record in records:
        if record.envelope is not None:
            found.setdefault(record.envelope.subject, []).append(record)
    return found


def admit_facts(
    plan: Plan,
    records: Mapping[UUID, Sequence[Record]],
    marks: Mapping[UUID, Mark],
    waiting: Mapping[UUID, Sequence[Record]],
    open_: Open,
    *,
    drain: bool,
) -> None:
    """Facts: the last version + 1, and behind it what has waited for it; nothing behind one that is parked."""
    for subject, come in records.items():
        mark = marks.get(subject) or Mark()
        kept = waiting.get(subject, ())
        again = {_order(record) for record in come} if kept else ()
        pool = {order: record for record in kept if (order := _order(record)) not in again}
        queue = list(reversed(come))
        if pool and drain and (ready := next((each for each in pool if mark.precedes(each)), None)) is not None:
            plan.drained.append(pool[ready])
            queue.append(pool.pop(ready))
        while queue:
            record = queue.pop()
            order = _order(record)
            if order <= mark.order:
                plan.compare(record, mark)
            elif mark.held == "parked":
                plan.park(record, BEHIND)
            elif not mark.precedes(order):
                pool.setdefault(order, record)
                plan.wait(record)
            elif fault := record.fault or open_(record):
                plan.park(record, fault, mark)
            else:
                plan.admit(record)
                mark.advance(record)
                following = next((each for each in pool if mark.precedes(each)), None) if pool and drain else None
                if following is not None:
                    plan.drained.append(pool[following])
                    queue.append(pool.pop(following))
        _keep_back(plan, subject, mark, [record for order, record in pool.items() if order > mark.order])
        plan.marks[subject] = mark


def _keep_back(plan: Plan, subject: UUID, mark: Mark, left: Sequence[Record]) -> None:
    """What still waits goes behind what is parked, and the mark says that something is kept back."""
    if mark.held == "parked":
        plan.moved.add(subject)
        for record in left:
            plan.park(record, BEHIND)
        plan.waits = [record for record in plan.waits if record not in left]
    else:
        mark.held = "waiting" if left else None


def admit_states(plan: Plan, records: Mapping[UUID, Sequence[Record]], marks: Mapping[UUID, Mark], open_: Open) -> None:
    """State: the newest of the batch that can be read, when it is newer than what was applied."""
    for subject, come in records.items():
        mark = marks.get(subject) or Mark()
        for record in sorted(come, key=_order, reverse=True):
            if _order(record) <= mark.order:
                plan.compare(record, mark)
            elif fault := record.fault or open_(record):
                plan.park(record, fault, mark)
            else:
                plan.admit(record)
                mark.advance(record)
        plan.marks[subject] = mark


def admit_foreign(plan: Plan, records: Iterable[Record], new: frozenset[UUID], open_: Open) -> None:
    """Foreign events: each id once, in the order of their coming."""
    left = set(new)
    for record in records:
        assert record.envelope is not None
        if record.parked_id is None and record.envelope.id not in left:
            plan.outcomes[record] = Outcome.SEEN
            continue
        left.discard(record.envelope.id)
        if fault := record.fault or open_(record):
            plan.park(record, fault)
        else:
            plan.admit(record)


def _order(record: Record) -> tuple[int, int]:
    assert record.envelope is not None
    return record.envelope.order
