"""Every way in which photo's data can change. Statements per batch, however many pupils or files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.consuming import Received
from chassis.rows import among, values_of
from chassis.transaction import Tx
from contracts import topics
from contracts.registry import StudentChanged
from contracts.values import PhotoState
from photo import domain, queries
from photo.checks import Standard
from photo.domain import ArchiveStage, FileOutcome
from photo.errors import FileNotWaiting, PhotoRefused
from photo.models import ArchiveFileRow, ArchiveRow, PhotoRow, PupilRow, RequirementRow

LEASE = timedelta(seconds=20)
"""How long a worker may be silent before another takes its archive."""


async def expect(tx: Tx, pupils: Sequence[Received[StudentChanged]]) -> None:
    """Keep photo's copy of the pupils and expect a photo from each first-grader.

    Four statements, however many pupils. Source: art. 12.
    """
    await tx.upsert(PupilRow, [_pupil(received) for received in pupils], key=("student_id",))
    due: list[Received[StudentChanged]] = []
    over: list[Received[StudentChanged]] = []
    for received in pupils:
        said = received.event
        (due if domain.is_due(first_grade=said.first_grade, status=said.status) else over).append(received)
    if due:
        tx.touch(topics.PHOTO, await _require(tx, due))
        tx.touch(topics.PHOTO, await _follow_school(tx, due))
    if over:
        gone = await tx.rows(
            delete(RequirementRow)
            .where(RequirementRow.enrolment_id.in_([received.event.enrolment_id for received in over]))
            .returning(RequirementRow.enrolment_id)
        )
        tx.touch(topics.PHOTO, [row.enrolment_id for row in gone])


def _pupil(received: Received[StudentChanged]) -> dict[str, Any]:
    said = received.event
    return {
        "student_id": received.subject,
        "enrolment_id": said.enrolment_id,
        "school_id": said.school_id,
        "class_id": said.class_id,
        "stage": said.stage.value,
        "entry_year": said.entry_year,
        "first_grade": said.first_grade,
        "status": said.status.value,
        "match_document": said.match.document,
        "match_number": said.match.student_number,
        "match_name": said.match.school_class_name,
    }


async def _require(tx: Tx, due: Sequence[Received[StudentChanged]]) -> list[UUID]:
    asked = values_of(
        "asked",
        enrolment_id=(Uuid, [received.event.enrolment_id for received in due]),
        student_id=(Uuid, [received.subject for received in due]),
        school_id=(Uuid, [received.event.school_id for received in due]),
        school_year=(Integer, [received.event.entry_year for received in due]),
    )
    state = literal(PhotoState.REQUIRED.value, Text)
    new = await tx.rows(
        insert(RequirementRow)
        .from_select(
            ["enrolment_id", "student_id", "school_id", "school_year", "state", "changed_at"],
            select(
                asked.c.enrolment_id, asked.c.student_id, asked.c.school_id, asked.c.school_year, state, literal(tx.now)
            ),
        )
        .on_conflict_do_nothing()
        .returning(RequirementRow.enrolment_id)
    )
    return [row.enrolment_id for row in new]


async def _follow_school(tx: Tx, due: Sequence[Received[StudentChanged]]) -> list[UUID]:
    now_at = values_of(
        "now_at",
        enrolment_id=(Uuid, [received.event.enrolment_id for received in due]),
        school_id=(Uuid, [received.event.school_id for received in due]),
    )
    moved = await tx.rows(
        update(RequirementRow)
        .values(school_id=now_at.c.school_id)
        .where(RequirementRow.enrolment_id == now_at.c.enrolment_id, RequirementRow.school_id != now_at.c.school_id)
        .returning(RequirementRow.enrolment_id)
    )
    return [row.enrolment_id for row in moved]


async def forget(tx: Tx, students: Sequence[UUID]) -> None:
    """Pupils who have ended, with what was expected of them. Photos taken stay until erased by rule."""
    gone = await tx.rows(
        delete(RequirementRow).where(among(RequirementRow.student_id, students)).returning(RequirementRow.enrolment_id)
    )
    await tx.execute(delete(PupilRow).where(among(PupilRow.student_id, students)))
    tx.touch(topics.PHOTO, [row.enrolment_id for row in gone])


@dataclass(frozen=True, slots=True)
class Taken:
    """A standard photo that is kept in storage and shall become a pupil's."""

    student_id: UUID
    photo: Standard
    object_key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of photos."""

    refused: Mapping[UUID, str]
    """Student → code of why the photo is not taken; the others have theirs now."""
    remarks: Mapping[UUID, Sequence[str]]
    """Student → codes of what a person should look at."""


async def take(tx: Tx, taken: Sequence[Taken]) -> Outcome:
    """Photos become the pupils', where they may. Four statements, however many. Source: art. 12."""
    requirements = await queries.requirements_of(tx, {one.student_id for one in taken}, lock=True)
    refused = {
        one.student_id: code for one in taken if (code := domain.why_not_taken(requirements.get(one.student_id)))
    }
    kept = [one for one in taken if one.student_id not in refused]
    news = [one for one in kept if not requirements[one.student_id].has(one.photo.sha256)]
    contents = {one.student_id: one.photo.sha256 for one in kept}
    twins = {*await queries.same_content(tx, contents), *domain.with_equal_values(contents)}
    remarks = {
        one.student_id: [*one.photo.remarks, *(["same-photo-on-another-pupil"] if one.student_id in twins else [])]
        for one in kept
    }
    photos = [_photo(tx, one, requirements[one.student_id], remarks[one.student_id]) for one in kept]
    await tx.insert(PhotoRow, photos, skip_existing=True)
    await tx.update(
        RequirementRow,
        [
            {
                "enrolment_id": requirements[one.student_id].enrolment_id,
                "state": PhotoState.ACCEPTED.value,
                "sha256": one.photo.sha256,
                "reason": None,
                "changed_at": tx.now,
            }
            for one in news
        ],
        key=("enrolment_id",),
    )
    tx.touch(topics.PHOTO, [requirements[one.student_id].enrolment_id for one in news])
    return Outcome(refused, remarks)


