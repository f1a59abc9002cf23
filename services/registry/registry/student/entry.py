"""What one row of a sheet, or one form, says of a pupil: names or codes, five forms of dates, full-width digits.

Pure and quick: 50,000 rows of 72 columns pass through here in one import. Everything is read by the tables of
`contracts.record` and `contracts.codes`; every fault is found, not only the first.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from contracts import record as form
from contracts.record import Item, StudentRecord
from registry.student import domain
from registry.student.cells import Unreadable, plain, reader_of
from registry.student.domain import PRESCHOOL, Problem

CONTINUATION, SCHOOL_CODE, GRADE, CLASS, REASONS = (
    form.CONTINUATION_HEADER,
    form.SCHOOL_CODE_HEADER,
    form.GRADE_HEADER,
    form.CLASS_HEADER,
    form.REASONS_HEADER,
)
_NUMERALS = "一二三四五六七八九"
_GRADES: Final[Mapping[str, int]] = {
    **{f"{numeral}年级": grade for grade, numeral in enumerate(_NUMERALS, 1)},
    **{f"小学{numeral}年级": grade for grade, numeral in enumerate(_NUMERALS[:6], 1)},
    **{numeral: grade for grade, numeral in enumerate(_NUMERALS, 1)},
    **{str(grade): grade for grade in range(1, 11)},
    **{f"{grade}年级": grade for grade in range(1, 10)},
    **{f"初{numeral}": grade for grade, numeral in enumerate("一二三", 7)},
    **{f"高{numeral}": grade for grade, numeral in enumerate("一二三", 10)},
    **{f"高中{numeral}年级": grade for grade, numeral in enumerate("一二三", 10)},
    **{f"高{numeral}年级": grade for grade, numeral in enumerate("一二三", 10)},
    **{f"初中{numeral}年级": grade for grade, numeral in enumerate("一二三", 7)},
    **{str(10 + grade): grade for grade in range(1, 7)},
    **{str(14 + grade): grade for grade in range(7, 10)},
    **{str(21 + grade): grade for grade in range(10, 13)},
}
"""What is written for a grade → 1 to 12; two digits are codes of 年级_学籍 (11 = 一年级, 21 = 七年级, 31 = 高一)."""
_PRESCHOOL_WORDS = ("幼儿", "学前", "小班", "中班", "大班", "托班", "托儿")


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says. `record` is None when something in it cannot be taken; `problems` then says what, all of it."""

    record: StudentRecord | None
    school_code: str | None
    """学校标识码, None when empty: the registrar's own school."""
    grade: int | None
    """1 to 12, `PRESCHOOL`, None when empty."""
    class_number: str | None
    continuation: str | None
    """学籍接续标识: the existing 学籍号 of a pupil who enters grade 7 or 10."""
    reasons: str | None
    """情况说明."""
    problems: tuple[Problem, ...]


class SheetReader:
    """Reads the rows of a sheet whose columns have these official headers (`成员1姓名`); others are not looked at.

    Where each cell stands is found out once: a row is read by places, not by a hundred look-ups of headers.
    """

    def __init__(self, headers: Sequence[str]) -> None:
        place = {header: number for number, header in enumerate(headers)}
        self._plan = tuple((place[key], *about) for key, *about in _SHEET if key in place)
        self._keys = tuple(place.get(key) for key in (GRADE, CLASS, SCHOOL_CODE, CONTINUATION, REASONS))

    def read(self, texts: Sequence[str | None]) -> ReadRow:
        """What the row says, whatever it is; as many texts as headers and in their order, blank or None where empty."""
        return _read(texts.__getitem__, self._plan, self._keys)


def read_form(fields: Mapping[str, str]) -> ReadRow:
    """What a form says; `fields` maps paths (`birth_date`, `family.0.phone`) to text. Up to eight family members."""
    return _read(fields.get, _FORM, ("grade", "class_number", "school_code", "continuation", "reasons"))


@dataclass(frozen=True, slots=True)
class _Column:
    key: str
    member: int
    """0 for the pupil, 1.. for a family member."""
    field: str
    path: str
    memory: MutableMapping[str, Any]
    read: Callable[[str], Any]


def _columns(key_of: Callable[[Item, int], str], members: int) -> tuple[tuple[Any, ...], ...]:
    found = [
        _Column(key_of(item, 0), 0, item.field, item.field, *reversed(reader_of(item)))
        for item in form.BY_FIELD.values()
    ]
    for member in range(1, members + 1):
        found += [
            _Column(
                key_of(item, member),
                member,
                item.field,
                f"family.{member - 1}.{item.field}",
                *reversed(reader_of(item)),
            )
            for item in form.FAMILY_ITEMS
        ]
    return tuple((c.key, c.member, c.field, c.path, c.memory, c.read) for c in found)


