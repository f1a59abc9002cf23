"""班级管理: sizes, plans, and what may be done about them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused, part
from portal.clients.registry.classes import Class
from portal.forms import Form, Sent, Told, missing, told
from portal.pages.choosing import Page, SchoolId, Words, choose_school, school_of
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
FIELDS = ("stage", "name", "head_teacher", "class_type", "campus_id", "entry_year")
CRUMB = ("班级管理", "/classes")
ONLY: Mapping[str, tuple[str, Callable[[Class], bool]]] = {
    "above-standard": ("超标准班额", lambda one: one.size > one.standard),
    "no-head-teacher": ("未登记班主任", lambda one: not one.head_teacher),
}
"""What the list may be narrowed to, as the desk counts it."""


@router.get("/classes")
async def look(
    visit: Who,
    school: SchoolId = None,
    q: Words = "",
    page: Page = 1,
    closed: bool = False,
    only: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The classes of a school with size bars, and its plans."""
    about = school_of(visit, school)
    only = only if only in ONLY else ""
    if about is None:
        return await choose_school(visit, "/classes", "班级管理", q, page, only=only)
    found, plans, one = await asyncio.gather(
        visit.registry.classes.find(str(school) if school else None, closed=closed),
        part(visit.registry.classes.plans(about)),
        part(visit.registry.organisations.one(about)),
    )
    return show(
        visit,
        "classes.html",
        crumbs=(("班级管理", None),),
        classes=[each for each in found.items if not only or ONLY[only][1](each)],
        only=only,
        only_word=ONLY[only][0] if only else "",
        plans=plans,
        school=one.value,
        chosen=str(school or ""),
        closed=closed,
        may_form=visit.has(Role.REGISTRAR) and visit.at_school,
        may_allow=visit.has(Role.OFFICER, Role.PROVINCE_ADMIN),
    )


async def _form_page(visit: Visit, form: Form | None, why: Told | None, one: Class | None = None) -> Response:
    own, campuses, year = await asyncio.gather(
        part(visit.registry.organisations.one(visit.organisation_id)),
        part(visit.registry.organisations.find(parent=visit.organisation_id, kind="campus", limit=200)),
        part(visit.registry.calendar.look()),
    )
    stages = own.value.stages if own.value else ()
    if form:
        values = form.values
    elif one:
        values = {name: getattr(one, name) or "" for name in FIELDS if name != "entry_year"}
    else:
        values = {
            "stage": stages[0] if stages else "",
            "entry_year": year.value.active_school_year if year.value else "",
        }
    return show(
        visit,
        "class_form.html",
        told=why,
        crumbs=(CRUMB, ("修改班级" if one else "新建班级", None)),
        one=one,
        values={
            "stage": "",
            "name": "",
            "head_teacher": "",
            "class_type": "",
            "campus_id": "",
            "entry_year": "",
            **values,
        },
        stages=stages,
        campuses=campuses.value.items if campuses.value else [],
    )


@router.get("/classes/new")
async def new_form(visit: Who) -> Response:
    """A class to be formed."""
    return await _form_page(visit, None, None)


def _body(form: Form, *names: str) -> dict[str, object]:
    return {name: form.text(name) for name in names if form.text(name)}


@router.post("/classes/new")
async def create(visit: Who, form: Sent) -> Response:
    """Form a class within the plan. Source: art. 10, art. 16."""
    year = form.number("entry_year")
    if not form.text("stage") or year is None:
        return await _form_page(visit, form, missing("请选择学段并填写入学年份（四位数字，例如2026）。", "entry_year"))
    body = _body(form, "stage", "name", "head_teacher", "class_type", "campus_id") | {"entry_year": year}
    try:
        await visit.registry.classes.create(body, form.key)
    except (Refused, Away) as why:
        return await _form_page(visit, form, told(why, form))
    return see_other("/classes", done="class-created")


@router.get("/classes/{class_id}/edit")
async def edit_form(visit: Who, class_id: UUID) -> Response:
    """A class to be changed."""
    return await _form_page(visit, None, None, await visit.registry.classes.one(class_id))


@router.post("/classes/{class_id}/edit")
async def edit(visit: Who, class_id: UUID, form: Sent) -> Response:
    """Save a class."""
    body = _body(form, "name", "class_type") | {"version": form.number("version")}
    body |= {"head_teacher": form.text("head_teacher") or None, "campus_id": form.text("campus_id") or None}
    try:
        await visit.registry.classes.edit(class_id, body)
    except (Refused, Away) as why:
        return await _form_page(visit, form, told(why, form), await visit.registry.classes.one(class_id))
    return see_other("/classes", done="class-changed")


async def _one_page(
    visit: Visit, class_id: UUID, template: str, word: str, why: Told | None, form: Form | None
) -> Response:
    one = await visit.registry.classes.one(class_id)
    return show(
        visit,
        template,
        told=why,
        crumbs=(CRUMB, (word, None)),
        one=one,
        values=form.values if form else {"limit": "", "document_number": ""},
    )


@router.get("/classes/{class_id}/close")
async def close_page(visit: Who, class_id: UUID) -> Response:
    """What closing means, before it happens."""
    return await _one_page(visit, class_id, "class_close.html", "撤销班级", None, None)


@router.post("/classes/{class_id}/close")
async def close(visit: Who, class_id: UUID, form: Sent) -> Response:
    """End an empty class."""
    try:
        await visit.registry.classes.close(class_id)
    except (Refused, Away) as why:
        return await _one_page(visit, class_id, "class_close.html", "撤销班级", told(why, form), form)
    return see_other("/classes", done="class-closed")


@router.get("/classes/{class_id}/limit")
async def limit_page(visit: Who, class_id: UUID) -> Response:
    """A limit to be raised by a document."""
    return await _one_page(visit, class_id, "class_limit.html", "放宽班额", None, None)


@router.post("/classes/{class_id}/limit")
async def raise_limit(visit: Who, class_id: UUID, form: Sent) -> Response:
    """Let a class grow. Source: art. 16."""
    limit, document = form.number("limit"), form.text("document_number")
    why: Told | None = None
    if limit is None or not document:
        why = missing("请填写新的班额上限和批准文号。", "limit" if limit is None else "document_number")
    else:
        try:
            one = await visit.registry.classes.raise_limit(class_id, limit, document, form.key)
        except (Refused, Away) as refused:
            why = told(refused, form)
        else:
            return see_other("/classes", school=one.school_id, done="limit-raised")
    return await _one_page(visit, class_id, "class_limit.html", "放宽班额", why, form)


@router.post("/classes/plan")
async def set_plan(visit: Who, form: Sent) -> Response:
    """Approve how many classes a cohort may form. Source: art. 16."""
    school, stage = form.text("school"), form.text("stage")
    year, classes = form.number("entry_year"), form.number("classes")
    why: Told | None = None
    if year is None or classes is None or not stage:
        why = missing("请选择学段，并填写入学年份和班数（数字）。", "classes")
    else:
        try:
            await visit.registry.classes.set_plan(school, stage, year, classes)
        except (Refused, Away) as refused:
            why = told(refused, form)
        else:
            return see_other("/classes", school=school, done="plan-set")
    return show(
        visit,
        "plan.html",
        told=why,
        crumbs=(("班级管理", f"/classes?school={school}"), ("班级计划", None)),
        values=form.values,
    )
