"""What a sheet or a form hands over, and what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from chassis.ids import new_id
from chassis.sealing import Vault
from contracts.record import StudentRecord
from registry.student import content
from registry.student.commands.keys import Identity, identity, match_document, name_index, number_index
from registry.student.domain import Problem, formal_number, has_citizen_id, own_document

MOST_AT_ONCE = 1_000
"""Entries of one call."""


class Outcome(StrEnum):
    """What became of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Prepared(NamedTuple):
    """What only needs the record itself: half of the work of drafting it, which another process may do."""

    who: Identity
    record_id: UUID
    """Of the content; a new pupil gets it as her own id. Ids rise in the order in which entries are prepared."""
    sealed: bytes
    """The content as it is stored under `record_id`."""
    digest: bytes
    name: str
    birth_date: date | None
    citizen_id: str | None
    """A valid citizen ID of the pupil's own, of which a 学籍号 may be made."""
    formal_index: bytes | None
    """The index of that 学籍号."""
    name_index: bytes
    match_document: bytes | None

    def described(self) -> dict[str, Any]:
        """What a pupil's row says of the content, but for numbers and class."""
        return {
            "digest": self.digest,
            "name_index": self.name_index,
            "person_index": self.who.person,
            "documented": self.who.documented,
            "match_document": self.match_document,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """A pupil as a row of a sheet or a form gives it, after `student.entry` has read it without a problem."""

    row: int
    pupil: StudentRecord | Prepared
    """The record, or what `prepare` found out about it where somebody had time for that beforehand."""
    class_number: str | None = None
    grade: int | None = None
    school_code: str | None = None
    continuation: str | None = None
    reasons: str | None = None
    """情况说明, where `pupil` is the record; it is part of the content."""


def prepare(vault: Vault, record: StudentRecord, reasons: str | None) -> Prepared:
    """Identity, content and keyed hashes of a record that `domain.basics` finds no fault with. For any process."""
    body, record_id = content.written(record, reasons), new_id()
    document = own_document(record) if has_citizen_id(record) else None
    return Prepared(
        who=identity(vault, record),
        record_id=record_id,
        sealed=content.seal(vault, body, record_id),
        digest=content.digest(vault, body),
        name=record.name,
        birth_date=record.birth_date,
        citizen_id=document[1] if document else None,
        formal_index=number_index(vault, formal_number(document[1])) if document else None,
        name_index=name_index(vault, record.name),
        match_document=match_document(vault, record),
    )


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
