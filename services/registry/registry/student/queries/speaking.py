"""What registry says of pupils."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from chassis.rows import among
from chassis.transaction import Tx
from contracts.event import Event
from contracts.registry import MatchIndexes, StudentChanged, StudentRecordChanged
from contracts.values import Stage, StudentStatus
from registry.classes import queries as classes
from registry.organisation import queries as organisations
from registry.student.models import EnrolmentRow, StudentRow
from registry.student.queries.pupils import pupils


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of pupils now, no personal data: the builder of registry.student.v1. One statement."""
    rows = await tx.rows(
        select(
            StudentRow.id,
            StudentRow.status,
            StudentRow.enrolment_id,
            StudentRow.school_id,
            EnrolmentRow.campus_id,
            EnrolmentRow.class_id,
            EnrolmentRow.stage,
            EnrolmentRow.entry_year,
            EnrolmentRow.first_grade,
            StudentRow.match_document,
            StudentRow.match_number,
            StudentRow.match_name,
        )
        .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
        .where(among(StudentRow.id, ids))
    )
    return {
        student_id: StudentChanged(
            status=StudentStatus(status),
            enrolment_id=enrolment_id,
            school_id=school_id,
            campus_id=campus_id,
            class_id=class_id,
            stage=Stage(stage),
            entry_year=entry_year,
            first_grade=first_grade,
            match=MatchIndexes(
                document=document.hex() if document else None,
                student_number=number.hex() if number else None,
                school_class_name=name.hex() if name else None,
            ),
        )
        for (
            student_id, status, enrolment_id, school_id, campus_id, class_id, stage, entry_year, first_grade,
            document, number, name,
        ) in map(tuple, rows)
    }  # fmt: skip


async def records_changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of registered pupils, in full and sealed: the builder of registry.student-record.v1.

    Nothing before registration: drafts never leave registry. Source: art. 5, art. 15.
    """
    found = {
        each.id: each
        for each in (await pupils(tx, ids)).values()
        if each.status is StudentStatus.REGISTERED and each.registered_on is not None
    }
    schools = await organisations.schools(tx, {each.school_id for each in found.values()})
    placed = await classes.classes(tx, {each.class_id for each in found.values() if each.class_id})
    said: dict[UUID, Event | None] = {}
    for each in found.values():
        assert each.registered_on is not None
        school_class = placed.get(each.class_id) if each.class_id else None
        said[each.id] = StudentRecordChanged(
            status=each.status,
            enrolment_id=each.enrolment_id,
            school_id=each.school_id,
            school_code=schools[each.school_id].code,
            class_number=school_class.number if school_class else "",
            class_name=school_class.name if school_class else "",
            stage=each.stage,
            entry_year=each.entry_year,
            registered_on=each.registered_on,
            numbers=each.numbers,
            record=each.record,
        )
    return said
