"""The list of pre-review 预审核: every draft and returned pupil of a school with its verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from chassis.rows import among
from chassis.transaction import Tx
from contracts.values import StudentStatus, WindowKind
from registry.calendar import queries as calendars
from registry.classes.queries import Class
from registry.enrolment.domain import Colour, State, Verdict
from registry.enrolment.models import SubmissionRow
from registry.enrolment.queries.verdicts import judged
from registry.organisation import queries as organisations
from registry.student import queries as students
from registry.student.domain import EDITABLE, grade, grade_name
from registry.student.queries import Pupil, Wanted

AT_ONCE: Final = 500
"""Records that are open at the same time, so that memory stays bounded whatever the school."""


@dataclass(frozen=True, slots=True)
class Line:
    """One pupil of the list."""

    pupil: Pupil
    school_class: Class | None
    verdict: Verdict
    returned: tuple[Mapping[str, Any], ...] | None
    """Why the authority sent the pupil back; None when it did not."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of the list, and what all of it comes to."""

    lines: Sequence[Line]
    total: int
    """Pupils of the colour that was asked for."""
    counts: Mapping[Colour, int]
    to_explain: Mapping[str, int]
    """Code of a warning → pupils who still wait for a reason to it."""
    examples: Mapping[str, str]
    """Code of such a warning → its words for one of them."""


@dataclass(frozen=True, slots=True)
class Season:
    """The window of entry as it holds for the school, extensions counted. Source: art. 15."""

    opens: date
    closes: date
    days_left: int
    """Today not counted; negative once it has closed."""


async def season(tx: Tx, school_id: UUID) -> Season:
    """The window of entry of a school."""
    calendar = await calendars.calendar_of(tx, school_id)
    closes = calendar.closes(WindowKind.ENTRY)
    return Season(calendar.windows[WindowKind.ENTRY].opens, closes, (closes - tx.now.date()).days)


async def listing(
    tx: Tx,
    school_id: UUID,
    class_id: UUID | None,
    colour: Colour | None,
    offset: int,
    limit: int,
    *,
    status: StudentStatus | None = None,
) -> Listing:
    """The pupils of the school that wait to be submitted, by class and the order in which they came.

    Of one class, one colour, or one of the two statuses, where it is said.

    Every record is opened, 500 at a time and four statements each, for the counts are of the whole school.
    """
    statuses = EDITABLE if status is None else {status}
    wanted = Wanted(schools=(school_id,), class_id=class_id, statuses=statuses)
    counts = dict.fromkeys(Colour, 0)
    to_explain: Counter[str] = Counter()
    examples: dict[str, str] = {}
    lines: list[Line] = []
    seen = 0
    async for part in students.parts(tx, wanted, AT_ONCE):
        found = await judged(tx, {each.id: each for each in part})
        for each in part:
            verdict = found.verdicts[each.id]
            counts[verdict.colour] += 1
            waiting = {warning.code: warning.text for warning in verdict.unexplained}
            to_explain.update(waiting.keys())
            examples = waiting | examples
            if colour is None or verdict.colour is colour:
                if offset <= seen < offset + limit:
                    seat = found.classes.get(each.class_id) if each.class_id else None
                    lines.append(Line(each, seat, verdict, None))
                seen += 1
    why = await sent_back(tx, [line.pupil.id for line in lines if line.pupil.status is StudentStatus.RETURNED])
    return Listing([_with(line, why) for line in lines], seen, counts, to_explain, examples)


async def grade_names(tx: Tx, school_id: UUID, pupils: Iterable[Pupil]) -> dict[UUID, str]:
    """Pupil of the school → 一年级 … 高三 in the active school year. Source: art. 18."""
    school = (await organisations.schools(tx, [school_id]))[school_id]
    year = await calendars.active_school_year(tx)
    return {each.id: grade_name(grade(each.stage, each.entry_year, year, school.schooling)) for each in pupils}


def _with(line: Line, why: Mapping[UUID, tuple[Mapping[str, Any], ...]]) -> Line:
    return Line(line.pupil, line.school_class, line.verdict, why.get(line.pupil.id))


async def sent_back(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, tuple[Mapping[str, Any], ...]]:
    """Pupil → the reasons with which the last submission came back; nothing for one that the school took back."""
    if not ids:
        return {}
    rows = await tx.rows(
        select(SubmissionRow.student_id, SubmissionRow.reasons)
        .where(
            among(SubmissionRow.student_id, ids),
            SubmissionRow.state.in_([State.RETURNED.value, State.CONFLICT.value, State.WITHDRAWN.value]),
        )
        .ext(distinct_on(SubmissionRow.student_id))
        .order_by(SubmissionRow.student_id, SubmissionRow.number.desc())
    )
    return {row.student_id: tuple(row.reasons) for row in rows if row.reasons}
