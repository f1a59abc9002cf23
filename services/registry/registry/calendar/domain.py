"""School year, windows, working days, and the grade that follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from contracts.values import Schooling, Stage, WindowKind
from registry.calendar.errors import (
    ExtensionTooShort,
    WindowBackwards,
    WindowClosed,
    WindowNotYetOpen,
    WindowOutsideYear,
)

WINDOW_NAMES: Mapping[WindowKind, str] = {
    WindowKind.ENTRY: "新生注册",
    WindowKind.GRADUATION: "毕业办理",
    WindowKind.TRANSFER: "转学办理",
}


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first to the last, both included."""

    opens: date
    closes: date


@dataclass(frozen=True, slots=True)
class Season:
    """When a window stands by default, as (years after the first year of the school year, month, day)."""

    opens: tuple[int, int, int]
    closes: tuple[int, int, int]

    def span(self, school_year: int) -> Span:
        """The season in a school year."""
        (open_offset, *opens), (close_offset, *closes) = self.opens, self.closes
        return Span(
            date(school_year + open_offset, opens[0], opens[1]), date(school_year + close_offset, closes[0], closes[1])
        )


DEFAULT_SEASONS: Mapping[WindowKind, Season] = {
    WindowKind.ENTRY: Season((0, 8, 1), (0, 9, 30)),
    WindowKind.GRADUATION: Season((1, 6, 1), (1, 7, 31)),
    WindowKind.TRANSFER: Season((0, 8, 15), (1, 7, 14)),
}
"""The one place of the defaults. Entry ends on 30 September (Source: art. 15), graduation on 31 July (Source: art. 18);
no transfer begins from 15 July to 14 August (national practice). The first days are PROPOSED."""


def year_span(school_year: int) -> Span:
    """The days of a school year: 1 August to 31 July. Source: art. 18."""
    return Span(date(school_year, 8, 1), date(school_year + 1, 7, 31))


def school_year_of(day: date) -> int:
    """The school year a day falls into, as the year in which it began. Source: art. 18."""
    return day.year if (day.month, day.day) >= (8, 1) else day.year - 1


@dataclass(frozen=True, slots=True)
class Extended:
    """A window that stays open longer."""

    kind: WindowKind
    until: date
    document_number: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar that holds for one organisation in the active school year."""

    school_year: int
    windows: Mapping[WindowKind, Span]
    extensions: tuple[Extended, ...] = ()
    holidays: frozenset[date] = frozenset()
    working_weekends: frozenset[date] = field(default_factory=frozenset)

    def closes(self, kind: WindowKind) -> date:
        """The last day of a window, extensions counted."""
        return max([self.windows[kind].closes, *(each.until for each in self.extensions if each.kind is kind)])

    def is_open(self, kind: WindowKind, on: date) -> bool:
        """Whether business of this kind may begin on that day."""
        return self.windows[kind].opens <= on <= self.closes(kind)

    def require_open(self, kind: WindowKind, on: date) -> None:
        """Raise WindowNotYetOpen or WindowClosed, with the remedy, unless business of this kind may begin."""
        if on < self.windows[kind].opens:
            raise WindowNotYetOpen(WINDOW_NAMES[kind], self.windows[kind].opens)
        if on > self.closes(kind):
            raise WindowClosed(WINDOW_NAMES[kind], self.closes(kind))


LENGTHS: Mapping[tuple[Stage, Schooling], int] = {
    (Stage.PRIMARY, Schooling.SIX_THREE): 6,
    (Stage.PRIMARY, Schooling.FIVE_FOUR): 5,
    (Stage.JUNIOR, Schooling.SIX_THREE): 3,
    (Stage.JUNIOR, Schooling.FIVE_FOUR): 4,
    (Stage.SENIOR, Schooling.SIX_THREE): 3,
    (Stage.SENIOR, Schooling.FIVE_FOUR): 3,
}
"""Years of a stage under a 学制."""

GRADE_NAMES = (
    *("一年级", "二年级", "三年级", "四年级", "五年级", "六年级"),
    *("七年级", "八年级", "九年级"),
    *("高一", "高二", "高三"),
)


@dataclass(frozen=True, slots=True)
class Grade:
    """Where a cohort stands: 1 to 12, and whether it should have graduated. 0 is a cohort that has not begun."""

    number: int
    overdue: bool = False

    @property
    def name(self) -> str:
        """一年级 … 九年级, 高一 … 高三; "" before the first day."""
        return GRADE_NAMES[self.number - 1] if self.number else ""


def base_of(stage: Stage, schooling: Schooling) -> int:
    """Grades before the stage's first: 0, then 6 (六三制) or 5 (五四制), then 9."""
    if stage is Stage.PRIMARY:
        return 0
    return LENGTHS[Stage.PRIMARY, schooling] if stage is Stage.JUNIOR else 9


def grade(school_year: int, entry_year: int, stage: Stage, schooling: Schooling) -> Grade:
    """The grade of a cohort in a school year; never stored. Source: art. 18.

    It stops at the stage's last grade: who has not graduated is overdue, never in a grade of the next stage.
    """
    year_of_stage = school_year - entry_year + 1
    length = LENGTHS[stage, schooling]
    if year_of_stage < 1:
        return Grade(0)
    return Grade(base_of(stage, schooling) + min(year_of_stage, length), overdue=year_of_stage > length)


def entry_year_of(school_year: int, grade_number: int, stage: Stage, schooling: Schooling) -> int:
    """The entry year of the cohort that is in this grade: the inverse of `grade`.

    Raises ValueError when the stage has no such grade.
    """
    year_of_stage = grade_number - base_of(stage, schooling)
    if not 1 <= year_of_stage <= LENGTHS[stage, schooling]:
        raise ValueError(f"{stage} has no grade {grade_number}")
    return school_year - year_of_stage + 1


def check_window(span: Span, school_year: int) -> None:
    """Raise WindowBackwards, or WindowOutsideYear unless both days are of the school year."""
    year = year_span(school_year)
    if span.closes < span.opens:
        raise WindowBackwards
    if span.opens < year.opens or span.closes > year.closes:
        raise WindowOutsideYear(year.opens, year.closes)


def check_extension(calendar: Calendar, kind: WindowKind, until: date) -> None:
    """Raise ExtensionTooShort unless it extends, WindowOutsideYear unless it ends within the school year."""
    year = year_span(calendar.school_year)
    if until <= calendar.closes(kind):
        raise ExtensionTooShort(calendar.closes(kind))
    if until > year.closes:
        raise WindowOutsideYear(year.opens, year.closes)
