"""新生录入 and 修改: identity number first, then details, family, photo, confirmation."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal import record_form
from portal.clients.calling import Away, Part, Refused, part
from portal.clients.registry.students import Verdict
from portal.clients.review import CaseDetail
from portal.forms import Form, Sent, Told, missing, told
from portal.pages.last_decision import last_decision
from portal.rendering import see_other, show, show_block
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
GRADES = (("一年级", "一年级"), ("七年级", "七年级"), ("高一", "高一"))
_NOT_OF_RECORD = {"key", "step", "version", "reason"}


def _fields(form: Form) -> dict[str, str]:
    """Path → text of what the form says; empty paths are left out."""
    return {name: form.text(name) for name in form if name not in _NOT_OF_RECORD and form.text(name)}


def _with_derived(values: dict[str, Any], verdict: Verdict | None) -> dict[str, Any]:
    """The values, with birth date and sex out of the identity number where the form has none."""
    found = dict(values)
    if verdict and verdict.derived:
        for name in ("birth_date", "sex"):
            derived = getattr(verdict.derived, name)
            if derived and not found.get(name):
                found[name] = derived
    return found


async def _page(
    visit: Visit,
    values: dict[str, Any],
    *,
    step: str,
    verdict: Part[Verdict] | None = None,
    why: Told | None = None,
    student: UUID | None = None,
    version: int | None = None,
    last: Part[list[CaseDetail]] | None = None,
) -> Response:
    classes = await part(visit.registry.classes.find(None))
    open_classes = [each for each in classes.value.items if not each.closed_on] if classes.value else []
    grades = _grades(open_classes, values)
    return show(
        visit,
        "pupil_form.html",
        told=why,
        crumbs=(("学生花名册", "/students"), ("修改学籍信息", None)) if student else (("新生录入", None),),
        step=step,
        values={**values, "grade": grades[0][0]} if len(grades) == 1 and not values.get("grade") else values,
        verdict=verdict,
        student=student,
        version=version,
        last=last,
        classes=open_classes,
        grades=grades,
        form=record_form,
        members=record_form.members_in(values),
    )


def _grades(classes: list[Any], values: dict[str, Any]) -> list[tuple[str, str]]:
    """The grades that the school has classes of, or those in which pupils begin."""
    found = {each.grade: each.grade_name for each in classes if each.grade}
    named = [(name, name) for _, name in sorted(found.items())] or list(GRADES)
    given = values.get("grade")
    return named if not given or any(given == code for code, _ in named) else [*named, (given, given)]


@router.get("/students/new")
async def begin(visit: Who) -> Response:
    """The identity number first."""
    return await _page(visit, dict(record_form.DEFAULTS), step="identity")


async def _entry_month(visit: Visit) -> str:
    """September of the active school year."""
    calendar = await part(visit.registry.calendar.look())
    return f"{calendar.value.active_school_year}09" if calendar.value else ""


@router.post("/students/new")
async def go_on(visit: Who, form: Sent) -> Response:
    """From the identity to the details, and from there to a draft."""
    fields = _fields(form)
    if form.text("step") != "save":
        if not fields.get("name"):
            why = missing("请填写姓名。", "name")
            return await _page(visit, form.values, step="identity", why=why)
        verdict = await part(visit.registry.students.check(fields))
        blocked = verdict.value is not None and (verdict.value.existing or verdict.value.problems)
        known = {each.field for each in verdict.value.problems} if verdict.value else set()
        if form.text("step") == "identity" and blocked and (known & set(record_form.IDENTITY) or _exists(verdict)):
            return await _page(visit, form.values, step="identity", verdict=verdict)
        values = _with_derived({**record_form.DEFAULTS, **form.values}, verdict.value)
        values["entry_month"] = values.get("entry_month") or await _entry_month(visit)
        return await _page(visit, values, step="save", verdict=verdict if form.text("step") == "check" else None)
    try:
        made = await visit.registry.students.create(fields, form.key)
    except (Refused, Away) as why:
        return await _page(visit, form.values, step="save", why=told(why, form))
    return see_other(f"/students/{made.id}/photo", done="pupil-created")


def _exists(verdict: Part[Verdict]) -> bool:
    return verdict.value is not None and verdict.value.existing is not None


@router.post("/students/check")
async def check(visit: Who, form: Sent) -> Response:
    """The verdict as the field is left; htmx puts it below the number."""
    verdict = await part(visit.registry.students.check(_fields(form)))
    return show_block(visit, "pupil_form.html", "verdict", verdict=verdict, only=record_form.IDENTITY)


@router.get("/students/{student}/edit")
async def edit_form(visit: Who, student: UUID) -> Response:
    """The record in full, to be changed; reading it is kept with the reason."""
    pupil = await visit.registry.students.unmask(student, "修改学籍信息")
    values: dict[str, Any] = {path: value or "" for path, value in pupil.record.items()}
    values["reasons"] = pupil.reasons or ""
    last = await last_decision(visit, pupil)
    return await _page(visit, values, step="edit", student=student, version=pupil.version, last=last)


@router.post("/students/{student}/edit")
async def edit(visit: Who, student: UUID, form: Sent) -> Response:
    """Save the record, or tell what saving would say."""
    fields, version = _fields(form), form.number("version") or 0
    if form.text("step") == "check":
        verdict = await part(visit.registry.students.check(fields))
        return await _page(visit, form.values, step="edit", verdict=verdict, student=student, version=version)
    try:
        await visit.registry.students.edit(student, version, fields)
    except (Refused, Away) as why:
        return await _page(visit, form.values, step="edit", why=told(why, form), student=student, version=version)
    return see_other(f"/students/{student}", done="pupil-changed")


@router.get("/students/{student}/photo")
async def photo_step(visit: Who, student: UUID) -> Response:
    """The photo of one pupil."""
    return await photo_page(visit, student, None)


async def photo_page(visit: Visit, student: UUID, why: Told | None) -> Response:
    """The pupil, the photo that there is, and a file to choose."""
    pupil, due = await asyncio.gather(visit.registry.students.one(student), part(visit.photo.due([student])))
    return show(
        visit,
        "pupil_photo.html",
        told=why,
        crumbs=(("学生花名册", "/students"), (pupil.name, f"/students/{student}"), ("照片", None)),
        pupil=pupil,
        due=due,
        requirement=next(iter(due.value.items), None) if due.value else None,
        may_enter=visit.has(Role.REGISTRAR),
    )
