"""What the nation answers to a record. Chance comes from the seed and the record, never from when it is read."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from contracts.sync import NationalRecord, Operation
from contracts.values import ProblemType, born_on, check_digit
from nation.settings import NationSettings

REQUIRED: Final = ("xm", "xbm", "csrq", "sfzjlxm", "xxbsm")
"""Columns without which a record is no record."""
REFUSABLE: Final = ("jtzz", "lxdh", "hkszdm")
"""Columns that it finds fault with when it is told to reject."""
NOTES: Final = {
    ProblemType.NUMBER_UNKNOWN: "人口库中查无此身份证号",
    ProblemType.NAME_MISMATCH: "姓名与人口库登记不一致",
    ProblemType.NUMBER_CHANGED: "人口库显示身份证号已变更",
    ProblemType.DUPLICATE_NUMBER: "身份证号与其他学生重复",
    ProblemType.DUPLICATE_PERSON: "姓名、性别、出生日期与其他学生相同",
}
CITIZEN: Final = "1"
"""身份证件类型 1 居民身份证."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to one version of a record."""

    taken: bool
    silent: bool = False
    rejections: tuple[tuple[str, str], ...] = ()
    problem: ProblemType | None = None
    issues_number: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the store: no personal data."""
        return {
            "taken": self.taken,
            "silent": self.silent,
            "rejections": [list(pair) for pair in self.rejections],
            "problem": self.problem,
            "issues_number": self.issues_number,
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Judgement":
        """What `as_json` wrote."""
        return cls(
            said["taken"],
            said["silent"],
            tuple((column, reason) for column, reason in said["rejections"]),
            ProblemType(said["problem"]) if said["problem"] else None,
            said["issues_number"],
        )


@dataclass(slots=True)
class Known:
    """What the nation knows that bears on a judgement."""

    is_duplicate: bool
    """Another pupil carries the same document."""
    has_number: bool


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges records as the settings ask for."""

    settings: NationSettings
    _kinds: tuple[ProblemType, ...] = field(
        default=(ProblemType.NUMBER_UNKNOWN, ProblemType.NAME_MISMATCH, ProblemType.NUMBER_CHANGED)
    )

    def judge(self, student: str, version: tuple[int, int], record: NationalRecord, known: Known) -> Judgement:
        """The judgement of a record; the same for the same record, seed and knowledge."""
        chance = random.Random(f"{self.settings.seed} {student} {version} {record.content_hash}")
        silent = chance.random() < self.settings.silent
        if record.operation is Operation.VOID:
            return Judgement(taken=True, silent=silent)
        if wrong := faults(record):
            return Judgement(taken=False, silent=silent, rejections=wrong)
        if chance.random() < self.settings.rejects:
            return Judgement(taken=False, silent=silent, rejections=((chance.choice(REFUSABLE), "与国家库要求不符"),))
        problem = None
        if known.is_duplicate:
            problem = ProblemType.DUPLICATE_NUMBER
        elif chance.random() < self.settings.problems:
            problem = chance.choice(self._kinds)
        issues = problem is None and not known.has_number and chance.random() < self.settings.numbers
        return Judgement(taken=True, silent=silent, problem=problem, issues_number=issues)


def faults(record: NationalRecord) -> tuple[tuple[str, str], ...]:
    """Columns with what is wrong in each; empty for a record that can be taken."""
    found = [(column, "不能为空") for column in REQUIRED if not record.fields.get(column)]
    birth = record.fields.get("csrq", "")
    if birth and not (len(birth) == 8 and birth.isdigit()):
        found.append(("csrq", "格式应为YYYYMMDD"))
    number = record.fields.get("sfzjh", "")
    if record.fields.get("sfzjlxm") == CITIZEN and born_on(number) is None:
        found.append(("sfzjh", "身份证号校验不通过"))
    return tuple(found)


def number_for(record: NationalRecord, is_free: Callable[[str], bool]) -> str | None:
    """The 学籍号 of a pupil: `G` and the citizen ID, else `J` with county, birth date and a serial; None when full.

    The serial is odd for boys and even for girls, so that twins never meet. Source: art. 13; the layout of the house's
    regulation page, §2.2.
    """
    document = record.fields.get("sfzjh", "")
    if record.fields.get("sfzjlxm") == CITIZEN and born_on(document) is not None:
        number = f"G{document}"
        return number if is_free(number) else None
    county = record.fields.get("grbsm", "")[1:7]
    if not (len(county) == 6 and county.isdigit()):
        county = record.fields.get("hkszdm", "340000")[:6]
    first = 1 if record.fields.get("xbm") == "1" else 2
    for serial in range(first, 1000, 2):
        body = f"{county}{record.fields['csrq']}{serial:03d}"
        number = f"J{body}{check_digit(body)}"
        if is_free(number):
            return number
    return None
