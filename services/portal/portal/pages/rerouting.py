"""改派: a case goes to another authority."""

import asyncio
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused
from portal.forms import Form, Sent, Told, is_id, missing, told
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(prefix="/cases", dependencies=[allow_anyone()])


async def _page(visit: Visit, case_id: UUID, form: Form | None = None, why: Told | None = None) -> Response:
    case, found = await asyncio.gather(visit.review.case(case_id, {}), visit.review.authorities(case_id))
    return show(
        visit,
        "reroute.html",
        told=why,
        crumbs=(("学籍审核", "/cases"), ("审核件", f"/cases/{case_id}"), ("改派", None)),
        case=case,
        authorities=[(str(each.id), each.name) for each in found.items if each.name != case.authority_name],
        values={"authority_id": "", "reason": ""} | (form.values if form else {}),
    )


@router.get("/{case_id}/reroute")
async def ask(visit: Who, case_id: UUID) -> Response:
    """To whom, and why."""
    return await _page(visit, case_id)


@router.post("/{case_id}/reroute")
async def reroute(visit: Who, case_id: UUID, form: Sent) -> Response:
    """Hand it over; then back to the queue."""
    to, reason = form.text("authority_id"), form.text("reason")
    if not is_id(to):
        return await _page(visit, case_id, form, missing("请选择改派到哪个主管单位。", "authority_id"))
    if not reason:
        return await _page(visit, case_id, form, missing("请填写改派原因。", "reason"))
    try:
        await visit.review.reroute(case_id, to, reason, form.key)
    except (Refused, Away) as why:
        return await _page(visit, case_id, form, told(why, form))
    return see_other("/cases", done="case-rerouted")
