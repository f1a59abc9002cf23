"""学生花名册: filters, search, bulk placement, export."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Refused, part
from portal.clients.registry.students import Lines, Placed
from portal.forms import Sent, Told, is_id, missing, told
from portal.pages.choosing import Page
from portal.pages.naming import lines_of
from portal.rendering import PAGE, Pager, handed_on, offset_of, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
OPEN = ("draft", "returned")
"""Statuses in which the school may place a pupil."""
FILTERS = ("school", "class", "grade", "status", "stage", "entry_year", "photo", "standing", "unplaced")


def _filters(
    school: UUID | None = None,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    grade: Annotated[str, Query(pattern=r"^(\d{1,2})?$")] = "",
    status: Annotated[str, Query(max_length=20)] = "",
    stage: Annotated[str, Query(max_length=20)] = "",
    entry_year: Annotated[str, Query(pattern=r"^(\d{4})?$")] = "",
    photo: Annotated[str, Query(max_length=20)] = "",
    standing: Annotated[str, Query(max_length=20)] = "",
    unplaced: Annotated[str, Query(max_length=5)] = "",
) -> dict[str, str]:
    """What the list is narrowed to."""
    return {
        "school": str(school or ""),
        "class": str(class_id or ""),
        "grade": grade,
        "status": status,
        "stage": stage,
        "entry_year": entry_year,
        "photo": photo,
        "standing": standing,
        "unplaced": "true" if unplaced == "true" else "",
    }


Narrowed = Annotated[dict[str, str], Depends(_filters)]


async def _page(
    visit: Visit,
    filters: dict[str, str],
    page: int,
    *,
    found: Lines | None = None,
    words: str = "",
    why: Told | None = None,
    placed: Placed | None = None,
    ticked: Sequence[str] = (),
    class_id: str = "",
) -> Response:
    asked: Any = _ready(found) if found else visit.registry.students.find(filters, offset_of(page), PAGE)
    may_see_classes = visit.at_school or filters["school"]
    classes = visit.registry.classes.find(filters["school"] or None) if may_see_classes else _ready(None)
    lines, formed = await asyncio.gather(asked, part(classes))
    names = {each.id: each for each in lines.items}
    refused = [each.student_id for each in placed.refused] if placed else []
    names |= await lines_of(visit, [each for each in refused if each not in names])
    return show(
        visit,
        "roster.html",
        told=why,
        crumbs=(("学生花名册", None),),
        lines=lines.items,
        pager=Pager(page, lines.total),
        filters=filters,
        searched=words,
        classes=formed.value.items if formed.value else [],
        placed=placed,
        names=names,
        ticked=ticked,
        chosen=class_id,
        placeable=any(each.status in OPEN for each in lines.items),
        may_place=visit.has(Role.REGISTRAR) and visit.at_school,
        may_export=visit.has(Role.REGISTRAR, Role.OFFICER, Role.PROVINCE_ADMIN),
        show_school=not visit.at_school,
    )


async def _ready(value: Any) -> Any:
    return value


@router.get("/students")
async def look(visit: Who, filters: Narrowed, page: Page = 1) -> Response:
    """The list by filters."""
    return await _page(visit, filters, page)


@router.post("/students/search")
async def search(visit: Who, form: Sent) -> Response:
    """Pupils by name or full number, which no address carries."""
    filters = {name: form.text(name) for name in FILTERS}
    words = form.text("q")[:60]
    page = max(1, form.number("page") or 1)
    empty = Lines(items=[], total=0)
    if not words:
        return await _page(visit, filters, 1, found=empty, why=missing("请输入姓名、完整证件号或学籍号。"))
    try:
        found = await visit.registry.students.search(words, filters, offset_of(page), PAGE)
    except (Refused, Away) as why:
        return await _page(visit, filters, 1, found=empty, words=words, why=told(why))
    return await _page(visit, filters, page, found=found, words=words)


@router.post("/students/place")
async def place(visit: Who, form: Sent) -> Response:
    """Seats in a class for the pupils that are ticked; who gets none is told why."""
    filters = {name: form.text(name) for name in FILTERS}
    students, class_id = form.ids("students"), form.text("class_id")
    words = form.text("q")[:60]
    placed: Placed | None = None
    why: Told | None = None
    if not students or not is_id(class_id):
        why = missing("请先勾选学生，并选择班级。", "class_id")
    else:
        try:
            placed = await visit.registry.students.place(class_id, students, form.key)
        except (Refused, Away) as refused:
            why = told(refused, form)
    page = max(1, form.number("page") or 1) if why else 1
    found = await visit.registry.students.search(words, filters, offset_of(page), PAGE) if words else None
    return await _page(
        visit,
        filters,
        page,
        found=found,
        words=words,
        why=why,
        placed=placed,
        ticked=students if why else (),
        class_id=class_id if why else "",
    )


@router.get("/students/export.xlsx")
async def export(visit: Who, filters: Narrowed) -> Response:
    """The list as a workbook; taking it is kept."""
    return handed_on(await visit.registry.students.export(filters), "huamingce.xlsx")
