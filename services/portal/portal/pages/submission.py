"""提交: the chosen pupils or all green ones, and the receipt; taking a submission back."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused
from portal.clients.registry.enrolment import NotSubmitted
from portal.clients.registry.students import Line
from portal.forms import Sent, Told, is_id, missing, told
from portal.pages.naming import lines_of
from portal.rendering import show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
CRUMBS = (("预审核与提交", "/pre-review"),)


async def _names(visit: Visit, refused: Sequence[NotSubmitted]) -> dict[UUID, Line]:
    return await lines_of(visit, [each.student_id for each in refused])


def _asking_page(
    visit: Visit, why: Told | None, count: int | None = None, class_id: str = "", students: tuple[str, ...] = ()
) -> Response:
    return show(
        visit,
        "submit.html",
        told=why,
        crumbs=(*CRUMBS, ("提交审核", None)),
        count=count,
        class_id=class_id,
        students=students,
    )


@router.post("/submissions")
async def submit(visit: Who, form: Sent) -> Response:
    """Ask the authority to decide on the chosen pupils; how many, and what that means, is shown first."""
    students = form.ids("students")
    if not students:
        return _asking_page(visit, missing("没有勾选学生。请在预审核页勾选要提交的学生。"))
    if form.text("sure") != "true":
        return _asking_page(visit, None, len(students), students=tuple(students))
    try:
        receipt = await visit.registry.enrolment.submit(students, form.key)
    except (Refused, Away) as why:
        return _asking_page(visit, told(why, form), len(students), students=tuple(students))
    return show(
        visit,
        "submitted.html",
        crumbs=(*CRUMBS, ("提交回执", None)),
        receipt=receipt,
        asked=len(students),
        names=await _names(visit, receipt.refused),
    )


@router.get("/submissions/all")
async def ask_all(visit: Who, class_id: str = "") -> Response:
    """How many would be submitted, and what that means, before it happens."""
    chosen = class_id if is_id(class_id) else ""
    found = await visit.registry.enrolment.pre_review({"class": chosen, "verdict": "green"}, 0, 1)
    return _asking_page(visit, None, found.total, chosen)


@router.post("/submissions/all")
async def submit_all(visit: Who, form: Sent) -> Response:
    """Every green pupil."""
    class_id = form.text("class_id") if is_id(form.text("class_id")) else ""
    try:
        receipt = await visit.registry.enrolment.submit_all(class_id or None, form.key)
    except (Refused, Away) as why:
        return _asking_page(visit, told(why, form), form.number("count"), class_id)
    return show(
        visit,
        "submitted.html",
        crumbs=(*CRUMBS, ("提交回执", None)),
        receipt=receipt,
        asked=receipt.count + len(receipt.refused),
        names=await _names(visit, receipt.refused),
    )


@router.post("/submissions/withdraw")
async def withdraw(visit: Who, form: Sent) -> Response:
    """Ask for submissions back; what that means is shown first."""
    students = form.ids("students")
    receipt = None
    why: Told | None = None
    if form.text("sure") == "true":
        try:
            receipt = await visit.registry.enrolment.withdraw(students, form.key)
        except (Refused, Away) as refused:
            why = told(refused, form)
    return show(
        visit,
        "withdraw.html",
        told=why,
        crumbs=(("学生花名册", "/students"), ("撤回提交", None)),
        students=students,
        receipt=receipt,
        names=await _names(visit, receipt.refused) if receipt else {},
    )
