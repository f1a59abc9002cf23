"""国家核验状态: what the nation has, lacks, refused, and asks about."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from chassis.http import allow_anyone
from portal.clients.calling import part
from portal.pages.choosing import Page, SchoolId
from portal.rendering import PAGE, Pager, offset_of, show
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])
STANDINGS = {"problem": "问题学籍", "rejected": "国家未接收", "waiting": "待国家答复", "accepted": "国家已接收"}


@router.get("/national")
async def look(
    visit: Who, standing: Annotated[str, Query(max_length=20)] = "problem", school: SchoolId = None, page: Page = 1
) -> Response:
    """Counts out of 国家对接; the pupils of one standing with their causes."""
    shown = standing if standing in STANDINGS else "problem"
    wanted = {"school": str(school or ""), "standing": shown}
    summary, lines = await asyncio.gather(
        part(visit.sync.summary(str(school) if school else None)),
        part(visit.registry.students.find(wanted, offset_of(page), PAGE)),
    )
    students = [str(line.id) for line in lines.value.items] if lines.value else []
    known = await part(visit.sync.standings({"students": students}, 0, PAGE)) if students else None
    return show(
        visit,
        "national.html",
        crumbs=(("国家核验状态", None),),
        summary=summary,
        lines=lines,
        known={each.student_id: each for each in known.value.items} if known and known.value else {},
        known_away=known is not None and known.away,
        standing=shown,
        standings=STANDINGS,
        school=str(school or ""),
        pager=Pager(page, lines.value.total) if lines.value else None,
    )
