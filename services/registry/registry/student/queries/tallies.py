"""How many pupils of each school stand where."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, func, select

from chassis.identity import Actor
from chassis.rows import among
from chassis.transaction import Tx
from contracts.values import PhotoState, StudentStatus
from registry.organisation import queries as organisations
from registry.student.domain import EDITABLE
from registry.student.models import EnrolmentRow, StudentRow


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one school."""

    statuses: Mapping[StudentStatus, int]
    unplaced: int
    """Of those whom the school may still change."""
    photos_missing: int
    """Of those to be submitted or decided, first grades without an accepted photo. Source: art. 12."""
    problems: int
    """Pupils with open problem records of the nation."""


NOTHING = Tally({}, 0, 0, 0)


async def tallies(tx: Tx, school_ids: Collection[UUID]) -> dict[UUID, Tally]:
    """School → its counts; a school without pupils is missing. One statement."""
    editable = StudentRow.status.in_([status.value for status in EDITABLE])
    undecided = StudentRow.status.in_([status.value for status in (*EDITABLE, StudentStatus.SUBMITTED)])
    has_photo = func.coalesce(EnrolmentRow.photo_state, "") == PhotoState.ACCEPTED.value
    rows = await tx.rows(
        select(
            StudentRow.school_id,
            StudentRow.status,
            func.count().label("pupils"),
            func.count().filter(and_(editable, EnrolmentRow.class_id.is_(None))).label("unplaced"),
            func.count().filter(and_(undecided, EnrolmentRow.first_grade, ~has_photo)).label("photos_missing"),
            func.count().filter(EnrolmentRow.problem_count > 0).label("problems"),
        )
        .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
        .where(among(StudentRow.school_id, school_ids))
        .group_by(StudentRow.school_id, StudentRow.status)
    )
    found: dict[UUID, Tally] = {}
    for school_id, status, pupils, unplaced, photos_missing, problems in map(tuple, rows):
        before = found.get(school_id, NOTHING)
        found[school_id] = Tally(
            {**before.statuses, StudentStatus(status): pupils},
            before.unplaced + unplaced,
            before.photos_missing + photos_missing,
            before.problems + problems,
        )
    return found


async def waiting(tx: Tx, schools: Select[UUID]) -> dict[UUID, int]:
    """School → pupils whom it has entered and not submitted; schools without any are missing. One statement."""
    rows = await tx.rows(
        select(StudentRow.school_id, func.count().label("pupils"))
        .where(StudentRow.status.in_([status.value for status in EDITABLE]), StudentRow.school_id.in_(schools))
        .group_by(StudentRow.school_id)
    )
    return {row.school_id: row.pupils for row in rows}


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Pupils whom the actor sees: by status, editable and unplaced, with problem records. One statement."""
    editable = StudentRow.status.in_([status.value for status in EDITABLE])
    row = await tx.row(
        select(
            *(func.count().filter(StudentRow.status == status.value).label(key) for key, status in _DESK.items()),
            func.count().filter(editable, EnrolmentRow.class_id.is_(None)).label("unplaced"),
            func.count().filter(EnrolmentRow.problem_count > 0).label("problems"),
        )
        .select_from(StudentRow)
        .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
        .where(StudentRow.school_id.in_(organisations.within(actor.organisation_id, tx.now.date())))
    )
    assert row is not None
    return dict(row._mapping)


_DESK = {
    "drafts": StudentStatus.DRAFT,
    "returned": StudentStatus.RETURNED,
    "submitted": StudentStatus.SUBMITTED,
    "rejected": StudentStatus.REJECTED,
    "registered": StudentStatus.REGISTERED,
}


async def next_waiting(tx: Tx, school_id: UUID, class_id: UUID | None, after: UUID | None, limit: int) -> list[UUID]:
    """The next pupils, by id, whom the school, or one class of it, has entered and not submitted. One statement."""
    statement = (
        select(StudentRow.id)
        .where(StudentRow.school_id == school_id, StudentRow.status.in_([status.value for status in EDITABLE]))
        .order_by(StudentRow.id)
        .limit(limit)
    )
    if class_id is not None:
        statement = statement.join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id).where(
            EnrolmentRow.class_id == class_id
        )
    if after is not None:
        statement = statement.where(StudentRow.id > after)
    return [row.id for row in await tx.rows(statement)]
