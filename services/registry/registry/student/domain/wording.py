"""A record as pages show it: path → text, and path → what a code means."""

from collections.abc import Iterator
from typing import Any, Final

from contracts import codes
from contracts.record import BY_FIELD, FAMILY_BY_FIELD, Form, Item, StudentRecord


def texts(record: StudentRecord) -> dict[str, str]:
    """Path → text of every item that is filled in, as a form takes it: `birth_date`, `family.0.phone`."""
    return {path: str(value) for path, _, value in _filled(record)}


def names(record: StudentRecord) -> dict[str, str]:
    """Path → the word for the code that stands there, for codes and regions."""
    found = {}
    for path, item, value in _filled(record):
        if item is not None and item.form is Form.CODE:
            found[path] = codes.SETS[item.codes].name_of(value)
        elif item is not None and item.form is Form.REGION and (name := codes.region_name(value)):
            found[path] = name
    return found


_FAMILY: Final = "family"


def _filled(record: StudentRecord) -> Iterator[tuple[str, Item | None, Any]]:
    dumped = record.model_dump(mode="json", exclude_none=True)
    for field, value in dumped.items():
        if field == _FAMILY:
            for index, member in enumerate(value):
                for part, text in member.items():
                    yield f"{_FAMILY}.{index}.{part}", FAMILY_BY_FIELD.get(part), text
        else:
            yield field, BY_FIELD.get(field), value
