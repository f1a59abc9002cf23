"""How photo reads a file name: both sides fold a name or a number alike, or their match indexes never meet."""

import unicodedata
from typing import Final

_DOTS: Final = str.maketrans(dict.fromkeys("•‧・．.", "·"))


def match_fold(text: str) -> str:
    """NFKC, upper case, no blanks, every dot a `·`: the form in which match indexes are made."""
    if text.isascii() and text.isalnum():
        return text.upper()
    if text.isalpha() and not any("\uf900" <= mark <= "\ufaff" for mark in text) and not text.isascii():
        return unicodedata.normalize("NFKC", text).upper()
    folded = unicodedata.normalize("NFKC", text).upper().translate(_DOTS)
    return "".join(mark for mark in folded if not mark.isspace() and mark.isprintable())


def name_parts(school_code: str, class_number: str, name: str) -> tuple[str, str, str]:
    """学校标识码, 班号 and name, as a photo's file name joins them with `_`. Source: regulation §6."""
    return match_fold(school_code), match_fold(class_number), match_fold(name)
