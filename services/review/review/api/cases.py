"""The queue, a case, and the reasons that a reviewer chooses from."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis.http import allow
from contracts.record import BY_FIELD, FAMILY_BY_FIELD, SHEET_MEMBERS
from contracts.values import RequestKind, Role
from review import domain, queries
from review.api.shown import READING, Case, CaseDetail, Db, Offset, SchoolYear, Who, detail, shown
from review.domain import Outcome, State
from review.queries import Filters, Sort

router = APIRouter(prefix="/v1", tags=["cases"])


class Cases(BaseModel):
    items: list[Case]
    total: int


class Field(BaseModel):
    """A field of the form that a reason may be about."""

    field: str
    label: str


class CodedReason(BaseModel):
    """A reason that a reviewer may choose."""

    code: str
    words: str
    outcomes: tuple[Outcome, ...]
    """What it is a reason for: returned, rejected."""
    fields: list[Field]
    """Empty: it is about the request as a whole."""
    needs_text: bool


class Reasons(BaseModel):
    items: list[CodedReason]
    total: int
    longest_text: int


def _filters(
    actor: Who,
    state: State | None = None,
    decision: Outcome | None = None,
    school: UUID | None = None,
    student: UUID | None = None,
    kind: RequestKind | None = None,
    school_year: SchoolYear = None,
    overdue: bool | None = None,
    flagged: bool | None = None,
    unrouted: bool | None = None,
    mine: bool = False,
    due_soon: bool = False,
    escalated: bool = False,
) -> Filters:
    """What a list is narrowed to; `mine` leaves what the actor's organisation decides, `escalated` what came to it
    because a deadline had passed, `due_soon` what is due within three working days."""
    return Filters(
        state=state,
        decision=decision,
        school=school,
        student=student,
        kind=kind,
        school_year=school_year,
        overdue=overdue,
        flagged=flagged,
        unrouted=unrouted,
        decided_by=actor.organisation_id if mine else None,
        escalated_to=actor.organisation_id if escalated else None,
        due_soon_for=actor.organisation_id if due_soon else None,
    )


Narrowed = Annotated[Filters, Depends(_filters)]


@router.get("/cases", dependencies=[allow(*READING)])
async def find(
    db: Db,
    actor: Who,
    filters: Narrowed,
    sort: Sort = Sort.DEADLINE,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Cases:
    """The cases that the actor may see, by deadline or by submission."""
    async with db.snapshot() as tx:
        page = await queries.page(tx, await queries.sight(tx, actor), filters, sort, offset, limit)
        return Cases(items=await shown(tx, actor, page.rows), total=page.total)


@router.get("/cases/{case_id}", dependencies=[allow(*READING)])
async def look(case_id: UUID, db: Db, actor: Who, filters: Narrowed, sort: Sort = Sort.DEADLINE) -> CaseDetail:
    """One case; its neighbours are those of the same list, of the open ones when no state is named."""
    async with db.snapshot() as tx:
        return await detail(tx, actor, case_id, replace(filters, state=filters.state or State.OPEN), sort)


@router.get("/reasons", dependencies=[allow(*Role)])
async def reasons() -> Reasons:
    """The coded reasons for sending a request back, in the order in which they are offered."""
    items = [
        CodedReason(
            code=reason.code,
            words=reason.words,
            outcomes=tuple(sorted(reason.outcomes)),
            fields=[Field(field=field, label=domain.label_of(field) or field) for field in _expanded(reason.fields)],
            needs_text=reason.needs_text,
        )
        for reason in domain.REASONS.values()
    ]
    return Reasons(items=items, total=len(items), longest_text=domain.LONGEST_TEXT)


def _expanded(fields: tuple[str, ...]) -> list[str]:
    family = [f"family.{member}.{field}" for member in range(SHEET_MEMBERS) for field in FAMILY_BY_FIELD]
    spread = {"*": [*BY_FIELD, *family], "family": ["family", *family]}
    return list(dict.fromkeys(each for field in fields for each in spread.get(field, [field])))
