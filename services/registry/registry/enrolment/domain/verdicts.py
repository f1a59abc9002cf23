"""Pre-review 预审核: whether a pupil can be submitted, and if not, why. Source: art. 15."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contracts.values import PhotoState
from registry.student.domain import Problem

PHOTO_MISSING: Final = "photo-missing"
CLASS_MISSING: Final = "class-missing"
CLASS_CLOSED: Final = "class-closed"
CLASS_ABOVE_STANDARD: Final = "class-above-standard"
SAME_PERSON: Final = "same-person"


class Colour(StrEnum):
    """What a clerk sees beside a pupil."""

    GREEN = "green"
    """Can be submitted now."""
    AMBER = "amber"
    """A warning waits for a reason."""
    RED = "red"
    """Something is wrong and must be put right."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A warning, and why the school enters the pupil nevertheless; None while nobody has said."""

    code: str
    field: str
    text: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that pre-review says of a pupil."""

    problems: tuple[Problem, ...]
    warnings: tuple[Explained, ...]

    @property
    def colour(self) -> Colour:
        """Red before amber before green; a warning with a reason is green."""
        if self.problems:
            return Colour.RED
        return Colour.AMBER if self.unexplained else Colour.GREEN

    @property
    def unexplained(self) -> tuple[Explained, ...]:
        """The warnings that still wait for a reason."""
        return tuple(warning for warning in self.warnings if not warning.reason)


@dataclass(frozen=True, slots=True)
class Seat:
    """What pre-review needs to know of the pupil's class."""

    name: str
    size: int
    standard: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Photo:
    """Where the pupil's photo stands."""

    due: bool
    """The first grade of a stage. Source: art. 12."""
    entry_year: int
    state: PhotoState | None
    year: int | None
    """学年 that the photo is of."""
    sha256: str | None
    reason: str | None
    """Code of the refusal."""

    @property
    def is_there(self) -> bool:
        """Whether a photo of the entry year is accepted."""
        return self.state is PhotoState.ACCEPTED and self.year == self.entry_year and self.sha256 is not None


def verdict(
    problems: Sequence[Problem],
    warnings: Sequence[Problem],
    around: Sequence[tuple[Problem, bool]],
    reasons: Mapping[str, str],
    remark: str | None = None,
) -> Verdict:
    """The verdict on a pupil.

    `problems` and `warnings` are of the record; `around` is what photo, class and others add, True for a problem;
    `reasons` maps codes of warnings to what the school says; `remark` (情况说明 of the sheet) stands for all others.
    """
    if not around and not warnings:
        return Verdict(tuple(problems), ())
    return Verdict(
        (*problems, *(found for found, is_wrong in around if is_wrong)),
        tuple(
            Explained(found.code, found.field, found.text, reasons.get(found.code) or remark)
            for found in (*warnings, *(found for found, is_wrong in around if not is_wrong))
        ),
    )


def of_photo(photo: Photo, required: bool) -> tuple[Problem, bool] | None:
    """What a missing photo of the entry year means; None where there is one or none is due. Source: art. 12."""
    if not photo.due or photo.is_there:
        return None
    if photo.state is PhotoState.REFUSED:
        return Problem("photo-refused", "photo", "照片检查未通过。请按提示重新拍摄或导入照片。"), required
    text = f"缺少{photo.entry_year}年入学当年的照片。请先采集或导入照片，照片检查通过后再提交。"
    return Problem(PHOTO_MISSING, "photo", text), required


def of_seat(seat: Seat | None) -> tuple[Problem, bool] | None:
    """What the class means: every pupil sits in an open one; one above the standard size asks for a reason.

    Source: art. 16.
    """
    if seat is None:
        return Problem(CLASS_MISSING, "class_number", "尚未分班。请先把该生分入班级，再提交审核。"), True
    if seat.closed:
        return Problem(CLASS_CLOSED, "class_number", f"{seat.name}已撤销。请把该生改分到在用的班级。"), True
    if seat.size > seat.standard:
        text = f"{seat.name}现有{seat.size}人，超过标准班额{seat.standard}人。请说明原因。"
        return Problem(CLASS_ABOVE_STANDARD, "class_number", text), False
    return None


def of_suspicions(schools: Collection[str]) -> tuple[Problem, bool] | None:
    """What it means that other pupils have the same name, sex and birth date; None when there is none."""
    if not schools:
        return None
    text = "省内另有姓名、性别、出生日期都相同的学生。请核对是否同一人；确系不同的学生，请说明核对情况。"
    return Problem(SAME_PERSON, "name", text), False
