"""Imports over HTTP."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent, resource
from chassis.ids import new_id
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.record import sheet_headers
from contracts.values import Role
from registry.importing import commands, domain, queries, rows, workbook
from registry.importing.domain import OUTCOMES, STATE_NAMES, Mode, State
from registry.importing.reader.verdict import LARGEST_FILE
from registry.importing.storage import Inbox
from registry.importing.upload import ENVELOPE, Upload
from registry.organisation import queries as organisations
from registry.student.commands import Outcome
from registry.student.domain import masked_name
from registry.student.entry import HEADERS

router = APIRouter(prefix="/v1/imports", tags=["imports"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READERS = (Role.REGISTRAR, Role.TEACHER, Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN)
_BATCH = 500
_FAILED = (Outcome.REFUSED, Outcome.DUPLICATE)

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
Safe = Annotated[Vault, Depends(resource(Vault))]


class Nothing(BaseModel):
    """No body is needed."""

    model_config = ConfigDict(extra="forbid")


class Accepted(BaseModel):
    """A file was taken in; ask for its import until it has ended."""

    id: UUID
    sha256: str
    repeated: bool
    """The same file was under way already: this is its import."""


class Reason(BaseModel):
    """Why rows failed, by their first problem."""

    outcome: Outcome
    code: str
    text: str
    rows: int


class Refused(BaseModel):
    """Why the file as a whole was refused."""

    code: str
    text: str


class Import(BaseModel):
    """An import and its receipt: rows = created + updated + unchanged + duplicate + refused once it has ended."""

    id: UUID
    school_id: UUID
    file: str
    sha256: str
    size: int
    mode: Mode
    state: State
    stage: str
    """The state in words."""
    progress: int
    """Percent."""
    rows: int | None
    done: int
    created: int
    updated: int
    unchanged: int
    duplicate: int
    refused: int
    undone: int
    by_reason: list[Reason]
    refusal: Refused | None
    unknown_columns: list[str]
    uploaded_at: datetime
    ended_at: datetime | None


class Imports(BaseModel):
    """A page of imports."""

    items: list[Import]
    total: int


class Said(BaseModel):
    """One problem of a row."""

    code: str
    field: str
    header: str
    """The column of the sheet; "" when it is the row as a whole."""
    text: str


class RowOutcome(BaseModel):
    """What became of a row."""

    row: int
    outcome: Outcome
    name: str
    """Masked; only of rows that failed."""
    student_id: UUID | None
    problems: list[Said]


class RowOutcomes(BaseModel):
    """A page of rows."""

    items: list[RowOutcome]
    total: int


_FILE_BODY: dict[str, Any] = {
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


@router.get("/template.xlsx", dependencies=[allow(*READERS)], response_class=Response)
async def template_workbook() -> Response:
    """The sheet to fill in."""
    # openpyxl takes a third of a second to import: who asks for the sheet waits for it, and not every start.
    from registry.importing.template import template

    return _download(await asyncio.to_thread(template), "import-template.xlsx")


@router.post(
    "",
    status_code=202,
    dependencies=[allow(Role.REGISTRAR)],
    openapi_extra=_FILE_BODY,
    max_body_size=LARGEST_FILE + ENVELOPE,
)
async def upload(
    request: Request,
    db: Db,
    actor: Who,
    vault: Safe,
    inbox: Annotated[Inbox, Depends(resource(Inbox))],
    mode: Mode = Mode.DRY_RUN,
    school: UUID | None = None,
) -> Accepted:
    """A sheet of new pupils, .xlsx, .xls or .csv. The same file again while it is under way is the same import."""
    async with db.snapshot() as tx:
        school_id = school or await organisations.own_school(tx, actor)
        await organisations.require_own_school(tx, actor, school_id, "为该学校导入学生")
    received = Upload(request)
    import_id = new_id()
    await inbox.keep(import_id, received.pieces())
    taken_in: UUID | None = None
    try:
        async with db.transaction(actor) as tx:
            uploaded = commands.Uploaded(import_id, school_id, mode, received.sha256, received.size, received.name)
            taken_in = await commands.take_in(tx, vault, uploaded)
    finally:
        if taken_in != import_id:
            await inbox.drop(import_id)
    return Accepted(id=taken_in, sha256=received.sha256.hex(), repeated=taken_in != import_id)


@router.get("", dependencies=[allow(*READERS)])
async def history(
    db: Db,
    actor: Who,
    vault: Safe,
    school: UUID | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Imports:
    """The imports of a school, newest first; reasons only with a single import."""
    async with db.snapshot() as tx:
        school_id = school or await organisations.own_school(tx, actor)
        await organisations.require_sight(tx, actor, school_id, "学校")
        found, total = await queries.history(tx, school_id, offset, limit)
        return Imports(items=[_shown(vault, row, []) for row in found], total=total)


@router.get("/{import_id}", dependencies=[allow(*READERS)])
async def look(import_id: UUID, db: Db, actor: Who, vault: Safe) -> Import:
    """How far an import is, and its receipt."""
    async with db.snapshot() as tx:
        return await _one(tx, vault, await _seen(tx, actor, import_id))


@router.post("/{import_id}/run", dependencies=[allow(Role.REGISTRAR)])
async def run(import_id: UUID, db: Db, actor: Who, vault: Safe, key: Key) -> Import:
    """Carry out what a dry run has shown."""

    async def act() -> Import:
        await _own(tx, actor, import_id, "开始该导入")
        await commands.run(tx, import_id)
        return await _one(tx, vault, await queries.one(tx, import_id))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, Nothing(), act)


@router.post("/{import_id}/undo", dependencies=[allow(Role.REGISTRAR)])
async def undo(import_id: UUID, db: Db, actor: Who, vault: Safe, key: Key) -> Import:
    """Take back what an import created; what was submitted since stays."""

    async def act() -> Import:
        await _own(tx, actor, import_id, "撤销该导入")
        await commands.undo(tx, import_id)
        return await _one(tx, vault, await queries.one(tx, import_id))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, Nothing(), act)


@router.get("/{import_id}/rows", dependencies=[allow(*READERS)])
async def row_outcomes(
    import_id: UUID,
    db: Db,
    actor: Who,
    vault: Safe,
    outcome: Annotated[list[Outcome] | None, Query(max_length=5)] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RowOutcomes:
    """What became of the rows, masked."""
    async with db.snapshot() as tx:
        await _seen(tx, actor, import_id)
        found, total = await queries.outcomes(tx, import_id, outcome or (), offset=offset, limit=limit)
    return RowOutcomes(items=[_row(vault, row) for row in found], total=total)


@router.get("/{import_id}/failures.xlsx", dependencies=[allow(Role.REGISTRAR)], response_class=Response)
async def failures(import_id: UUID, db: Db, actor: Who, vault: Safe) -> Response:
    """The rows that failed, as they were, with a comment on every wrong cell; the read is audited."""
    book = workbook.FailedRows(sheet_headers())
    async with db.transaction(actor) as tx:
        row = await _own(tx, actor, import_id, "下载该导入的未导入行")
        after = 0
        while True:
            found, total = await queries.outcomes(tx, import_id, _FAILED, after=after, limit=_BATCH)
            await asyncio.to_thread(book.add, _failed(vault, found))
            if len(found) < _BATCH:
                break
            after = found[-1].row
        tx.note("import.failures-read", [("import", import_id)], organisation=row.school_id, detail={"rows": total})
    content = await asyncio.to_thread(book.finished)
    return _download(content, f"failures-{import_id}.xlsx")


def _failed(vault: Vault, found: Sequence[Row[Any]]) -> Iterator[workbook.FailedRow]:
    for row in found:
        faults = [(HEADERS.get(each["field"], ""), each["text"]) for each in row.problems]
        yield workbook.FailedRow(row.row, _cells(vault, row), faults)


def _cells(vault: Vault, row: Row[Any]) -> dict[str, str]:
    if row.cells_sealed is None:
        return {}
    return rows.open_cells(vault, row.import_id, row.row, row.cells_sealed)


def _row(vault: Vault, row: Row[Any]) -> RowOutcome:
    return RowOutcome(
        row=row.row,
        outcome=Outcome(row.outcome),
        name=masked_name(_cells(vault, row).get("姓名", "").strip()),
        student_id=row.student_id,
        problems=[Said(header=HEADERS.get(each["field"], ""), **each) for each in row.problems],
    )


async def _one(tx: Tx, vault: Vault, row: Row[Any]) -> Import:
    found = await queries.reasons(tx, row.id)
    return _shown(
        vault, row, [Reason(outcome=Outcome(r.outcome), code=r.code, text=r.text, rows=r.rows) for r in found]
    )


def _shown(vault: Vault, row: Row[Any], reasons: list[Reason]) -> Import:
    state = State(row.state)
    counts = {outcome: int(getattr(row, outcome)) for outcome in OUTCOMES}
    done = sum(counts.values())
    return Import(
        id=row.id,
        school_id=row.school_id,
        file=vault.open(row.name_sealed, table="import", column="name", row=row.id).decode(),
        sha256=row.sha256.hex(),
        size=row.size,
        mode=Mode(row.mode),
        state=state,
        stage=STATE_NAMES[state],
        progress=domain.progress(state, row.rows, done),
        rows=row.rows,
        done=done,
        **counts,
        undone=row.undone,
        by_reason=reasons,
        refusal=Refused(code=row.refusal_code, text=row.refusal_text) if row.refusal_code else None,
        unknown_columns=row.unknown_columns,
        uploaded_at=row.uploaded_at,
        ended_at=row.ended_at,
    )


async def _seen(tx: Tx, actor: Actor, import_id: UUID) -> Row[Any]:
    row = await queries.one(tx, import_id)
    await organisations.require_sight(tx, actor, row.school_id, "导入记录")
    return row


async def _own(tx: Tx, actor: Actor, import_id: UUID, what: str) -> Row[Any]:
    row = await _seen(tx, actor, import_id)
    await organisations.require_own_school(tx, actor, row.school_id, what)
    return row


def _download(content: bytes, name: str) -> Response:
    return Response(content, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
