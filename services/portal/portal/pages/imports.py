"""Excel导入: choose, dry run, result, run, receipt, undo."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused, part
from portal.forms import Sent, Told, told
from portal.pages.choosing import Page
from portal.pages.uploading import Upload, no_form
from portal.rendering import PAGE, Pager, handed_on, offset_of, see_other, show, url
from portal.settings import LARGEST_SHEET
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMB = ("Excel导入", "/imports")
OUTCOMES = {
    "failed": ("未导入的行", ["refused", "duplicate"]),
    "refused": ("未通过", ["refused"]),
    "duplicate": ("重复", ["duplicate"]),
    "created": ("新增", ["created"]),
    "updated": ("更新", ["updated"]),
    "unchanged": ("无变化", ["unchanged"]),
}


async def _list_page(visit: Visit, page: int, why: Told | None) -> Response:
    history = await part(visit.registry.imports.history(None, offset_of(page, 20), 20))
    return show(
        visit,
        "imports.html",
        told=why,
        crumbs=(("Excel导入", None),),
        history=history,
        pager=Pager(page, history.value.total, 20) if history.value else None,
        may_import=visit.has(Role.REGISTRAR) and visit.at_school,
    )


@router.get("/imports")
async def look(visit: Who, page: Page = 1) -> Response:
    """A file to choose, and what was imported before."""
    return await _list_page(visit, page, None)


@router.get("/imports/template.xlsx")
async def template(visit: Who) -> Response:
    """The sheet to fill in."""
    return handed_on(await visit.registry.imports.template(), "xinsheng-moban.xlsx")


@router.post("/imports", max_body_size=LARGEST_SHEET)
async def upload(visit: Who, request: Request) -> Response:
    """Send a sheet for a dry run."""
    sheet = Upload(request)
    if not sheet.is_form:
        return await _list_page(visit, 1, no_form())
    try:
        taken = await visit.registry.imports.upload(sheet.body, sheet.kind, sheet.length, "dry-run")
    except (Refused, Away) as why:
        return await _list_page(visit, 1, told(why))
    return see_other(f"/imports/{taken.id}", done="import-repeated" if taken.repeated else None)


async def _one_page(visit: Visit, import_id: UUID, outcome: str, page: int, why: Told | None) -> Response:
    one = await visit.registry.imports.one(import_id)
    shown = outcome if outcome in OUTCOMES else "failed" if one.failed or not one.created else "created"
    rows = await part(visit.registry.imports.rows(import_id, OUTCOMES[shown][1], offset_of(page), PAGE))
    return show(
        visit,
        "import.html",
        told=why,
        crumbs=(CRUMB, ("导入结果", None)),
        one=one,
        rows=rows,
        outcome=shown,
        outcomes=OUTCOMES,
        pager=Pager(page, rows.value.total) if rows.value else None,
        refresh=url(f"/imports/{import_id}", outcome=outcome) if one.under_way else None,
        may_import=visit.has(Role.REGISTRAR) and visit.at_school,
    )


@router.get("/imports/{import_id}")
async def one(
    visit: Who, import_id: UUID, outcome: Annotated[str, Query(max_length=20)] = "", page: Page = 1
) -> Response:
    """How far it is; then what became of every row."""
    return await _one_page(visit, import_id, outcome, page, None)


@router.get("/imports/{import_id}/failures.xlsx")
async def failures(visit: Who, import_id: UUID) -> Response:
    """The rows that failed, each wrong cell with a comment, to be corrected and uploaded again."""
    return handed_on(await visit.registry.imports.failures(import_id), "wei-daoru-hang.xlsx")


@router.post("/imports/{import_id}/run")
async def run(visit: Who, import_id: UUID, form: Sent) -> Response:
    """Carry out what the dry run has shown."""
    try:
        await visit.registry.imports.run(import_id, form.key)
    except (Refused, Away) as why:
        return await _one_page(visit, import_id, "", 1, told(why, form))
    return see_other(f"/imports/{import_id}")


async def _undo_page(visit: Visit, import_id: UUID, why: Told | None) -> Response:
    return show(
        visit,
        "import_undo.html",
        told=why,
        crumbs=(CRUMB, ("导入结果", f"/imports/{import_id}"), ("撤销导入", None)),
        one=await visit.registry.imports.one(import_id),
    )


@router.get("/imports/{import_id}/undo")
async def ask_undo(visit: Who, import_id: UUID) -> Response:
    """What undoing means, before it happens."""
    return await _undo_page(visit, import_id, None)


@router.post("/imports/{import_id}/undo")
async def undo(visit: Who, import_id: UUID, form: Sent) -> Response:
    """Take back what was created."""
    try:
        await visit.registry.imports.undo(import_id, form.key)
    except (Refused, Away) as why:
        return await _undo_page(visit, import_id, told(why, form))
    return see_other(f"/imports/{import_id}")
