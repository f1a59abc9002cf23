"""A pupil as a line of a list."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Tx
from contracts.sync import Standing
from contracts.values import STATUS_NAMES, NumberKind, PhotoState, Stage, StudentStatus
from registry.calendar import domain as calendar
from registry.calendar import queries as calendars
from registry.classes import queries as classes
from registry.organisation import queries as organisations
from registry.student import queries
from registry.student.domain import masked_name, masked_number


class PupilLine(BaseModel):
    """A pupil, masked."""

    id: UUID
    enrolment_id: UUID
    name: str
    """张**"""
    sex: str | None
    """Code of 性别."""
    status: StudentStatus
    status_name: str
    stage: Stage
    entry_year: int
    grade: int
    """1 to 12 in the active school year; 0 for a cohort that has not begun."""
    grade_name: str
    class_id: UUID | None
    class_name: str | None
    class_number: str | None
    student_number: str
    regional_number: str
    photo_state: PhotoState | None
    standing: Standing | None
    problem_count: int
    school_id: UUID
    school_name: str
    version: int


async def lines(tx: Tx, pupils: Sequence[queries.Pupil], *, unmasked: bool = False) -> list[PupilLine]:
    """The pupils as lines, in their order. Five statements, however many."""
    if not pupils:
        return []
    year = await calendars.active_school_year(tx)
    schools = await organisations.schools(tx, {each.school_id for each in pupils})
    placed = await classes.classes(tx, {each.class_id for each in pupils if each.class_id})
    shown = []
    for each in pupils:
        school = schools[each.school_id]
        school_class = placed.get(each.class_id) if each.class_id else None
        schooling = school_class.schooling if school_class else school.schooling
        grade = calendar.grade(year, each.entry_year, each.stage, schooling)
        numbers = {kind: number.value if (number := each.number(kind)) else "" for kind in NumberKind}
        shown.append(
            PupilLine(
                id=each.id,
                enrolment_id=each.enrolment_id,
                name=each.record.name if unmasked else masked_name(each.record.name),
                sex=each.record.sex,
                status=each.status,
                status_name=STATUS_NAMES[each.status],
                stage=each.stage,
                entry_year=each.entry_year,
                grade=grade.number,
                grade_name=grade.name,
                class_id=each.class_id,
                class_name=school_class.name if school_class else None,
                class_number=school_class.number if school_class else None,
                student_number=_number(numbers[NumberKind.STUDENT], unmasked=unmasked),
                regional_number=_number(numbers[NumberKind.REGIONAL], unmasked=unmasked),
                photo_state=each.photo_state,
                standing=each.standing,
                problem_count=each.problem_count,
                school_id=each.school_id,
                school_name=school.name,
                version=each.version,
            )
        )
    return shown


def _number(value: str, *, unmasked: bool) -> str:
    return value if unmasked else masked_number(value)
