"""Why a pupil is read in full: words that stand in the audit for ever, and therefore hold no number of anybody."""

import re
import unicodedata
from typing import Final

from registry.student.errors import NumberInReason

_UNSEEN: Final = ("Cf", "Cc")
"""Categories of characters that nobody sees: they must not hide a number."""
_NUMBERS: Final = (
    ("居民身份证号或学籍号", re.compile(r"\d{6}[ -]?\d{8}[ -]?\d{3}[\dXx]")),
    ("手机号码", re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")),
    ("证件号码", re.compile(r"(?<!\d)\d{15}(?!\d)")),
)  # fmt: skip


def purpose(reason: str) -> str:
    """The reason, without blanks around it. Raises NumberInReason. Names cannot be told from words."""
    plain = "".join(each for each in unicodedata.normalize("NFKC", reason) if unicodedata.category(each) not in _UNSEEN)
    for what, number in _NUMBERS:
        if number.search(plain):
            raise NumberInReason(what)
    return reason.strip()
