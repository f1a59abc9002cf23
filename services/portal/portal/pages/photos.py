"""照片采集: the class as a grid, one photo at a time."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import Away, Refused, part
from portal.forms import told
from portal.pages.choosing import Page
from portal.pages.pupil_form import photo_page
from portal.pages.uploading import Upload, no_form
from portal.rendering import Pager, handed_on, offset_of, see_other, show
from portal.settings import LARGEST_PHOTO
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])
CLASSFUL = 60


@router.get("/photos")
async def look(
    visit: Who,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    photo: Annotated[str, Query(max_length=20)] = "",
    page: Page = 1,
) -> Response:
    """The pupils of a class, or of all, with a badge each."""
    wanted = {"class": str(class_id or ""), "photo": photo}
    lines, classes, desk = await asyncio.gather(
        visit.registry.students.find(wanted, offset_of(page, CLASSFUL), CLASSFUL),
        part(visit.registry.classes.find(None)),
        part(visit.photo.desk()),
    )
    due = await part(visit.photo.due([line.id for line in lines.items]))
    return show(
        visit,
        "photos.html",
        crumbs=(("照片采集", None),),
        lines=lines.items,
        due={each.student_id: each for each in due.value.items} if due.value else None,
        classes=[each for each in classes.value.items if not each.closed_on] if classes.value else [],
        counts=desk,
        filters=wanted,
        pager=Pager(page, lines.total, CLASSFUL),
    )


@router.post("/students/{student}/photo", max_body_size=LARGEST_PHOTO)
async def take(visit: Who, student: UUID, request: Request) -> Response:
    """Hand one photo on."""
    file = Upload(request)
    if not file.is_form:
        return await photo_page(visit, student, no_form())
    try:
        await visit.photo.take(student, file.body, file.kind, file.length)
    except (Refused, Away) as why:
        return await photo_page(visit, student, told(why))
    return see_other(f"/students/{student}/photo", done="photo-taken")


@router.get("/students/{student}/photo.jpg")
async def picture(visit: Who, student: UUID) -> Response:
    """The standard photo, for a page to show; no browser keeps it."""
    return handed_on(await visit.photo.picture(student), None)
