"""The list of pupils as a workbook: every cell is text, so that no number loses its digits and nothing is a formula."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from contracts.record import BY_FIELD, FAMILY_BY_FIELD, FAMILY_SHEET_ORDER, SHEET_MEMBERS
from registry.student import showing
from registry.student.queries import Pupil

if TYPE_CHECKING:
    from registry.student.api.lines import PupilLine

_OWN: Final = tuple(BY_FIELD)
_MEMBERS: Final = tuple(
    (f"family.{member}.{field}", f"成员{member + 1}{FAMILY_BY_FIELD[field].header}")
    for member in range(SHEET_MEMBERS)
    for field in FAMILY_SHEET_ORDER
)
HEADERS: Final = (
    "学校名称", "状态", "年级", "班号", "班级名称", "学籍号", "地区学号",
    *(BY_FIELD[field].header for field in _OWN), *(header for _, header in _MEMBERS),
)  # fmt: skip


def workbook(pupils: Sequence[Pupil], lines: Sequence["PupilLine"], *, full: bool) -> bytes:
    """An .xlsx, one row a pupil, words where the form has codes; numbers, phones and addresses masked unless full."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("学生花名册")
    assert isinstance(sheet, WriteOnlyWorksheet)
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, header) for header in HEADERS])
    for pupil, line in zip(pupils, lines, strict=True):
        entered = showing.fields(pupil.record)
        shown = (entered if full else showing.masked(entered)) | showing.names(pupil.record)
        shown["name"] = line.name
        row = [
            line.school_name, line.status_name, line.grade_name, line.class_number or "", line.class_name or "",
            line.student_number, line.regional_number,
            *(shown.get(field, "") for field in _OWN), *(shown.get(path, "") for path, _ in _MEMBERS),
        ]  # fmt: skip
        sheet.append([_cell(sheet, text) for text in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: WriteOnlyWorksheet, text: str) -> Cell | None:
    if not text:
        return None
    cell: Cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # what begins with `=` is text, too
    cell.number_format = "@"
    return cell
