"""What a pupil's page shows besides the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from chassis.identity import Actor
from chassis.transaction import Tx
from registry.organisation import queries as organisations
from registry.student import content
from registry.student.models import DuplicateRow, NumberRow, PlacementRow, StudentRow, StudentVersionRow


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
    found: UUID | None = await tx.scalar(select(StudentRow.school_id).where(StudentRow.id == student_id))
    return found


async def numbers_of(tx: Tx, student_id: UUID) -> list[NumberOfOld]:
    """Every number of a pupil, 学籍号 first, the newest first."""
    rows = await tx.rows(
        select(NumberRow)
        .where(NumberRow.student_id == student_id)
        .order_by(NumberRow.kind.desc(), NumberRow.valid_from.desc(), NumberRow.id.desc())
    )
    return [
        NumberOfOld(
            row.kind, content.unseal_number(tx.vault, row.value_sealed, row.id), row.status, row.issuer,
            row.valid_from, row.valid_until,
        )
        for row in rows
    ]  # fmt: skip


async def placements_of(tx: Tx, enrolment_id: UUID) -> Sequence[Row[Any]]:
    """(class_id, placed_on, left_on) of an enrolment, the newest first."""
    return await tx.rows(
        select(PlacementRow.class_id, PlacementRow.placed_on, PlacementRow.left_on)
        .where(PlacementRow.enrolment_id == enrolment_id)
        .order_by(PlacementRow.placed_on.desc(), PlacementRow.id.desc())
    )


async def steps_of(tx: Tx, student_id: UUID) -> list[Step]:
    """The versions of a pupil, the newest first."""
    rows = await tx.rows(
        select(
            StudentVersionRow.version,
            StudentVersionRow.change,
            StudentVersionRow.status,
            StudentVersionRow.at,
            StudentVersionRow.account_id,
        )
        .where(StudentVersionRow.student_id == student_id)
        .order_by(StudentVersionRow.version.desc())
        .limit(200)
    )
    return [Step(*row) for row in map(tuple, rows)]


@dataclass(frozen=True, slots=True)
class DuplicateCase:
    """Two records that may be one child, as far as the asker may know."""

    id: UUID
    kind: str
    name: str
    school_id: UUID
    holder_school_id: UUID | None
    """None where the asker may not see that school."""
    opened_at: datetime
    closed_at: datetime | None


async def duplicate_cases(
    tx: Tx, actor: Actor, *, open_only: bool, offset: int, limit: int
) -> tuple[list[DuplicateCase], int]:
    """The cases in which a school that the actor sees tried, or holds; and how many there are. Three statements."""
    reach = organisations.within(actor.organisation_id, tx.now.date())
    where = [or_(DuplicateRow.school_id.in_(reach), DuplicateRow.holder_school_id.in_(reach))]
    if open_only:
        where.append(DuplicateRow.closed_at.is_(None))
    total = await tx.scalar(select(func.count()).select_from(DuplicateRow).where(*where))
    rows = await tx.rows(
        select(DuplicateRow)
        .where(*where)
        .order_by(DuplicateRow.opened_at.desc(), DuplicateRow.id)
        .offset(offset)
        .limit(limit)
    )
    seen = await organisations.subtree(tx, actor.organisation_id, tx.now.date())
    found = []
    for row in rows:
        opened = tx.vault.open(row.record_sealed, table="duplicate_case", column="record_sealed", row=row.id)
        holder = row.holder_school_id if row.holder_school_id in seen else None
        name = content.read(opened).record.name if row.school_id in seen else ""
        found.append(DuplicateCase(row.id, row.kind, name, row.school_id, holder, row.opened_at, row.closed_at))
    return found, int(total or 0)
