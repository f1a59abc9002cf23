"""Where a new pupil belongs: stage, entry year, grade, class. A grade is derived, never stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from contracts.values import STAGE_NAMES, Schooling, Stage
from registry.student.domain.problems import Problem

PRESCHOOL: Final = 0
"""The grade of a child that may never be registered. Source: art. 14."""
LENGTHS: Final[Mapping[Schooling, Mapping[Stage, int]]] = {
    Schooling.SIX_THREE: {Stage.PRIMARY: 6, Stage.JUNIOR: 3, Stage.SENIOR: 3},
    Schooling.FIVE_FOUR: {Stage.PRIMARY: 5, Stage.JUNIOR: 4, Stage.SENIOR: 3},
}
"""Years of each stage under each 学制."""
MULTI_GRADE: Final = frozenset({"12", "22"})
"""班级类型 of classes that mix cohorts 复式班."""
_NUMERALS = "一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class School:
    """What student needs to know of a school today."""

    id: UUID
    code: str
    """学校标识码."""
    name: str
    county: str
    """Six digits of its location."""
    number: str
    """The school's three digits in the county, stored and never recomputed."""
    stages: frozenset[Stage]
    schooling: Schooling
    school_year: int
    """The active 学年, as the year in which it began."""


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """What student needs to know of a class."""

    id: UUID
    school_id: UUID
    number: str
    name: str
    stage: Stage
    entry_year: int
    campus_id: UUID | None
    class_type: str
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class AgeRule:
    """How old a child must be to enter grade 1: a switch of the province. Source: Compulsory Education Law, art. 11."""

    years: int = 6
    month: int = 8
    day: int = 31
    enforced: bool = True
    """False turns the refusal into a warning that asks for a reason."""

    def is_too_young(self, born: date, entry_year: int) -> bool:
        """Whether the child is younger than the rule asks on the cut-off day of the entry year."""
        return (entry_year - self.years, self.month, self.day) < (born.year, born.month, born.day)

    def sentence(self, entry_year: int) -> str:
        """Why a child is refused, and what to do."""
        return (
            f"到{entry_year}年{self.month}月{self.day}日未满{self.years}周岁，不得登记小学一年级学籍。"
            "请核对出生日期；确未到龄的，请待下一学年再录入。"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pupil enters."""

    stage: Stage
    entry_year: int
    first_grade: bool
    school_class: SchoolClass | None
    """None until classes are formed 分班."""


def first_grade(stage: Stage, schooling: Schooling) -> int:
    """The number of the stage's first grade, 1 to 12, counted through all stages."""
    lengths = LENGTHS[schooling]
    if stage is Stage.PRIMARY:
        return 1
    return lengths[Stage.PRIMARY] + 1 + (lengths[Stage.JUNIOR] if stage is Stage.SENIOR else 0)


def stage_of(grade: int, schooling: Schooling) -> Stage:
    """The stage that a grade from 1 to 12 belongs to."""
    if grade >= first_grade(Stage.SENIOR, schooling):
        return Stage.SENIOR
    return Stage.JUNIOR if grade >= first_grade(Stage.JUNIOR, schooling) else Stage.PRIMARY


def grade(stage: Stage, entry_year: int, school_year: int, schooling: Schooling) -> int | None:
    """The grade of a cohort in a school year, 1 to 12; None before it begins or when it should have graduated.

    Source: art. 18.
    """
    year = school_year - entry_year + 1
    if not 1 <= year <= LENGTHS[schooling][stage]:
        return None
    return first_grade(stage, schooling) + year - 1


def grade_name(number: int | None) -> str:
    """一年级 … 九年级, 高一 … 高三; 应毕业 for who is beyond the last grade of the stage."""
    if number is None:
        return "应毕业"
    return f"{_NUMERALS[number - 1]}年级" if number <= 9 else f"高{_NUMERALS[number - 10]}"


def place(
    school: School, classes: Mapping[str, SchoolClass], wanted: int | None, class_number: str | None, on: date
) -> Place | Problem:
    """Where the entry puts the pupil, or the one reason why it cannot.

    `classes` are the school's classes by number. Grade or class may be missing: what one says decides for the other.
    Source: art. 12, art. 14.
    """
    if wanted == PRESCHOOL:
        return Problem(
            "preschool", "grade", "学前儿童不得登记中小学学籍。请从名册中删除该幼儿，待其入学小学一年级时再录入。"
        )
    chosen = classes.get(class_number) if class_number else None
    if class_number and chosen is None:
        text = "本校没有这个班号。请先在“班级”中建立该班，或改为已有的班号。"
        return Problem("unknown-class", "class_number", text)
    if chosen and chosen.closed_on and chosen.closed_on <= on:
        return Problem("class-closed", "class_number", f"{chosen.name}已撤销。请改为在用的班级。")
    number = wanted or _grade_by(school, chosen)
    if number is None:
        return Problem("grade-missing", "grade", "“年级”没有填写，且无法由班号推断。请填写年级，例如一年级。")
    return _enter(school, chosen, number)


def _grade_by(school: School, chosen: SchoolClass | None) -> int | None:
    if chosen:
        return grade(chosen.stage, chosen.entry_year, school.school_year, school.schooling)
    if len(school.stages) == 1:
        return first_grade(next(iter(school.stages)), school.schooling)
    return None


def _enter(school: School, chosen: SchoolClass | None, number: int) -> Place | Problem:
    stage = stage_of(number, school.schooling)
    if stage not in school.stages:
        text = f"本校没有{STAGE_NAMES[stage]}学段，不能录入{grade_name(number)}学生。请核对年级和登录的学校。"
        return Problem("stage-not-here", "grade", text)
    first = first_grade(stage, school.schooling)
    if number != first:
        text = (
            f"{grade_name(number)}不是起始年级，没有学籍的学生须先报国家查重，有学籍的学生须办理转学。"
            "请核对年级；确需补录的，请联系主管单位。"
        )
        return Problem("not-first-grade", "grade", text)
    if stage is not Stage.PRIMARY:
        text = (
            f"{grade_name(number)}新生须凭原学籍接续，不能新建学籍。"
            "学籍接续功能开放后再办理，请先保留名册；急需办理的，请联系主管单位。"
        )
        return Problem("continuation-later", "grade", text)
    entry_year = school.school_year
    if chosen and chosen.class_type not in MULTI_GRADE and (chosen.stage, chosen.entry_year) != (stage, entry_year):
        text = f"{chosen.name}不是{entry_year}级{grade_name(number)}的班级，与所填年级不符。请核对年级和班号。"
        return Problem("class-grade-mismatch", "class_number", text)
    return Place(stage, entry_year, True, chosen)


def misplaced(stage: Stage, entry_year: int, chosen: SchoolClass, on: date) -> Problem | None:
    """Why a pupil of this cohort cannot be placed in the class, None when he can."""
    if chosen.closed_on and chosen.closed_on <= on:
        return Problem("class-closed", "class_number", f"{chosen.name}已撤销。请改为在用的班级。")
    if chosen.class_type not in MULTI_GRADE and (chosen.stage, chosen.entry_year) != (stage, entry_year):
        text = f"{chosen.name}不是{entry_year}级{STAGE_NAMES[stage]}的班级。请选择同级同学段的班级。"
        return Problem("class-grade-mismatch", "class_number", text)
    return None
