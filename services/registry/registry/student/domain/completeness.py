"""What must be filled in, and agree, before a school may submit a pupil; and what asks for a reason."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from contracts import codes
from contracts.record import FAMILY_ITEMS, ITEMS, Family, Item, StudentRecord
from contracts.values import Stage
from registry.student.domain.identity import CITIZEN_ID, GUARDIAN, basics, own_document
from registry.student.domain.placement import AgeRule
from registry.student.domain.problems import Caution, Problem

OTHER_RELATION: Final = "9"
CHINA: Final = "CHN"
_VALIDITY: Final = re.compile(
    r"(\d{4})[.\-/年]?(\d{1,2})[.\-/月]?(\d{1,2})日?\s*[-—–至~到]+\s*(?:(\d{4})[.\-/年]?(\d{1,2})[.\-/月]?(\d{1,2})日?|长期)"
)
_STARRED: Final = tuple((item.field, item.label) for item in ITEMS if item.starred and item.field)
_FAMILY_STARRED: Final = tuple((item.field, item.label) for item in FAMILY_ITEMS if item.starred)
_FITTING: Final = {"1": {"1"}, "2": {"2"}, "3": {"5"}, "9": {"3", "4", "6", "7", "9"}}
"""随班就读 → 残疾类型 that agree with it. Source: item 42 of the form."""
OLDEST_AT_ENTRY: Final = 9
"""A first-grader who is older on the cut-off day stands out (PROPOSED)."""


def complete(record: StudentRecord, *, entry_year: int, placed: bool) -> list[Problem]:
    """Everything that keeps a school from submitting the pupil: items that are missing, and items that disagree.

    `placed`: whether the pupil has a class. The photo and the season are not the record's. Source: art. 11, art. 15.
    """
    problems = basics(record)
    named = {problem.field for problem in problems}
    problems += [
        _missing(field, label) for field, label in _STARRED if getattr(record, field) is None and field not in named
    ]
    if not placed:
        problems.append(Problem("class-missing", "class_number", "还没有分班。请在“班级”中为该学生选择班级。"))
    problems += _family(record.family)
    problems += _agreement(record, entry_year)
    return problems


def _missing(field: str, label: str) -> Problem:
    return Problem("missing", field, f"“{label}”没有填写。请补填。")


def _family(family: tuple[Family, ...]) -> list[Problem]:
    if not family:
        return [Problem("family-missing", "family.0.name", "没有填写家庭成员。请至少填写一位监护人。")]
    problems = []
    for index, member in enumerate(family):
        for field, label in _FAMILY_STARRED:
            if not getattr(member, field):
                text = f"成员{index + 1}的“{label}”没有填写。请补填；没有这位成员的，请把该成员各栏全部留空。"
                problems.append(Problem("missing", f"family.{index}.{field}", text))
        if member.relation == OTHER_RELATION and not member.relation_note:
            text = f"成员{index + 1}的“关系”为其他，须填写“关系说明”，例如叔父。"
            problems.append(Problem("relation-note", f"family.{index}.relation_note", text))
    if not any(member.guardian == GUARDIAN for member in family):
        text = "没有一位家庭成员是监护人。请把监护人的“是否监护人”填为“是”。"
        problems.append(Problem("guardian-missing", "family.0.guardian", text))
    return problems


def _agreement(record: StudentRecord, entry_year: int) -> list[Problem]:
    problems = []
    inclusive, disability = record.inclusive or "0", record.disability or "0"
    if inclusive != "0" and disability not in _FITTING.get(inclusive, set()):
        text = "“残疾类型”与“随班就读”不一致。请按残疾人证核对这两项。"
        problems.append(Problem("disability-mismatch", "disability", text))
    if record.entry_month is not None and int(record.entry_month[:4]) != entry_year:
        text = f"“入学年月”应为本学段入学的年月，该生是{entry_year}级。请改为{entry_year}09，或核对年级。"
        problems.append(Problem("entry-month-mismatch", "entry_month", text))
    if record.document_validity and _validity(record.document_validity) is None:
        text = "“身份证件有效期”看不懂。请按证件填写起止日期，例如2020.06.01-2030.06.01，或2020.06.01-长期。"
        problems.append(Problem("bad-validity", "document_validity", text))
    if record.nationality == CHINA and record.overseas in ("31", "41", "51"):
        text = "“国籍/地区”为中国，“港澳台侨外”却是外国人。请核对这两项。"
        problems.append(Problem("overseas-mismatch", "overseas", text))
    if record.nationality not in (None, CHINA, "HKG", "MAC", "TWN") and record.overseas == "00":
        text = "“国籍/地区”不是中国，“港澳台侨外”不能填“否”。请核对这两项。"
        problems.append(Problem("overseas-mismatch", "overseas", text))
    if record.birth_date is not None and record.birth_date.year >= entry_year:
        problems.append(Problem("born-too-late", "birth_date", "出生日期晚于入学年份。请按户口簿核对。"))
    return problems


def _validity(text: str) -> tuple[date, date | None] | None:
    """First and last day of a document, the last None when it is 长期; None when the text says neither."""
    found = _VALIDITY.fullmatch(text.strip())
    if found is None:
        return None
    try:
        begins = date(int(found[1]), int(found[2]), int(found[3]))
        ends = date(int(found[4]), int(found[5]), int(found[6])) if found[4] else None
    except ValueError:
        return None
    return (begins, ends) if ends is None or begins < ends else None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a pupil's warnings depend on besides the record."""

    stage: Stage
    entry_year: int
    first_grade: bool
    age: AgeRule
    today: date
    class_size: int = 0
    class_standard: int = 0
    """0 where the pupil has no class."""
    suspicions: int = 0
    """Other records of a pupil without document with the same name, sex and birth date."""


