"""学校进度: how far the schools are, from 学籍 and 审核 side by side."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import part
from portal.pages.choosing import Page, SchoolId
from portal.rendering import PAGE, Pager, offset_of, show
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])


@router.get("/progress")
async def look(visit: Who, under: SchoolId = None, page: Page = 1) -> Response:
    """One line a school."""
    schools, reviewed = await asyncio.gather(
        visit.registry.enrolment.progress(str(under) if under else None, offset_of(page), PAGE),
        part(visit.review.progress()),
    )
    return show(
        visit,
        "progress.html",
        crumbs=(("学校进度", None),),
        schools=schools.items,
        reviewed={each.school_id: each for each in reviewed.value.items} if reviewed.value else None,
        reviewed_sentence=reviewed.sentence,
        pager=Pager(page, schools.total),
        under=str(under or ""),
    )
