"""A record as pages show it: path → text as the form writes it, the words of its codes, and masks."""

from collections.abc import Mapping
from typing import Final

from contracts import codes
from contracts.record import BY_FIELD, FAMILY_BY_FIELD, Form, Item, StudentRecord
from registry.student.domain import masked_number, masked_phone

_ADDRESSES: Final = frozenset({"address", "postal_address", "home_address"})


def fields(record: StudentRecord) -> dict[str, str]:
    """Path (`birth_date`, `family.0.phone`) → text that the form takes; empty items are left out."""
    found = {path: str(value) for path in BY_FIELD if (value := getattr(record, path)) is not None}
    for place, member in enumerate(record.family):
        for field in FAMILY_BY_FIELD:
            value = getattr(member, field)
            if value is not None:
                found[f"family.{place}.{field}"] = str(value)
    return found


def names(record: StudentRecord) -> dict[str, str]:
    """Path → the word of its code or region, of the items that have one."""
    found: dict[str, str] = {}
    for path, text in fields(record).items():
        item = item_of(path)
        if item.codes:
            found[path] = codes.SETS[item.codes].name_of(text)
        elif item.form is Form.REGION and (name := codes.region_name(text)):
            found[path] = name
    return found


def item_of(path: str) -> Item:
    """The item of the official form at a path. Raises KeyError."""
    if path.startswith("family."):
        return FAMILY_BY_FIELD[path.split(".", 2)[2]]
    return BY_FIELD[path]


def label(path: str) -> str:
    """What the form calls the item at a path: 出生日期, 成员1联系电话. Raises KeyError."""
    name = item_of(path).label
    return f"成员{int(path.split('.', 2)[1]) + 1}{name}" if path.startswith("family.") else name


def masked(shown: Mapping[str, str]) -> dict[str, str]:
    """The fields with numbers, phones and addresses hidden as far as they need not be read."""
    return {path: _masked(path, text) for path, text in shown.items()}


def _masked(path: str, text: str) -> str:
    field = path.rsplit(".", 1)[-1]
    form = item_of(path).form
    if form is Form.DOCUMENT or field == "auxiliary_number":
        return masked_number(text)
    if form is Form.PHONE:
        return masked_phone(text)
    if field in _ADDRESSES:
        return text[:6] + "****" if len(text) > 6 else "****"
    if form is Form.EMAIL:
        return text[:1] + "****" + text[text.rfind("@") :]
    return text
