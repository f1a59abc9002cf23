"""疑似重复: cases of two records that may be one child, compared and settled."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, idempotent
from chassis.transaction import Tx
from contracts.record import StudentRecord
from contracts.refusal import NotFound
from contracts.values import STATUS_NAMES, Role
from registry.account import queries as accounts
from registry.organisation import queries as organisations
from registry.student import commands, queries, showing
from registry.student.api.asking import Db, Key, Who
from registry.student.domain import masked_name

router = APIRouter(prefix="/v1/duplicates", tags=["students"])
AUTHORITY = (Role.OFFICER, Role.PROVINCE_ADMIN)


class Duplicate(BaseModel):
    """Two records that may be one child."""

    id: UUID
    kind: Literal["claim", "suspicion"]
    school_id: UUID
    school_name: str
    """Who tried, or came later."""
    holder_school: str | None
    """Only for who may see both."""
    name: str
    """Masked."""
    opened_at: datetime
    closed_at: datetime | None


class Duplicates(BaseModel):
    """A page of duplicate cases."""

    items: list[Duplicate]
    total: int


class Compared(BaseModel):
    """One item of both records, masked; `same` compares what stands behind the masks."""

    label: str
    entered: str
    held: str
    same: bool


class Comparison(BaseModel):
    """A case, item by item: what was entered, and who was there before."""

    id: UUID
    kind: Literal["claim", "suspicion"]
    school_name: str
    holder_school: str
    holder_status: str
    """Status of who was there before; "" once that pupil is gone."""
    opened_at: datetime
    closed_at: datetime | None
    settled_by: str | None
    """Display name; None for a case that is open, or that ended with one of the pupils."""
    reason: str | None
    items: list[Compared]


class Settling(BaseModel):
    """Why a case is closed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=500)


@router.get("", dependencies=[allow(Role.REGISTRAR, *AUTHORITY)])
async def duplicates(
    db: Db,
    actor: Who,
    state: Literal["open", "all"] = "open",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Duplicates:
    """Attempts on an identity that is held, and records that look like one child, newest first."""
    async with db.snapshot() as tx:
        found, total = await queries.duplicate_cases(tx, actor, open_only=state == "open", offset=offset, limit=limit)
        ids = {each.school_id for each in found} | {each.holder_school_id for each in found if each.holder_school_id}
        names = await organisations.places(tx, ids)
    return Duplicates(
        items=[
            Duplicate(
                id=each.id,
                kind="claim" if each.kind == "claim" else "suspicion",
                school_id=each.school_id,
                school_name=names[each.school_id].name,
                holder_school=names[each.holder_school_id].name if each.holder_school_id else None,
                name=masked_name(each.name),
                opened_at=each.opened_at,
                closed_at=each.closed_at,
            )
            for each in found
        ],
        total=total,
    )


@router.get("/{case_id}", dependencies=[allow(*AUTHORITY)])
async def compare(case_id: UUID, db: Db, actor: Who) -> Comparison:
    """Both records side by side, masked, for an authority of both schools."""
    async with db.snapshot() as tx:
        return await _compared(tx, actor, case_id)


@router.post("/{case_id}/settle", dependencies=[allow(*AUTHORITY)])
async def settle(case_id: UUID, body: Settling, db: Db, actor: Who, key: Key) -> Comparison:
    """Close the case: they are two children, or the matter is cleared; the reason stays with it."""

    async def act() -> Comparison:
        await commands.settle(tx, case_id, body.reason)
        return await _compared(tx, actor, case_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


async def _compared(tx: Tx, actor: Actor, case_id: UUID) -> Comparison:
    found = await queries.pair(tx, case_id)
    if found is None:
        raise NotFound("疑似重复")
    await queries.require_both(tx, actor, [found.school_id, found.holder_school_id])
    places = await organisations.places(tx, [found.school_id, found.holder_school_id])
    by = found.settled_by
    return Comparison(
        id=found.id,
        kind="claim" if found.kind == "claim" else "suspicion",
        school_name=places[found.school_id].name,
        holder_school=places[found.holder_school_id].name,
        holder_status=STATUS_NAMES[found.holder.status] if found.holder else "",
        opened_at=found.opened_at,
        closed_at=found.closed_at,
        settled_by=(await accounts.names_of(tx, tx.vault, [by])).get(by) if by else None,
        reason=found.reason,
        items=_items(found.entered, found.holder.record if found.holder else None),
    )


def _items(entered: StudentRecord, held: StudentRecord | None) -> list[Compared]:
    """What either says, in the order of the form; codes and regions in words."""
    mine, theirs = showing.fields(entered), showing.fields(held) if held else {}
    here, there = _shown(entered), _shown(held) if held else {}
    return [
        Compared(
            label=showing.label(path),
            entered=here.get(path, ""),
            held=there.get(path, ""),
            same=mine.get(path) == theirs.get(path),
        )
        for path in (*mine, *(path for path in theirs if path not in mine))
    ]


def _shown(record: StudentRecord) -> dict[str, str]:
    return {**showing.masked(showing.fields(record)), **showing.names(record)}
