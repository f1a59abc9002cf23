"""Counts: the work desk, and how far each school is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from chassis.identity import Actor
from chassis.identity.copies import calendar_of
from chassis.transaction import Tx
from contracts.values import Role
from review import domain
from review.domain import Outcome, State
from review.models import CaseRow
from review.queries.calendars import UNHEARD
from review.queries.sight import Sight

_OPEN = CaseRow.state == State.OPEN.value


@dataclass(frozen=True, slots=True)
class Progress:
    """How many requests of a school stand where."""

    school_id: UUID
    open: int
    approved: int
    returned: int
    rejected: int
    withdrawn: int
    overdue: int
    oldest: date | None
    """The day on which the oldest open one was submitted."""


async def progress(tx: Tx, sight: Sight, school_year: int | None) -> Sequence[Progress]:
    """Each school that has submitted anything, those with most open ones first. One statement.

    Requests are counted, not pupils: one that was returned and submitted again counts twice, as the lists do that the
    counts lead to.
    """
    today = tx.now.date()
    waiting = func.count().filter(_OPEN)
    wanted = (
        select(
            CaseRow.school_id,
            waiting.label("open"),
            func.count().filter(CaseRow.decision == Outcome.APPROVED.value).label("approved"),
            func.count().filter(CaseRow.decision == Outcome.RETURNED.value).label("returned"),
            func.count().filter(CaseRow.decision == Outcome.REJECTED.value).label("rejected"),
            func.count().filter(CaseRow.state == State.WITHDRAWN.value).label("withdrawn"),
            func.count().filter(_OPEN, CaseRow.deadline < today).label("overdue"),
            func.min(CaseRow.submitted_on).filter(_OPEN).label("oldest"),
        )
        .where(sight.condition())
        .group_by(CaseRow.school_id)
        .order_by(waiting.desc(), CaseRow.school_id)
    )
    if school_year is not None:
        wanted = wanted.where(CaseRow.school_year == school_year)
    return [Progress(**row._mapping) for row in await tx.rows(wanted)]


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """What waits for whoever asks: an authority's own cases and those escalated to it; a school's own requests.

    Two statements. `cases_due_soon` counts what is due within three working days, today's included.
    """
    own = actor.organisation_id
    at_school = bool(actor.roles & {Role.REGISTRAR, Role.TEACHER})
    mine = CaseRow.school_id == own if at_school else or_(CaseRow.authority_id == own, CaseRow.escalated_to == own)
    today = tx.now.date()
    calendar = await calendar_of(tx, own) or UNHEARD
    soon = domain.soon(calendar, today)
    returned = and_(
        CaseRow.state == State.DECIDED.value,
        CaseRow.decision == Outcome.RETURNED.value,
        CaseRow.school_year == calendar.active_school_year,
    )
    row = await tx.row(
        select(
            func.count().filter(_OPEN).label("cases_open"),
            func.count().filter(_OPEN, CaseRow.deadline < today).label("cases_overdue"),
            func.count().filter(_OPEN, CaseRow.deadline.between(today, soon)).label("cases_due_soon"),
            func.count().filter(_OPEN, func.cardinality(CaseRow.warnings) > 0).label("cases_flagged"),
            func.count().filter(_OPEN, CaseRow.escalated_to == own).label("cases_escalated"),
            func.count().filter(returned).label("cases_returned"),
        ).where(mine, or_(_OPEN, returned))
    )
    assert row is not None
    counts = dict(row._mapping)
    if Role.PROVINCE_ADMIN in actor.roles:
        unrouted = select(func.count()).where(_OPEN, CaseRow.authority_id.is_(None))
        counts["cases_unrouted"] = int(await tx.scalar(unrouted) or 0)
    return counts
