"""What a school changed between two submissions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.enrolment.domain.freezing import Frozen


@dataclass(frozen=True, slots=True)
class Difference:
    """One item before and after, as text; "" where it was empty."""

    field: str
    before: str
    after: str


def differences(before: Frozen, after: Frozen) -> list[Difference]:
    """The items of the record that differ, in the order of the form, then class, photo, reasons and evidence."""
    return [*_between(_record(before), _record(after)), *_between(_around(before), _around(after))]


def _between(old: Mapping[str, str], new: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(field, old.get(field, ""), new.get(field, ""))
        for field in dict.fromkeys((*old, *new))
        if old.get(field, "") != new.get(field, "")
    ]


def _record(frozen: Frozen) -> dict[str, str]:
    return dict(paths(frozen.record.model_dump(mode="json")))


def _around(frozen: Frozen) -> dict[str, str]:
    return {
        "class_number": frozen.class_number,
        "photo": frozen.photo_hash or "",
        **{f"warnings.{warning.code}": warning.reason or "" for warning in frozen.warnings},
        **{f"evidence.{file.id}": file.kind for file in frozen.evidence},
    }


def paths(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, text) of every item of a dumped record: `birth_date`, `family.0.phone`; "" for None."""
    for field, value in record.items():
        if field == "family":
            for index, member in enumerate(value):
                for part, text in member.items():
                    yield f"family.{index}.{part}", "" if text is None else str(text)
        else:
            yield field, "" if value is None else str(value)
