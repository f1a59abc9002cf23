"""The projection: a pupil's record in the nation's own columns and codes. Values in, values out.

Source: art. 5; the columns are those of the official form (`contracts.record`), the rest is marked where it stands.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from contracts.codes import PROVINCE_CODE
from contracts.record import BLOOD_TYPE, FAMILY_ITEMS, ITEMS, Family, Form, Item, StudentRecord
from contracts.registry import StudentRecordChanged
from contracts.sync import NationalRecord, Operation
from contracts.values import NumberKind, Stage, StudentStatus

PROVINCE = PROVINCE_CODE[:2]
MOST_FAMILY = 2
"""The national form has room for two members."""
STUDENT_NUMBER_COLUMN = "grbsm"
REGIONAL_NUMBER_COLUMN = "xjfh"
"""学籍辅号 is where the form takes the local number."""
_NUMBER_COLUMNS: Mapping[NumberKind, str] = {
    NumberKind.STUDENT: STUDENT_NUMBER_COLUMN,
    NumberKind.REGIONAL: REGIONAL_NUMBER_COLUMN,
}
STANDING_COLUMN = "jdztm"
ENROLLED = "01"
"""当前状态 01 在读 (JY/T 1001)."""
SCHOOL_COLUMN = "xxbsm"
"""PROPOSED: the column of 学校标识码; the national interface is not published."""
PHOTO_COLUMN = "zp"
"""PROPOSED: SHA-256 of the standard photo, which is handed over by other means."""

_JSON: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True)
class Projection:
    """What the nation is to know of a pupil: everything of a NationalRecord that the pupil's data decides.

    Without slots, so that it is written and hashed once however often it is stored and compared.
    """

    void: bool
    """The pupil is no longer in the registry; the rest says who that was."""
    stage: Stage
    entry_year: int
    class_number: str
    fields: Mapping[str, str]
    family: tuple[Mapping[str, str], ...]

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) over all of it: two projections are the same content exactly when their hashes are equal."""
        return hashlib.sha256(self.as_json).hexdigest()

    @cached_property
    def as_json(self) -> bytes:
        """One way of writing it only: keys in their order."""
        said: dict[str, Any] = {
            "class_number": self.class_number,
            "entry_year": self.entry_year,
            "family": [dict(sorted(member.items())) for member in self.family],
            "fields": dict(sorted(self.fields.items())),
            "stage": self.stage.value,
            "void": self.void,
        }
        return _JSON.dump_json(said)

    @classmethod
    def from_json(cls, data: bytes) -> "Projection":
        """The projection that `as_json` wrote."""
        said = _JSON.validate_json(data)
        return cls(
            void=said["void"],
            stage=Stage(said["stage"]),
            entry_year=said["entry_year"],
            class_number=said["class_number"],
            fields=said["fields"],
            family=tuple(said["family"]),
        )

    def with_photo(self, sha256: str | None) -> "Projection":
        """The same pupil with this photo, or with none."""
        fields = {column: value for column, value in self.fields.items() if column != PHOTO_COLUMN}
        return replace(self, fields=fields | {PHOTO_COLUMN: sha256} if sha256 else fields)

    def is_news_to(self, told: "Projection", issued: str | None) -> bool:
        """Whether a nation that was told `told` learns anything from this.

        That a pupil now carries the 学籍号 which the nation itself `issued` is no news to it; saying so were an echo.
        """
        known = dict(told.fields)
        if issued is not None and self.fields.get(STUDENT_NUMBER_COLUMN) == issued:
            known[STUDENT_NUMBER_COLUMN] = issued
        return self != replace(told, fields=known)

    def record(self, operation: Operation, effective_on: date, content_hash: str) -> NationalRecord:
        """The event for the nation."""
        return NationalRecord(
            operation=operation,
            effective_on=effective_on,
            province=PROVINCE,
            stage=self.stage,
            entry_year=self.entry_year,
            class_number=self.class_number,
            content_hash=content_hash,
            fields=dict(self.fields),
            family=tuple(dict(member) for member in self.family),
        )


def project(said: StudentRecordChanged, photo: str | None) -> Projection:
    """The nation's view of a registered pupil; `photo` is the hash of the standard photo.

    The grade is never named: it follows from stage and entry year. Only the first two family members travel.
    Source: art. 5, art. 11.
    """
    fields = _columns(said.record, _OWN)
    fields[SCHOOL_COLUMN] = said.school_code
    for number in reversed(said.numbers):  # of each kind the first counts
        fields[_NUMBER_COLUMNS[number.kind]] = number.value
    void = said.status is not StudentStatus.REGISTERED
    if not void:
        fields[STANDING_COLUMN] = ENROLLED
    if photo:
        fields[PHOTO_COLUMN] = photo
    return Projection(
        void=void,
        stage=said.stage,
        entry_year=said.entry_year,
        class_number=said.class_number,
        fields=fields,
        family=tuple(_columns(member, _FAMILY) for member in said.record.family[:MOST_FAMILY]),
    )


def operation_for(*, void: bool, taken_before: bool) -> Operation:
    """What the nation is asked to do with a record.

    NEW until the nation has taken one version: a version that it has not taken, or that was compacted away before it
    read it, may not be changed, only replaced.
    """
    if void:
        return Operation.VOID
    return Operation.CHANGE if taken_before else Operation.NEW


def _date(value: date) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _region(value: str) -> str:
    return f"{value}000000" if len(value) == 6 else value


_WRITTEN: Mapping[Form, Callable[[Any], str]] = {Form.DATE: _date, Form.REGION: _region, Form.INTEGER: str}
"""How the nation writes what it writes otherwise than the record does."""
_Columns: TypeAlias = Sequence[tuple[str, str, Callable[[Any], str] | None]]


def _columns_of(items: Iterable[Item]) -> _Columns:
    return [(item.field, item.national, _WRITTEN.get(item.form)) for item in items if item.national and item.field]


_OWN = _columns_of((*ITEMS, BLOOD_TYPE))
_FAMILY = _columns_of(FAMILY_ITEMS)


def _columns(of: StudentRecord | Family, columns: _Columns) -> dict[str, str]:
    # The model's own dictionary: it is asked for seventy fields of every pupil.
    values = of.__dict__
    found = {}
    for field, column, write in columns:
        value = values[field]
        if value is not None and value != "":
            found[column] = value if write is None else write(value)
    return found
