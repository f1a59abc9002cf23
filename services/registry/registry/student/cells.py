"""What one cell of a sheet or one field of a form says: text in, a value or a sentence out.

A reader returns the value, None when the cell is blank, or an `Unreadable`: the code of what is wrong and a sentence
that says what to do. No sentence repeats the cell: a slipped column may put a citizen ID anywhere.
"""

import re
import unicodedata
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from contracts import codes
from contracts.record import Form, Item

BLANKS: Final = " \t\r\n\v\f\0\xa0\u3000\ufeff\u200b\u200c\u200d\u2060\u200e\u200f\u00ad"
"""What sheets leave at the ends of a cell and nobody sees."""
_REMEMBERED: Final = 20_000
_DATE = re.compile(
    r"(\d{4})(?:[-/.年]\s*(\d{1,2})[-/.月]\s*(\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]00?:00(?::00)?(?:\.0+)?|\.0)?"
)
_MONTH = re.compile(
    r"(\d{4})(?:[-/.年]\s*(\d{1,2})(?:月|[-/.月]\d{1,2}日?)?|(\d{2})(?:\d{2})?)(?:[ T]00?:00(?::00)?|\.0)?"
)
_PHONE = re.compile(r"\+?\d[\d-]{5,17}\d")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9.-]{1,120}\.[A-Za-z]{2,24}")
_ROUNDED = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+|\d+\.\d+")
_DOCUMENT = re.compile(r"[0-9A-Z()/.-]{4,30}")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a cell cannot be taken, and what to do."""

    code: str
    text: str


Reader = Callable[[str], Any]


def plain(raw: str) -> str:
    """The text without the blanks at its ends and with full-width digits and letters made narrow (NFKC)."""
    text = raw.strip(BLANKS)
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip(BLANKS)


def _is_clean(text: str) -> bool:
    if text.isprintable():
        return True
    # Python's tables are older than Unicode's newest ideographs: unassigned is no fault, controls and surrogates are.
    return not any(
        unicodedata.category(mark) in ("Cc", "Cs") or mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for mark in text
    ) and not any(ord(mark) & 0xFFFE == 0xFFFE for mark in text)


def _text(item: Item) -> Reader:
    longest = item.longest
    too_long = Unreadable("too-long", f"“{item.label}”超过{longest}个字。请缩短后再试。")
    dirty = Unreadable("bad-characters", f"“{item.label}”含有看不见的控制字符。请删除该内容后重新录入。")

    def read(raw: str) -> str | Unreadable | None:
        text = raw.strip(BLANKS)
        if not text:
            return None
        if len(text) > longest:
            return too_long
        return text if text.isprintable() or _is_clean(text) else dirty

    return read


def _name(item: Item) -> Reader:
    text_of = _text(item)
    not_a_name = Unreadable("not-a-name", f"“{item.label}”中有数字或符号。请按户口簿填写，少数民族姓名用间隔号“·”。")

    def read(raw: str) -> str | Unreadable | None:
        text: str | Unreadable | None = text_of(raw)
        if not isinstance(text, str) or text.isalpha():
            return text
        # An ideograph newer than Python's tables is neither a letter nor a digit to it.
        bad = any(mark.isdigit() or (mark.isascii() and not mark.isalpha() and mark not in " .-'") for mark in text)
        return not_a_name if bad else text

    return read


def _code(item: Item) -> Reader:
    known = codes.SETS[item.codes]
    titles = list(known.codes.values())
    examples = "、".join(titles if len(titles) <= 10 else [*titles[:6], "…"])
    unknown = Unreadable("unknown-code", f"“{item.label}”的内容不在代码表中。请填写名称或代码：{examples}。")

    def read(raw: str) -> str | Unreadable | None:
        text = plain(raw)
        if not text:
            return None
        text = text.removesuffix(".0")
        found = known.read(text) or known.read(text.upper()) or known.read(text.replace("其它", "其他"))
        return found or known.read(re.split(r"[-:. ]", text, maxsplit=1)[0]) or unknown

    return read


def _region(item: Item) -> Reader:
    wrong = Unreadable("bad-region", f"“{item.label}”不是行政区划代码。请填写12位（或6位）数字代码，例如340121000000。")

    def read(raw: str) -> str | Unreadable | None:
        text = plain(raw).removesuffix(".0")
        if not text:
            return None
        if len(text) not in (6, 9, 12) or not text.isdigit() or text[:2] not in codes.PROVINCE_PREFIXES:
            return wrong
        return text.ljust(12, "0")

    return read


def _date(item: Item) -> Reader:
    wrong = Unreadable("bad-date", f"“{item.label}”不是存在的日期。请填写8位数字，例如20200315，或2020-03-15。")

    def read(raw: str) -> date | Unreadable | None:
        text = plain(raw)
        if not text:
            return None
        found = _DATE.fullmatch(text)
        if found is None:
            return wrong
        year, month, day, month2, day2 = found.groups()
        try:
            return date(int(year), int(month or month2), int(day or day2))
        except ValueError:
            return wrong

    return read


def _month(item: Item) -> Reader:
    wrong = Unreadable("bad-month", f"“{item.label}”不是年月。请填写6位数字，例如202609。")

    def read(raw: str) -> str | Unreadable | None:
        text = plain(raw)
        if not text:
            return None
        found = _MONTH.fullmatch(text)
        if found is None:
            return wrong
        year, month = int(found[1]), int(found[2] or found[3])
        return f"{year:04}{month:02}" if 1 <= month <= 12 and 1900 <= year <= 2200 else wrong

    return read


def _integer(item: Item) -> Reader:
    wrong = Unreadable("bad-number", f"“{item.label}”不是整数。请填写0到999的整数，例如3。")

    def read(raw: str) -> int | Unreadable | None:
        text = plain(raw)
        if not text:
            return None
        for unit in ("公里", "千米", "km", "KM", ".0"):
            text = text.removesuffix(unit).rstrip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else wrong

    return read


def _phone(item: Item) -> Reader:
    wrong = Unreadable(
        "bad-phone", f"“{item.label}”不是电话号码。请填写手机号码，或带区号的固定电话，例如0551-62999999。"
    )

    def read(raw: str) -> str | Unreadable | None:
        text = raw
        if not (len(text) == 11 and text.isascii() and text.isdigit()):
            text = plain(raw).removesuffix(".0").translate(_IN_PHONES)
            if not text:
                return None
            if not _PHONE.fullmatch(text) or sum(mark.isdigit() for mark in text) < 7:
                return wrong
        return text

    return read


_IN_PHONES = str.maketrans({" ": None, "(": None, ")": "-", "—": "-", "–": "-", "－": "-", "_": "-"})


def _postcode(item: Item) -> Reader:
    wrong = Unreadable("bad-postcode", f"“{item.label}”不是6位数字。请填写6位邮政编码，例如230001。")

    def read(raw: str) -> str | Unreadable | None:
        text = plain(raw).removesuffix(".0")
        if not text:
            return None
        return text if len(text) == 6 and text.isascii() and text.isdigit() else wrong

    return read


def _email(item: Item) -> Reader:
    wrong = Unreadable("bad-email", f"“{item.label}”不是电子信箱地址。请检查，或留空。")

    def read(raw: str) -> str | Unreadable | None:
        text = plain(raw)
        if not text:
            return None
        return text if len(text) <= item.longest and _EMAIL.fullmatch(text) else wrong

    return read


def _document(item: Item) -> Reader:
    rounded = Unreadable(
        "rounded-number", f"“{item.label}”被表格软件当作数字，后几位已不可靠。请把该列设为文本格式，重新录入号码。"
    )
    wrong = Unreadable("bad-document", f"“{item.label}”含有不允许的字符或长度不对。请按证件原件填写4到30位字母和数字。")

    def read(raw: str) -> str | Unreadable | None:
        text = raw
        if not (len(text) == 18 and text.isascii() and text.isdigit()):
            text = plain(raw).translate(_IN_DOCUMENTS).upper()
            if not text:
                return None
            if _ROUNDED.fullmatch(text):
                return rounded
            if not _DOCUMENT.fullmatch(text):
                return wrong
        return text

    return read


_IN_DOCUMENTS = {ord(mark): None for mark in " \t\0\xa0'’`"}
_MAKERS: Final = {
    Form.TEXT: _text,
    Form.NAME: _name,
    Form.CODE: _code,
    Form.REGION: _region,
    Form.DATE: _date,
    Form.MONTH: _month,
    Form.INTEGER: _integer,
    Form.PHONE: _phone,
    Form.POSTCODE: _postcode,
    Form.EMAIL: _email,
    Form.DOCUMENT: _document,
}
_REPEATING: Final = frozenset({Form.CODE, Form.REGION, Form.DATE, Form.MONTH, Form.INTEGER, Form.POSTCODE})


def reader_of(item: Item) -> tuple[Reader, MutableMapping[str, Any]]:
    """How to read the item's cells, and a memory from text to value for forms whose few values repeat (else empty).

    The memory only grows to a bound, so that hostile sheets cannot fill it.
    """
    read = _MAKERS[item.form](item)
    memory: dict[str, Any] = {}
    if item.form not in _REPEATING:
        return read, memory

    def remember(raw: str) -> Any:
        value = read(raw)
        if value is not None and len(raw) <= 40 and len(memory) < _REMEMBERED:
            memory[raw] = value
        return value

    return remember, memory
