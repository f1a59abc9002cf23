"""办理时间: windows and extensions."""

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused
from portal.forms import Form, Sent, Told, day_of, is_id, missing, told
from portal.pages.choosing import SchoolId
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])


async def _page(visit: Visit, organisation: str, form: Form | None = None, why: Told | None = None) -> Response:
    about = organisation or str(visit.organisation_id)
    calendar = await visit.registry.calendar.look(about)
    place = None
    if organisation and organisation != str(visit.organisation_id):
        place = await visit.registry.organisations.one(calendar.organisation_id)
    blank = dict.fromkeys(("kind", "opens", "closes", "until", "reason", "document_number"), "")
    return show(
        visit,
        "calendar.html",
        told=why,
        crumbs=(("办理时间", None),),
        calendar=calendar,
        place=place,
        about=about,
        values=blank | (form.values if form else {}),
        may_set=visit.has(Role.PROVINCE_ADMIN),
        may_extend=visit.has(Role.PROVINCE_ADMIN, Role.OFFICER),
    )


@router.get("/calendar")
async def look(visit: Who, organisation: SchoolId = None) -> Response:
    """What holds for an organisation."""
    return await _page(visit, str(organisation or ""))


@router.post("/calendar/windows")
async def set_window(visit: Who, form: Sent) -> Response:
    """Another season."""
    about = form.text("organisation") if is_id(form.text("organisation")) else ""
    opens, closes = day_of(form.text("opens")), day_of(form.text("closes"))
    if opens is None or closes is None:
        return await _page(visit, about, form, missing("请填写开始和截止日期。", "opens"))
    body: dict[str, object] = {
        "organisation_id": about or None,
        "kind": form.text("kind"),
        "opens": opens.isoformat(),
        "closes": closes.isoformat(),
    }
    try:
        await visit.registry.calendar.set_window(body)
    except (Refused, Away) as why:
        return await _page(visit, about, form, told(why, form))
    return see_other("/calendar", organisation=about, done="window-set")


@router.post("/calendar/extensions")
async def extend(visit: Who, form: Sent) -> Response:
    """A window stays open longer, for a reason and by a document."""
    about = form.text("organisation") if is_id(form.text("organisation")) else ""
    until = day_of(form.text("until"))
    if until is None or not form.text("reason") or not form.text("document_number"):
        return await _page(visit, about, form, missing("请填写延至日期、原因和批准文号。", "until"))
    body: dict[str, object] = {
        "organisation_id": about or str(visit.organisation_id),
        "kind": form.text("kind"),
        "until": until.isoformat(),
        "reason": form.text("reason"),
        "document_number": form.text("document_number"),
    }
    try:
        await visit.registry.calendar.extend(body, form.key)
    except (Refused, Away) as why:
        return await _page(visit, about, form, told(why, form))
    return see_other("/calendar", organisation=about, done="extended")
