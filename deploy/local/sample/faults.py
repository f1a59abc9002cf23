"""Rows that are wrong on purpose: each fault that a clerk really makes, with the code by which it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from contracts.values import check_digit
from sample.people import Pupil
from sample.rows import Row

Spoil = Callable[[Row, Pupil], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that keeps a row from becoming a draft."""

    code: str
    """The refusal's code."""
    spoil: Spoil


def _set(**cells: str | int | float) -> Spoil:
    def spoil(row: Row, pupil: Pupil) -> None:
        row.update(cells)

    return spoil


def _wrong_check_digit(row: Row, pupil: Pupil) -> None:
    body = (pupil.document or "")[:17]
    right = check_digit(body)
    row["身份证件号"] = body + ("0" if right != "0" else "1")


def _as_number(row: Row, pupil: Pupil) -> None:
    """What a spreadsheet makes of a number in a cell that was not set to text: the last digits become zeroes."""
    row["身份证件号"] = float((pupil.document or "0")[:17] + "0")


def _one_digit_short(row: Row, pupil: Pupil) -> None:
    row["身份证件号"] = (pupil.document or "")[:17]


def _other_birthday(row: Row, pupil: Pupil) -> None:
    row["出生日期"] = pupil.born.replace(day=1 if pupil.born.day != 1 else 2).strftime("%Y%m%d")


def _other_sex(row: Row, pupil: Pupil) -> None:
    row["性别"] = "女" if pupil.sex == "1" else "男"


def _nobody_answers(row: Row, pupil: Pupil) -> None:
    row.update({"身份证件类型": "其他", "身份证件号": "", "成员1是否监护人": "否"})


FAULTS: tuple[Fault, ...] = (
    Fault("id-check-digit", _wrong_check_digit),
    Fault("rounded-number", _as_number),
    Fault("birth-mismatch", _other_birthday),
    Fault("sex-mismatch", _other_sex),
    Fault("preschool", _set(年级="幼儿园大班")),
    Fault("unknown-class", _set(班号="2099199")),
    Fault("not-first-grade", _set(年级="三年级", 班号="")),
    Fault("guardian-needed", _nobody_answers),
    Fault("unknown-code", _set(民族="地球族")),
    Fault("bad-date", _set(出生日期="20200230")),
    Fault("missing", _set(姓名="")),
    Fault("bad-phone", _set(联系电话="12345")),
    Fault("not-a-name", _set(姓名="张3丰")),
    Fault("formula", _set(现住址="=1+1")),
    Fault("id-length", _one_digit_short),
    Fault("bad-region", _set(户口所在地行政区划="长丰县")),
)
"""Refused at import, one row each; the rest of the sheet goes on."""

INCOMPLETE: Mapping[str, Spoil] = {
    "no-address": _set(现住址="", 通信地址=""),
    "no-health": _set(健康状况=""),
    "no-residence": _set(户口所在地行政区划=""),
}
"""Drafted, and then red at pre-review until the clerk fills it in."""
