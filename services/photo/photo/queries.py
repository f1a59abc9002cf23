"""What photo can tell. Nothing here changes anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select

from chassis.identity import Actor
from chassis.identity.copies import may_see, subtree
from chassis.identity.copies.tables import LINKS, ORGANISATIONS
from chassis.rows import among
from chassis.transaction import Tx
from contracts.event import Event
from contracts.photo import PhotoChanged
from contracts.values import OrganisationKind, PhotoState, StudentStatus
from photo.domain import ArchiveStage, FileOutcome, Requirement
from photo.models import ArchiveFileRow, ArchiveRow, PhotoRow, PupilRow, RequirementRow

MATCH_COLUMNS = {
    "document": PupilRow.match_document,
    "number": PupilRow.match_number,
    "name": PupilRow.match_name,
}


async def changed(tx: Tx, enrolments: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """The state of photo.photo.v1 for enrolments; an enrolment that needs no photo any more has ended."""
    rows = await tx.rows(select(RequirementRow.__table__).where(among(RequirementRow.enrolment_id, enrolments)))
    said = {
        row.enrolment_id: PhotoChanged(
            student_id=row.student_id,
            school_id=row.school_id,
            school_year=row.school_year,
            state=PhotoState(row.state),
            sha256=row.sha256,
            reason=row.reason,
        )
        for row in rows
    }
    return dict.fromkeys(enrolments) | said


def _requirement(row: Any) -> Requirement:
    return Requirement(
        row.enrolment_id,
        row.student_id,
        row.school_id,
        row.school_year,
        PhotoState(row.state),
        StudentStatus(row.status),
        row.sha256,
    )


async def requirements_of(tx: Tx, students: Collection[UUID], *, lock: bool = False) -> dict[UUID, Requirement]:
    """Student → the photo that is due for the current enrolment. With `lock`, held until the transaction ends."""
    statement = (
        select(RequirementRow.__table__, PupilRow.status)
        .join(PupilRow, PupilRow.enrolment_id == RequirementRow.enrolment_id)
        .where(among(RequirementRow.student_id, students))
        .order_by(RequirementRow.enrolment_id)
    )
    if lock:
        statement = statement.with_for_update(of=RequirementRow.__table__)
    return {row.student_id: _requirement(row) for row in await tx.rows(statement)}


async def noted(tx: Tx, keys: Collection[str]) -> set[str]:
    """Those of the objects, of photos and archives, that a row names. Two statements."""
    owners = {UUID(key.split("/")[2]) for key in keys}
    photos = select(PhotoRow.object_key).where(among(PhotoRow.student_id, owners))
    archives = select(ArchiveRow.object_key).where(among(ArchiveRow.id, owners))
    return {row.object_key for row in (*await tx.rows(photos), *await tx.rows(archives))} & set(keys)


async def school_of(tx: Tx, student: UUID) -> UUID | None:
    """The school at which photo knows the pupil; None when it knows no such pupil."""
    found: UUID | None = await tx.scalar(select(PupilRow.school_id).where(PupilRow.student_id == student))
    return found


async def may_look(tx: Tx, actor: Actor, student: UUID, school: UUID) -> bool:
    """Whether the actor may see a pupil's photo: who sees the school, and who was asked to decide on the pupil."""
    return await may_see(tx, actor, school) or await was_asked(tx, actor, student)


async def was_asked(tx: Tx, actor: Actor, student: UUID) -> bool:
    """Whether the pupil is submitted and the actor's organisation was the school's 主管单位 since the year of entry.

    An open case keeps its authority when the school gets another. Photo hears when a link ended, and that a pupil is
    submitted, but not since when; no submission is older than the year of entry.
    """
    link, place = LINKS.c, ORGANISATIONS.c
    of_its_school = and_(place.kind == OrganisationKind.CAMPUS.value, link.school_id == place.parent_id)
    return bool(
        await tx.scalar(
            select(
                exists()
                .select_from(PupilRow)
                .where(
                    PupilRow.student_id == student,
                    PupilRow.status == StudentStatus.SUBMITTED.value,
                    place.id == PupilRow.school_id,
                    or_(link.school_id == PupilRow.school_id, of_its_school),
                    link.authority_id == actor.organisation_id,
                    link.valid_from <= tx.now.date(),
                    link.valid_until > func.make_date(PupilRow.entry_year, 1, 1),
                )
            )
        )
    )


async def matched(tx: Tx, school: UUID, hashes: Mapping[str, Collection[str]]) -> dict[tuple[str, str], list[UUID]]:
    """(kind, hash) → the pupils of the school, campuses included, that a file name may mean. One statement."""
    wanted = [
        (kind, column, sorted(set(values))) for kind, column in MATCH_COLUMNS.items() if (values := hashes.get(kind))
    ]
    if not wanted:
        return {}
    found: dict[tuple[str, str], list[UUID]] = {}
    statement = select(PupilRow.student_id, PupilRow.match_document, PupilRow.match_number, PupilRow.match_name).where(
        PupilRow.school_id.in_(await subtree(tx, school, tx.now.date())),
        PupilRow.status != StudentStatus.REMOVED,
        or_(*(column.in_(values) for _, column, values in wanted)),
    )
    for row in await tx.rows(statement):
        for kind, column, values in wanted:
            value = getattr(row, column.key)
            if value in values:
                found.setdefault((kind, value), []).append(row.student_id)
    return found


