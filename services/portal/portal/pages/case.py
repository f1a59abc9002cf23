"""审核: one frozen submission, what the checks say, the photo; then a decision, and the next case."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal import words
from portal.clients.calling import Away, Part, Refused, part
from portal.clients.registry.enrolment import Submission
from portal.clients.review import CaseDetail
from portal.forms import Form, Sent, Told, is_id, missing, told
from portal.pages.queue import NAMES, Queue, as_asked, narrowed
from portal.pages.reasons import reasons_in
from portal.record_form import shown_paths
from portal.rendering import see_other, show
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
LARGEST_PICTURE = 300_000
WISHES = {"approve": "case-approved", "return": "case-returned", "reject": "case-rejected"}


@dataclass(frozen=True, slots=True)
class Portrait:
    """The photo as the reviewer sees it."""

    data: str
    """As a data: address, so that what is on the screen is what was compared."""
    sha256: str


async def _portrait(visit: Visit, student: UUID) -> Portrait:
    """The photo, read whole: it is under 60 KB. Raises Refused, Away."""
    found = await visit.photo.picture(student)
    content = b""
    async for piece in found.pieces:
        content += piece
        if len(content) > LARGEST_PICTURE:
            raise Away("photo")
    data = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return Portrait(data, hashlib.sha256(content).hexdigest())


def _why_no_decision(case: CaseDetail, person: Part[Submission], photo: Part[Portrait] | None) -> str:
    """Why there is no decision button; "" when there is one."""
    if not case.may_decide:
        return case.why_not or "该申请现在不能由您审核。"
    if person.value is None:
        return "学籍服务暂不可用，看不到学生信息，不能审核。请稍后刷新本页。"
    if person.value.content_hash != case.content_hash:
        return "学生信息与审核件不一致，不能审核。请刷新本页；仍不一致的，请联系系统管理员。"
    if person.value.photo_hash:
        if photo is None or photo.value is None:
            return "照片暂不可用，不能审核。请稍后刷新本页。"
        if photo.value.sha256 != person.value.photo_hash:
            return "现有照片与提交时的照片不一致，不能审核。请联系学校核实后重新提交。"
    return ""


async def _page(
    visit: Visit, case_id: UUID, queue: Mapping[str, str], why: Told | None = None, form: Form | None = None
) -> Response:
    case, person, reasons = await asyncio.gather(
        visit.review.case(case_id, as_asked(queue)),
        part(visit.registry.enrolment.submission(case_id)),
        part(visit.review.reasons()),
    )
    decides = visit.has(Role.OFFICER, Role.PROVINCE_ADMIN)
    photo, due, _ = await asyncio.gather(
        part(_portrait(visit, case.student_id)),
        part(visit.photo.due([case.student_id])),
        part(_claim(visit, case, decides)),
    )
    changes = {each.field: each.before for each in person.value.changes} if person.value else {}
    return show(
        visit,
        "case.html",
        told=why,
        crumbs=(("学籍审核", "/cases"), ("审核件", None)),
        case=case,
        person=person,
        photo=photo,
        due=due,
        requirement=next(iter(due.value.items), None) if due.value else None,
        sections=shown_paths(person.value.record) if person.value else [],
        changes=changes,
        reasons=reasons,
        queue=queue,
        no_decision=_why_no_decision(case, person, photo),
        decides=decides,
        may_reroute=case.state == "open" and (case.may_decide or visit.has(Role.PROVINCE_ADMIN)),
        ticked=form.texts("reasons") if form else [],
        said=form.values if form else {},
    )


async def _claim(visit: Visit, case: CaseDetail, decides: bool) -> None:
    """Others see that the case is on a screen."""
    if decides and case.may_decide and not case.claimed_by_other:
        await visit.review.claim(case.id)


@router.get("/cases/{case_id}")
async def look(visit: Who, case_id: UUID, queue: Queue) -> Response:
    """Person, photo and case side by side; without person or photo there is no decision."""
    return await _page(visit, case_id, queue)


def _queue_in(form: Form) -> dict[str, str]:
    given: dict[str, Any] = {name: form.text("queue." + name) for name in NAMES}
    school = given.pop("school")
    return narrowed(**given, school=UUID(school) if is_id(school) else None)


async def _reject_page(visit: Visit, case_id: UUID, queue: Mapping[str, str], form: Form) -> Response:
    """What 不予通过 means, with the reasons in words; all that was chosen travels on."""
    reasons, seen = await asyncio.gather(visit.review.reasons(), part(visit.registry.enrolment.lookup([case_id])))
    coded = {each.code: each for each in reasons.items}
    chosen = [
        (coded[each["code"]].words, words.label_of(each["field"]), each["text"])
        for each in reasons_in(form)
        if each["code"] in coded
    ]
    return show(
        visit,
        "case_reject.html",
        crumbs=(("学籍审核", "/cases"), ("审核件", f"/cases/{case_id}"), ("不予通过", None)),
        case_id=case_id,
        who=next(iter(seen.value or []), None),
        chosen=chosen,
        carried=[(name, value) for name in form if name != "sure" for value in form.texts(name)],
        queue=queue,
    )


@router.post("/cases/{case_id}/{wish}")
async def decide(visit: Who, case_id: UUID, wish: str, form: Sent) -> Response:
    """Approve, return or reject exactly what was seen; then the next case. A rejection is asked about first."""
    queue = _queue_in(form)
    if wish not in WISHES:
        return see_other(f"/cases/{case_id}")
    if wish == "reject" and form.text("sure") != "true":
        if not form.texts("reasons"):
            return await _page(visit, case_id, queue, missing("不予通过须说明原因。请先勾选原因。"), form)
        return await _reject_page(visit, case_id, queue, form)
    content_hash = form.text("content_hash")
    try:
        if wish == "approve":
            await visit.review.approve(case_id, content_hash, form.key)
        else:
            await visit.review.send_back(case_id, wish, content_hash, reasons_in(form), form.key)
    except (Refused, Away) as why:
        return await _page(visit, case_id, queue, told(why, form), form)
    onward = form.text("next")
    path = f"/cases/{onward}" if is_id(onward) else "/cases"
    return see_other(path, **queue, done=WISHES[wish])
