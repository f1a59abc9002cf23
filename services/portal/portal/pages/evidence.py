"""佐证材料: files that prove an item."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused
from portal.forms import Sent, is_id, told
from portal.pages.pupil import pupil_page
from portal.pages.uploading import Upload, no_form
from portal.rendering import handed_on, see_other
from portal.settings import LARGEST_EVIDENCE
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


@router.get("/evidence/{evidence}")
async def download(visit: Who, evidence: UUID) -> Response:
    """A file, always as an attachment: what a stranger made is never shown inside our pages."""
    found = await visit.registry.students.evidence(evidence)
    ending = _ENDINGS.get(found.content_type.split(";")[0], "bin")
    return handed_on(found, f"zuozheng.{ending}")


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


@router.post("/evidence/{evidence}/drop")
async def drop(visit: Who, evidence: UUID, form: Sent) -> Response:
    """Take a file away."""
    if not is_id(form.text("student")):
        return see_other("/students")
    student = UUID(form.text("student"))
    try:
        await visit.registry.students.drop_evidence(evidence)
    except (Refused, Away) as why:
        return await pupil_page(visit, student, told(why, form))
    return see_other(f"/students/{student}", done="evidence-dropped")
