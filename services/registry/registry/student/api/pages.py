"""One pupil."""

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import allow
from chassis.transaction import Tx
from contracts.sync import Standing
from contracts.values import (
    PROBLEM_NAMES,
    STATUS_NAMES,
    NumberKind,
    NumberStatus,
    PhotoState,
    ProblemType,
    Role,
    StudentStatus,
)
from registry.account import queries as accounts
from registry.classes import queries as classes
from registry.student import queries, showing
from registry.student.api.asking import UNMASKED, Db, Who, seen
from registry.student.api.lines import PupilLine, lines
from registry.student.domain import CHANGE_NAMES, masked_number, purpose
from registry.student.queries.evidence import evidence_of

router = APIRouter(prefix="/v1/students", tags=["students"])


class Number(BaseModel):
    """A number that the pupil carries or carried."""

    kind: NumberKind
    value: str
    status: NumberStatus
    issuer: str
    valid_from: date
    valid_until: date | None


class Placement(BaseModel):
    """A class in which the pupil sat, from a day on."""

    class_id: UUID
    class_name: str | None
    valid_from: date
    valid_until: date | None


class Photo(BaseModel):
    """What photo has said of the pupil."""

    state: PhotoState | None
    year: int | None
    reason: str | None


class NationalProblem(BaseModel):
    """What the nation found with the record."""

    type: ProblemType
    name: str
    text: str


class National(BaseModel):
    """What the nation has answered."""

    standing: Standing | None
    problems: list[NationalProblem]
    rejections: list[str]
    number_status: NumberStatus | None


class EvidenceFile(BaseModel):
    """A file that proves an item."""

    id: UUID
    kind: str
    name: str
    content_type: str
    size: int
    added_at: datetime


class Step(BaseModel):
    """One version of the record."""

    version: int
    change: str
    change_name: str
    status_name: str
    at: datetime
    by: str | None
    """Display name; None for what the system did."""


class Pupil(PupilLine):
    """A pupil with all that registry keeps of him."""

    record: dict[str, str]
    """Path → text as the form takes it, with `grade` and `class_number`."""
    names: dict[str, str]
    """Path → word of its code or region."""
    reasons: str | None
    numbers: list[Number]
    placements: list[Placement]
    photo: Photo
    national: National
    evidence: list[EvidenceFile]
    history: list[Step]


class Purpose(BaseModel):
    """Why a pupil is read in full."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=200)


@router.get("/{student_id}", dependencies=[allow(*Role)])
async def look(student_id: UUID, db: Db, actor: Who) -> Pupil:
    """A pupil; numbers, phones and addresses are masked."""
    async with db.snapshot() as tx:
        return await page(tx, await seen(tx, actor, student_id))


@router.post("/{student_id}/unmask", dependencies=[allow(*UNMASKED)])
async def unmask(student_id: UUID, body: Purpose, db: Db, actor: Who) -> Pupil:
    """A pupil in full; the read is audited with its reason, which holds no number of a person."""
    reason = purpose(body.reason)
    async with db.transaction(actor) as tx:
        found = await seen(tx, actor, student_id)
        objects = [("student", student_id)]
        tx.note("student.read", objects, organisation=found.school_id, detail={"reason": reason})
        return await page(tx, found, unmasked=True)


async def page(tx: Tx, pupil: queries.Pupil, *, unmasked: bool = False) -> Pupil:
    """The pupil's page. About twelve statements."""
    (line,) = await lines(tx, [pupil], unmasked=unmasked)
    numbers = await queries.numbers_of(tx, pupil.id)
    placed = await queries.placements_of(tx, pupil.enrolment_id)
    formed = await classes.classes(tx, {row.class_id for row in placed})
    steps = await queries.steps_of(tx, pupil.id)
    names = await accounts.names_of(tx, tx.vault, {step.account_id for step in steps if step.account_id})
    files = (await evidence_of(tx, [pupil.id])).get(pupil.id, [])
    entered = showing.fields(pupil.record)
    record = entered if unmasked else showing.masked(entered)
    record["grade"] = line.grade_name
    if line.class_number:
        record["class_number"] = line.class_number
    student_number = pupil.number(NumberKind.STUDENT)
    return Pupil(
        **{**line.model_dump(), "name": pupil.record.name},
        record=record,
        names=showing.names(pupil.record),
        reasons=pupil.reasons,
        numbers=[
            Number(
                kind=NumberKind(each.kind),
                value=each.value if unmasked else masked_number(each.value),
                status=NumberStatus(each.status),
                issuer=each.issuer,
                valid_from=each.valid_from,
                valid_until=each.valid_until,
            )
            for each in numbers
        ],
        placements=[
            Placement(
                class_id=row.class_id,
                class_name=formed[row.class_id].name if row.class_id in formed else None,
                valid_from=row.placed_on,
                valid_until=row.left_on,
            )
            for row in placed
        ],
        photo=Photo(state=pupil.photo_state, year=pupil.photo_year, reason=pupil.photo_reason),
        national=National(
            standing=pupil.standing,
            problems=[
                NationalProblem(type=each.problem, name=PROBLEM_NAMES[each.problem], text=each.note)
                for each in pupil.problems
            ],
            rejections=list(pupil.rejections),
            number_status=student_number.status if student_number else None,
        ),
        evidence=[
            EvidenceFile(
                id=each.id,
                kind=each.kind,
                name=each.name,
                content_type=each.content_type,
                size=each.size,
                added_at=each.added_at,
            )
            for each in files
        ],
        history=[
            Step(
                version=each.version,
                change=each.change,
                change_name=CHANGE_NAMES.get(each.change, each.change),
                status_name=STATUS_NAMES[StudentStatus(each.status)],
                at=each.at,
                by=names.get(each.account_id) if each.account_id else None,
            )
            for each in steps
        ],
    )