def _photo(tx: Tx, one: Taken, requirement: domain.Requirement, remarks: Sequence[str]) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "enrolment_id": requirement.enrolment_id,
        "student_id": one.student_id,
        "school_year": requirement.school_year,
        "sha256": one.photo.sha256,
        "object_key": one.object_key,
        "remarks": remarks,
        "taken_by": tx.actor.account_id if tx.actor else None,
        "taken_at": tx.now,
    }


async def refuse(tx: Tx, reasons: Mapping[UUID, str]) -> None:
    """Note why a pupil's photo was not taken; one that is already accepted stays so. One statement."""
    if not reasons:
        return
    refused = values_of("refused", student_id=(Uuid, list(reasons)), reason=(Text, list(reasons.values())))
    changed = await tx.rows(
        update(RequirementRow)
        .values(state=PhotoState.REFUSED.value, reason=refused.c.reason, changed_at=tx.now)
        .where(RequirementRow.student_id == refused.c.student_id, RequirementRow.state != PhotoState.ACCEPTED.value)
        .returning(RequirementRow.enrolment_id)
    )
    tx.touch(topics.PHOTO, [row.enrolment_id for row in changed])


async def take_one(tx: Tx, school: UUID, taken: Taken) -> Sequence[str]:
    """One pupil's photo is taken: codes of what a person should look at. Raises PhotoRefused. Source: art. 12."""
    outcome = await take(tx, [taken])
    if outcome.refused:
        raise PhotoRefused(outcome.refused[taken.student_id])
    tx.note("photo.taken", [("student", taken.student_id)], organisation=school)
    return outcome.remarks[taken.student_id]


async def open_archive(tx: Tx, values: Mapping[str, Any]) -> UUID:
    """An archive waits to be worked through; the same file again for the same school is the first one's id."""
    existing: UUID | None = await tx.scalar(
        select(ArchiveRow.id).where(
            ArchiveRow.school_id == values["school_id"],
            ArchiveRow.sha256 == values["sha256"],
            ArchiveRow.state != ArchiveStage.DONE.value,
        )
    )
    if existing is not None:
        return existing
    await tx.insert(ArchiveRow, [{**values, "state": ArchiveStage.WAITING.value, "done": 0, "uploaded_at": tx.now}])
    archive_id: UUID = values["id"]
    tx.note("photo.archive", [("archive", archive_id)], organisation=values["school_id"])
    return archive_id


async def lease(tx: Tx, archive_id: UUID) -> Any | None:
    """The archive's row, held by this worker for a while; None when another holds it or it is done."""
    return await tx.row(
        update(ArchiveRow)
        .values(state=ArchiveStage.RUNNING.value, lease_until=func.clock_timestamp() + LEASE)
        .where(
            ArchiveRow.id == archive_id,
            ArchiveRow.state != ArchiveStage.DONE.value,
            or_(ArchiveRow.lease_until.is_(None), ArchiveRow.lease_until < func.clock_timestamp()),
        )
        .returning(*ArchiveRow.__table__.c)
    )


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    number: int
    name_sealed: bytes
    result: FileOutcome
    reason: str | None
    student_id: UUID | None
    taken: Taken | None = None


async def record_files(tx: Tx, archive_id: UUID, results: Sequence[FileResult], *, last: bool) -> None:
    """A chunk of an archive is done: its photos are taken, its results kept, its progress moved, in one transaction."""
    refused = (await take(tx, [result.taken for result in results if result.taken])).refused
    await refuse(
        tx, {r.student_id: r.reason for r in results if r.result is FileOutcome.REFUSED and r.student_id and r.reason}
    )  # fmt: skip
    await tx.insert(
        ArchiveFileRow,
        [
            {
                "archive_id": archive_id,
                "number": result.number,
                "name_sealed": result.name_sealed,
                "result": (FileOutcome.REFUSED if result.student_id in refused else result.result).value,
                "reason": refused.get(result.student_id, result.reason) if result.student_id else result.reason,
                "student_id": result.student_id,
            }
            for result in results
        ],
        skip_existing=True,
    )
    await tx.execute(
        update(ArchiveRow)
        .values(
            done=func.greatest(ArchiveRow.done, max((result.number for result in results), default=0)),
            state=(ArchiveStage.DONE if last else ArchiveStage.RUNNING).value,
            lease_until=None if last else func.clock_timestamp() + LEASE,
        )
        .where(ArchiveRow.id == archive_id)
    )


async def match_file(tx: Tx, archive_id: UUID, number: int, school: UUID, taken: Taken) -> Sequence[str]:
    """A person says whose photo a file is; the answer is `take_one`'s. Raises FileNotWaiting, PhotoRefused."""
    settled = await tx.row(
        update(ArchiveFileRow)
        .values(result=FileOutcome.ACCEPTED.value, reason=None, student_id=taken.student_id)
        .where(
            ArchiveFileRow.archive_id == archive_id,
            ArchiveFileRow.number == number,
            ArchiveFileRow.result.in_((FileOutcome.AMBIGUOUS.value, FileOutcome.UNMATCHED.value)),
        )
        .returning(ArchiveFileRow.number)
    )
    if settled is None:
        raise FileNotWaiting
    return await take_one(tx, school, taken)
