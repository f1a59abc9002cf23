"""What sync can tell. Nothing here changes anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from chassis.rows import among
from chassis.sealing import Vault
from chassis.transaction import Tx
from contracts import topics
from contracts.event import Event
from contracts.sync import NationalStandingChanged, Operation, Standing
from sync.domain import Pupil, Version, outward
from sync.models import COUNTER, ClassCopyRow, ConflictRow, NationalPupilRow, open_projection, pupil_of


async def records_said(tx: Tx, students: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """The state of sync.national-record.v1; None where the pupil's record has ended."""
    rows = await tx.rows(
        select(
            NationalPupilRow.student_id,
            NationalPupilRow.operation,
            NationalPupilRow.effective_on,
            NationalPupilRow.content_hash,
            NationalPupilRow.projection_sealed,
        ).where(among(NationalPupilRow.student_id, students))
    )
    return {
        row.student_id: open_projection(tx.vault, row).record(
            Operation(row.operation), row.effective_on, row.content_hash
        )
        if row.projection_sealed is not None
        else None
        for row in rows
    }


async def outcomes_said(tx: Tx, students: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """The state of sync.outcome.v1; None where the pupil's record has ended."""
    return {student: _outcome(tx.vault, row) for student, row in (await pupils(tx, students)).items()}


def _outcome(vault: Vault, row: Any) -> NationalStandingChanged | None:
    if row.ended_at is not None:
        return None
    said = outward(pupil_of(vault, row))
    return NationalStandingChanged(
        standing=said.standing,
        enrolment_id=row.enrolment_id,
        accepted_version=said.accepted_version,
        number=said.number,
        problems=said.problems,
        rejections=said.rejections,
    )


async def pupils(tx: Tx, students: Collection[UUID], *, lock: bool = False) -> dict[UUID, Any]:
    """Student → row, for those whom the nation was told of. With `lock`, held until the transaction ends."""
    statement = (
        select(NationalPupilRow.__table__)
        .where(among(NationalPupilRow.student_id, students))
        .order_by(NationalPupilRow.student_id)
    )
    return {row.student_id: row for row in await tx.rows(statement.with_for_update() if lock else statement)}


async def pupils_of_enrolments(tx: Tx, enrolments: Collection[UUID]) -> Sequence[Any]:
    """The rows of pupils who are in these enrolments now, held until the transaction ends."""
    return await tx.rows(
        select(NationalPupilRow.__table__)
        .where(among(NationalPupilRow.enrolment_id, enrolments), NationalPupilRow.ended_at.is_(None))
        .order_by(NationalPupilRow.student_id)
        .with_for_update()
    )


async def next_versions(tx: Tx, students: Collection[UUID]) -> dict[UUID, Version]:
    """Student → the version under which a record that is touched now will be said.

    Exact because whoever touches a record holds the pupil's row, and a transaction raises a counter once.
    """
    rows = await tx.rows(
        select(COUNTER.c.subject, COUNTER.c.version).where(
            COUNTER.c.topic == topics.NATIONAL_RECORD.name, among(COUNTER.c.subject, students)
        )
    )
    said = {row.subject: row.version for row in rows}
    return {student: Version(tx.epoch, said.get(student, 0) + 1) for student in students}


async def holders(tx: Tx, numbers: Collection[bytes]) -> dict[bytes, UUID]:
    """Blind index of a 学籍号 → the pupil to whom the nation has issued it."""
    rows = await tx.rows(
        select(NationalPupilRow.number_blind, NationalPupilRow.student_id).where(
            among(NationalPupilRow.number_blind, numbers)
        )
    )
    return {row.number_blind: row.student_id for row in rows}


@dataclass(frozen=True, slots=True)
class Stand:
    """A pupil's row with what the nation has said in its own words."""

    row: Any
    pupil: Pupil


@dataclass(frozen=True, slots=True)
class Stands:
    """A stretch of a list, and how long the whole is."""

    items: Sequence[Stand]
    total: int


async def standings_page(
    tx: Tx,
    schools: Collection[UUID],
    *,
    students: Collection[UUID],
    class_id: UUID | None,
    standing: Standing | None,
    offset: int,
    limit: int,
) -> Stands:
    """Where pupils of schools stand, those that changed last first. Two statements."""
    wanted = select(NationalPupilRow.__table__).where(
        among(NationalPupilRow.school_id, schools), NationalPupilRow.ended_at.is_(None)
    )
    if students:
        wanted = wanted.where(among(NationalPupilRow.student_id, students))
    if class_id is not None:
        wanted = wanted.join(
            ClassCopyRow,
            (ClassCopyRow.school_id == NationalPupilRow.school_id)
            & (ClassCopyRow.number == NationalPupilRow.class_number),
        ).where(ClassCopyRow.id == class_id)
    if standing is not None:
        wanted = wanted.where(NationalPupilRow.standing == standing.value)
    total = await tx.scalar(select(func.count()).select_from(wanted.subquery()))
    rows = await tx.rows(
        wanted.order_by(NationalPupilRow.changed_at.desc(), NationalPupilRow.student_id).offset(offset).limit(limit)
    )
    return Stands([Stand(row, pupil_of(tx.vault, row)) for row in rows], total)


async def counts(tx: Tx, schools: Collection[UUID]) -> dict[str, int]:
    """Standing → pupils of the schools."""
    rows = await tx.rows(
        select(NationalPupilRow.standing, func.count().label("n"))
        .where(among(NationalPupilRow.school_id, schools), NationalPupilRow.ended_at.is_(None))
        .group_by(NationalPupilRow.standing)
    )
    return {standing.value: 0 for standing in Standing} | {row.standing: row.n for row in rows}


async def counts_by_school(tx: Tx, schools: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """School → standing → pupils, for schools with any."""
    rows = await tx.rows(
        select(NationalPupilRow.school_id, NationalPupilRow.standing, func.count().label("n"))
        .where(among(NationalPupilRow.school_id, schools), NationalPupilRow.ended_at.is_(None))
        .group_by(NationalPupilRow.school_id, NationalPupilRow.standing)
    )
    found: dict[UUID, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.school_id, {standing.value: 0 for standing in Standing})[row.standing] = row.n
    return found


async def oldest_waiting(tx: Tx, schools: Collection[UUID]) -> datetime | None:
    """When the record was said that has waited longest for an answer."""
    found: datetime | None = await tx.scalar(
        select(func.min(NationalPupilRow.spoken_at)).where(
            NationalPupilRow.standing == Standing.WAITING.value,
            among(NationalPupilRow.school_id, schools),
            NationalPupilRow.ended_at.is_(None),
        )
    )
    return found


async def conflicts(tx: Tx, schools: Collection[UUID], limit: int = 200) -> Sequence[Any]:
    """Answers that contradict one another, newest first."""
    return await tx.rows(
        select(ConflictRow.__table__)
        .where(among(ConflictRow.school_id, schools))
        .order_by(ConflictRow.recorded_at.desc(), ConflictRow.id)
        .limit(limit)
    )


async def conflict_count(tx: Tx, schools: Collection[UUID]) -> int:
    """How many contradictions there are."""
    found: int = await tx.scalar(
        select(func.count()).select_from(ConflictRow).where(among(ConflictRow.school_id, schools))
    )
    return found


async def school_of(tx: Tx, student: UUID) -> UUID | None:
    """The school at which sync knows the pupil; None when it knows no such pupil."""
    found: UUID | None = await tx.scalar(
        select(NationalPupilRow.school_id).where(NationalPupilRow.student_id == student)
    )
    return found
