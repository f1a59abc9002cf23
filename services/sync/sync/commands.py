"""Every way in which sync's data can change. Statements per batch, however many pupils.

Locks: photos' hashes first, then pupils, each in the order of their ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Text, Uuid, cast, delete, null, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.clock import ZONE
from chassis.consuming import Received
from chassis.rows import among, values_of
from chassis.transaction import Tx
from contracts import topics
from contracts.national import NumberIssued, ProblemFound, RecordAccepted, RecordRejected
from contracts.photo import PhotoChanged
from contracts.refusal import NotFound
from contracts.registry import ClassChanged, StudentRecordChanged
from contracts.sync import Operation, Standing
from contracts.values import PhotoState
from sync import domain, national, queries
from sync.domain import Pupil, Verdict
from sync.errors import OtherPupilsReceipt, UnknownPupil, UnknownVersion
from sync.models import (
    ClassCopyRow,
    ConflictRow,
    EnrolmentPhotoRow,
    NationalPupilRow,
    answers_of,
    blind_number,
    open_projection,
    pupil_of,
    seal_projection,
    spoken_json,
)
from sync.national import Projection

AnyReceipt: TypeAlias = RecordAccepted | RecordRejected | ProblemFound | NumberIssued


@dataclass(frozen=True, slots=True)
class _Said:
    """A record that is to be said."""

    student_id: UUID
    enrolment_id: UUID
    school_id: UUID
    projection: Projection
    effective_on: date
    row: Any | None
    """What was known of the pupil before."""


async def project(tx: Tx, records: Sequence[Received[StudentRecordChanged]]) -> None:
    """The nation is told of every pupil of whom it does not know this yet.

    Four statements for pupils that are new and four for others, however many. Source: art. 5.
    """
    photos = await _hold_photos(tx, {received.event.enrolment_id for received in records})
    known = await queries.pupils(tx, {received.subject for received in records}, lock=True)
    news = []
    for received in records:
        said, row = received.event, known.get(received.subject)
        projection = national.project(said, photos[said.enrolment_id])
        if _is_news(tx, projection, row):
            effective_on = said.registered_on if row is None else received.time.astimezone(ZONE).date()
            news.append(_Said(received.subject, said.enrolment_id, said.school_id, projection, effective_on, row))
    await _say(tx, news)


async def show_photos(tx: Tx, photos: Mapping[UUID, str | None], on: date) -> None:
    """Enrolment → hash of its photo, None for no photo: where the nation knows another, it is told again.

    Three statements, three more where a pupil is told again, however many.
    """
    taken = {enrolment: sha256 for enrolment, sha256 in sorted(photos.items()) if sha256 is not None}
    held = [{"enrolment_id": enrolment, "sha256": sha256} for enrolment, sha256 in taken.items()]
    await tx.upsert(EnrolmentPhotoRow, held, key=("enrolment_id",))
    if gone := sorted(photos.keys() - taken.keys()):
        await tx.execute(
            update(EnrolmentPhotoRow)
            .values(sha256=None)
            .where(among(EnrolmentPhotoRow.enrolment_id, gone), EnrolmentPhotoRow.sha256.is_not(None))
        )
    news = []
    for row in await queries.pupils_of_enrolments(tx, photos.keys()):
        projection = open_projection(tx.vault, row).with_photo(photos[row.enrolment_id])
        if projection.content_hash != row.content_hash:
            news.append(_Said(row.student_id, row.enrolment_id, row.school_id, projection, on, row))
    await _say(tx, news)


def photo_hash(said: PhotoChanged) -> str | None:
    """The hash of an accepted photo."""
    return said.sha256 if said.state is PhotoState.ACCEPTED else None


async def _hold_photos(tx: Tx, enrolments: set[UUID]) -> dict[UUID, str | None]:
    """Enrolment → hash of its photo. Whoever brings one at the same time waits, and then finds the pupil."""
    asked = values_of("asked", enrolment_id=(Uuid, sorted(enrolments)))
    held = insert(EnrolmentPhotoRow).from_select(
        ["enrolment_id", "sha256"], select(asked.c.enrolment_id, cast(null(), Text))
    )
    rows = await tx.rows(
        held.on_conflict_do_update(
            index_elements=[EnrolmentPhotoRow.enrolment_id], set_={"enrolment_id": held.excluded.enrolment_id}
        ).returning(EnrolmentPhotoRow.enrolment_id, EnrolmentPhotoRow.sha256)
    )
    return {row.enrolment_id: row.sha256 for row in rows}


def _is_news(tx: Tx, projection: Projection, row: Any | None) -> bool:
    if row is None:
        return not projection.void
    if row.projection_sealed is None:
        return True
    if projection.content_hash == row.content_hash:
        return False
    number = pupil_of(tx.vault, row).number
    return projection.is_news_to(open_projection(tx.vault, row), number.value if number else None)


async def _say(tx: Tx, news: Sequence[_Said]) -> None:
    """Keep what is said and under which version, so that answers to it can be told from others."""
    if not news:
        return
    versions = await queries.next_versions(tx, [said.student_id for said in news])
    new, known, waited = [], [], []
    for said in news:
        before = pupil_of(tx.vault, said.row) if said.row is not None else Pupil()
        content_hash = said.projection.content_hash
        pupil = domain.told(before, versions[said.student_id], content_hash)
        void_before = said.row is not None and said.row.operation == Operation.VOID.value
        operation = national.operation_for(
            void=said.projection.void, taken_before=before.taken is not None and not void_before
        )
        row = {
            "student_id": said.student_id,
            "enrolment_id": said.enrolment_id,
            "school_id": said.school_id,
            "class_number": said.projection.class_number,
            "operation": operation.value,
            "effective_on": said.effective_on,
            "projection_sealed": seal_projection(tx.vault, said.student_id, said.projection),
            "content_hash": content_hash,
            "spoken": spoken_json(pupil.spoken),
            "spoken_at": tx.now,
            "standing": pupil.standing.value,
            "ended_at": None,
        }
        if said.row is None:
            new.append({**row, **_NOTHING_ANSWERED, "changed_at": tx.now})
            continue
        changed = said.row.standing != Standing.WAITING.value
        known.append({**row, "changed_at": tx.now if changed else said.row.changed_at})
        if changed:
            waited.append(said.student_id)
    await tx.insert(NationalPupilRow, new)
    await tx.update(NationalPupilRow, known, key=("student_id",))
    tx.touch(topics.NATIONAL_RECORD, [said.student_id for said in news])
    tx.touch(topics.OUTCOME, waited)


_NOTHING_ANSWERED: Mapping[str, Any] = {
    "accepted_version": None,
    "problem_count": 0,
    "answers_sealed": None,
    "number_sealed": None,
    "number_blind": None,
    "number_epoch": None,
    "number_version": None,
}


async def end(tx: Tx, students: Sequence[UUID]) -> None:
    """The records of these pupils have ended: what identifies them goes, the nation and registry hear of it."""
    gone = await tx.rows(
        update(NationalPupilRow)
        .values(
            projection_sealed=None, answers_sealed=None, number_sealed=None, number_blind=None,
            number_epoch=None, number_version=None, problem_count=0, ended_at=tx.now, changed_at=tx.now,
        )
        .where(among(NationalPupilRow.student_id, students), NationalPupilRow.ended_at.is_(None))
        .returning(NationalPupilRow.student_id)
    )  # fmt: skip
    ended = [row.student_id for row in gone]
    tx.touch(topics.NATIONAL_RECORD, ended)
    tx.touch(topics.OUTCOME, ended)


async def respeak(tx: Tx, student: UUID, school: UUID) -> None:
    """The nation is told once more what it was told last, under a new version. Raises NotFound."""
    row = (await queries.pupils(tx, [student], lock=True)).get(student)
    if row is None or row.projection_sealed is None:
        raise NotFound("学生")
    projection = open_projection(tx.vault, row)
    await _say(tx, [_Said(student, row.enrolment_id, row.school_id, projection, row.effective_on, row)])
    tx.note("national.respeak", [("student", student)], organisation=school)


async def take_receipts(tx: Tx, receipts: Sequence[Received[AnyReceipt]]) -> None:
    """Answers of the nation, in any order and any number of times.

    Two statements, one more where numbers are issued and one where answers contradict, however many receipts.
    Raises OtherPupilsReceipt, UnknownPupil, UnknownVersion: such a receipt is parked.
    """
    answers = _by_student(receipts)
    rows = await queries.pupils(tx, answers.keys(), lock=True)
    held = await _holders(tx, receipts)
    changed, conflicts, told = [], [], []
    for student, heard in sorted(answers.items()):
        row = rows.get(student)
        if row is None:
            raise UnknownPupil(student)
        if row.ended_at is not None:
            continue
        before = pupil = pupil_of(tx.vault, row)
        for received in heard:
            pupil, code = _followed(tx, pupil, received, held)
            if code:
                conflicts.append(_conflict(tx, row, received, code))
        if pupil == before:
            continue
        news = domain.outward(pupil) != domain.outward(before)
        changed.append({**answers_of(tx.vault, student, pupil), "changed_at": tx.now if news else row.changed_at})
        if news:
            told.append(student)
    await tx.update(NationalPupilRow, changed, key=("student_id",))
    await tx.insert(ConflictRow, conflicts, skip_existing=True)
    tx.touch(topics.OUTCOME, told)


def _by_student(receipts: Sequence[Received[AnyReceipt]]) -> dict[UUID, list[Received[AnyReceipt]]]:
    found: dict[UUID, list[Received[AnyReceipt]]] = {}
    for received in receipts:
        if received.event.echo.student_id != received.subject:
            raise OtherPupilsReceipt(received.subject)
        found.setdefault(received.subject, []).append(received)
    return found


async def _holders(tx: Tx, receipts: Sequence[Received[AnyReceipt]]) -> dict[bytes, UUID]:
    """Blind index of each number that is issued here → the pupil who has it already."""
    numbers = [received.event.number for received in receipts if isinstance(received.event, NumberIssued)]
    return await queries.holders(tx, {blind_number(tx.vault, number) for number in numbers}) if numbers else {}


def _followed(
    tx: Tx, pupil: Pupil, received: Received[AnyReceipt], held: dict[bytes, UUID]
) -> tuple[Pupil, str | None]:
    """The pupil after a receipt, and the code of the conflict where it was not followed."""
    receipt = received.event
    blind = blind_number(tx.vault, receipt.number) if isinstance(receipt, NumberIssued) else None
    if blind is not None and held.get(blind, received.subject) != received.subject:
        return pupil, "number-of-another-pupil"
    after, verdict = domain.after(pupil, receipt)
    if blind is not None and verdict is Verdict.APPLIED:
        held[blind] = received.subject
    if verdict is Verdict.UNKNOWN:
        raise UnknownVersion(received.subject, receipt.echo.epoch, receipt.echo.version)
    if verdict is not Verdict.CONTRADICTION:
        return after, None
    rejected = any(
        one.answer is domain.Answer.REJECTED
        for one in pupil.spoken
        if one.at == domain.Version(receipt.echo.epoch, receipt.echo.version)
    )
    second = isinstance(receipt, NumberIssued) and not rejected
    return after, "second-number" if second else "contradicts-final-answer"


def _conflict(tx: Tx, row: Any, received: Received[AnyReceipt], code: str) -> dict[str, Any]:
    receipt = received.event
    return {
        "id": tx.new_id(),
        "student_id": row.student_id,
        "school_id": row.school_id,
        "epoch": receipt.echo.epoch,
        "version": receipt.echo.version,
        "code": code,
        "heard": type(receipt).__name__,
        "receipt_id": received.id,
        "answered_at": receipt.answered_at,
        "recorded_at": tx.now,
    }


async def copy_classes(tx: Tx, classes: Sequence[Received[ClassChanged]]) -> None:
    """Keep sync's copy of the classes. One statement."""
    await tx.upsert(
        ClassCopyRow,
        [
            {"id": received.subject, "school_id": received.event.school_id, "number": received.event.number}
            for received in classes
        ],
        key=("id",),
    )


async def forget_classes(tx: Tx, classes: Sequence[UUID]) -> None:
    """Classes that have ended."""
    await tx.execute(delete(ClassCopyRow).where(among(ClassCopyRow.id, classes)))
