"""Who holds which identity."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from chassis.transaction import Tx
from contracts.values import Stage, StudentStatus
from registry.student.models import ClaimRow, EnrolmentRow, NumberRow, StudentRow
from registry.student.queries.arrays import among


@dataclass(frozen=True, slots=True)
class Holder:
    """The pupil that holds an identity."""

    student_id: UUID
    sequence: int
    person_index: bytes
    school_id: UUID
    status: StudentStatus
    version: int
    digest: bytes
    enrolment_id: UUID
    class_id: UUID | None
    campus_id: UUID | None
    stage: Stage
    entry_year: int


async def holders(tx: Tx, indexes: Collection[bytes]) -> dict[bytes, list[Holder]]:
    """Claim index → who holds it: one pupil for an own document, up to nine for a guardian's number."""
    found: dict[bytes, list[Holder]] = {}
    if not indexes:
        return found
    statement = (
        select(
            ClaimRow.index,
            ClaimRow.student_id,
            ClaimRow.sequence,
            ClaimRow.person_index,
            StudentRow.school_id,
            StudentRow.status,
            StudentRow.version,
            StudentRow.digest,
            StudentRow.enrolment_id,
            EnrolmentRow.class_id,
            EnrolmentRow.campus_id,
            EnrolmentRow.stage,
            EnrolmentRow.entry_year,
        )
        .join(StudentRow, StudentRow.id == ClaimRow.student_id)
        .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
        .where(among(ClaimRow.index, indexes))
    )
    for index, student_id, sequence, person, school, status, version, digest, *rest in await tx.rows(statement):
        enrolment, class_id, campus_id, stage, entry_year = rest
        found.setdefault(index, []).append(
            Holder(
                student_id, sequence, person, school, StudentStatus(status), version, digest,
                enrolment, class_id, campus_id, Stage(stage), entry_year,
            )
        )  # fmt: skip
    return found


async def taken_numbers(tx: Tx, indexes: Collection[bytes]) -> set[bytes]:
    """Those of the numbers, as indexes, that were ever given out."""
    if not indexes:
        return set()
    return {row[0] for row in await tx.rows(select(NumberRow.value_index).where(among(NumberRow.value_index, indexes)))}