def warnings(record: StudentRecord, about: Circumstances) -> list[Caution]:
    """What may be right and is unusual. Those that ask for one need a reason before the school may submit."""
    found = [*_of_age(record, about), *_of_family(record), *_of_regions(record)]
    if about.class_standard and about.class_size > about.class_standard:
        text = f"班级有{about.class_size}人，超过标准班额{about.class_standard}人。请说明原因，或调整班级。"
        found.append(Caution("class-above-standard", "class_number", text))
    if about.suspicions:
        text = (
            f"另有{about.suspicions}名无证件学生与其姓名、性别、出生日期相同。请核对是否同一人；确非同一人的，请说明。"
        )
        found.append(Caution("suspected-duplicate", "name", text))
    validity = _validity(record.document_validity) if record.document_validity else None
    if validity and validity[1] is not None and validity[1] < about.today:
        text = "身份证件已过有效期。请提醒家长换领，换领后更新。"
        found.append(Caution("document-expired", "document_validity", text, asks=False))
    return found


def _of_age(record: StudentRecord, about: Circumstances) -> Iterable[Caution]:
    if record.birth_date is None or about.stage is not Stage.PRIMARY or not about.first_grade:
        return
    if about.age.is_too_young(record.birth_date, about.entry_year):
        text = f"到{about.entry_year}年{about.age.month}月{about.age.day}日未满{about.age.years}周岁。"
        yield Caution("age-below", "birth_date", text + "请核对出生日期；确需入学的，请说明原因。")
    oldest = (about.entry_year - OLDEST_AT_ENTRY, about.age.month, about.age.day)
    if (record.birth_date.year, record.birth_date.month, record.birth_date.day) < oldest:
        text = f"一年级新生已满{OLDEST_AT_ENTRY}周岁以上。请核对出生日期；属实的，请说明原因。"
        yield Caution("age-above", "birth_date", text)


def _of_family(record: StudentRecord) -> Iterable[Caution]:
    if len(record.family) == 1:
        text = "只填写了一位家庭成员。原则上填写两位；确为单亲等情况的，请说明。"
        yield Caution("one-guardian", "family.1.name", text)


def _of_regions(record: StudentRecord) -> Iterable[Caution]:
    for field, item, code in (
        ("birthplace", _BIRTHPLACE, record.birthplace),
        ("residence", _RESIDENCE, record.residence),
    ):
        if code is None or not code.startswith("34") or codes.region_name(code):
            continue
        if code[:6] not in codes.RETIRED:
            text = f"“{item.label}”的行政区划代码不在安徽省代码表中。请核对；属实的，请说明。"
            yield Caution("region-unknown", field, text)
        elif field == "residence":
            text = f"“{item.label}”的行政区划代码已撤销。请按现行代码填写；户口簿未更换的，请说明。"
            yield Caution("region-retired", field, text)
    document = own_document(record)
    if document and document[0] == CITIZEN_ID and not _is_known_prefix(document[1]):
        text = "身份证号前六位不在行政区划代码表中（可能为已撤销的代码）。请按户口簿再核对一遍。"
        yield Caution("id-region-unknown", "document_number", text, asks=False)


def _is_known_prefix(number: str) -> bool:
    six = number[:6]
    if six[:2] != "34":
        return six[:2] in codes.PROVINCE_PREFIXES
    return bool(codes.region_name(six)) or six in codes.RETIRED


def _item(field: str) -> Item:
    return next(item for item in ITEMS if item.field == field)


_BIRTHPLACE: Final = _item("birthplace")
_RESIDENCE: Final = _item("residence")
