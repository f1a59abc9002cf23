"""What the form asks for."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from chassis.http import allow
from contracts import codes
from contracts.record import BLOOD_TYPE, FAMILY_ITEMS, ITEMS, Form, Item
from contracts.values import Role

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
