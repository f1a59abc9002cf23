"""Photo over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from chassis.http import Actor, allow, current_actor, database, resource
from chassis.identity.copies import may_see, subtree
from chassis.ids import new_id
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from contracts.values import PhotoState, Role
from photo import commands, domain, queries
from photo.archive import LARGEST_ARCHIVE, Archive
from photo.checks import LARGEST_FILE
from photo.domain import ArchiveStage, FileOutcome
from photo.errors import REMARKS, SENTENCES, ArchiveRefused, PhotoRefused
from photo.jobs import keep, stand
from photo.storage import Album
from photo.uploading import ENVELOPE, received
from photo.working import Workshop

router = APIRouter(prefix="/v1")

SCHOOL = (Role.REGISTRAR, Role.TEACHER)
ANYONE_INSIDE = (*SCHOOL, Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN)

FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""What OpenAPI says of a body that is read as it comes."""

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]


class Requirement(BaseModel):
    """A photo that is due."""

    student_id: UUID
    enrolment_id: UUID
    school_id: UUID
    class_id: UUID | None
    school_year: int
    state: PhotoState
    reason: str | None
    text: str | None
    """Sentence of the reason."""
    remarks: list[str]
    """Sentences of what a person should look at in an accepted photo."""
    changed_at: datetime


class Requirements(BaseModel):
    items: list[Requirement]
    total: int


class PhotoTaken(BaseModel):
    student_id: UUID
    sha256: str
    remarks: list[str]
    """Sentences of what a person should look at."""


class ArchiveState(BaseModel):
    """A ZIP and how far it is."""

    id: UUID
    school_id: UUID
    state: ArchiveStage
    uploaded_at: datetime
    files: int
    done: int
    accepted: int
    ambiguous: int
    unmatched: int
    refused: int


class ArchiveFile(BaseModel):
    number: int
    name: str
    result: FileOutcome
    reason: str | None
    text: str | None
    student_id: UUID | None


class ArchiveFiles(BaseModel):
    items: list[ArchiveFile]
    total: int


class Archives(BaseModel):
    items: list[ArchiveState]


class Match(BaseModel):
    model_config = ConfigDict(extra="forbid")

    student_id: UUID


def _sentences(remarks: Sequence[str]) -> list[str]:
    return [REMARKS[code] for code in remarks]


async def _inside(tx: Tx, actor: Actor, organisation: UUID | None, what: str) -> UUID:
    if organisation is None or not await may_see(tx, actor, organisation):
        raise NotFound(what)
    return organisation


async def _schools(tx: Tx, actor: Actor, school: UUID | None) -> list[UUID]:
    asked = school or actor.organisation_id
    await _inside(tx, actor, asked, "学校")
    return list(await subtree(tx, asked, tx.now.date()))


