"""How far schools are, over HTTP. Source: art. 4, art. 15."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.http import allow
from contracts.values import Role, StudentStatus
from registry.enrolment import queries
from registry.enrolment.api.asking import Db, Who
from registry.organisation import queries as organisations

router = APIRouter(prefix="/v1/progress", tags=["progress"])


class SchoolProgress(BaseModel):
    """How far one school is with its new pupils."""

    school_id: UUID
    name: str
    classes: int
    drafts: int
    red: int | None
    """Of drafts and returned, those with a problem; None where too many are open to tell."""
    submitted: int
    registered: int
    returned: int
    rejected: int
    unplaced: int
    photos_missing: int
    problems: int


class Progress(BaseModel):
    """How far schools are."""

    items: list[SchoolProgress]
    total: int


@router.get("", dependencies=[allow(Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN)])
async def look(
    db: Db,
    actor: Who,
    under: UUID | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Progress:
    """The schools within an organisation, the actor's own when nothing is said, and how far each is."""
    async with db.snapshot() as tx:
        where = under or actor.organisation_id
        await organisations.require_sight(tx, actor, where)
        found, total = await queries.progress(tx, where, offset, limit)
    return Progress(items=[_shown(each) for each in found], total=total)


def _shown(each: queries.Progress) -> SchoolProgress:
    statuses = each.tally.statuses
    return SchoolProgress(
        school_id=each.school_id,
        name=each.name,
        classes=each.classes,
        drafts=statuses.get(StudentStatus.DRAFT, 0),
        red=each.red,
        submitted=statuses.get(StudentStatus.SUBMITTED, 0),
        registered=statuses.get(StudentStatus.REGISTERED, 0),
        returned=statuses.get(StudentStatus.RETURNED, 0),
        rejected=statuses.get(StudentStatus.REJECTED, 0),
        unplaced=each.tally.unplaced,
        photos_missing=each.tally.photos_missing,
        problems=each.tally.problems,
    )
