"""Counts over HTTP: the work desk and the schools' progress."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from chassis.http import allow
from contracts.values import Role
from review import queries
from review.api.shown import UNNAMED_SCHOOL, Db, SchoolYear, Who

router = APIRouter(prefix="/v1", tags=["counts"])


class SchoolProgress(BaseModel):
    """How many requests of a school stand where; each count is the length of the list it leads to."""

    school_id: UUID
    name: str
    open: int
    approved: int
    returned: int
    rejected: int
    withdrawn: int
    overdue: int
    oldest_days: int | None
    """Days since the oldest open one was submitted."""


class Progress(BaseModel):
    school_year: int | None
    items: list[SchoolProgress]
    total: int


@router.get("/progress", dependencies=[allow(Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN)])
async def progress(db: Db, actor: Who, school_year: SchoolYear = None) -> Progress:
    """Each school's requests, of one school year or of all, those with most open ones first."""
    async with db.snapshot() as tx:
        found = await queries.progress(tx, await queries.sight(tx, actor), school_year)
        names = await queries.names_of(tx, [each.school_id for each in found])
        today = tx.now.date()
    return Progress(
        school_year=school_year,
        items=[
            SchoolProgress(
                school_id=each.school_id,
                name=names.get(each.school_id, UNNAMED_SCHOOL),
                open=each.open,
                approved=each.approved,
                returned=each.returned,
                rejected=each.rejected,
                withdrawn=each.withdrawn,
                overdue=each.overdue,
                oldest_days=(today - each.oldest).days if each.oldest else None,
            )
            for each in found
        ],
        total=len(found),
    )


@router.get("/desk", dependencies=[allow(*Role)])
async def desk(db: Db, actor: Who) -> dict[str, int]:
    """Counts for the work desk of whoever asks; each is the length of the list it leads to."""
    async with db.snapshot() as tx:
        return dict(await queries.desk(tx, actor))
