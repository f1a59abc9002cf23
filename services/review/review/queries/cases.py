"""Cases, in the order in which a reviewer works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, tuple_

from chassis.identity.copies import calendar_of, organisations_of
from chassis.transaction import Tx
from contracts.refusal import NotFound
from contracts.values import AUTHORITY_KINDS, RequestKind
from review import domain
from review.domain import Outcome, State
from review.models import CaseRow
from review.queries.calendars import UNHEARD
from review.queries.sight import Sight, reaching


class Sort(StrEnum):
    """In which order cases are read."""

    DEADLINE = "deadline"
    SUBMITTED = "submitted"


_ORDER = {
    Sort.DEADLINE: (CaseRow.deadline, CaseRow.submitted_at, CaseRow.id),
    Sort.SUBMITTED: (CaseRow.submitted_at, CaseRow.id),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases of those that may be seen; what is None does not matter."""

    state: State | None = None
    decision: Outcome | None = None
    school: UUID | None = None
    student: UUID | None = None
    kind: RequestKind | None = None
    school_year: int | None = None
    overdue: bool | None = None
    flagged: bool | None = None
    decided_by: UUID | None = None
    """Whose to decide: routed to this organisation, or escalated to it."""
    unrouted: bool | None = None
    escalated_to: UUID | None = None
    """Open ones that were brought before this organisation because their deadline had passed."""
    due_soon_for: UUID | None = None
    """Open ones that are due soon by this organisation's calendar."""

    def conditions(self, today: date, soon: date | None = None) -> list[ColumnElement[bool]]:
        """The same for a statement over cases; `soon` is the last day on which something is due soon."""
        is_open = CaseRow.state == State.OPEN.value
        late = is_open & (CaseRow.deadline < today)
        said = func.cardinality(CaseRow.warnings) > 0
        nobody = CaseRow.authority_id.is_(None)
        wanted: list[tuple[object, ColumnElement[bool]]] = [
            (self.state, CaseRow.state == self.state),
            (self.decision, CaseRow.decision == self.decision),
            (self.school, CaseRow.school_id == self.school),
            (self.student, CaseRow.student_id == self.student),
            (self.kind, CaseRow.kind == self.kind),
            (self.school_year, CaseRow.school_year == self.school_year),
            (self.overdue, late if self.overdue else ~late),
            (self.flagged, said if self.flagged else ~said),
            (self.unrouted, nobody if self.unrouted else ~nobody),
            (self.escalated_to, is_open & (CaseRow.escalated_to == self.escalated_to)),
            (soon, is_open & CaseRow.deadline.between(today, soon)),
            (
                self.decided_by,
                (CaseRow.authority_id == self.decided_by) | (CaseRow.escalated_to == self.decided_by),
            ),
        ]
        return [condition for asked, condition in wanted if asked is not None]


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list, and how long the whole is."""

    rows: Sequence[Row[Any]]
    total: int


async def _where(tx: Tx, sight: Sight, filters: Filters) -> list[ColumnElement[bool]]:
    today, soon = tx.now.date(), None
    if filters.due_soon_for is not None:
        soon = domain.soon(await calendar_of(tx, filters.due_soon_for) or UNHEARD, today)
    return [sight.condition(), *filters.conditions(today, soon)]


async def page(tx: Tx, sight: Sight, filters: Filters, sort: Sort, offset: int, limit: int) -> Page:
    """Cases by deadline or by submission. Two statements, a third for what is due soon."""
    where = await _where(tx, sight, filters)
    total = await tx.scalar(select(func.count()).select_from(CaseRow).where(*where))
    rows = await tx.rows(select(*CaseRow.__table__.c).where(*where).order_by(*_ORDER[sort]).offset(offset).limit(limit))
    return Page(rows, int(total or 0))


async def case(tx: Tx, sight: Sight, case_id: UUID) -> Row[Any] | None:
    """One case, if it may be seen."""
    return await tx.row(select(*CaseRow.__table__.c).where(CaseRow.id == case_id, sight.condition()))


async def authorities(tx: Tx, sight: Sight, case_id: UUID | None) -> Mapping[UUID, str]:
    """All authorities by code, with their names; of a case, those to which it may be handed. Raises NotFound.

    Where nobody is known to reach its school yet, that may be each of them.
    """
    if case_id is not None:
        row = await case(tx, sight, case_id)
        if row is None:
            raise NotFound("申请")
        found = await reaching(tx, row)
        if found:
            return {each: name for each, name in found.items() if each != row.authority_id}
    return {each.id: each.name for each in await organisations_of(tx, AUTHORITY_KINDS)}


async def neighbours(
    tx: Tx, sight: Sight, filters: Filters, sort: Sort, row: Row[Any]
) -> tuple[UUID | None, UUID | None]:
    """The cases before and after one in a list, which need not be in that list itself any more. Two statements,
    a third where the list is of what is due soon.
    """
    order = _ORDER[sort]
    place = tuple_(*(getattr(row, column.key) for column in order))
    where = await _where(tx, sight, filters)
    listed = select(CaseRow.id).where(*where).limit(1)
    before = await tx.scalar(listed.where(tuple_(*order) < place).order_by(*(column.desc() for column in order)))
    after = await tx.scalar(listed.where(tuple_(*order) > place).order_by(*order))
    return before, after
