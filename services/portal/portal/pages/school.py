"""学校信息, with its campuses 分校."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused, part
from portal.forms import Form, Sent, Told, told
from portal.pages.choosing import Page, SchoolId, Words, choose_school, school_of
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CONTACT = ("address", "phone", "postal_code", "email", "english_name")
"""What a school keeps itself; everything else is the province's."""


@router.get("/school")
async def look(visit: Who, school: SchoolId = None, q: Words = "", page: Page = 1) -> Response:
    """All fields of art. 9, the campuses, and how the 学制 and the 主管单位 have changed."""
    about = school_of(visit, school)
    if about is None:
        return await choose_school(visit, "/school", "学校信息", q, page)
    one, campuses = await asyncio.gather(
        visit.registry.organisations.one(about),
        part(visit.registry.organisations.find(parent=about, kind="campus", limit=200)),
    )
    return show(
        visit,
        "school.html",
        crumbs=(("学校信息", None),),
        school=one,
        campuses=campuses,
        may_edit=visit.has(Role.REGISTRAR) and visit.at_school,
    )


async def _edit_page(visit: Visit, form: Form | None, why: Told | None) -> Response:
    one = await visit.registry.organisations.one(visit.organisation_id)
    values = form.values if form else {name: getattr(one, name) or "" for name in CONTACT}
    return show(
        visit,
        "school_edit.html",
        told=why,
        crumbs=(("学校信息", "/school"), ("修改联系信息", None)),
        school=one,
        values=values,
        version=form.text("version") if form else one.version,
    )


@router.get("/school/edit")
async def edit_form(visit: Who) -> Response:
    """The contact data."""
    return await _edit_page(visit, None, None)


@router.post("/school/edit")
async def edit(visit: Who, form: Sent) -> Response:
    """Save the contact data."""
    changes: dict[str, object] = {name: form.text(name) or None for name in CONTACT if name in form}
    changes |= {name: form.text(name) for name in ("address", "phone") if name in form}
    try:
        await visit.registry.organisations.edit(visit.organisation_id, {**changes, "version": form.number("version")})
    except (Refused, Away) as why:
        return await _edit_page(visit, form, told(why, form))
    return see_other("/school", done="school-changed")


async def _campus_page(visit: Visit, form: Form | None, why: Told | None) -> Response:
    one = await visit.registry.organisations.one(visit.organisation_id)
    values = (
        form.values if form else {"name": "", "code": "", "region_code": one.region_code, "address": "", "phone": ""}
    )
    return show(
        visit,
        "campus_new.html",
        told=why,
        crumbs=(("学校信息", "/school"), ("新建分校", None)),
        school=one,
        values=values,
    )


@router.get("/school/campuses/new")
async def campus_form(visit: Who) -> Response:
    """A campus to be named."""
    return await _campus_page(visit, None, None)


@router.post("/school/campuses/new")
async def create_campus(visit: Who, form: Sent) -> Response:
    """A school founds its campus. Source: art. 7."""
    body: dict[str, object] = {
        name: form.text(name) for name in ("name", "code", "region_code", "address", "phone") if form.text(name)
    }
    body |= {"kind": "campus", "parent_id": str(visit.organisation_id)}
    try:
        await visit.registry.organisations.create(body, form.key)
    except (Refused, Away) as why:
        return await _campus_page(visit, form, told(why, form))
    return see_other("/school", done="campus-created")
