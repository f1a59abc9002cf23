"""Cases are opened, routed to an authority, and given a deadline."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Integer, Row, Uuid, and_, any_, exists, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.clock import ZONE
from chassis.consuming import Received
from chassis.identity.copies import CalendarCopy, authority_of, calendars_of, organisations
from chassis.identity.copies.tables import LINKS
from chassis.rows import values_of
from chassis.transaction import Tx
from contracts.registry import RequestSubmitted
from review import domain, queries
from review.commands.noting import note
from review.domain import State
from review.models import CaseRow

CHUNK = 500
"""Cases that a timer touches in one transaction."""


async def open_cases(tx: Tx, submitted: Sequence[Received[RequestSubmitted]]) -> None:
    """One case per request, at the first step of its route and with its deadline.

    Three statements, however many requests; one more where registry did not name an authority. A request whose
    authority is not known yet is stored unrouted, and completed when the organisation's state arrives. Earlier cases
    of the same pupil stay as they are. Source: art. 15.
    """
    authorities = await _authorities(
        tx, {received.subject: (received.event.authority_id, received.event.school_id) for received in submitted}
    )
    calendars = await calendars_of(tx, {received.event.school_id for received in submitted})
    days = {received.subject: received.event.submitted_at.astimezone(ZONE).date() for received in submitted}
    due = _deadlines(
        {(each.event.school_id, each.event.school_year, days[each.subject]) for each in submitted}, calendars
    )
    rows = [_opened(each, authorities.get(each.subject), days[each.subject], due) for each in submitted]
    await tx.insert(CaseRow, rows, skip_existing=True)
    note(tx, "case.open", {row["id"]: row["school_id"] for row in rows})


Day = tuple[UUID, int, date]
"""School, school year, day of submission: what a deadline follows from."""


def _deadlines(days: Collection[Day], calendars: Mapping[UUID, CalendarCopy]) -> dict[Day, date]:
    """The deadline of each; a school whose calendar is not known has no holidays."""
    return {
        (school, year, day): domain.deadline(calendars.get(school, queries.UNHEARD), year, day)
        for school, year, day in days
    }


def _opened(
    received: Received[RequestSubmitted], authority: UUID | None, submitted_on: date, due: Mapping[Day, date]
) -> dict[str, Any]:
    said = received.event
    return {
        "id": received.subject,
        "kind": said.kind.value,
        "student_id": said.student_id,
        "enrolment_id": said.enrolment_id,
        "school_id": said.school_id,
        "class_id": said.class_id,
        "stage": said.stage.value,
        "submission_number": said.submission_number,
        "content_hash": said.content_hash,
        "submitted_by": said.submitted_by,
        "submitted_at": said.submitted_at,
        "submitted_on": submitted_on,
        "school_year": said.school_year,
        "warnings": list(said.warnings),
        "asked_authority_id": said.authority_id,
        "authority_id": authority,
        "step": 1,
        "state": State.OPEN.value,
        "deadline": due[said.school_id, said.school_year, submitted_on],
    }


async def _authorities(tx: Tx, wanted: Mapping[UUID, tuple[UUID | None, UUID]]) -> dict[UUID, UUID]:
    """Case → who decides it, where that is known. `wanted`: case → (authority that the request named, school)."""
    unnamed = {school for asked, school in wanted.values() if asked is None}
    linked = await authority_of(tx, unnamed, tx.now.date()) if unnamed else {}
    meant = {case: asked or linked.get(school) for case, (asked, school) in wanted.items()}
    known = await organisations(tx, {authority for authority in meant.values() if authority})
    return {case: authority for case, authority in meant.items() if authority is not None and authority in known}


async def complete_routes(tx: Tx, arrived: Collection[UUID]) -> int:
    """How many unrouted cases have found their authority, now that these organisations are known. Four statements."""
    ids = literal(list(arrived), ARRAY(Uuid))
    linked = exists().where(LINKS.c.school_id == CaseRow.school_id, LINKS.c.authority_id == any_(ids))
    waiting = or_(
        CaseRow.asked_authority_id == any_(ids),
        and_(CaseRow.asked_authority_id.is_(None), or_(CaseRow.school_id == any_(ids), linked)),
    )
    rows = await tx.rows(_unrouted().where(waiting).with_for_update())
    return await _route(tx, rows)


async def route_waiting(tx: Tx) -> int:
    """How many unrouted cases have found their authority by the passing of time: a link that begins today."""
    return await _route(tx, await tx.rows(_unrouted().limit(CHUNK * 10).with_for_update(skip_locked=True)))


def _unrouted() -> Any:
    return (
        select(CaseRow.id, CaseRow.asked_authority_id, CaseRow.school_id)
        .where(CaseRow.authority_id.is_(None), CaseRow.state == State.OPEN.value)
        .order_by(CaseRow.id)
    )


async def _route(tx: Tx, rows: Sequence[Row[Any]]) -> int:
    if not rows:
        return 0
    found = await _authorities(tx, {row.id: (row.asked_authority_id, row.school_id) for row in rows})
    if not found:
        return 0
    await tx.update(CaseRow, [{"id": case, "authority_id": to} for case, to in found.items()], key=("id",))
    note(tx, "case.route", {row.id: row.school_id for row in rows if row.id in found})
    await follow_calendars(tx, {row.school_id for row in rows if row.id in found})
    return len(found)


async def follow_calendars(tx: Tx, schools: Collection[UUID] | None = None) -> int:
    """How many open cases got another deadline, because of an extension, a holiday or a school that became known.

    Of some schools, or of all. Cases of a school year that is over keep their deadline. Three statements.
    """
    days = await queries.open_days(tx, schools)
    calendars = await calendars_of(tx, {row.school_id for row in days})
    meant = [
        (row.school_id, row.school_year, row.submitted_on, domain.deadline(calendar, row.school_year, row.submitted_on))
        for row in days
        if (calendar := calendars.get(row.school_id)) and calendar.active_school_year == row.school_year
    ]
    if not meant:
        return 0
    school_ids, years, submitted, deadlines = zip(*meant, strict=True)
    day = values_of(
        "day",
        school_id=(Uuid, school_ids),
        school_year=(Integer, years),
        submitted_on=(Date, submitted),
        deadline=(Date, deadlines),
    )
    moved = (
        select(CaseRow.id, day.c.deadline)
        .join(
            day,
            and_(
                CaseRow.school_id == day.c.school_id,
                CaseRow.school_year == day.c.school_year,
                CaseRow.submitted_on == day.c.submitted_on,
            ),
        )
        .where(CaseRow.state == State.OPEN.value, CaseRow.deadline != day.c.deadline)
        .order_by(CaseRow.id)
        .with_for_update(of=CaseRow.__table__)
        .cte("moved")
    )
    result = await tx.execute(update(CaseRow).values(deadline=moved.c.deadline).where(CaseRow.id == moved.c.id))
    return int(result.rowcount)
