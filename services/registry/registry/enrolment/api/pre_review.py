"""Pre-review 预审核 over HTTP. Source: art. 15."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import allow, idempotent
from contracts.values import STATUS_NAMES, Role, StudentStatus
from registry.enrolment import commands, queries
from registry.enrolment.api.asking import Db, Fault, Key, Who, own_school, school_of
from registry.enrolment.domain import Colour
from registry.student.domain import masked_name

router = APIRouter(prefix="/v1/pre-review", tags=["pre-review"])


class Warned(Fault):
    """A warning and the school's reason."""

    asks: bool
    """Whether it needs a reason before the pupil can be submitted."""
    reason: str | None


class ReturnReason(BaseModel):
    """Why the authority sent a pupil back."""

    code: str
    field: str | None = None
    text: str = ""


class Reviewed(BaseModel):
    """A pupil who waits to be submitted, and the verdict."""

    student_id: UUID
    name: str
    """Masked."""
    class_id: UUID | None
    class_name: str | None
    grade_name: str
    status: StudentStatus
    status_name: str
    verdict: Colour
    problems: list[Fault]
    warnings: list[Warned]
    returned: list[ReturnReason] | None
    """None where the authority did not send the pupil back."""
    version: int


class Season(BaseModel):
    """The window of entry, extensions counted."""

    opens: date
    closes: date
    days_left: int
    """Negative once it has closed."""


class PreReview(BaseModel):
    """A page of the list, and what all of it comes to."""

    items: list[Reviewed]
    total: int
    counts: dict[Colour, int]
    to_explain: dict[str, int]
    """Code of a warning → pupils of the list who still wait for a reason, so that one answers for all."""
    examples: dict[str, str]
    """Code of such a warning → its words for one of the pupils."""
    window: Season


class Reason(BaseModel):
    """Why the school enters pupils despite a warning."""

    model_config = ConfigDict(extra="forbid")

    students: list[UUID] | None = Field(default=None, min_length=1, max_length=commands.MOST)
    """None: every pupil of the school who still waits for a reason to this warning; then `code` is named."""
    school_id: UUID | None = None
    code: str | None = Field(default=None, min_length=1, max_length=50)
    """None: every warning that the pupils have no reason for yet."""
    reason: str = Field(min_length=2, max_length=500)


class Explained(BaseModel):
    """How many pupils have the reason now."""

    explained: int


@router.get("", dependencies=[allow(Role.REGISTRAR, Role.TEACHER, Role.OFFICER, Role.PROVINCE_ADMIN)])
async def look(
    db: Db,
    actor: Who,
    school: UUID | None = None,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    verdict: Colour | None = None,
    status: Literal[StudentStatus.DRAFT, StudentStatus.RETURNED] | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PreReview:
    """The pupils of a school who wait to be submitted, by class, each with everything that is wrong or unusual.

    `status`: only drafts, or only those who came back.
    """
    async with db.snapshot() as tx:
        school_id = await school_of(tx, actor, school)
        season = await queries.season(tx, school_id)
        found = await queries.listing(tx, school_id, class_id, verdict, offset, limit, status=status)
        grades = await queries.grade_names(tx, school_id, [line.pupil for line in found.lines])
    return PreReview(
        items=[_reviewed(line, grades[line.pupil.id]) for line in found.lines],
        total=found.total,
        counts=dict(found.counts),
        to_explain=dict(found.to_explain),
        examples=dict(found.examples),
        window=Season(opens=season.opens, closes=season.closes, days_left=season.days_left),
    )


def _reviewed(line: queries.Line, grade_name: str) -> Reviewed:
    pupil, verdict = line.pupil, line.verdict
    return Reviewed(
        student_id=pupil.id,
        name=masked_name(pupil.record.name),
        class_id=pupil.class_id,
        class_name=line.school_class.name if line.school_class else None,
        grade_name=grade_name,
        status=pupil.status,
        status_name=STATUS_NAMES[pupil.status],
        verdict=verdict.colour,
        problems=[Fault.of(each) for each in verdict.problems],
        warnings=[
            Warned(code=each.code, field=each.field, text=each.text, asks=each.asks, reason=each.reason)
            for each in verdict.warnings
        ],
        returned=None if line.returned is None else [ReturnReason.model_validate(each) for each in line.returned],
        version=pupil.version,
    )


@router.post("/reasons", dependencies=[allow(Role.REGISTRAR)])
async def explain(body: Reason, db: Db, actor: Who, key: Key) -> Explained:
    """A school gives one reason for pupils with a warning, in bulk."""

    async def act() -> Explained:
        school_id = await own_school(tx, actor, body.school_id, "说明该校学生的情况")
        return Explained(explained=await commands.explain(tx, school_id, body.students, body.code, body.reason))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)
