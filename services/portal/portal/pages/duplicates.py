"""疑似重复: attempts on an identity that is held, and records that look like one child."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused
from portal.forms import Form, Sent, Told, missing, told
from portal.pages.choosing import Page
from portal.rendering import PAGE, Pager, offset_of, see_other, show
from portal.visiting import Visit, Who

router = APIRouter(prefix="/duplicates", dependencies=[allow_anyone()])


@router.get("")
async def look(visit: Who, page: Page = 1, state: Annotated[Literal["open", "all"], Query()] = "open") -> Response:
    """The open ones or all, newest first, masked."""
    found = await visit.registry.students.duplicates(state, offset_of(page), PAGE)
    return show(
        visit,
        "duplicates.html",
        crumbs=(("疑似重复", None),),
        duplicates=found.items,
        state=state,
        may_compare=visit.has(Role.OFFICER, Role.PROVINCE_ADMIN),
        pager=Pager(page, found.total),
    )


async def _comparison(visit: Visit, case: UUID, form: Form | None = None, why: Told | None = None) -> Response:
    return show(
        visit,
        "duplicate.html",
        told=why,
        crumbs=(("疑似重复", "/duplicates"), ("比对", None)),
        case=await visit.registry.students.compare(case),
        reason=form.text("reason") if form else "",
    )


@router.get("/{case}")
async def compare(visit: Who, case: UUID) -> Response:
    """Both records side by side."""
    return await _comparison(visit, case)


@router.post("/{case}/settle")
async def settle(visit: Who, case: UUID, form: Sent) -> Response:
    """Close it, for a reason."""
    if not form.text("reason"):
        return await _comparison(visit, case, form, missing("请填写核实情况。", "reason"))
    try:
        await visit.registry.students.settle(case, form.text("reason"), form.key)
    except (Refused, Away) as why:
        return await _comparison(visit, case, form, told(why, form))
    return see_other("/duplicates", done="duplicate-settled")