async def current_photo(tx: Tx, student: UUID) -> Any | None:
    """The photo row of a pupil that counts, None when there is none.

    It is the one that the requirement names: a picture that was taken again is older than the one between.
    """
    return await tx.row(
        select(PhotoRow.__table__)
        .outerjoin(
            RequirementRow,
            (RequirementRow.enrolment_id == PhotoRow.enrolment_id) & (RequirementRow.sha256 == PhotoRow.sha256),
        )
        .where(PhotoRow.student_id == student)
        .order_by(RequirementRow.sha256.is_(None), PhotoRow.taken_at.desc())
        .limit(1)
    )


async def same_content(tx: Tx, pairs: Mapping[UUID, str]) -> dict[UUID, UUID]:
    """Student → another pupil who already has the very same picture, for a warning. `pairs`: student → sha256."""
    rows = await tx.rows(
        select(PhotoRow.student_id, PhotoRow.sha256).where(among(PhotoRow.sha256, set(pairs.values())))
    )
    return {
        student: row.student_id
        for student, content in pairs.items()
        for row in rows
        if row.sha256 == content and row.student_id != student
    }


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list, and how long the whole is."""

    rows: Sequence[Any]
    total: int


async def _page(tx: Tx, wanted: Select[*tuple[Any, ...]], order: Sequence[Any], offset: int, limit: int) -> Page:
    total = await tx.scalar(select(func.count()).select_from(wanted.subquery()))
    return Page(await tx.rows(wanted.order_by(*order).offset(offset).limit(limit)), total)


async def requirements_page(
    tx: Tx,
    schools: Collection[UUID],
    *,
    class_id: UUID | None,
    state: PhotoState | None,
    students: Collection[UUID],
    offset: int,
    limit: int,
) -> Page:
    """The photos that are due in schools, by class and pupil. Two statements."""
    wanted = (
        select(
            RequirementRow.student_id,
            RequirementRow.enrolment_id,
            RequirementRow.school_id,
            PupilRow.class_id,
            RequirementRow.school_year,
            RequirementRow.state,
            RequirementRow.reason,
            RequirementRow.changed_at,
            PhotoRow.remarks,
        )
        .join(PupilRow, PupilRow.enrolment_id == RequirementRow.enrolment_id)
        .outerjoin(
            PhotoRow,
            (PhotoRow.enrolment_id == RequirementRow.enrolment_id) & (PhotoRow.sha256 == RequirementRow.sha256),
        )
        .where(among(RequirementRow.school_id, schools))
    )
    if class_id is not None:
        wanted = wanted.where(PupilRow.class_id == class_id)
    if students:
        wanted = wanted.where(among(PupilRow.student_id, students))
    if state is not None:
        wanted = wanted.where(RequirementRow.state == state.value)
    return await _page(tx, wanted, (PupilRow.class_id, PupilRow.student_id), offset, limit)


async def files_page(tx: Tx, archive_id: UUID, result: FileOutcome | None, offset: int, limit: int) -> Page:
    """The files of an archive in their order, all or those with one result. Two statements."""
    wanted = select(ArchiveFileRow.__table__).where(ArchiveFileRow.archive_id == archive_id)
    if result is not None:
        wanted = wanted.where(ArchiveFileRow.result == result.value)
    return await _page(tx, wanted, (ArchiveFileRow.number,), offset, limit)


async def recent_archives(tx: Tx, schools: Collection[UUID], limit: int = 20) -> Sequence[Any]:
    """The last archives of schools, newest first."""
    return await tx.rows(
        select(ArchiveRow.__table__)
        .where(among(ArchiveRow.school_id, schools))
        .order_by(ArchiveRow.uploaded_at.desc())
        .limit(limit)
    )


async def counts(tx: Tx, schools: Collection[UUID]) -> dict[str, int]:
    """State → how many photos are in it."""
    rows = await tx.rows(
        select(RequirementRow.state, func.count().label("n"))
        .where(among(RequirementRow.school_id, schools))
        .group_by(RequirementRow.state)
    )
    return {state.value: 0 for state in PhotoState} | {row.state: row.n for row in rows}


async def archive(tx: Tx, archive_id: UUID) -> Any | None:
    """The row of an archive."""
    return await tx.row(select(ArchiveRow.__table__).where(ArchiveRow.id == archive_id))


async def archive_results(tx: Tx, archive_id: UUID) -> dict[str, int]:
    """Each outcome → how many files of the archive have it."""
    rows = await tx.rows(
        select(ArchiveFileRow.result, func.count().label("n"))
        .where(ArchiveFileRow.archive_id == archive_id)
        .group_by(ArchiveFileRow.result)
    )
    return {each.value: 0 for each in FileOutcome} | {row.result: row.n for row in rows}


async def open_archives(tx: Tx, limit: int = 4) -> Sequence[UUID]:
    """Archives that nobody is working on."""
    rows = await tx.rows(
        select(ArchiveRow.id)
        .where(
            ArchiveRow.state != ArchiveStage.DONE.value,
            or_(ArchiveRow.lease_until.is_(None), ArchiveRow.lease_until < func.clock_timestamp()),
        )
        .order_by(ArchiveRow.uploaded_at)
        .limit(limit)
    )
    return [row.id for row in rows]
