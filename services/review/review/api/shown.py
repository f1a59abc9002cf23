"""Cases as they are shown: ids, codes and words, never a person."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator, BaseModel
from sqlalchemy import Row

from chassis.clock import ZONE
from chassis.http import Actor, current_actor, database, idempotency_key
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from contracts.values import RequestKind, Role, Stage
from review import domain, queries
from review.domain import Outcome, State
from review.models import UNNAMED, case_of
from review.queries import Filters, Sort

READING = (Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN, Role.REGISTRAR)
DECIDING = (Role.OFFICER, Role.PROVINCE_ADMIN)

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]


SchoolYear = Annotated[int | None, Query(ge=2000, le=2100)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Moment = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(ZONE))]
"""A moment, told in China's time."""


class Case(BaseModel):
    """A case in a list. Who the pupil is, registry tells."""

    id: UUID
    """The request's, too."""
    student_id: UUID
    enrolment_id: UUID
    school_id: UUID
    school_name: str
    class_id: UUID | None
    kind: RequestKind
    kind_name: str
    stage: Stage
    submission_number: int
    content_hash: str
    """To be sent back with the decision."""
    submitted_at: Moment
    school_year: int
    deadline: date
    days_left: int | None
    """Days until the deadline, negative once it has passed; nothing once the case is closed."""
    overdue: bool
    escalated: bool
    warnings: tuple[str, ...]
    """Codes of the warnings for which the school gave a reason."""
    authority_id: UUID | None
    authority_name: str | None
    state: State
    decision: Outcome | None
    decision_name: str | None
    decided_at: Moment | None
    claimed_by_other: bool
    may_decide: bool
    why_not: str | None


class Reason(BaseModel):
    """Why it was sent back."""

    code: str
    words: str
    field: str | None
    label: str | None
    """What the form calls the field."""
    text: str


class Happened(BaseModel):
    """What happened to the case, and which organisation did it."""

    what: str
    what_name: str
    at: Moment
    by_me: bool
    organisation: str | None
    to: str | None
    text: str | None


class CaseDetail(Case):
    """A case with its history, and its neighbours in the reviewer's list."""

    reasons: list[Reason]
    history: list[Happened]
    next: UUID | None
    previous: UUID | None


WHAT_NAMES = {
    "submitted": "学校提交",
    "rerouted": "改派",
    "escalated": "逾期，上级主管单位可以审核",
    "withdrawn": "学校撤回",
    **{outcome.value: name for outcome, name in domain.OUTCOME_NAMES.items()},
}


async def shown(tx: Tx, actor: Actor, rows: Sequence[Row[Any]]) -> list[Case]:
    """Rows as cases, with what the actor may do about each. One statement."""
    names = await queries.names_of(
        tx, {each for row in rows for each in (row.school_id, row.authority_id, row.decided_by_organisation)}
    )
    reviewer, today = queries.reviewer_of(actor), tx.now.date()
    cases = []
    for row in rows:
        case = case_of(row, names)
        refused = domain.obstacle(case, reviewer)
        is_open = case.state is State.OPEN
        cases.append(
            Case(
                **{field: getattr(row, field) for field in _AS_STORED},
                school_name=names.get(row.school_id, UNNAMED_SCHOOL),
                kind_name=domain.KIND_NAMES[case.kind],
                days_left=(row.deadline - today).days if is_open else None,
                overdue=is_open and row.deadline < today,
                escalated=row.escalated_at is not None,
                authority_name=case.authority_name if row.authority_id else None,
                decision_name=domain.OUTCOME_NAMES[case.outcome] if case.outcome else None,
                decided_at=row.closed_at if case.state is State.DECIDED else None,
                claimed_by_other=_claimed_by_other(row, actor, tx.now),
                may_decide=refused is None,
                why_not=refused.sentence if refused else None,
            )
        )
    return cases


UNNAMED_SCHOOL = "（学校信息尚未到达）"
_AS_STORED = (
    "id", "student_id", "enrolment_id", "school_id", "class_id", "kind", "stage", "submission_number", "content_hash",
    "submitted_at", "school_year", "deadline", "warnings", "authority_id", "state", "decision",
)  # fmt: skip


def _claimed_by_other(row: Row[Any], actor: Actor, now: datetime) -> bool:
    return row.claimed_by not in (None, actor.account_id) and row.claimed_until > now


async def one(tx: Tx, actor: Actor, case_id: UUID) -> Case:
    """One case that the actor may see. Raises NotFound."""
    row = await queries.case(tx, await queries.sight(tx, actor), case_id)
    if row is None:
        raise NotFound("申请")
    (case,) = await shown(tx, actor, [row])
    return case


async def handed_on(tx: Tx, actor: Actor, case_id: UUID) -> Case:
    """The case that the actor has just handed on, as it is now: she is told, though she may not see it any more."""
    row = await queries.case(tx, queries.Sight(None), case_id)
    assert row is not None
    (case,) = await shown(tx, actor, [row])
    return case


async def detail(tx: Tx, actor: Actor, case_id: UUID, filters: Filters, sort: Sort) -> CaseDetail:
    """One case that the actor may see, with all there is to tell. Raises NotFound."""
    sight = await queries.sight(tx, actor)
    row = await queries.case(tx, sight, case_id)
    if row is None:
        raise NotFound("申请")
    (case,) = await shown(tx, actor, [row])
    happened, reasons = await queries.history(tx, row, actor)
    names = await queries.names_of(
        tx, {each for one in happened for each in (one.organisation_id, one.to_organisation_id)}
    )
    before, after = await queries.neighbours(tx, sight, filters, sort, row)
    return CaseDetail(
        **dict(case),
        reasons=[
            Reason(
                code=reason.code,
                words=domain.REASONS[reason.code].words if reason.code in domain.REASONS else reason.code,
                field=reason.field,
                label=domain.label_of(reason.field) if reason.field else None,
                text=reason.text,
            )
            for reason in reasons
        ],
        history=[
            Happened(
                what=each.what,
                what_name=WHAT_NAMES[each.what],
                at=each.at,
                by_me=each.by_me,
                organisation=names.get(each.organisation_id, UNNAMED) if each.organisation_id else None,
                to=names.get(each.to_organisation_id, UNNAMED) if each.to_organisation_id else None,
                text=each.text,
            )
            for each in happened
        ],
        next=after,
        previous=before,
    )
