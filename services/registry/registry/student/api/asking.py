"""What the routes of student ask for."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel

from chassis.http import Actor, current_actor, database, idempotency_key, wants_minimal
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from contracts.values import Role
from registry.organisation import queries as organisations
from registry.student import queries
from registry.student.domain import Problem

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
Brief = Annotated[bool, Depends(wants_minimal)]
"""The answer to a change that was done needs no body."""
UNMASKED = (Role.REGISTRAR, Role.TEACHER, Role.OFFICER, Role.PROVINCE_ADMIN)
"""Who may ever read a pupil in full."""


class Fault(BaseModel):
    """Something that is wrong, or unusual, with what was entered."""

    code: str
    field: str
    """Path in the form (`birth_date`, `family.0.phone`, `grade`, `class_number`); "" for the pupil as a whole."""
    text: str

    @classmethod
    def of(cls, problem: Problem) -> "Fault":
        """The problem as it is answered."""
        return cls(code=problem.code, field=problem.field, text=problem.text)


async def own_school(tx: Tx, actor: Actor, asked: UUID | None, what: str) -> UUID:
    """The actor's own school. Raises NotFound, or NotAllowed for another that she sees."""
    school_id = asked or await organisations.own_school(tx, actor)
    await organisations.require_own_school(tx, actor, school_id, what)
    return school_id


async def seen(tx: Tx, actor: Actor, student_id: UUID) -> queries.Pupil:
    """The pupil in full. Raises NotFound for who may not see the school."""
    found = (await queries.pupils(tx, [student_id])).get(student_id)
    if found is None or not await organisations.may_see(tx, actor, found.school_id):
        raise NotFound("学生")
    return found


async def own(tx: Tx, actor: Actor, student_id: UUID, what: str) -> UUID:
    """The school of a pupil of the actor's own school. Raises NotFound, NotAllowed."""
    school_id = await queries.school_of(tx, student_id)
    if school_id is None or not await organisations.may_see(tx, actor, school_id):
        raise NotFound("学生")
    await organisations.require_own_school(tx, actor, school_id, what)
    return school_id
