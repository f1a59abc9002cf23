"""Lists of pupils: filters, search, placement in bulk, export."""

import asyncio
import unicodedata
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, idempotent
from chassis.transaction import Tx
from contracts import codes
from contracts.sync import Standing
from contracts.values import PhotoState, Role, Schooling, Stage, StudentStatus
from registry.calendar import domain as calendar
from registry.calendar import queries as calendars
from registry.organisation import queries as organisations
from registry.student import commands, queries
from registry.student.api.asking import Db, Key, Who, own_school
from registry.student.api.lines import PupilLine, lines
from registry.student.domain import match_fold, stage_of
from registry.student.errors import TooManyToExport

router = APIRouter(prefix="/v1/students", tags=["students"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_AT_ONCE = 500
MOST_EXPORTED = 20_000
"""Rows of one workbook: what a process can hold, and a clerk can read."""


class Filters(BaseModel):
    """Which pupils a list is narrowed to."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    ids: Annotated[tuple[UUID, ...], Field(alias="id", max_length=200)] = ()
    """These alone: what a receipt names."""
    school: UUID | None = None
    class_id: Annotated[UUID | None, Field(alias="class")] = None
    unplaced: bool = False
    status: tuple[StudentStatus, ...] | StudentStatus = ()
    grade: Annotated[int | None, Field(ge=1, le=12)] = None
    entry_year: int | None = None
    stage: Stage | None = None
    photo: PhotoState | None = None
    standing: Standing | None = None


class Search(Filters):
    """A name or a full number, which no URL may carry, and the filters of the list."""

    q: str = Field(min_length=1, max_length=60)
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PupilLines(BaseModel):
    """A page of the list of pupils."""

    items: list[PupilLine]
    total: int


class Placement(BaseModel):
    """Pupils for one class."""

    model_config = ConfigDict(extra="forbid")

    class_id: UUID
    students: Annotated[list[UUID], Field(min_length=1, max_length=1_000)]


class NotPlaced(BaseModel):
    """A pupil who stayed where she was, and why."""

    student_id: UUID
    code: str
    text: str


class Placed(BaseModel):
    """Who found a seat, and who did not and why."""

    placed: list[UUID]
    refused: list[NotPlaced]


def filters(
    ids: Annotated[list[UUID] | None, Query(alias="id", max_length=200)] = None,
    school: UUID | None = None,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    unplaced: bool = False,
    status: Annotated[list[StudentStatus] | None, Query()] = None,
    grade: Annotated[int | None, Query(ge=1, le=12)] = None,
    entry_year: int | None = None,
    stage: Stage | None = None,
    photo: PhotoState | None = None,
    standing: Standing | None = None,
) -> Filters:
    """The filters of a URL."""
    return Filters(
        ids=tuple(ids or ()),
        school=school,
        class_id=class_id,
        unplaced=unplaced,
        status=tuple(status or ()),
        grade=grade,
        entry_year=entry_year,
        stage=stage,
        photo=photo,
        standing=standing,
    )


Narrowed = Annotated[Filters, Depends(filters)]


@router.get("", dependencies=[allow(*Role)])
async def find(
    db: Db,
    actor: Who,
    narrowed: Narrowed,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PupilLines:
    """Pupils whom the actor sees, masked, by school and class."""
    async with db.snapshot() as tx:
        found, total = await queries.pupil_page(tx, await _wanted(tx, actor, narrowed), offset, limit)
        return PupilLines(items=await lines(tx, found), total=total)


@router.post("/search", dependencies=[allow(*Role)])
async def search(body: Search, db: Db, actor: Who) -> PupilLines:
    """Pupils of a name, or of a document or number that is known in full; the search is audited, its words are not."""
    async with db.transaction(actor) as tx:
        wanted = await _wanted(tx, actor, body, words=body.q)
        found, total = await queries.pupil_page(tx, wanted, body.offset, body.limit)
        tx.note("student.search", [], organisation=actor.organisation_id, detail={"found": total})
        return PupilLines(items=await lines(tx, found), total=total)


@router.post("/place", dependencies=[allow(Role.REGISTRAR)])
async def place(body: Placement, db: Db, actor: Who, key: Key) -> Placed:
    """Pupils are placed in a class 分班, as many as find a seat."""

    async def act() -> Placed:
        school_id = await own_school(tx, actor, None, "为该学校的学生分班")
        done = await commands.place(tx, school_id, body.class_id, body.students)
        refused = [NotPlaced(student_id=each, code=why.code, text=why.text) for each, why in done.refused]
        return Placed(placed=done.placed, refused=refused)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.get(
    "/export.xlsx",
    dependencies=[allow(Role.REGISTRAR, Role.OFFICER, Role.PROVINCE_ADMIN)],
    response_class=Response,
)
async def export(db: Db, actor: Who, narrowed: Narrowed) -> Response:
    """The list as a workbook of text cells; in full only for a registrar of her own school. The read is audited."""
    async with db.transaction(actor) as tx:
        wanted = await _wanted(tx, actor, narrowed)
        full = Role.REGISTRAR in actor.roles
        found: list[queries.Pupil] = []
        while True:
            some, total = await queries.pupil_page(tx, wanted, len(found), _AT_ONCE)
            if total > MOST_EXPORTED:
                raise TooManyToExport(total, MOST_EXPORTED)
            found += some
            if len(some) < _AT_ONCE:
                break
        shown = await lines(tx, found, unmasked=full)
        tx.note("student.export", [], organisation=actor.organisation_id, detail={"rows": total, "full": full})
    from registry.student.exporting import workbook  # openpyxl takes long to import: not at every start

    content = await asyncio.to_thread(workbook, found, shown, full=full)
    headers = {"Content-Disposition": 'attachment; filename="students.xlsx"'}
    return Response(content, media_type=XLSX, headers=headers)


async def _wanted(tx: Tx, actor: Actor, narrowed: Filters, words: str = "") -> queries.Wanted:
    """What the list asks for, within what the actor sees. Raises NotFound for a school that she does not see."""
    if narrowed.school is not None:
        await organisations.require_sight(tx, actor, narrowed.school, "学校")
    schools: Any = [narrowed.school] if narrowed.school else organisations.within(actor.organisation_id, tx.now.date())
    stage, entry_year = narrowed.stage, narrowed.entry_year
    if narrowed.grade is not None:
        schooling = await _schooling(tx, narrowed.school or actor.organisation_id)
        stage = stage_of(narrowed.grade, schooling)
        year = await calendars.active_school_year(tx)
        entry_year = calendar.entry_year_of(year, narrowed.grade, stage, schooling)
    text = match_fold(words)
    is_number = len(text) >= 4 and text.isascii() and any(mark.isdigit() for mark in text)
    statuses = narrowed.status if isinstance(narrowed.status, tuple) else (narrowed.status,)
    return queries.Wanted(
        ids=narrowed.ids,
        schools=schools,
        class_id=narrowed.class_id,
        unplaced=narrowed.unplaced,
        statuses=statuses,
        stage=stage,
        entry_year=entry_year,
        photo=narrowed.photo,
        standing=narrowed.standing,
        names=[commands.name_index(tx.vault, unicodedata.normalize("NFC", words))] if words and not is_number else (),
        numbers=_indexes(tx, text) if is_number else (),
    )


async def _schooling(tx: Tx, organisation_id: UUID) -> Schooling:
    """The 学制 by which a grade is meant: the school's, or the province's usual one."""
    found = (await organisations.schools(tx, [organisation_id])).get(organisation_id)
    return found.schooling if found else Schooling.SIX_THREE


def _indexes(tx: Tx, text: str) -> list[bytes]:
    """Indexes under which a number may stand: a document of any type, a 学籍号, a 地区学号."""
    kinds = codes.SETS["身份证件类型"].codes
    return [commands.number_index(tx.vault, text), *(commands.document_index(tx.vault, kind, text) for kind in kinds)]
