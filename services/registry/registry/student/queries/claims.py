"""Who holds which identity."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import literal, select

from chassis.rows import among, listed
from chassis.transaction import Tx
from contracts.values import NumberStatus, Stage, StudentStatus
from registry.student.domain import GONE
from registry.student.models import ClaimRow, EnrolmentRow, NumberRow, StudentRow

_HOLDERS = (
    select(
        ClaimRow.index,
        ClaimRow.student_id,
        ClaimRow.sequence,
        ClaimRow.person_index,
        StudentRow.school_id,
        StudentRow.status,
        StudentRow.version,
        StudentRow.record_version,
        StudentRow.digest,
        StudentRow.enrolment_id,
        EnrolmentRow.class_id,
        EnrolmentRow.campus_id,
        EnrolmentRow.stage,
        EnrolmentRow.entry_year,
    )
    .join(StudentRow, StudentRow.id == ClaimRow.student_id)
    .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
    .where(listed(ClaimRow.index, "indexes"))
)

_TAKEN = select(NumberRow.value_index).where(
    listed(NumberRow.value_index, "indexes"),
    # Written out, as the partial index has it: of a parameter PostgreSQL cannot tell that the index serves.
    NumberRow.status != literal(NumberStatus.VOID.value, literal_execute=True),
)
_ALIKE = (
    select(StudentRow.person_index, StudentRow.id, StudentRow.school_id, StudentRow.status)
    .where(
        listed(StudentRow.person_index, "persons"),
        ~StudentRow.documented,  # as the partial index has it: it does not serve `documented IS false`
        StudentRow.status.not_in([status.value for status in GONE]),
    )
    .order_by(StudentRow.id)
)


@dataclass(frozen=True, slots=True)
class Holder:
    """The pupil that holds an identity."""

    student_id: UUID
    sequence: int
    person_index: bytes
    school_id: UUID
    status: StudentStatus
    version: int
    record_version: int
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
    for row in map(tuple, await tx.rows(_HOLDERS, {"indexes": list(indexes)})):
        index, student_id, sequence, person, school, status, version, record, digest, *rest = row
        enrolment, class_id, campus_id, stage, entry_year = rest
        found.setdefault(index, []).append(
            Holder(
                student_id, sequence, person, school, StudentStatus(status), version, record, digest,
                enrolment, class_id, campus_id, Stage(stage), entry_year,
            )
        )  # fmt: skip
    return found


async def taken_numbers(tx: Tx, indexes: Collection[bytes]) -> set[bytes]:
    """Those of the numbers, as indexes, that somebody carries or carried; a void one is free for its person again."""
    if not indexes:
        return set()
    return {row[0] for row in await tx.rows(_TAKEN, {"indexes": list(indexes)})}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Another pupil without document who may be the same child."""

    student_id: UUID
    school_id: UUID
    status: StudentStatus


async def alike(tx: Tx, persons: Collection[bytes]) -> dict[bytes, list[Suspicion]]:
    """Person index → pupils without a document of their own who have this name, sex and birth date.

    Source: national problem records, kind e.
    """
    found: dict[bytes, list[Suspicion]] = {}
    if not persons:
        return found
    for person, student_id, school_id, status in map(tuple, await tx.rows(_ALIKE, {"persons": list(persons)})):
        found.setdefault(person, []).append(Suspicion(student_id, school_id, StudentStatus(status)))
    return found


async def alike_of(tx: Tx, ids: Collection[UUID]) -> dict[UUID, list[Suspicion]]:
    """Pupil without document → the others who are alike; who has none is missing. Two statements."""
    if not ids:
        return {}
    rows = await tx.rows(
        select(StudentRow.id, StudentRow.person_index).where(among(StudentRow.id, ids), ~StudentRow.documented)
    )
    found = await alike(tx, {row.person_index for row in rows})
    others = {row.id: [each for each in found.get(row.person_index, ()) if each.student_id != row.id] for row in rows}
    return {student_id: each for student_id, each in others.items() if each}