@router.get("/requirements", dependencies=[allow(*ANYONE_INSIDE)])
async def requirements(
    db: Db,
    actor: Who,
    school: UUID | None = None,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    state: PhotoState | None = None,
    student: Annotated[list[UUID] | None, Query(max_length=200)] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Requirements:
    """The photos that are due at a school, campuses included. Source: art. 12."""
    async with db.snapshot() as tx:
        page = await queries.requirements_page(
            tx,
            await _schools(tx, actor, school),
            class_id=class_id,
            state=state,
            students=student or (),
            offset=offset,
            limit=limit,
        )
    return Requirements(
        items=[
            Requirement(
                **{**row._mapping, "remarks": _sentences(row.remarks or ())}, text=SENTENCES.get(row.reason or "")
            )
            for row in page.rows
        ],
        total=page.total,
    )


@router.put(
    "/students/{student_id}/photo",
    dependencies=[allow(*SCHOOL)],
    max_body_size=LARGEST_FILE + ENVELOPE,
    openapi_extra=FILE_BODY,
)
async def take_photo(
    request: Request,
    student_id: UUID,
    db: Db,
    actor: Who,
    album: Annotated[Album, Depends(resource(Album))],
    workshop: Annotated[Workshop, Depends(resource(Workshop))],
) -> PhotoTaken:
    """One photo for one pupil; the same photo again changes nothing. Source: art. 12."""
    async with db.snapshot() as tx:
        school = await _inside(tx, actor, await queries.school_of(tx, student_id), "学生")
        due = (await queries.requirements_of(tx, [student_id])).get(student_id)
    if code := domain.why_not_taken(due):
        raise PhotoRefused(code)
    standard = await workshop.standardise(await received(request, LARGEST_FILE, PhotoRefused("photo-too-large")))
    if isinstance(standard, str):
        async with db.transaction(actor) as tx:
            await commands.refuse(tx, {student_id: standard})
        raise PhotoRefused(standard)
    taken = await keep(album, student_id, standard)
    async with db.transaction(actor) as tx:
        remarks = await commands.take_one(tx, school, taken)
        await stand(album, [taken])
    return PhotoTaken(student_id=student_id, sha256=standard.sha256, remarks=_sentences(remarks))


@router.get("/students/{student_id}/photo", dependencies=[allow(*ANYONE_INSIDE)], response_class=Response)
async def photo_of(student_id: UUID, db: Db, actor: Who, album: Annotated[Album, Depends(resource(Album))]) -> Response:
    """The standard photo as a JPEG; the read is audited."""
    async with db.transaction(actor) as tx:
        school = await queries.school_of(tx, student_id)
        if school is None or not await queries.may_look(tx, actor, student_id, school):
            raise NotFound("照片")
        row = await queries.current_photo(tx, student_id)
        if row is None:
            raise NotFound("照片")
        tx.note("photo.seen", [("student", student_id)], organisation=school)
    content = await album.take(row.object_key)
    return Response(
        content, media_type="image/jpeg", headers={"Content-Disposition": f'inline; filename="{student_id}.jpg"'}
    )


@router.post(
    "/archives",
    dependencies=[allow(*SCHOOL)],
    status_code=202,
    max_body_size=LARGEST_ARCHIVE + ENVELOPE,
    openapi_extra=FILE_BODY,
)
async def open_archive(
    request: Request,
    db: Db,
    actor: Who,
    album: Annotated[Album, Depends(resource(Album))],
    school: UUID | None = None,
) -> ArchiveState:
    """A ZIP of photos to be worked through; ask for its state until it is done. Source: art. 12."""
    owner = school or actor.organisation_id
    async with db.snapshot() as tx:
        await _inside(tx, actor, owner, "学校")
    data = await received(request, LARGEST_ARCHIVE, ArchiveRefused("archive-too-large"))
    archive = Archive(data)
    archive_id, content = new_id(), sha256(data).hexdigest()
    key = await album.keep("archive", archive_id, content, data)
    async with db.transaction(actor) as tx:
        kept = await commands.open_archive(
            tx,
            {
                "id": archive_id,
                "school_id": owner,
                "uploaded_by": actor.account_id,
                "person_id": actor.person_id,
                "sha256": content,
                "object_key": key,
                "files": archive.members[-1].number,
                "bytes": len(data),
            },
        )
    if kept != archive_id:
        await album.drop(key)
    async with db.snapshot() as tx:
        return await _state(tx, await queries.archive(tx, kept))


async def _state(tx: Tx, row: Any) -> ArchiveState:
    return ArchiveState(
        id=row.id,
        school_id=row.school_id,
        state=ArchiveStage(row.state),
        uploaded_at=row.uploaded_at,
        files=row.files,
        done=row.done,
        **await queries.archive_results(tx, row.id),
    )


async def _archive(tx: Tx, actor: Actor, archive_id: UUID) -> Any:
    row = await queries.archive(tx, archive_id)
    await _inside(tx, actor, row.school_id if row else None, "压缩包")
    return row


@router.get("/archives", dependencies=[allow(*ANYONE_INSIDE)])
async def archives(db: Db, actor: Who, school: UUID | None = None) -> Archives:
    """The last 20 archives of a school."""
    async with db.snapshot() as tx:
        rows = await queries.recent_archives(tx, await _schools(tx, actor, school))
        return Archives(items=[await _state(tx, row) for row in rows])


@router.get("/archives/{archive_id}", dependencies=[allow(*ANYONE_INSIDE)])
async def archive_state(archive_id: UUID, db: Db, actor: Who) -> ArchiveState:
    """How far an archive is, and how its files have fared."""
    async with db.snapshot() as tx:
        return await _state(tx, await _archive(tx, actor, archive_id))


@router.get("/archives/{archive_id}/files", dependencies=[allow(*SCHOOL)])
async def archive_files(
    archive_id: UUID,
    db: Db,
    actor: Who,
    vault: Annotated[Vault, Depends(resource(Vault))],
    result: FileOutcome | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ArchiveFiles:
    """What became of each file, under the name that the clerk gave it; the read is audited."""
    async with db.transaction(actor) as tx:
        row = await _archive(tx, actor, archive_id)
        page = await queries.files_page(tx, archive_id, result, offset, limit)
        tx.note("photo.archive-seen", [("archive", archive_id)], organisation=row.school_id)
    return ArchiveFiles(
        items=[
            ArchiveFile(
                number=found.number,
                name=vault.open(
                    found.name_sealed, table="archive_file", column=f"name:{found.number}", row=archive_id
                ).decode(),
                result=FileOutcome(found.result),
                reason=found.reason,
                text=SENTENCES.get(found.reason or ""),
                student_id=found.student_id,
            )
            for found in page.rows
        ],
        total=page.total,
    )


@router.post("/archives/{archive_id}/files/{number}/match", dependencies=[allow(*SCHOOL)])
async def match_file(
    archive_id: UUID,
    number: int,
    body: Match,
    db: Db,
    actor: Who,
    album: Annotated[Album, Depends(resource(Album))],
    workshop: Annotated[Workshop, Depends(resource(Workshop))],
) -> PhotoTaken:
    """A person says whose photo a file is that no name could tell."""
    async with db.snapshot() as tx:
        row = await _archive(tx, actor, archive_id)
        school = await _inside(tx, actor, await queries.school_of(tx, body.student_id), "学生")
    archive = Archive(await album.take(row.object_key))
    member = next((member for member in archive.members if member.number == number), None)
    if member is None:
        raise NotFound("文件")
    content = archive.read(member)
    standard = content if isinstance(content, str) else await workshop.standardise(content)
    if isinstance(standard, str):
        raise PhotoRefused(standard)
    taken = await keep(album, body.student_id, standard)
    async with db.transaction(actor) as tx:
        remarks = await commands.match_file(tx, archive_id, number, school, taken)
        await stand(album, [taken])
    return PhotoTaken(student_id=body.student_id, sha256=standard.sha256, remarks=_sentences(remarks))


@router.get("/desk", dependencies=[allow(*ANYONE_INSIDE)])
async def desk(db: Db, actor: Who) -> dict[str, int]:
    """Counts for the work desk: photos by state."""
    async with db.snapshot() as tx:
        return await queries.counts(tx, await _schools(tx, actor, None))
