"""What a pupil's page shows besides the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from chassis.transaction import Tx
from registry.student import content
from registry.student.models import NumberRow, PlacementRow, StudentRow, StudentVersionRow

_SCHOOL = select(StudentRow.school_id).where(StudentRow.id == bindparam("student"))
_NUMBERS = (
    select(NumberRow)
    .where(NumberRow.student_id == bindparam("student"))
    .order_by(NumberRow.kind.desc(), NumberRow.valid_from.desc(), NumberRow.id.desc())
)
_PLACEMENTS = (
    select(PlacementRow.class_id, PlacementRow.placed_on, PlacementRow.left_on)
    .where(PlacementRow.enrolment_id == bindparam("enrolment"))
    .order_by(PlacementRow.placed_on.desc(), PlacementRow.id.desc())
)
_STEPS = (
    select(
        StudentVersionRow.version,
        StudentVersionRow.change,
        StudentVersionRow.status,
        StudentVersionRow.at,
        StudentVersionRow.account_id,
    )
    .where(StudentVersionRow.student_id == bindparam("student"))
    .order_by(StudentVersionRow.version.desc())
    .limit(200)
)


@dataclass(frozen=True, slots=True)
class NumberOfOld:
    """A number that the pupil carries or carried."""

    kind: str
    value: str
    status: str
    issuer: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Step:
    """One version of a pupil's record."""

    version: int
    change: str
    status: str
    at: datetime
    account_id: UUID | None


async def school_of(tx: Tx, student_id: UUID) -> UUID | None:
    """The school of a pupil; None when there is no such pupil."""
    found: UUID | None = await tx.scalar(_SCHOOL, {"student": student_id})
    return found


async def numbers_of(tx: Tx, student_id: UUID) -> list[NumberOfOld]:
    """Every number of a pupil, 学籍号 first, the newest first."""
    rows = await tx.rows(_NUMBERS, {"student": student_id})
    return [
        NumberOfOld(
            row.kind, content.unseal_number(tx.vault, row.value_sealed, row.id), row.status, row.issuer,
            row.valid_from, row.valid_until,
        )
        for row in rows
    ]  # fmt: skip


async def placements_of(tx: Tx, enrolment_id: UUID) -> Sequence[Row[Any]]:
    """(class_id, placed_on, left_on) of an enrolment, the newest first."""
    return await tx.rows(_PLACEMENTS, {"enrolment": enrolment_id})


async def steps_of(tx: Tx, student_id: UUID) -> list[Step]:
    """The versions of a pupil, the newest first."""
    rows = await tx.rows(_STEPS, {"student": student_id})
    return [Step(*row) for row in map(tuple, rows)]
