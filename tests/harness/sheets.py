"""Sheets of pupils as clerks upload them: .xlsx, .xls and .csv, made of synthetic people."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook

from contracts import codes
from contracts.record import (
    BY_FIELD,
    CLASS_HEADER,
    FAMILY_ITEMS,
    GRADE_HEADER,
    SHEET_MEMBERS,
    Form,
    Item,
    sheet_headers,
)
from tests.harness.people import a_record

HEADERS = sheet_headers()
Row = dict[str, Any]


def a_row(number: int = 0, **changes: Any) -> Row:
    """The row of the pupil of this number: official header → cell, words where the form has codes."""
    record = a_record(number)
    row: Row = dict.fromkeys(HEADERS, "")
    for field, item in BY_FIELD.items():
        row[item.header] = _written(item, getattr(record, field))
    for place, member in enumerate(record.family[:SHEET_MEMBERS], 1):
        for item in FAMILY_ITEMS:
            row[f"成员{place}{item.header}"] = _written(item, getattr(member, item.field))
    row[GRADE_HEADER] = "一年级"
    row[CLASS_HEADER] = ""
    unknown = changes.keys() - row.keys()
    assert not unknown, unknown
    return row | changes


def _written(item: Item, value: Any) -> str:
    if value is None:
        return ""
    if item.form is Form.DATE:
        return f"{value:%Y%m%d}"
    return codes.SETS[item.codes].name_of(value) if item.codes else str(value)


def table(rows: Sequence[Mapping[str, Any]], headers: Sequence[str] = HEADERS) -> list[list[Any]]:
    """The header row and the rows below it."""
    return [list(headers), *([row.get(header, "") for header in headers] for row in rows)]


def xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook with one sheet."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("学生信息")
    for row in rows:
        sheet.append([None if cell == "" else cell for cell in row])
    return saved(book)


def saved(book: Workbook) -> bytes:
    """The bytes of a workbook."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook of Excel 97."""
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("学生信息")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell != "":
                sheet.write(number, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(rows: Sequence[Sequence[Any]], encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """Comma-separated text."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)
