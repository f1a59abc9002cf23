"""疑似重复: attempts on an identity that is held, and records that look like one child."""

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.pages.choosing import Page
from portal.rendering import PAGE, Pager, offset_of, show
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])


@router.get("/duplicates")
async def look(visit: Who, page: Page = 1) -> Response:
    """The open ones, newest first, masked."""
    found = await visit.registry.students.duplicates(offset_of(page), PAGE)
    return show(
        visit,
        "duplicates.html",
        crumbs=(("疑似重复", None),),
        duplicates=found.items,
        pager=Pager(page, found.total),
    )
