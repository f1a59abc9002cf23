"""How far schools are with their new pupils; what the work desk counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Select, func, select

from chassis.identity import Actor
from chassis.transaction import Tx
from contracts.values import OrganisationKind, WindowKind
from registry.calendar import queries as calendars
from registry.classes import queries as classes
from registry.enrolment.domain import Colour, State
from registry.enrolment.models import SubmissionRow
from registry.enrolment.queries.pre_review import AT_ONCE
from registry.enrolment.queries.verdicts import judged
from registry.organisation import queries as organisations
from registry.student import queries as students
from registry.student.domain import EDITABLE
from registry.student.queries import Wanted
from registry.student.queries.tallies import NOTHING, Tally, tallies, waiting

MOST_OPENED: Final = 20_000
"""Records that a page of progress opens; beyond, it says that it does not know."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one school is."""

    school_id: UUID
    name: str
    classes: int
    tally: Tally
    red: int | None
    """Pupils with a problem in pre-review; None where the page would have to open too many records to know."""


async def progress(tx: Tx, under: UUID, offset: int, limit: int) -> tuple[list[Progress], int]:
    """The schools within the organisation, by code and name, and how many there are. Source: art. 4, art. 15."""
    wanted = organisations.Wanted(kind=OrganisationKind.SCHOOL)
    schools, total = await organisations.page(tx, under, wanted, offset, limit)
    ids = [school["id"] for school in schools]
    formed = await classes.open_totals(tx, ids)
    counted = await tallies(tx, ids)
    red = await _red(tx, [each for each in ids if each in counted], counted)
    return [
        Progress(
            school["id"],
            school["name"],
            formed.get(school["id"], 0),
            counted.get(school["id"], NOTHING),
            None if red is None else red.get(school["id"], 0),
        )
        for school in schools
    ], total


async def _red(tx: Tx, ids: Sequence[UUID], counted: Mapping[UUID, Tally]) -> Mapping[UUID, int] | None:
    drafted = sum(counted[each].statuses.get(status, 0) for each in ids for status in EDITABLE)
    if drafted > MOST_OPENED:
        return None
    found: dict[UUID, int] = {}
    wanted = Wanted(schools=ids, statuses=EDITABLE)
    async for part in students.parts(tx, wanted, AT_ONCE):
        seen = await judged(tx, {each.id: each for each in part})
        for each in part:
            if seen.verdicts[each.id].colour is Colour.RED:
                found[each.school_id] = found.get(each.school_id, 0) + 1
    return found


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """`late_drafts`: pupils left unsubmitted where the window has closed; `withdrawals_asked`: requests that a school
    wants back and review has not closed yet; `submission_conflicts`: pupils reopened by a decision on other contents,
    and not submitted since. Source: art. 15.
    """
    today = tx.now.date()
    reach = organisations.within(actor.organisation_id, today)
    left = await waiting(tx, reach)
    late = 0
    if left:
        found = await calendars.calendars(tx, left)
        late = sum(count for school, count in left.items() if today > found[school].closes(WindowKind.ENTRY))
    asked = await tx.scalar(
        select(func.count())
        .select_from(SubmissionRow)
        .where(
            SubmissionRow.school_id.in_(reach),
            SubmissionRow.state == State.OPEN.value,
            SubmissionRow.withdrawal_asked_at.is_not(None),
        )
    )
    return {"late_drafts": late, "withdrawals_asked": int(asked), "submission_conflicts": await _conflicts(tx, reach)}


async def _conflicts(tx: Tx, reach: Select[UUID]) -> int:
    conflicting = (
        select(SubmissionRow.student_id, SubmissionRow.number)
        .where(SubmissionRow.school_id.in_(reach), SubmissionRow.state == State.CONFLICT.value)
        .subquery()
    )
    later = (
        select(SubmissionRow.number)
        .where(SubmissionRow.student_id == conflicting.c.student_id, SubmissionRow.number > conflicting.c.number)
        .exists()
    )
    return int(await tx.scalar(select(func.count()).select_from(conflicting).where(~later)))
