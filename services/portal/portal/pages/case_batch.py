"""批量审核: only cases without a warning, each looked at; counts before, a receipt after."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused, part
from portal.clients.photo import Requirement
from portal.clients.registry.enrolment import Glimpse
from portal.clients.review import Case, NotDecided
from portal.forms import Form, Sent, Told, is_id, missing, told
from portal.pages.choosing import Page, SchoolId
from portal.pages.reasons import reasons_in
from portal.rendering import Pager, offset_of, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMBS = (("学籍审核", "/cases"),)
BATCH = 100


@router.get("/cases/batch")
async def look(visit: Who, school: SchoolId = None, page: Page = 1) -> Response:
    """Cases that nothing is unusual about, with name and photo."""
    return await _page(visit, str(school or ""), page, None)


async def _page(visit: Visit, school: str, page: int, why: Told | None) -> Response:
    wanted = {"state": "open", "flagged": "false", "mine": "true", "sort": "deadline", "school": school}
    found = await visit.review.cases(wanted, offset_of(page, BATCH), BATCH)
    glimpses, due = await asyncio.gather(
        part(visit.registry.enrolment.lookup([case.id for case in found.items])),
        part(visit.photo.due([case.student_id for case in found.items])),
    )
    seen = {each.request_id: each for each in glimpses.value or []}
    photos = {each.student_id: each for each in due.value.items} if due.value else {}
    return show(
        visit,
        "case_batch.html",
        told=why,
        crumbs=(*CRUMBS, ("批量审核", None)),
        cases=found.items,
        seen=seen,
        photos=photos,
        absent=[word for word, away in (("学籍服务", glimpses.away), ("照片服务", due.away)) if away],
        ready={case.id for case in found.items if _ready(case, seen, photos) and not due.away},
        school=school,
        pager=Pager(page, found.total, BATCH),
    )


def _ready(case: Case, seen: dict[UUID, Glimpse], photos: dict[UUID, Requirement]) -> bool:
    """Whether the case may be part of a batch: decidable, the person known, the photo there where one is due."""
    photo = photos.get(case.student_id)
    return case.may_decide and case.id in seen and (photo is None or photo.state == "accepted")


def _pairs(form: Form) -> list[tuple[str, str]]:
    """Case and hash of every box that is ticked."""
    pairs = [value.partition(":") for value in form.texts("cases")]
    return [(case, content) for case, _, content in pairs if is_id(case) and content][:500]


@router.post("/cases/batch")
async def confirm(visit: Who, form: Sent) -> Response:
    """How many, of which schools, and what will happen, before it happens."""
    pairs = _pairs(form)
    if not pairs:
        return await _page(visit, form.text("school"), 1, missing("没有勾选审核件。请先勾选。"))
    return show(visit, "case_confirm.html", crumbs=(*CRUMBS, ("批量审核", "/cases/batch"), ("确认", None)), pairs=pairs)


@router.post("/cases/batch/approve")
async def approve(visit: Who, form: Sent) -> Response:
    """Approve them together; each that cannot be is told with its reason."""
    pairs = _pairs(form)
    try:
        receipt = await visit.review.approve_many(pairs, form.key)
    except (Refused, Away) as why:
        crumbs = (*CRUMBS, ("确认", None))
        return show(visit, "case_confirm.html", told=told(why, form), crumbs=crumbs, pairs=pairs)
    return await _receipt(visit, "通过", len(pairs), len(receipt.approved), receipt.refused)


@router.post("/cases/batch/return")
async def send_back(visit: Who, form: Sent) -> Response:
    """Return them together for the same reasons, asked for first; each that cannot be is told with its own."""
    pairs = _pairs(form)
    if not pairs:
        return await _page(visit, form.text("school"), 1, missing("没有勾选审核件。请先勾选。"))
    if form.text("sure") != "true":
        return await _return_page(visit, pairs, form, None)
    if not form.texts("reasons"):
        return await _return_page(visit, pairs, form, missing("退回须说明原因。请先勾选原因。"))
    try:
        receipt = await visit.review.return_many(pairs, reasons_in(form), form.key)
    except (Refused, Away) as why:
        return await _return_page(visit, pairs, form, told(why, form))
    return await _receipt(visit, "退回", len(pairs), len(receipt.decided), receipt.refused)


async def _return_page(visit: Visit, pairs: list[tuple[str, str]], form: Form, why: Told | None) -> Response:
    return show(
        visit,
        "case_return.html",
        told=why,
        crumbs=(*CRUMBS, ("批量审核", "/cases/batch"), ("批量退回", None)),
        pairs=pairs,
        reasons=await part(visit.review.reasons()),
        ticked=form.texts("reasons"),
        said=form.values,
        # Asked again, it comes back to this page first: nothing is sent back unseen.
        sent=[(name, value) for name, value in form.pairs if name not in ("sure", "key")],
    )


async def _receipt(visit: Visit, word: str, asked: int, done: int, refused: Sequence[NotDecided]) -> Response:
    named = await part(visit.registry.enrolment.lookup([each.id for each in refused][:200]))
    return show(
        visit,
        "case_receipt.html",
        crumbs=(*CRUMBS, ("批量审核", "/cases/batch"), ("回执", None)),
        word=word,
        asked=asked,
        done=done,
        refused=refused,
        names={each.request_id: each for each in named.value or []},
    )
