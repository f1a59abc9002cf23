"""One pupil: photo, name, number and status on top; then all that is kept, by sections."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import Away, Part, Refused, part
from portal.clients.registry.students import Pupil
from portal.forms import Sent, Told, missing, told
from portal.pages.last_decision import last_decision
from portal.record_form import shown_paths
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
EDITABLE = ("draft", "returned")


async def pupil_page(visit: Visit, student: UUID, why: Told | None = None, full: Pupil | None = None) -> Response:
    """The page; `full` is the unmasked pupil when the account has asked for it."""

    async def known() -> Pupil:
        return full or await visit.registry.students.one(student)

    pupil, due, standings = await asyncio.gather(
        known(),
        part(visit.photo.due([student])),
        part(visit.sync.standings({"students": [str(student)]}, 0, 1)),
    )
    last = await last_decision(visit, pupil)
    own = visit.has(Role.REGISTRAR) and visit.at_school
    return show(
        visit,
        "pupil.html",
        told=why,
        crumbs=(("学生花名册", "/students"), (pupil.name, None)),
        pupil=pupil,
        last=last,
        sections=shown_paths(pupil.record),
        has_photo=_has_photo(due, pupil),
        requirement=next(iter(due.value.items), None) if due.value else None,
        photo_known=not due.away,
        nation=standings,
        standing=next(iter(standings.value.items), None) if standings.value else None,
        unmasked=full is not None,
        may_edit=own and pupil.status in EDITABLE,
        may_withdraw=own and pupil.status == "submitted",
        may_photograph=visit.has(Role.REGISTRAR, Role.TEACHER) and visit.at_school,
        may_unmask=visit.has(Role.REGISTRAR, Role.TEACHER, Role.OFFICER, Role.PROVINCE_ADMIN),
        may_respeak=visit.has(Role.PROVINCE_ADMIN) and pupil.status == "registered",
    )


def _has_photo(due: Part[Any], pupil: Pupil) -> bool:
    if due.value is not None and due.value.items:
        return bool(due.value.items[0].state == "accepted")
    return pupil.photo_state == "accepted"


@router.get("/students/{student}")
async def look(visit: Who, student: UUID) -> Response:
    """Everything, masked."""
    return await pupil_page(visit, student)


@router.post("/students/{student}/unmask")
async def unmask(visit: Who, student: UUID, form: Sent) -> Response:
    """Everything in full, for a reason that is kept."""
    if not form.text("reason"):
        return await pupil_page(visit, student, missing("请填写查看完整信息的原因，系统会记录在案。", "reason"))
    try:
        full = await visit.registry.students.unmask(student, form.text("reason"))
    except (Refused, Away) as why:
        return await pupil_page(visit, student, told(why, form))
    return await pupil_page(visit, student, None, full)


async def _remove_page(visit: Visit, student: UUID, why: Told | None) -> Response:
    pupil = await visit.registry.students.one(student)
    return show(
        visit,
        "pupil_remove.html",
        told=why,
        crumbs=(("学生花名册", "/students"), (pupil.name, f"/students/{student}"), ("未报到撤销", None)),
        pupil=pupil,
    )


@router.get("/students/{student}/remove")
async def ask_remove(visit: Who, student: UUID) -> Response:
    """What taking a draft back means, before it happens."""
    return await _remove_page(visit, student, None)


@router.post("/students/{student}/remove")
async def remove(visit: Who, student: UUID, form: Sent) -> Response:
    """未报到."""
    try:
        await visit.registry.students.remove(student, form.number("version") or 0)
    except (Refused, Away) as why:
        return await _remove_page(visit, student, told(why, form))
    return see_other("/students", done="pupil-removed")


@router.post("/students/{student}/respeak")
async def respeak(visit: Who, student: UUID, form: Sent) -> Response:
    """The nation is told once more."""
    try:
        await visit.sync.respeak(student, form.key)
    except (Refused, Away) as why:
        return await pupil_page(visit, student, told(why, form))
    return see_other(f"/students/{student}", done="respoken")
