"""Pre-review 预审核: whether a pupil can be submitted, and if not, why. Source: art. 15."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from contracts.values import PhotoState
from registry.student.domain import Caution, Problem


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
    """A warning, and why the school enters the pupil nevertheless."""

    code: str
    field: str
    text: str
    asks: bool
    """Whether it needs a reason; otherwise it is only shown."""
    reason: str | None
    """None while nobody has said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that pre-review says of a pupil."""

    problems: tuple[Problem, ...]
    warnings: tuple[Explained, ...]

    @property
    def colour(self) -> Colour:
        """Red before amber before green; a pupil whose warnings all have their reason is green."""
        if self.problems:
            return Colour.RED
        return Colour.AMBER if self.unexplained else Colour.GREEN

    @property
    def unexplained(self) -> tuple[Explained, ...]:
        """The warnings that still wait for a reason."""
        return tuple(warning for warning in self.warnings if warning.asks and not warning.reason)


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

    @property
    def is_there(self) -> bool:
        """Whether a photo of the entry year is accepted."""
        return self.state is PhotoState.ACCEPTED and self.year == self.entry_year and self.sha256 is not None


def verdict(found: Iterable[Problem | Caution], reasons: Mapping[str, str], remark: str | None = None) -> Verdict:
    """The verdict on a pupil of whom this was found.

    `reasons` maps codes of warnings to what the school says; `remark` (情况说明 of the sheet or the form) answers every
    other warning that asks.
    """
    problems: list[Problem] = []
    warnings: list[Explained] = []
    for each in found:
        if isinstance(each, Problem):
            problems.append(each)
        else:
            reason = reasons.get(each.code) or (remark if each.asks else None)
            warnings.append(Explained(each.code, each.field, each.text, each.asks, reason))
    return Verdict(tuple(problems), tuple(warnings))


def of_photo(photo: Photo, *, required: bool) -> Problem | Caution | None:
    """What a missing photo of the entry year means; None where there is one or none is due.

    `required`: a switch of the province turns the problem into a warning. Source: art. 12.
    """
    if not photo.due or photo.is_there:
        return None
    if photo.state is PhotoState.REFUSED:
        code, text = "photo-refused", "照片检查未通过。请按提示重新拍摄或导入照片。"
    else:
        code, text = "photo-missing", f"缺少{photo.entry_year}年入学当年的照片。请先采集或导入照片，检查通过后再提交。"
    return Problem(code, "photo", text) if required else Caution(code, "photo", text)


def of_closed_class(name: str) -> Problem:
    """A pupil cannot enter in a class that has ended. Source: art. 16."""
    return Problem("class-closed", "class_number", f"{name}已撤销。请把该生改分到在用的班级。")
