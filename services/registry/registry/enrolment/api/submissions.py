"""Submitting, and asking back, over HTTP. Source: art. 15."""

from itertools import count
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, idempotent
from chassis.transaction import Database
from contracts.values import Role
from registry.enrolment import commands
from registry.enrolment.api.asking import Db, Fault, Key, Who, own_school, part_of

router = APIRouter(prefix="/v1/submissions", tags=["submissions"])


class Chosen(BaseModel):
    """Pupils of the actor's own school."""

    model_config = ConfigDict(extra="forbid")

    students: list[UUID] = Field(min_length=1, max_length=commands.MOST)


class Everybody(BaseModel):
    """All pupils of a school, or of one class, who wait to be submitted."""

    model_config = ConfigDict(extra="forbid")

    school_id: UUID | None = None
    class_id: UUID | None = None


class Submitted(BaseModel):
    """A pupil whose submission now waits for the authority."""

    student_id: UUID
    request_id: UUID
    submission_number: int


class Refused(BaseModel):
    """A pupil for whom it was not done, and what to do."""

    student_id: UUID
    code: str
    text: str
    problems: list[Fault] = []

    @classmethod
    def of(cls, refused: commands.Refused) -> "Refused":
        """The refusal as it is answered."""
        problems = [Fault.of(each) for each in refused.problems]
        return cls(student_id=refused.student_id, code=refused.code, text=refused.text, problems=problems)


class Receipt(BaseModel):
    """What became of each pupil; together they are all that were asked for."""

    submitted: list[Submitted]
    refused: list[Refused]


class Swept(BaseModel):
    """What became of all pupils who waited: how many were submitted, and each other one with what to do."""

    submitted: int
    refused: list[Refused]


class Part(Swept):
    """A part of it, and where the next one begins."""

    after: UUID | None


class Asked(BaseModel):
    """For how many it was asked, and for whom not."""

    asked: int
    refused: list[Refused]


@router.post("", dependencies=[allow(Role.REGISTRAR)])
async def submit(body: Chosen, db: Db, actor: Who, key: Key) -> Receipt:
    """The chosen pupils are submitted where they are ready; the others are refused one by one."""

    async def act() -> Receipt:
        school_id = await own_school(tx, actor, None, "提交该校学生")
        receipt = await commands.submit(tx, school_id, body.students)
        return Receipt(
            submitted=[
                Submitted(
                    student_id=each.student_id,
                    request_id=each.request_id,
                    submission_number=each.submission_number,
                )
                for each in receipt.submitted
            ],
            refused=[Refused.of(each) for each in receipt.refused],
        )

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/all", dependencies=[allow(Role.REGISTRAR)])
async def submit_all(body: Everybody, db: Db, actor: Who, key: Key) -> Swept:
    """Every pupil of the school who is ready is submitted, 1,000 in a transaction."""
    whole = Swept(submitted=0, refused=[])
    after: UUID | None = None
    for number in count():
        part = await _submit_part(db, actor, body, after, part_of(key, number))
        whole.submitted += part.submitted
        whole.refused += part.refused
        after = part.after
        if after is None:
            break
    return whole


async def _submit_part(db: Database, actor: Actor, body: Everybody, after: UUID | None, key: str | None) -> Part:
    async def act() -> Part:
        school_id = await own_school(tx, actor, body.school_id, "提交该校学生")
        swept = await commands.sweep(tx, school_id, body.class_id, after)
        refused = [Refused.of(each) for each in swept.receipt.refused]
        return Part(submitted=len(swept.receipt.submitted), refused=refused, after=swept.after)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/withdraw", dependencies=[allow(Role.REGISTRAR)])
async def withdraw(body: Chosen, db: Db, actor: Who, key: Key) -> Asked:
    """The school asks to have requests back; review closes the case, and then the pupils can be changed again."""

    async def act() -> Asked:
        school_id = await own_school(tx, actor, None, "撤回该校的申请")
        found = await commands.ask_withdrawal(tx, school_id, body.students)
        return Asked(asked=len(found.asked), refused=[Refused.of(each) for each in found.refused])

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)
