"""What sync says: records for the nation, and where a pupil stands there."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from contracts.event import Event, Words
from contracts.values import ProblemType, Stage


class Operation(StrEnum):
    NEW = "new"
    CHANGE = "change"
    VOID = "void"


class NationalRecord(Event):
    """A pupil in the nation's own field names and codes; travels sealed for the nation. Never names the grade.

    Source: art. 5.
    """

    operation: Operation
    effective_on: date
    province: str
    stage: Stage
    entry_year: int
    class_number: str
    content_hash: str
    fields: dict[str, str]
    """National column → value; empty columns are left out."""
    family: tuple[dict[str, str], ...]
    """At most two members, as on the national form."""


class Standing(StrEnum):
    """How the nation has last answered for a pupil."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PROBLEM = "problem"


class OpenProblem(Words):
    """A problem record 问题学籍 that waits for evidence or a correction."""

    problem: ProblemType
    found_at_version: int
    note: str = ""


class NationalStandingChanged(Event):
    """Where a pupil stands with the nation; travels sealed, for it carries the issued number."""

    standing: Standing
    enrolment_id: UUID
    accepted_version: int | None = None
    number: str | None = None
    """学籍号 issued by the nation."""
    problems: tuple[OpenProblem, ...] = ()
    rejections: tuple[str, ...] = ()
    """Sentences of the last rejection."""
