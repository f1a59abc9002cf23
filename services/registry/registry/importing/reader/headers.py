"""Which column says what: headers are matched by their text, in whatever order they stand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts.record import FAMILY_ITEMS, GRADE_HEADER, ITEMS
from registry.importing.reader.verdict import FileRefused
from registry.student.cells import plain
from registry.student.entry import CANONICAL

SEARCHED_ROWS: Final = 10
ENOUGH: Final = 5
"""So many known headers make a row the header."""
_DECORATION: Final = re.compile(r"[\s*★☆]|\((?:必填|选填|\*)\)")
_OPTIONAL: Final = frozenset({"照片", GRADE_HEADER})
REQUIRED: Final = (
    *(item.header for item in ITEMS if item.starred and item.header not in _OPTIONAL),
    "身份证件号",
    *(f"成员1{item.header}" for item in FAMILY_ITEMS if item.starred),
    "成员1身份证件类型",
    "成员1身份证件号",
)
"""A column that is not there refuses the file: it must never mean that a pupil has no document.

The grade may stand in the class alone.
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the header row says."""

    row: int
    columns: tuple[str | None, ...]
    """Per column the official header, None where the column says nothing to us."""
    unknown: tuple[str, ...]
    """Headers that were not understood, shortened."""


def canonical(text: object) -> str | None:
    """The official header for what stands in a header cell, None when it is none."""
    if not isinstance(text, str):
        return None
    bare = _DECORATION.sub("", plain(text))
    return CANONICAL.get(bare)


def is_heading(row: Sequence[object]) -> bool:
    """Whether a row is the header of a sheet of pupils."""
    return len({found for cell in row if (found := canonical(cell))}) >= ENOUGH


def read(number: int, row: Sequence[object]) -> Heading:
    """The columns of a header row. Raises FileRefused for headers that are missing or there twice, naming them."""
    columns = tuple(canonical(cell) for cell in row)
    doubled = sorted({header for header in columns if header and columns.count(header) > 1})
    if doubled:
        places = "；".join(
            f"“{header}”在{'、'.join(letters(i) for i, found in enumerate(columns) if found == header)}列"
            for header in doubled[:10]
        )
        raise FileRefused("doubled-header", f"有重复的列：{places}。请每个列名只保留一列，再重新上传。")
    missing = [header for header in REQUIRED if header not in columns]
    if missing:
        named = "、".join(missing[:12]) + (f"等{len(missing)}列" if len(missing) > 12 else "")
        raise FileRefused("missing-header", f"缺少列：{named}。请对照模板补上这些列（没有内容的可留空），再重新上传。")
    unknown = tuple(
        str(cell).strip()[:20] for cell, found in zip(row, columns, strict=True) if cell not in (None, "") and not found
    )
    return Heading(number, columns, unknown[:20])


def letters(column: int) -> str:
    """0 → A, 26 → AA."""
    found = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found
