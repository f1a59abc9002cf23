"""What the form asks for, and duplicates."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.http import allow
from contracts import codes
from contracts.record import BLOOD_TYPE, FAMILY_ITEMS, ITEMS, Form, Item
from contracts.values import Role
from registry.organisation import queries as organisations
from registry.student import queries
from registry.student.api.asking import Db, Who
from registry.student.domain import masked_name

router = APIRouter(prefix="/v1", tags=["students"])


class FormItem(BaseModel):
    """One item of the official form."""

    path: str
    label: str
    form: Form
    starred: bool
    codes: str
    """Name of the code set, "" where the item has none."""
    longest: int
    group: Literal["pupil", "member1", "member2"]


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


class Duplicates(BaseModel):
    items: list[Duplicate]
    total: int


@router.get("/code-sets", dependencies=[allow(*Role)])
async def code_sets() -> dict[str, dict[str, str]]:
    """Name of a set → code → word, of the sets that the form uses."""
    used = {item.codes for item in (*ITEMS, BLOOD_TYPE, *FAMILY_ITEMS) if item.codes}
    return {name: dict(codes.SETS[name].codes) for name in sorted(used)}


@router.get("/form", dependencies=[allow(*Role)])
async def form() -> list[FormItem]:
    """The items of the form in its order, two family members."""
    own = [_item(item, item.field, "pupil") for item in (*ITEMS, BLOOD_TYPE) if item.field]
    first = [_item(item, f"family.0.{item.field}", "member1") for item in FAMILY_ITEMS]
    second = [_item(item, f"family.1.{item.field}", "member2") for item in FAMILY_ITEMS]
    return [*own, *first, *second]


def _item(item: Item, path: str, group: Literal["pupil", "member1", "member2"]) -> FormItem:
    return FormItem(
        path=path,
        label=item.label,
        form=item.form,
        starred=item.starred and group != "member2",
        codes=item.codes,
        longest=item.longest,
        group=group,
    )


@router.get("/duplicates", dependencies=[allow(Role.REGISTRAR, Role.OFFICER, Role.PROVINCE_ADMIN)])
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
            )
            for each in found
        ],
        total=total,
    )
