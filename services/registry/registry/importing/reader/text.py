"""Rows of a CSV: whatever Excel and WPS write, in UTF-8, GB18030 or UTF-16."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final

from registry.importing.reader import verdict
from registry.importing.reader.verdict import FileRefused

_DELIMITERS: Final = ",\t;|"


def decode(content: bytes) -> str:
    """The text. Raises FileRefused when it is in none of the encodings, or no text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif content.startswith(codecs.BOM_UTF8):
        encodings = ["utf-8-sig"]
    elif b"\0" in content[:4_000]:
        even, odd = content[:4_000:2].count(0), content[1:4_000:2].count(0)
        encodings = ["utf-16-le" if odd > even else "utf-16-be"]
    else:
        encodings = ["utf-8", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused("unknown-encoding")


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers as a spreadsheet would number them. Raises FileRefused.

    A control character that no text has tells that the file is something else.
    """
    if any(mark in text[:2_000] for mark in "\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x1b"):
        raise FileRefused("wrong-type")
    csv.field_size_limit(verdict.LONGEST_CELL * 20)
    first = text[: text.find("\n") + 1] or text[:10_000]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if number > verdict.MOST_ROWS:
                raise FileRefused("too-many-rows")
            if len(row) > verdict.MOST_COLUMNS:
                if any(cell.strip() for cell in row[verdict.MOST_COLUMNS :]):
                    raise FileRefused("too-many-columns")
                row = row[: verdict.MOST_COLUMNS]
            yield number, row
    except csv.Error as error:
        raise FileRefused("broken-text") from error
