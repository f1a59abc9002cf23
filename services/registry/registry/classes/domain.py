"""Numbers, sizes and signals of classes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import median
from uuid import UUID

from contracts import codes
from contracts.values import STAGE_NAMES, Stage
from registry.classes.errors import (
    EntryYearOutOfReach,
    LimitNotRaised,
    LimitOfTheProvince,
    NoNumberLeft,
    NoPlan,
    PlanBelowClasses,
    PlanUsedUp,
    StageNotOfSchool,
    WrongClassType,
)

STANDARD: Mapping[Stage, int] = {Stage.PRIMARY: 45, Stage.JUNIOR: 50, Stage.SENIOR: 50}
"""Pupils in a class of standard size; above it the school is warned and gives a reason (Anhui rule of 2024)."""
SCHOOL_LIMIT = 55
"""A school alone may fill a class up to here: from 56 on a class is 大班额."""
COUNTY_LIMIT = 65
"""An authority may allow up to here with a document (PROPOSED): from 66 on, 超大班额, only the province may."""
LONGEST_STAGE = 6

STAGE_DIGITS: Mapping[Stage, str] = {Stage.PRIMARY: "1", Stage.JUNIOR: "2", Stage.SENIOR: "3"}
_TYPE_PREFIX: Mapping[Stage, str] = {Stage.PRIMARY: "1", Stage.JUNIOR: "2", Stage.SENIOR: "4"}
ORDINARY: Mapping[Stage, str] = {Stage.PRIMARY: "10", Stage.JUNIOR: "20", Stage.SENIOR: "40"}
"""班级类型 of an ordinary class."""


class Band(StrEnum):
    """How large a class is. Source: art. 16."""

    STANDARD = "standard"
    ABOVE = "above-standard"
    LARGE = "large"
    """大班额."""
    OVERSIZE = "oversize"
    """超大班额."""


def band(stage: Stage, size: int) -> Band:
    """The band of a class of this size."""
    if size > COUNTY_LIMIT:
        return Band.OVERSIZE
    if size > SCHOOL_LIMIT:
        return Band.LARGE
    return Band.ABOVE if size > STANDARD[stage] else Band.STANDARD


@dataclass(frozen=True, slots=True)
class Seats:
    """What taking seats in a class gave."""

    granted: int
    size: int
    """Seats taken afterwards."""
    capacity: int

    @property
    def left(self) -> int:
        """Seats that may still be taken."""
        return max(0, self.capacity - self.size)


def number(entry_year: int, stage: Stage, serial: int) -> str:
    """班号: entry year, digit of the stage, two digits (PROPOSED), as `2026101`. Raises NoNumberLeft."""
    if not 1 <= serial <= 99:
        raise NoNumberLeft
    return f"{entry_year:04d}{STAGE_DIGITS[stage]}{serial:02d}"


def next_number(entry_year: int, stage: Stage, taken: Iterable[str]) -> str:
    """The 班号 after the highest ever given to the cohort; numbers of closed classes are not given again.

    Raises NoNumberLeft.
    """
    prefix = f"{entry_year:04d}{STAGE_DIGITS[stage]}"
    serials = [int(each[len(prefix) :]) for each in taken if each.startswith(prefix)]
    return number(entry_year, stage, max(serials, default=0) + 1)


def default_name(entry_year: int, serial: int) -> str:
    """2026级(1)班."""
    return f"{entry_year}级({serial})班"


def check_new(stage: Stage, entry_year: int, class_type: str, school_stages: Sequence[Stage], school_year: int) -> None:
    """Raise StageNotOfSchool, WrongClassType or EntryYearOutOfReach for a class that cannot be."""
    if stage not in school_stages:
        raise StageNotOfSchool(STAGE_NAMES[stage])
    if class_type not in codes.SETS["班级类型"].codes or not class_type.startswith(_TYPE_PREFIX[stage]):
        raise WrongClassType
    check_entry_year(entry_year, school_year)


def check_entry_year(entry_year: int, school_year: int) -> None:
    """Raise EntryYearOutOfReach unless pupils of this year may be at school now, or will be from next autumn."""
    first, last = school_year - LONGEST_STAGE, school_year + 1
    if not first <= entry_year <= last:
        raise EntryYearOutOfReach(first, last)


def check_plan(planned: int | None, existing: int, entry_year: int, stage: Stage) -> None:
    """Raise NoPlan or PlanUsedUp unless one more class may be formed. Source: art. 16."""
    if planned is None:
        raise NoPlan(entry_year, STAGE_NAMES[stage])
    if existing >= planned:
        raise PlanUsedUp(entry_year, STAGE_NAMES[stage], planned)


def check_new_plan(planned: int, existing: int) -> None:
    """Raise PlanBelowClasses when more classes exist than the new plan allows."""
    if planned < existing:
        raise PlanBelowClasses(existing)


def check_limit(limit: int, size: int, stage: Stage, *, province: bool) -> None:
    """Raise LimitNotRaised or LimitOfTheProvince for a limit that may not be set. Source: art. 16."""
    if limit < max(size, STANDARD[stage]):
        raise LimitNotRaised(size, STANDARD[stage])
    if limit > COUNTY_LIMIT and not province:
        raise LimitOfTheProvince(COUNTY_LIMIT)


class Signal(StrEnum):
    """Why a class may be a virtual one 虚拟班级. Source: art. 16."""

    NO_HEAD_TEACHER = "no-head-teacher"
    CREATED_LATE = "created-late"
    EMPTY = "empty"
    SIZE_OUTLIER = "size-outlier"


SIGNAL_TEXTS: Mapping[Signal, str] = {
    Signal.NO_HEAD_TEACHER: "没有登记班主任",
    Signal.CREATED_LATE: "在入学当年9月30日之后建立",
    Signal.EMPTY: "入学截止后仍无学生",
    Signal.SIZE_OUTLIER: "人数与同级其他班级相差悬殊",
}
OUTLIER_SHARE = 0.5
"""A class that differs from the median of its cohort by more than this share of it stands out (PROPOSED)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the signals of a class are read from."""

    class_id: UUID
    cohort: tuple[UUID, Stage, int]
    """School, stage, entry year."""
    size: int
    has_head_teacher: bool
    created_on: date


def signals(shapes: Sequence[Shape], today: date) -> Mapping[UUID, tuple[Signal, ...]]:
    """The signals of each open class; a cohort of one class, or of empty classes, has no outlier."""
    sizes: dict[tuple[UUID, Stage, int], list[int]] = {}
    for shape in shapes:
        sizes.setdefault(shape.cohort, []).append(shape.size)
    found: dict[UUID, tuple[Signal, ...]] = {}
    for shape in shapes:
        entered = today > date(shape.cohort[2], 9, 30)
        middle = median(sizes[shape.cohort])
        stands_out = len(sizes[shape.cohort]) > 1 and middle > 0 and abs(shape.size - middle) > OUTLIER_SHARE * middle
        found[shape.class_id] = tuple(
            signal
            for signal, holds in (
                (Signal.NO_HEAD_TEACHER, not shape.has_head_teacher),
                (Signal.CREATED_LATE, shape.created_on > date(shape.cohort[2], 9, 30)),
                (Signal.EMPTY, entered and shape.size == 0),
                (Signal.SIZE_OUTLIER, entered and shape.size > 0 and stands_out),
            )
            if holds
        )
    return found
