"""Cases of two records that may be one child."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from chassis.identity import Actor
from chassis.rows import among
from chassis.transaction import Tx
from contracts.record import StudentRecord
from contracts.refusal import NotFound
from registry.organisation import queries as organisations
from registry.student import content
from registry.student.errors import NotYours
from registry.student.models import DuplicateRow
from registry.student.queries.claims import Suspicion, alike_of
from registry.student.queries.pupils import Pupil, pupils


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
        holder = row.holder_school_id if row.holder_school_id in seen else None
        name = _entered(tx, row).name if row.school_id in seen else ""
        found.append(DuplicateCase(row.id, row.kind, name, row.school_id, holder, row.opened_at, row.closed_at))
    return found, int(total or 0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A case with both records in full. Whoever shows it to a person masks it."""

    id: UUID
    kind: str
    school_id: UUID
    holder_school_id: UUID
    opened_at: datetime
    closed_at: datetime | None
    settled_by: UUID | None
    reason: str | None
    entered: StudentRecord
    """What was entered when the case was opened."""
    holder: Pupil | None
    """Who holds the identity, or was there before; None once that pupil is gone."""


async def pair(tx: Tx, case_id: UUID) -> Pair | None:
    """The case; None when there is no such case. Three statements."""
    row = await tx.row(select(DuplicateRow).where(DuplicateRow.id == case_id))
    if row is None:
        return None
    reason = None
    if row.reason_sealed is not None:
        opened = tx.vault.open(row.reason_sealed, table="duplicate_case", column="reason_sealed", row=row.id)
        reason = opened.decode()
    return Pair(
        id=row.id,
        kind=row.kind,
        school_id=row.school_id,
        holder_school_id=row.holder_school_id,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        settled_by=row.settled_by,
        reason=reason,
        entered=_entered(tx, row),
        holder=(await pupils(tx, [row.holder_id])).get(row.holder_id),
    )


async def require_both(tx: Tx, actor: Actor, schools: Collection[UUID]) -> None:
    """Raise NotFound unless the actor sees one of a case's two schools, NotYours unless she sees both."""
    reached = await organisations.subtree(tx, actor.organisation_id, tx.now.date())
    if not reached & set(schools):
        raise NotFound("疑似重复")
    if not reached >= set(schools):
        raise NotYours


async def suspicions(tx: Tx, ids: Collection[UUID]) -> dict[UUID, list[Suspicion]]:
    """Pupil without document → the others who may be the same child; who has none is missing.

    Left out are pairs of which an authority has said that they are two children. Two statements, a third where there
    are any.
    """
    found = await alike_of(tx, ids)
    if not found:
        return found
    rows = await tx.rows(
        select(DuplicateRow.student_id, DuplicateRow.holder_id).where(
            or_(among(DuplicateRow.student_id, found), among(DuplicateRow.holder_id, found)),
            DuplicateRow.settled_by.is_not(None),
        )
    )
    two = {frozenset((row.student_id, row.holder_id)) for row in rows}
    left = {
        student_id: [each for each in others if frozenset((student_id, each.student_id)) not in two]
        for student_id, others in found.items()
    }
    return {student_id: others for student_id, others in left.items() if others}


def _entered(tx: Tx, row: Row[Any]) -> StudentRecord:
    opened = tx.vault.open(row.record_sealed, table="duplicate_case", column="record_sealed", row=row.id)
    return content.read(opened).record
