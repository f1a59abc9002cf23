"""学籍号 and 地区学号 for new pupils: opaque, unique, never used twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, select
from sqlalchemy.dialects.postgresql import insert

from chassis.rows import values_of
from chassis.transaction import Tx
from contracts.values import NumberKind, NumberStatus
from registry.student import content
from registry.student.commands.keys import number_index
from registry.student.commands.planning import Plan
from registry.student.domain import (
    MOST_REGIONAL,
    MOST_TEMPORARY,
    School,
    formal_number,
    regional_number,
    temporary_number,
)
from registry.student.errors import NumbersExhausted
from registry.student.models import SerialRow
from registry.student.queries.claims import taken_numbers
from registry.student.settings import FirstNumber, student_settings

PROVINCE = "province"
_TEMPORARY, _REGIONAL = "temporary", "regional"


@dataclass(frozen=True, slots=True)
class Given:
    """A number that a pupil is given."""

    student_id: UUID
    kind: NumberKind
    value: str
    index: bytes

    @property
    def is_student_number(self) -> bool:
        """Whether it is a 学籍号."""
        return self.kind is NumberKind.STUDENT

    def row(self, tx: Tx, enrolment_id: UUID, today: date) -> dict[str, Any]:
        """The number as it is stored; a 学籍号 is provisional until the nation has answered."""
        number_id = tx.new_id()
        return {
            "id": number_id,
            "student_id": self.student_id,
            "enrolment_id": enrolment_id,
            "kind": self.kind.value,
            "value_sealed": content.seal_number(tx.vault, self.value, number_id),
            "value_index": self.index,
            "status": (NumberStatus.PROVISIONAL if self.is_student_number else NumberStatus.CONFIRMED).value,
            "issuer": PROVINCE,
            "valid_from": today,
            "valid_until": None,
        }


async def give_numbers(tx: Tx, school: School, plans: Sequence[Plan], *, regional_too: bool = True) -> list[Given]:
    """A 学籍号 and a 地区学号 for each. Two statements, however many. Raises NumbersExhausted.

    A pupil with a citizen ID gets `G` and the ID, unless somebody carries that number already: then, and without a
    citizen ID, a number of type `L`. Source: art. 12, art. 13.
    """
    if not plans:
        return []
    formal = await _formal_numbers(tx, plans)
    temporary: dict[str, list[Plan]] = {}
    regional: dict[str, list[Plan]] = {}
    for plan in plans:
        if regional_too:
            regional.setdefault(f"{school.county}{plan.place.entry_year % 100:02}{school.number}", []).append(plan)
        if id(plan) not in formal:
            temporary.setdefault(f"{school.county}{plan.prepared.birth_date:%Y%m%d}", []).append(plan)
    wanted = {(_TEMPORARY, pool): len(found) for pool, found in temporary.items()}
    wanted |= {(_REGIONAL, pool): len(found) for pool, found in regional.items()}
    last = await _serials(tx, wanted)
    given = []
    for pool, found in regional.items():
        first = last[_REGIONAL, pool] - len(found) + 1
        if last[_REGIONAL, pool] > MOST_REGIONAL:
            raise NumbersExhausted("regional")
        for serial, plan in enumerate(found, first):
            value = regional_number(school.county, plan.place.entry_year, school.number, serial)
            given.append(_given(tx, plan, NumberKind.REGIONAL, value))
    for pool, found in temporary.items():
        first = last[_TEMPORARY, pool] - len(found) + 1
        if last[_TEMPORARY, pool] > MOST_TEMPORARY:
            raise NumbersExhausted("temporary")
        for serial, plan in enumerate(found, first):
            assert plan.prepared.birth_date is not None
            value = temporary_number(school.county, plan.prepared.birth_date, serial)
            given.append(_given(tx, plan, NumberKind.STUDENT, value))
    given += [Given(_id(plan), NumberKind.STUDENT, *formal[id(plan)]) for plan in plans if id(plan) in formal]
    return given


async def _formal_numbers(tx: Tx, plans: Sequence[Plan]) -> dict[int, tuple[str, bytes]]:
    """Plan → `G` and the ID with its index, where policy, document and uniqueness allow it."""
    if student_settings().first_number is not FirstNumber.FORMAL:
        return {}
    wanted: dict[bytes, tuple[Plan, str]] = {}
    for plan in plans:
        citizen_id, index = plan.prepared.citizen_id, plan.prepared.formal_index
        if citizen_id is not None and index is not None:
            wanted[index] = (plan, formal_number(citizen_id))
    taken = await taken_numbers(tx, wanted)
    return {id(plan): (value, index) for index, (plan, value) in wanted.items() if index not in taken}


def _given(tx: Tx, plan: Plan, kind: NumberKind, value: str) -> Given:
    return Given(_id(plan), kind, value, number_index(tx.vault, value))


def _id(plan: Plan) -> UUID:
    assert plan.drafted.student_id is not None
    return plan.drafted.student_id


async def _serials(tx: Tx, wanted: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """(kind, pool) → the last of the serials given out now. One statement; pools are locked in their order."""
    if not wanted:
        return {}
    asked = values_of(
        "asked",
        kind=(Text, [kind for kind, _ in wanted]),
        pool=(Text, [pool for _, pool in wanted]),
        last=(Integer, list(wanted.values())),
    )
    statement = insert(SerialRow).from_select(
        ["kind", "pool", "last"],
        select(asked.c.kind, asked.c.pool, asked.c.last).order_by(asked.c.kind, asked.c.pool),
    )
    rows = await tx.rows(
        statement.on_conflict_do_update(
            index_elements=[SerialRow.kind, SerialRow.pool], set_={"last": SerialRow.last + statement.excluded.last}
        ).returning(SerialRow.kind, SerialRow.pool, SerialRow.last)
    )
    return {(row.kind, row.pool): row.last for row in rows}
