"""What a sheet or a form hands over, and what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from chassis.sealing import Vault
from contracts.record import StudentRecord
from registry.student import content
from registry.student.commands.keys import Identity, identity
from registry.student.domain import Problem

MOST_AT_ONCE = 1_000
"""Entries of one call."""


class Outcome(StrEnum):
    """What became of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A pupil as a row of a sheet or a form gives it, after `student.entry` has read it without a problem."""

    row: int
    record: StudentRecord
    class_number: str | None = None
    grade: int | None = None
    school_code: str | None = None
    continuation: str | None = None
    reasons: str | None = None
    prepared: "Prepared | None" = None
    """What `prepare` found out about it, where somebody had time for that beforehand."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What only needs the entry itself: half of the work of drafting it."""

    who: Identity
    body: bytes
    """The content as it will be sealed."""
    digest: bytes


def prepare(vault: Vault, record: StudentRecord, reasons: str | None) -> Prepared:
    """Identity, content and digest of an entry whose record `domain.basics` finds no fault with. For any thread."""
    body = content.written(record, reasons)
    return Prepared(identity(vault, record), body, content.digest(vault, body))


@dataclass(slots=True)
class Drafted:
    """What became of the entry of that row."""

    row: int
    outcome: Outcome
    student_id: UUID | None
    """The school's own pupil; None for duplicate and refused."""
    problems: tuple[Problem, ...] = ()
    """Why it was refused or is a duplicate; of a created pupil, what deserves a second look."""
    previous_version: int | None = None
    """Version of the draft before this entry, None when created: what an undo goes back to."""
    identity: bytes = b""
    """16 bytes by which a later row of the same sheet is known as the same child."""
    seat: UUID | None = None
    """The class in which the entry takes a seat."""


@dataclass(slots=True)
class SheetMemory:
    """What earlier calls of one sheet took; the caller adds to it what was committed."""

    identities: dict[bytes, int] = field(default_factory=dict)
    """Identity → row that entered it."""
    seats: Counter[UUID] = field(default_factory=Counter)
    """Seats that earlier calls of a rehearsal would have taken."""

    def note(self, drafted: Iterable[Drafted], *, rehearsed: bool) -> None:
        """Remember what became of entries."""
        for each in drafted:
            if each.student_id is not None or each.outcome is Outcome.CREATED:
                self.identities[each.identity] = each.row
            if rehearsed and each.seat is not None:
                self.seats[each.seat] += 1
