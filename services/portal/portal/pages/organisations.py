"""机构与学校: the province founds authorities and schools."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal import words
from portal.clients.calling import Away, Refused, part
from portal.forms import Form, Sent, Told, day_of, missing, told
from portal.pages.choosing import Page, Words
from portal.rendering import PAGE, Pager, offset_of, see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMB = ("机构与学校", "/organisations")
AUTHORITIES = ("province", "city", "county", "zone")
EDITABLE = ("name", "region_code", "address", "phone", "postal_code", "email", "english_name", *words.CODED)
_NEW = ("name", "code", "region_code", "address", "phone", "postal_code", "email", *words.CODED)


@router.get("/organisations")
async def look(
    visit: Who,
    q: Words = "",
    kind: Annotated[str, Query(max_length=20)] = "",
    parent: UUID | None = None,
    page: Page = 1,
) -> Response:
    """The tree as a list."""
    found = await visit.registry.organisations.find(
        q=q, kind=kind if kind in words.KIND_NAMES else None, parent=parent, offset=offset_of(page), limit=PAGE
    )
    return show(
        visit,
        "organisations.html",
        crumbs=(("机构与学校", None),),
        organisations=found.items,
        pager=Pager(page, found.total),
        filters={"q": q, "kind": kind, "parent": parent or ""},
        may_found=visit.has(Role.PROVINCE_ADMIN),
    )


async def _authorities(visit: Visit) -> list[tuple[str, str]]:
    """Id and name of all authorities, by code."""
    pages = await asyncio.gather(*(visit.registry.organisations.find(kind=kind, limit=200) for kind in AUTHORITIES))
    found = sorted((each for page in pages for each in page.items), key=lambda each: each.code)
    return [(str(each.id), f"{each.name}（{each.code}）") for each in found]


async def _new_page(visit: Visit, kind: str, form: Form | None, why: Told | None) -> Response:
    blank: dict[str, object] = dict.fromkeys((*_NEW, "kind", "parent_id", "authority_id", "schooling"), "")
    return show(
        visit,
        "organisation_new.html",
        told=why,
        crumbs=(CRUMB, ("新建学校" if kind == "school" else "新建主管单位", None)),
        kind=kind,
        authorities=await _authorities(visit),
        values=blank | (form.values if form else {"setting": "", "schooling": "6-3"}),
        stages=form.texts("stages") if form else [],
    )


@router.get("/organisations/new")
async def new_form(visit: Who, kind: Annotated[str, Query(max_length=20)] = "school") -> Response:
    """An authority or a school to be founded."""
    return await _new_page(visit, "school" if kind == "school" else "authority", None, None)


@router.post("/organisations/new")
async def create(visit: Who, form: Sent) -> Response:
    """Found it. Source: art. 6, art. 7."""
    body: dict[str, object] = {name: form.text(name) for name in _NEW if form.text(name)}
    for name in ("kind", "parent_id", "authority_id", "schooling"):
        if form.text(name):
            body[name] = form.text(name)
    if form.texts("stages"):
        body["stages"] = form.texts("stages")
    try:
        made = await visit.registry.organisations.create(body, form.key)
    except (Refused, Away) as why:
        kind = "school" if form.text("kind") == "school" else "authority"
        return await _new_page(visit, kind, form, told(why, form))
    return see_other(f"/organisations/{made.id}", done="organisation-created")


async def _one_page(visit: Visit, organisation: UUID, why: Told | None = None, form: Form | None = None) -> Response:
    one = await visit.registry.organisations.one(organisation)
    may_found = visit.has(Role.PROVINCE_ADMIN)
    accounts, authorities = await asyncio.gather(
        part(visit.registry.accounts.find(str(organisation), 0, PAGE)),
        part(_authorities(visit)) if may_found and one.kind == "school" else part(_none()),
    )
    values = {name: getattr(one, name) or "" for name in EDITABLE}
    return show(
        visit,
        "organisation.html",
        told=why,
        crumbs=(CRUMB, (one.name, None)),
        one=one,
        accounts=accounts,
        authorities=authorities.value or [],
        may_found=may_found,
        values={
            **values,
            "authority_id": "",
            "from": "",
            "schooling": "",
            "schooling_from": "",
            **(form.values if form else {}),
        },
    )


async def _none() -> list[tuple[str, str]]:
    return []


@router.get("/organisations/{organisation}")
async def one(visit: Who, organisation: UUID) -> Response:
    """One organisation, its accounts, and what the province may change."""
    return await _one_page(visit, organisation)


@router.post("/organisations/{organisation}/edit")
async def edit(visit: Who, organisation: UUID, form: Sent) -> Response:
    """Save its fields."""
    body: dict[str, object] = {name: form.text(name) or None for name in EDITABLE if name in form}
    try:
        await visit.registry.organisations.edit(organisation, {**body, "version": form.number("version")})
    except (Refused, Away) as why:
        return await _one_page(visit, organisation, told(why, form), form)
    return see_other(f"/organisations/{organisation}", done="organisation-changed")


@router.post("/organisations/{organisation}/authority")
async def hand_over(visit: Who, organisation: UUID, form: Sent) -> Response:
    """Another 主管单位 from a day on."""
    since = day_of(form.text("from"))
    if since is None or not form.text("authority_id"):
        return await _one_page(visit, organisation, missing("请选择主管单位和生效日期。", "authority_id"), form)
    try:
        await visit.registry.organisations.hand_over(
            organisation, form.text("authority_id"), since.isoformat(), form.key
        )
    except (Refused, Away) as why:
        return await _one_page(visit, organisation, told(why, form), form)
    return see_other(f"/organisations/{organisation}", done="authority-changed")


@router.post("/organisations/{organisation}/schooling")
async def set_schooling(visit: Who, organisation: UUID, form: Sent) -> Response:
    """Another 学制 from a day on."""
    since = day_of(form.text("schooling_from"))
    if since is None or not form.text("schooling"):
        return await _one_page(visit, organisation, missing("请选择学制和生效日期。", "schooling_from"), form)
    try:
        await visit.registry.organisations.set_schooling(
            organisation, form.text("schooling"), since.isoformat(), form.key
        )
    except (Refused, Away) as why:
        return await _one_page(visit, organisation, told(why, form, {"from": "schooling_from"}), form)
    return see_other(f"/organisations/{organisation}", done="schooling-changed")
