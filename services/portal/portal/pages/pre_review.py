"""预审核: every draft in green, amber or red, with every problem in words; and what the authority sent back."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused, part
from portal.forms import Form, Sent, Told, is_id, missing, told
from portal.pages.choosing import Page, SchoolId, Words, choose_school, school_of
from portal.rendering import PAGE, Pager, offset_of, see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
VERDICTS = {"": "全部", "green": "可提交", "amber": "需说明", "red": "需修改"}
Verdict = Annotated[str, Query(max_length=10)]
ClassId = Annotated[UUID | None, Query(alias="class")]


async def _page(
    visit: Visit, wanted: dict[str, Any], page: int, why: Told | None = None, form: Form | None = None
) -> Response:
    found, classes = await asyncio.gather(
        visit.registry.enrolment.pre_review(wanted, offset_of(page), PAGE),
        part(visit.registry.classes.find(wanted["school"] or None)),
    )
    own = visit.has(Role.REGISTRAR) and visit.at_school
    return show(
        visit,
        "pre_review.html",
        told=why,
        crumbs=(("预审核与提交", None),),
        found=found,
        verdicts=VERDICTS,
        filters=wanted,
        all_count=sum(found.counts.values()),
        classes=[each for each in classes.value.items if not each.closed_on] if classes.value else [],
        to_explain=[(code, found.examples.get(code, code), count) for code, count in found.to_explain.items()],
        pager=Pager(page, found.total),
        is_own=own,
        ticked=form.texts("students") if form else [],
        said=form.values if form else {"code": "", "reason": ""},
        tickable=any(each.verdict != "red" for each in found.items),
        may_submit=own and found.window is not None and found.window.days_left >= 0,
    )


@router.get("/pre-review")
async def look(
    visit: Who,
    school: SchoolId = None,
    class_id: ClassId = None,
    verdict: Verdict = "",
    q: Words = "",
    page: Page = 1,
) -> Response:
    """The pupils who wait to be submitted."""
    if school_of(visit, school) is None:
        return await choose_school(visit, "/pre-review", "预审核", q, page)
    wanted = {
        "school": str(school or ""),
        "class": str(class_id or ""),
        "verdict": verdict if verdict in VERDICTS else "",
    }
    return await _page(visit, wanted, page)


@router.post("/pre-review/reasons")
async def explain(visit: Who, form: Sent) -> Response:
    """One reason for the warnings of many."""
    wanted, page = _wanted(form), max(1, form.number("page") or 1)
    code, reason = form.text("code") or None, form.text("reason")
    students: list[str] | None = form.ids("students")
    whole = form.text("whole") == "true"
    if whole:
        students = None
    if not reason or (students is not None and not students) or (whole and code is None):
        why = missing("请勾选学生（或选择一项提醒并对全部学生说明），并填写原因。", "reason")
        return await _page(visit, wanted, page, why, form)
    try:
        await visit.registry.enrolment.explain(students, code, reason, form.key)
    except (Refused, Away) as refused:
        return await _page(visit, wanted, page, told(refused, form), form)
    return see_other("/pre-review", **wanted, done="explained")


def _wanted(form: Form) -> dict[str, str]:
    class_id, verdict = form.text("class"), form.text("verdict")
    return {
        "school": "",
        "class": class_id if is_id(class_id) else "",
        "verdict": verdict if verdict in VERDICTS else "",
    }


@router.get("/returned")
async def returned(visit: Who, page: Page = 1) -> Response:
    """What the authority sent back, with its reasons, to be changed and submitted again."""
    found = await visit.registry.enrolment.pre_review({"status": "returned"}, offset_of(page), PAGE)
    return show(
        visit,
        "returned.html",
        crumbs=(("退回学生", None),),
        pupils=found.items,
        pager=Pager(page, found.total),
    )
