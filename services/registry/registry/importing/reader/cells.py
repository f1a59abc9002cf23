"""A cell's value as the text that `student.entry` reads; the type of the cell matters where a number would lie."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from contracts.record import (
    CONTINUATION_HEADER,
    FAMILY_ITEMS,
    ITEMS,
    SHEET_MEMBERS,
    Form,
)
from registry.importing.reader import verdict
from registry.importing.reader.marks import Marks, Place

Fault = tuple[str, str, str]
"""Code, header, sentence."""
ReadRow = tuple[int, list[str | None], list[Fault]]
_DOCUMENTS: Final = frozenset(
    {
        CONTINUATION_HEADER,
        *(item.header for item in ITEMS if item.form is Form.DOCUMENT),
        *(
            f"成员{member}{item.header}"
            for member in range(1, SHEET_MEMBERS + 1)
            for item in FAMILY_ITEMS
            if item.form is Form.DOCUMENT
        ),
    }
)
_EXACT: Final = 10**15
"""A spreadsheet keeps fifteen digits of a number and makes zeroes of the rest."""
_NOTHING: Final = frozenset({"", None})


def number(value: float, header: str) -> str:
    """The text of a numeric cell. An identity number in one is written so that it is refused: its last digits may be
    rounded and still pass every check.
    """
    if not math.isfinite(value):
        return "#"
    if header in _DOCUMENTS or abs(value) >= _EXACT:
        return f"{value:.5E}"
    return str(int(value)) if value == int(value) else repr(value)


def words(value: Any, header: str) -> str | None:
    """The text of a cell, None when it is empty."""
    if value.__class__ is str:
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return number(value, header)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


class RowReader:
    """Turns the values of a row into texts in the order of the known columns, with the faults of single cells."""

    def __init__(self, columns: Sequence[str | None], marks: Marks, *, typed: bool) -> None:
        self._wanted = [(index, header) for index, header in enumerate(columns) if header]
        self.headers = [header for _, header in self._wanted]
        self._by_index: Mapping[int, str] = dict(self._wanted)
        self._formulas: dict[int, list[int]] = {}
        for row, column in marks.formulas:
            self._formulas.setdefault(row, []).append(column)
        self._merged = self._in_merges(marks.merges)
        self._typed = typed
        self._width = max((index for index, _ in self._wanted), default=-1) + 1

    def read(self, row_number: int, row: Sequence[Any]) -> ReadRow | None:
        """The row, None when nothing stands in it."""
        formulas = self._formulas.get(row_number)
        if not formulas and _NOTHING.issuperset(row):
            return None
        short = self._width - len(row)
        values = [*row, *([None] * short)] if short > 0 else row
        texts = [
            (value or None) if (value := values[index]).__class__ is str else words(value, header)
            for index, header in self._wanted
        ]
        faults = self._faults(row_number, texts, formulas or ())
        if not faults and not any(text and text.strip() for text in texts):
            return None
        return row_number, texts, faults

    def _faults(self, row_number: int, texts: list[str | None], formulas: Sequence[int]) -> list[Fault]:
        faults = [_fault("formula", self._by_index.get(column, "")) for column in sorted(formulas)]
        if not self._typed:
            faults.extend(
                _fault("formula", self.headers[place]) for place, text in enumerate(texts) if text and text[0] == "="
            )
        if row_number in self._merged:
            faults.append(_fault("merged-cell", self._merged[row_number]))
        if max(map(len, filter(None, texts)), default=0) > verdict.LONGEST_CELL:
            for place, text in enumerate(texts):
                if text and len(text) > verdict.LONGEST_CELL:
                    texts[place] = text[: verdict.LONGEST_CELL]
                    faults.append(_fault("too-long", self.headers[place]))
        return faults

    def _in_merges(self, merges: Sequence[tuple[Place, Place]]) -> Mapping[int, str]:
        """Row → header of the first range that it lies in. Each row is painted once, however many cover it."""
        found: dict[int, str] = {}
        following: dict[int, int] = {}
        for (top, left), (bottom, right) in merges:
            header = next((self._by_index[each] for each in range(left, right + 1) if each in self._by_index), "")
            row, visited = top, []
            while row <= bottom:
                visited.append(row)
                if row in found:
                    row = following[row]
                else:
                    found[row] = header
                    row += 1
            for each in visited:
                following[each] = row
        return found


_TEXTS: Final = {
    "formula": "是公式，系统不计算公式。请复制后“选择性粘贴—数值”，再重新上传。",
    "merged-cell": "在合并单元格中，无法判断内容属于哪名学生。请取消合并并逐行填写。",
    "too-long": f"超过{verdict.LONGEST_CELL}个字。请缩短后再试。",
}


def _fault(code: str, header: str) -> Fault:
    return code, header, (f"“{header}”" if header else "本行有单元格") + _TEXTS[code]