def _header(item: Item, member: int) -> str:
    return f"成员{member}{item.header}" if member else item.header


def _path(item: Item, member: int) -> str:
    return f"family.{member - 1}.{item.field}" if member else item.field


FORM_MEMBERS: Final = 8
_SHEET: Final = _columns(_header, form.SHEET_MEMBERS)
_FORM: Final = _columns(_path, FORM_MEMBERS)
HEADERS: Final[Mapping[str, str]] = {
    **{column[3]: column[0] for column in _SHEET},
    "grade": GRADE, "class_number": CLASS, "school_code": SCHOOL_CODE, "continuation": CONTINUATION, "reasons": REASONS,
}  # fmt: skip
"""Path of a field → header of its column on the sheet, by which a problem finds its cell."""


def _canonical() -> dict[str, str]:
    names: dict[str, str] = {}
    for item in (*form.ITEMS, form.BLOOD_TYPE):
        for word in (item.header, item.label, *item.aliases):
            names.setdefault(word, item.header)
    for member in range(1, form.SHEET_MEMBERS + 1):
        for item in form.FAMILY_ITEMS:
            for word in (item.header, item.label, *item.aliases):
                names.setdefault(f"成员{member}{word}", f"成员{member}{item.header}")
    for word in (CONTINUATION, SCHOOL_CODE, GRADE, CLASS, REASONS):
        names.setdefault(word, word)
    return {plain(word): header for word, header in names.items()}


CANONICAL: Final[Mapping[str, str]] = _canonical()
"""Every way a header is written (after `cells.plain`) → the official header."""


@lru_cache(maxsize=1_000)
def grade_of(raw: str | None) -> int | Unreadable | None:
    """The grade that is written, 1 to 12, `PRESCHOOL` for a child of a kindergarten, None when blank."""
    text = plain(raw or "").removesuffix(".0")
    if not text:
        return None
    if any(word in text for word in _PRESCHOOL_WORDS):
        return PRESCHOOL
    found = _GRADES.get(text)
    return (
        Unreadable("bad-grade", "“年级”的内容不在代码表中。请填写一年级、七年级、高一等名称。")
        if found is None
        else found
    )


def _read(get: Callable[[Any], str | None], plan: tuple[tuple[Any, ...], ...], keys: tuple[Any, ...]) -> ReadRow:
    """`get` has the text of each key of the plan; one of `keys` may be None, for what is not there at all."""
    problems: list[Problem] = []
    values: tuple[dict[str, Any], ...] = tuple({} for _ in range(FORM_MEMBERS + 1))
    for key, member, field, path, memory, read in plan:
        raw = get(key)
        if not raw:
            continue
        value = memory.get(raw)
        if value is None:
            value = read(raw)
            if value is None:
                continue
        if value.__class__ is Unreadable:
            problems.append(Problem(value.code, path, value.text))
        else:
            values[member][field] = value
    of_grade, of_class, of_school, *others = (None if key is None else get(key) for key in keys)
    grade = grade_of(of_grade)
    if isinstance(grade, Unreadable):
        problems.append(Problem(grade.code, "grade", grade.text))
        grade = None
    record = _record(values, problems)
    continuation, reasons = map(_words, others)
    return ReadRow(
        None if problems else record, _repeated(of_school), grade, _repeated(of_class), continuation, reasons,
        tuple(problems),
    )  # fmt: skip


def _words(raw: str | None) -> str | None:
    return (plain(raw).removesuffix(".0")[:1000] or None) if raw else None


_repeated: Final = lru_cache(maxsize=1_000)(_words)
"""Of what stands in every row of a sheet alike."""


def _record(values: tuple[dict[str, Any], ...], problems: list[Problem]) -> StudentRecord | None:
    own = values[0]
    whole = True
    if "name" not in own:
        whole = False
        if not any(problem.field == "name" for problem in problems):
            problems.append(Problem("missing", "name", "“姓名”没有填写。请按户口簿填写。"))
    family = []
    for member, found in enumerate(values[1:]):
        if not found:
            continue
        for field, label in (("name", "姓名"), ("relation", "关系")):
            path = f"family.{member}.{field}"
            if field not in found:
                whole = False
                if not any(problem.field == path for problem in problems):
                    text = f"成员{member + 1}的“{label}”没有填写。请补填；没有这位成员的，请把该成员各栏全部留空。"
                    problems.append(Problem("missing", path, text))
        found.setdefault("guardian", "0")
        family.append(found)
    if not whole:
        return None
    own["family"] = family
    record = StudentRecord.model_validate(own)
    unread = {problem.field for problem in problems}
    problems.extend(found for found in domain.basics(record) if found.field not in unread)
    return record
