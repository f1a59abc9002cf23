"""What the routes of enrolment ask for."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel

from chassis.http import Actor, current_actor, database, idempotency_key
from chassis.http.idempotency import Key as SentKey
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from registry.organisation import queries as organisations
from registry.student.domain import Problem

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]


class Fault(BaseModel):
    """Something that is wrong, or unusual, with a pupil's record."""

    code: str
    field: str
    """Path in the record (`birth_date`, `family.0.phone`), or `class_number`, `photo`."""
    text: str

    @classmethod
    def of(cls, problem: Problem) -> "Fault":
        """The problem as it is answered."""
        return cls(code=problem.code, field=problem.field, text=problem.text)


async def school_of(tx: Tx, actor: Actor, asked: UUID | None) -> UUID:
    """The school that is asked about, of a campus its centre school; the actor's own when nothing is said.

    Raises NotFound for what is no school, and for one that the actor may not see.
    """
    wanted = asked or actor.organisation_id
    await organisations.require_sight(tx, actor, wanted, "学校")
    found = (await organisations.schools(tx, [wanted])).get(wanted)
    if found is None:
        raise NotFound("学校")
    await organisations.require_sight(tx, actor, found.centre_id, "学校")
    return found.centre_id


async def own_school(tx: Tx, actor: Actor, asked: UUID | None, what: str) -> UUID:
    """The actor's own school. Raises NotFound for one that she does not see, NotAllowed for another."""
    school_id = asked or await organisations.own_school(tx, actor)
    await organisations.require_own_school(tx, actor, school_id, what)
    return school_id


def part_of(key: str | None, number: int) -> str | None:
    """The key of one transaction of a request that takes several: a repeat is answered, or goes on, part by part."""
    return SentKey.of(f"{key}.{number}", key.operation, key.vault) if isinstance(key, SentKey) else None
