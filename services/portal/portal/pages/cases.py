"""学籍审核: the reviewer's queue, by deadline."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response

from chassis.http import allow_anyone
from contracts.values import Role
from portal.clients.calling import part
from portal.pages.choosing import Page
from portal.pages.queue import Queue, as_asked
from portal.rendering import PAGE, Pager, offset_of, show
from portal.visiting import Who

router = APIRouter(dependencies=[allow_anyone()])


@router.get("/cases")
async def look(visit: Who, queue: Queue, page: Page = 1) -> Response:
    """The cases of a list, the pupils' masked names out of registry in one read."""
    found, desk = await asyncio.gather(
        visit.review.cases(as_asked(queue), offset_of(page), PAGE), part(visit.review.desk())
    )
    glimpses = await part(visit.registry.enrolment.lookup([case.id for case in found.items]))
    return show(
        visit,
        "cases.html",
        crumbs=(("学籍审核", None),),
        cases=found.items,
        glimpses={each.request_id: each for each in glimpses.value} if glimpses.value is not None else None,
        glimpses_sentence=glimpses.sentence,
        counts=desk.value or {},
        queue=queue,
        pager=Pager(page, found.total),
        may_decide=visit.has(Role.OFFICER, Role.PROVINCE_ADMIN),
    )
