"""佐证材料: files that prove an item."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Download, Refused
from portal.forms import Sent, Told, is_id, told
from portal.pages.pupil import pupil_page
from portal.pages.uploading import Upload, no_form
from portal.rendering import handed_on, see_other, show
from portal.settings import LARGEST_EVIDENCE
from portal.visiting import Visit, Who

router = APIRouter(dependencies=[allow_anyone()])
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


@router.get("/evidence/{evidence}")
async def download(visit: Who, evidence: UUID) -> Response:
    """A file, always as an attachment: what a stranger made is never shown inside our pages."""
    return _attached(await visit.registry.students.evidence(evidence))


@router.get("/cases/{case_id}/evidence/{evidence}")
async def submitted(visit: Who, case_id: UUID, evidence: UUID) -> Response:
    """The same of a file that was submitted, for whoever decides on the request."""
    return _attached(await visit.registry.enrolment.evidence(case_id, evidence))


def _attached(found: Download) -> Response:
    return handed_on(found, f"zuozheng.{_ENDINGS.get(found.content_type.split(';')[0], 'bin')}")


@router.post("/students/{student}/evidence", max_body_size=LARGEST_EVIDENCE)
async def add(visit: Who, student: UUID, request: Request) -> Response:
    """Hand a file on."""
    file = Upload(request)
    if not file.is_form:
        return await pupil_page(visit, student, no_form())
    try:
        await visit.registry.students.add_evidence(student, file.body, file.kind, file.length)
    except (Refused, Away) as why:
        return await pupil_page(visit, student, told(why))
    return see_other(f"/students/{student}", done="evidence-added")


async def _drop_page(visit: Visit, student: UUID, evidence: UUID, why: Told | None) -> Response:
    pupil = await visit.registry.students.one(student)
    file = next((each for each in pupil.evidence if each.id == evidence), None)
    if file is None:
        return await pupil_page(visit, student, why)
    return show(
        visit,
        "evidence_drop.html",
        told=why,
        crumbs=(("学生花名册", "/students"), (pupil.name, f"/students/{student}"), ("删除佐证材料", None)),
        pupil=pupil,
        file=file,
    )


@router.get("/evidence/{evidence}/drop")
async def ask_drop(visit: Who, evidence: UUID, student: UUID) -> Response:
    """What taking a file away means, before it happens."""
    return await _drop_page(visit, student, evidence, None)


@router.post("/evidence/{evidence}/drop")
async def drop(visit: Who, evidence: UUID, form: Sent) -> Response:
    """Take a file away."""
    if not is_id(form.text("student")):
        return see_other("/students")
    student = UUID(form.text("student"))
    try:
        await visit.registry.students.drop_evidence(evidence)
    except (Refused, Away) as why:
        return await _drop_page(visit, student, evidence, told(why, form))
    return see_other(f"/students/{student}", done="evidence-dropped")
