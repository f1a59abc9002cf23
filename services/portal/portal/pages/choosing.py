"""Which school a page is about: the account's own, or one that an authority has chosen."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response

from portal.rendering import PAGE, Pager, offset_of, show
from portal.visiting import Visit

Page = Annotated[int, Query(ge=1, le=100_000)]
SchoolId = Annotated[UUID | None, Query()]
Words = Annotated[str, Query(max_length=50)]


def school_of(visit: Visit, asked: UUID | None) -> UUID | None:
    """The school that a page is about; None when an authority has yet to choose."""
    if asked is not None:
        return asked
    return visit.organisation_id if visit.at_school else None


async def choose_school(visit: Visit, path: str, what: str, words: str, page: int, **kept: str) -> Response:
    """The list of schools, each a way to the page that was asked for, with what it was narrowed to."""
    found = await visit.registry.organisations.find(kind="school", q=words, offset=offset_of(page), limit=PAGE)
    return show(
        visit,
        "choose_school.html",
        crumbs=((what, None),),
        path=path,
        what=what,
        schools=found.items,
        pager=Pager(page, found.total),
        q=words,
        kept=kept,
    )
