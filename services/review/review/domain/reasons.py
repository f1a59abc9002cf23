"""Coded reasons for sending a request back, and what may stand in the words beside them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.record import BY_FIELD, FAMILY_BY_FIELD
from contracts.review import Reason
from review.domain.life import OUTCOME_NAMES, Outcome
from review.errors import (
    FieldNotOfReason,
    FieldUnknown,
    PersonalDataInText,
    ReasonNotFitting,
    ReasonsMissing,
    ReasonUnknown,
    TextMissing,
    TextTooLong,
)

LONGEST_TEXT = 200
BOTH = frozenset({Outcome.RETURNED, Outcome.REJECTED})
RETURNING = frozenset({Outcome.RETURNED})
REJECTING = frozenset({Outcome.REJECTED})
ANY_FIELD = "*"
"""Stands for every item of the form."""
FAMILY = "family"
"""Stands for every item of every family member."""
BESIDE_THE_RECORD: Mapping[str, str] = {
    "photo": "照片",
    "grade": "年级",
    "class_number": "班级",
    "evidence": "佐证材料",
    FAMILY: "家庭成员",
}
"""What a reviewer sees beside the record's own items."""
_MEMBER = re.compile(r"family\.(\d)\.(\w+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class CodedReason:
    """A reason, in words, and what it may be about."""

    code: str
    words: str
    outcomes: frozenset[Outcome] = RETURNING
    fields: tuple[str, ...] = ()
    """Paths of the form as registry reads them; `family` stands for all of a family member's. None: it is about the
    request as a whole."""
    needs_text: bool = False


_RESIDENCE = ("residence", "residence_kind", "birthplace", "native_place")
_REACHED_AT = ("address", "postal_address", "home_address", "phone", FAMILY)
_ENTRY = ("entry_month", "entry_way", "attendance", "source")
_CATEGORIES = ("migrant", "left_behind", "orphan", "martyr", "disability", "inclusive")
_LIST = (
    CodedReason("photo-unfit", "照片不符合要求", fields=("photo",)),
    CodedReason("photo-not-this-pupil", "照片与学生不是同一人", fields=("photo",)),
    CodedReason("document-differs", "身份证号与户口簿不一致", fields=("document_number", "document_type")),
    CodedReason("name-differs", "姓名与户口簿不一致", fields=("name", "former_name")),
    CodedReason("sex-or-birth-differs", "性别或出生日期与户口簿不一致", fields=("sex", "birth_date")),
    CodedReason("ethnicity-differs", "民族、国籍或港澳台侨外信息有误", fields=("ethnicity", "nationality", "overseas")),
    CodedReason("residence-differs", "户籍信息与户口簿不一致", fields=_RESIDENCE),
    CodedReason("guardian-wrong", "监护人或家庭成员信息有误", fields=(FAMILY,)),
    CodedReason("address-incomplete", "住址或联系方式不完整", fields=_REACHED_AT),
    CodedReason("grade-or-class-wrong", "年级或班级有误", fields=("grade", "class_number")),
    CodedReason("entry-wrong", "入学年月、入学方式或就读方式有误", fields=_ENTRY),
    CodedReason("category-unproven", "随迁、留守、孤儿、残疾等类别缺少依据", fields=_CATEGORIES),
    CodedReason("age-unexplained", "年龄不符且说明不充分", fields=("birth_date",)),
    CodedReason("evidence-missing", "缺少佐证材料", fields=("evidence", ANY_FIELD)),
    CodedReason("evidence-unclear", "佐证材料不清晰或不符", fields=("evidence",)),
    CodedReason("duplicate-suspected", "疑似重复建籍，请核实", fields=("name", "document_number", FAMILY)),
    CodedReason("already-enrolled", "该生已有学籍，应办理转学", REJECTING),
    CodedReason("not-of-this-school", "不属于本校招生对象", REJECTING),
    CodedReason("not-attending", "学生未实际到校就读", BOTH),
    CodedReason("virtual-class", "所在班级不实（虚拟班级）", BOTH, ("class_number",)),
    CodedReason("other", "其他", BOTH, (ANY_FIELD, *BESIDE_THE_RECORD), needs_text=True),
)
REASONS: Mapping[str, CodedReason] = {reason.code: reason for reason in _LIST}
"""Code → reason, in the order in which a reviewer is offered them (PROPOSED)."""


def label_of(field: str) -> str | None:
    """What the form calls a field, `family.0.phone` as 成员1联系电话; None when the form has no such field."""
    if field in BESIDE_THE_RECORD:
        return BESIDE_THE_RECORD[field]
    if field in BY_FIELD:
        return BY_FIELD[field].label
    member = _MEMBER.fullmatch(field)
    if member is None or member[2] not in FAMILY_BY_FIELD:
        return None
    return f"成员{int(member[1]) + 1}{FAMILY_BY_FIELD[member[2]].label}"


def check_reasons(reasons: Sequence[Reason], outcome: Outcome) -> tuple[Reason, ...]:
    """The reasons as they are said, each once.

    Raises ReasonsMissing, ReasonUnknown, ReasonNotFitting, FieldUnknown, FieldNotOfReason, TextMissing, TextTooLong,
    PersonalDataInText.
    """
    if not reasons:
        raise ReasonsMissing
    return tuple(dict.fromkeys(_checked(reason, outcome) for reason in reasons))


def worded(reason: Reason) -> Reason:
    """The reason as it is said to the school: its words, then the reviewer's, so that nobody needs review's list."""
    words = REASONS[reason.code].words
    return reason.model_copy(update={"text": f"{words}：{reason.text}" if reason.text else words})


def _checked(reason: Reason, outcome: Outcome) -> Reason:
    coded = REASONS.get(reason.code)
    if coded is None:
        raise ReasonUnknown
    if outcome not in coded.outcomes:
        raise ReasonNotFitting(coded.words, OUTCOME_NAMES[outcome])
    if reason.field is not None:
        if label_of(reason.field) is None:
            raise FieldUnknown
        if not _is_about(coded, reason.field):
            raise FieldNotOfReason(coded.words, [label for each in coded.fields if (label := label_of(each))])
    text = check_text(reason.text)
    if coded.needs_text and not text:
        raise TextMissing(coded.words)
    return Reason(code=reason.code, field=reason.field, text=text)


def _is_about(coded: CodedReason, field: str) -> bool:
    return (
        field in coded.fields
        or (FAMILY in coded.fields and field.startswith("family."))
        or (ANY_FIELD in coded.fields and field not in BESIDE_THE_RECORD)
    )


_NUMBERS = (
    ("居民身份证号或学籍号", re.compile(r"\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx]")),
    ("手机号码", re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")),
    ("证件号码", re.compile(r"(?<!\d)\d{15}(?!\d)")),
)  # fmt: skip


def check_text(text: str) -> str:
    """The text without surrounding blanks. Raises TextTooLong, and PersonalDataInText for a person's number in it.

    Full-width digits and invisible characters do not hide a number. Names cannot be told from words; the page asks
    the reviewer not to write any.
    """
    if len(text.strip()) > LONGEST_TEXT:
        raise TextTooLong(LONGEST_TEXT)
    plain = "".join(
        each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) not in ("Cf", "Cc")
    )
    for what, number in _NUMBERS:
        if number.search(plain):
            raise PersonalDataInText(what)
    return text.strip()
