"""The empty sheet that clerks fill in: official headers, drop-downs where the form has codes, and the codes."""

import io
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from contracts import codes
from contracts.record import BLOOD_TYPE, FAMILY_BY_FIELD, ITEMS, SHEET_MEMBERS, Item, sheet_headers
from registry.importing.reader.headers import REQUIRED

ROWS: Final = 2_000
"""Rows that are prepared as text with drop-downs; more rows may be filled in."""
_CODES: Final = "代码表"
_PUPILS: Final = "学生信息"


def template() -> bytes:
    """The .xlsx: a sheet of pupils with the official headers, and a sheet with the names and codes of each set."""
    workbook = Workbook()
    pupils = workbook.active
    assert pupils is not None
    pupils.title = _PUPILS
    headers = sheet_headers()
    items = _items()
    listed = workbook.create_sheet(_CODES)
    columns = _list_codes(listed, sorted({item.codes for item in items.values() if item.codes}))
    for column, header in enumerate(headers, 1):
        letter = get_column_letter(column)
        cell = pupils.cell(row=1, column=column, value=header)
        required = header in REQUIRED
        cell.font = Font(bold=True, color="FFC00000" if required else None)
        cell.fill = PatternFill("solid", fgColor="FFDDEBF7")
        dimension = pupils.column_dimensions[letter]
        dimension.width = 20 if "证件号" in header or "址" in header else 14
        dimension.number_format = "@"
        item = items.get(header)
        if item is None:
            continue
        if item.codes:
            title, last = columns[item.codes]
            choice = DataValidation(
                type="list", formula1=f"'{_CODES}'!${title}$2:${title}${last}", allow_blank=True, showErrorMessage=False
            )
            pupils.add_data_validation(choice)
            choice.add(f"{letter}2:{letter}{ROWS + 1}")
        elif "证件号" in header:
            cell.comment = Comment("请先把本列设为文本格式，再录入号码。", "学籍系统")
    for line in pupils.iter_rows(min_row=2, max_row=201, max_col=len(headers)):
        for empty in line:
            empty.number_format = "@"
    pupils.freeze_panes = "D2"
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _items() -> dict[str, Item]:
    """Header on the sheet → item."""
    own = {item.header: item for item in (*ITEMS, BLOOD_TYPE) if item.field}
    members = {
        f"成员{member}{item.header}": item
        for member in range(1, SHEET_MEMBERS + 1)
        for item in FAMILY_BY_FIELD.values()
    }
    return own | members


def _list_codes(sheet: object, names: list[str]) -> dict[str, tuple[str, int]]:
    """Set → column letter of its names and the last row."""
    from openpyxl.worksheet.worksheet import Worksheet

    assert isinstance(sheet, Worksheet)
    found: dict[str, tuple[str, int]] = {}
    for index, name in enumerate(names):
        column = index * 2 + 1
        sheet.cell(row=1, column=column, value=name).font = Font(bold=True)
        sheet.cell(row=1, column=column + 1, value="代码").font = Font(bold=True)
        known = codes.SETS[name].codes
        for row, (code, title) in enumerate(known.items(), 2):
            sheet.cell(row=row, column=column, value=title)
            sheet.cell(row=row, column=column + 1, value=code).number_format = "@"
        letter = get_column_letter(column)
        sheet.column_dimensions[letter].width = 24
        found[name] = (letter, len(known) + 1)
    return found
