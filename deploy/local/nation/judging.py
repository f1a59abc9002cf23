"""What the nation answers to a record. Chance comes from the seed and the record, never from when it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeVar

from contracts.sync import NationalRecord, Operation
from contracts.values import ProblemType, born_on, check_digit
from nation.settings import NationSettings

T = TypeVar("T")

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
FOUND: Final = (ProblemType.NUMBER_UNKNOWN, ProblemType.NAME_MISMATCH, ProblemType.NUMBER_CHANGED)
"""Problems that it opens when it is told to; the others it finds by itself."""
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


@dataclass(slots=True)
class Known:
    """What the nation knows that bears on a judgement."""

    is_duplicate: bool
    """Another pupil carries the same document."""
    has_number: bool


class Chance:
    """Throws that follow from what is judged, and from nothing else."""

    def __init__(self, seed: int, text: str) -> None:
        self._thrown = blake2b(text.encode(), digest_size=56, key=seed.to_bytes(8, "big")).digest()
        self._at = 0

    def share(self) -> float:
        """The next throw: 0.0 or more, less than 1.0. Raises IndexError after seven."""
        if self._at == len(self._thrown):
            raise IndexError("no more throws")
        self._at += 8
        return int.from_bytes(self._thrown[self._at - 8 : self._at], "big") / 2**64

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[int(self.share() * len(choices))]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges records as the settings ask for."""

    settings: NationSettings

    def judge(self, student: str, version: tuple[int, int], record: NationalRecord, known: Known) -> Judgement:
        """The judgement of a record; the same for the same record, seed and knowledge."""
        told = self.settings
        chance = Chance(told.seed, f"{student} {version} {record.content_hash}")
        silent = chance.share() < told.silent
        if record.operation is Operation.VOID:
            return Judgement(taken=True, silent=silent)
        if wrong := faults(record):
            return Judgement(taken=False, silent=silent, rejections=wrong)
        if chance.share() < told.rejects:
            return Judgement(taken=False, silent=silent, rejections=((chance.one_of(REFUSABLE), "与国家库要求不符"),))
        problem = None
        if known.is_duplicate:
            problem = ProblemType.DUPLICATE_NUMBER
        elif chance.share() < told.problems:
            problem = chance.one_of(FOUND)
        issues = problem is None and not known.has_number and chance.share() < told.numbers
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
