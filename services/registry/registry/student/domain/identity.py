"""What a pupil's record must say before the pupil can be known by it."""

import unicodedata
from datetime import date
from typing import Final

from contracts.record import Family, StudentRecord
from contracts.values import born_on, sex_of
from registry.student.domain.problems import Problem

CITIZEN_ID: Final = "1"
"""Code of 居民身份证 in 身份证件类型."""
PASSPORT: Final = "A"
OTHER_DOCUMENT: Final = "Z"
FEWEST_DIGITS: Final = 5
"""Of a number on a document of another kind; all that the form names have more."""
GUARDIAN: Final = "1"
MOST_CHILDREN: Final = 9
"""Children that one guardian's number can carry."""


def own_document(record: StudentRecord) -> tuple[str, str] | None:
    """(type, number) of the pupil's own document, None for a pupil without one.

    A number that is a valid citizen ID counts as one whatever the type says, so that a wrong type opens no second door.
    """
    if not record.document_number:
        return None
    if record.document_type != CITIZEN_ID and born_on(record.document_number) is not None:
        return (CITIZEN_ID, record.document_number)
    return (record.document_type or OTHER_DOCUMENT, record.document_number)


def has_citizen_id(record: StudentRecord) -> bool:
    """Whether the pupil has a valid citizen ID of his own."""
    document = own_document(record)
    return document is not None and document[0] == CITIZEN_ID and born_on(document[1]) is not None


def answering_guardian(record: StudentRecord) -> Family | None:
    """The member whose number stands in for a pupil without a document: a 监护人 with a valid citizen ID, or with the
    number of another document that the form names. Source: art. 13.
    """
    return next((member for member in record.family if member.guardian == GUARDIAN and _answers(member)), None)


def _answers(member: Family) -> bool:
    number = member.document_number
    if not number or member.document_type == OTHER_DOCUMENT:
        return False
    if member.document_type in (None, CITIZEN_ID):
        return born_on(number) is not None
    return sum(mark.isdigit() for mark in number) >= FEWEST_DIGITS


def folded(name: str) -> str:
    """The name as search and comparison see it: compatible forms made one, without blanks, dots or case."""
    text = name if name.isalpha() else unicodedata.normalize("NFKC", name)
    if text.isalpha() and not text.isascii():
        return text.casefold()
    return "".join(mark for mark in text if mark not in " ·•‧・･．.-'’\u3000").casefold()


def basics(record: StudentRecord) -> list[Problem]:
    """What keeps the record from being a person's; no number is given out before it is empty.

    Source: art. 12, art. 13.
    """
    problems: list[Problem] = []
    for field, label in (("sex", "性别"), ("birth_date", "出生日期"), ("document_type", "身份证件类型")):
        if getattr(record, field) is None:
            problems.append(Problem("missing", field, f"“{label}”没有填写，无法核对身份。请填写后再试。"))
    document = own_document(record)
    if document is None:
        problems += _no_document(record)
    elif document[0] == CITIZEN_ID:
        problems += _citizen_id(record, document[1])
        if _is_misnamed(record.document_type, document[1]):
            problems.append(Problem("document-type-mismatch", "document_type", _MISNAMED))
    for index, member in enumerate(record.family):
        number = member.document_number
        if number and member.document_type == CITIZEN_ID and (fault := fault_of(number)):
            problems.append(Problem(fault[0], f"family.{index}.document_number", f"成员{index + 1}的{fault[1]}"))
        if number and _is_misnamed(member.document_type, number):
            field = f"family.{index}.document_type"
            problems.append(Problem("document-type-mismatch", field, f"成员{index + 1}的{_MISNAMED}"))
        if number and document and number == document[1]:
            problems.append(
                Problem(
                    "same-number",
                    f"family.{index}.document_number",
                    f"成员{index + 1}的身份证件号与学生本人相同。请分别填写各自的证件号。",
                )
            )
    return problems


def fault_of(number: str) -> tuple[str, str] | None:
    """(code, sentence) of what is wrong with a citizen ID, None when it is valid."""
    if len(number) != 18:
        return "id-length", f"身份证号应为18位，现为{len(number)}位。请按身份证或户口簿填写。"
    if not (number[:17].isascii() and number[:17].isdigit()):
        return "id-characters", "身份证号前17位应全部为数字。请按身份证或户口簿填写。"
    if born_on(number) is None:
        try:
            date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        except ValueError:
            return "id-date", "身份证号中的出生日期不存在。请按身份证或户口簿核对。"
        return "id-check-digit", "身份证号校验位不符，号码中有数字录错。请按身份证或户口簿核对。"
    return None


def _is_misnamed(kind: str | None, number: str) -> bool:
    """Whether a citizen ID is called a passport or something else.

    Residence permits of people from Hong Kong, Macao, Taiwan and abroad are built alike and keep their own types.
    """
    return kind in (PASSPORT, OTHER_DOCUMENT) and born_on(number) is not None


_MISNAMED: Final = (
    "身份证件号是有效的居民身份证号，与身份证件类型不符。请把身份证件类型改为“居民身份证”，或核对证件号。"
)


def _citizen_id(record: StudentRecord, number: str) -> list[Problem]:
    born = born_on(number)
    if born is None and (fault := fault_of(number)):
        return [Problem(fault[0], "document_number", fault[1])]
    problems: list[Problem] = []
    if record.birth_date is not None and record.birth_date != born:
        text = "出生日期与身份证号中的出生日期不一致。请按户口簿核对出生日期和身份证号。"
        problems.append(Problem("birth-mismatch", "birth_date", text))
    if record.sex is not None and record.sex != sex_of(number):
        text = "性别与身份证号第17位不一致（单数为男，双数为女）。请按户口簿核对性别和身份证号。"
        problems.append(Problem("sex-mismatch", "sex", text))
    return problems


def _no_document(record: StudentRecord) -> list[Problem]:
    if record.document_type not in (None, OTHER_DOCUMENT):
        text = "身份证件号没有填写。请填写号码；确无证件的，身份证件类型填“其他”，并填写监护人的身份证号。"
        return [Problem("missing", "document_number", text)]
    if record.document_type == OTHER_DOCUMENT and answering_guardian(record) is None:
        text = "学生没有身份证件号，须以监护人的号码为标识。请填写一位监护人（是否监护人填“是”）及其有效的身份证号。"
        return [Problem("guardian-needed", "document_number", text)]
    return []
