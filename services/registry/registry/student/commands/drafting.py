"""Drafts of new pupils, a thousand at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from contracts.record import StudentRecord
from registry.student.domain import Problem

if TYPE_CHECKING:
    from chassis.transaction import Tx


class Outcome(StrEnum):
    """What became of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A pupil as a row of a sheet or a form gives it, after `entry.read_row` has read it without a problem."""

    row: int
    record: StudentRecord
    class_number: str | None = None
    grade: int | None = None
    school_code: str | None = None
    continuation: str | None = None
    reasons: str | None = None


@dataclass(frozen=True, slots=True)
class Drafted:
    """What became of the entry of that row."""

    row: int
    outcome: Outcome
    student_id: UUID | None
    """The school's own pupil; None for duplicate and refused."""
    problems: tuple[Problem, ...] = ()
    previous_version: int | None = None
    """Version of the draft before this entry, None when created: what an undo goes back to."""


async def draft(tx: "Tx", school_id: UUID, entries: Sequence[Entry]) -> Sequence[Drafted]:
    """Drafts for the entries, one Drafted per entry in their order; at most 1,000 in a call, about ten statements."""
    raise NotImplementedError


async def rehearse(tx: "Tx", school_id: UUID, entries: Sequence[Entry]) -> Sequence[Drafted]:
    """What `draft` would answer now, without storing anything (a snapshot is enough): the dry run of an import."""
    raise NotImplementedError
