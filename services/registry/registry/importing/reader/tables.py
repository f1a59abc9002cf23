"""The sheet of pupils in a file: which sheet it is, and its rows with their numbers and faults."""

import io
import posixpath
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from registry.importing.reader import compound, headers, marks, text, verdict
from registry.importing.reader.headers import Heading
from registry.importing.reader.marks import Marks
from registry.importing.reader.package import Inflating, entries
from registry.importing.reader.verdict import FileRefused

Row = tuple[int, Sequence[Any]]
_EXTENSIONS: Final = (".xlsx", ".xls", ".csv")


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet that may be read."""

    heading: Heading
    rows: Iterator[Row]
    """The rows below the header."""
    marks: Marks
    typed: bool
    """Whether cells have types; in a CSV everything is text."""


def open_table(content: bytes, name: str) -> Table:
    """The one visible sheet of pupils in the file. Raises FileRefused."""
    extension = next((each for each in _EXTENSIONS if name.lower().endswith(each)), "")
    head = content[:8]
    if not head.strip(b"\0 \r\n\t"):
        raise FileRefused("empty")
    if name.lower().endswith((".xlsm", ".xltm", ".xlam", ".xlsb")):
        raise FileRefused("macro")
    if not extension:
        raise FileRefused("wrong-type")
    if head.startswith(b"PK"):
        if extension != ".xlsx":
            raise FileRefused("extension-mismatch")
        return _xlsx(content)
    if head.startswith(compound.MAGIC):
        file = compound.Compound(content)
        if compound.is_encrypted(file):
            raise FileRefused("encrypted")
        if extension != ".xls":
            raise FileRefused("extension-mismatch")
        return _workbook(content, compound.look(file))
    if extension != ".csv":
        raise FileRefused("wrong-type")
    return _csv(content)


def _csv(content: bytes) -> Table:
    rows = iter(list(text.rows(text.decode(content))))  # read to the end, so that no row is taken of a broken file
    for number, row in rows:
        if number > headers.SEARCHED_ROWS:
            break
        if headers.is_heading(row):
            return Table(headers.read(number, row), rows, Marks(), typed=False)
    raise FileRefused("no-header")


def _xlsx(content: bytes) -> Table:
    source = io.BytesIO(content)
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise FileRefused("damaged") from error
    parts = entries(archive)
    inflating = Inflating(source)
    found: dict[str, Marks] = {}
    small: dict[str, bytes] = {}
    for part in parts:
        if part.filename.lower().endswith((".rels", "workbook.xml")):
            small[part.filename] = b"".join(inflating.part(part))
            marks.look([small[part.filename]], lambda name=part.filename: [small[name]])  # type: ignore[misc]
            if part.filename.lower().endswith(".rels"):
                marks.check_relationships(small[part.filename])
        else:
            found[part.filename] = marks.look(inflating.part(part), lambda part=part: Inflating(source).part(part))  # type: ignore[misc]
    by_sheet = _sheets(small, found)
    return _workbook(content, by_sheet)


def _sheets(small: Mapping[str, bytes], found: Mapping[str, Marks]) -> dict[int, Marks]:
    """The marks per sheet, by its position in the workbook."""
    try:
        workbook = ET.fromstring(small["xl/workbook.xml"])  # noqa: S314 - see the import
        relations = ET.fromstring(small["xl/_rels/workbook.xml.rels"])  # noqa: S314
    except (KeyError, ET.ParseError) as error:
        raise FileRefused("damaged") from error
    targets = {each.get("Id"): unquote(each.get("Target", "")) for each in relations}
    listed = [each for each in workbook.iter() if each.tag.rpartition("}")[2] == "sheet"]
    by_sheet: dict[int, Marks] = {}
    for position, sheet in enumerate(listed):
        reference = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), None)
        target = targets.get(reference, "")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
        if path in found:
            by_sheet[position] = found[path]
    return by_sheet


def _workbook(content: bytes, by_sheet: Mapping[int, Marks]) -> Table:
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError as error:
        raise FileRefused("encrypted") from error
    except CalamineError as error:
        raise FileRefused("damaged") from error
    fitting: list[Table] = []
    hidden = 0
    refused: FileRefused | None = None
    listed = workbook.sheets_metadata
    if len(listed) > verdict.MOST_PARTS:  # one part may be listed as many sheets, and would be read as often
        raise FileRefused("too-many-parts")
    for position, about in enumerate(listed):
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue
        visible = about.visible is SheetVisibleEnum.Visible
        try:
            heading, rows = _heading(workbook.get_sheet_by_index(position))
        except CalamineError as error:
            raise FileRefused("damaged") from error
        except FileRefused as error:
            refused = error if visible else refused
            continue
        if heading is not None and visible:
            fitting.append(Table(heading, rows, by_sheet.get(position, Marks()), typed=True))
        hidden += heading is not None and not visible
    if len(fitting) > 1:
        raise FileRefused("several-sheets")
    if not fitting:
        raise refused or FileRefused("hidden-sheet" if hidden else "no-header")
    return _unmerged(fitting[0])


def _unmerged(table: Table) -> Table:
    """The table itself. Raises FileRefused when cells of its header are merged."""
    if any(start[0] <= table.heading.row <= end[0] for start, end in table.marks.merges):
        raise FileRefused("merged-header")
    return table


def _heading(sheet: CalamineSheet) -> tuple[Heading | None, Iterator[Row]]:
    if sheet.start is None or sheet.end is None:
        return None, iter(())
    last_row, last_column = sheet.end
    if last_column >= verdict.MOST_COLUMNS:
        raise FileRefused("too-many-columns")
    if last_row >= verdict.MOST_ROWS:
        raise FileRefused("too-many-rows")
    rows = _numbered(sheet, sheet.start[1])
    for number, row in rows:
        if headers.is_heading(row):
            return headers.read(number, row), rows
        if number >= headers.SEARCHED_ROWS:
            break
    return None, iter(())


def _numbered(sheet: CalamineSheet, first_column: int) -> Iterator[Row]:
    """Rows with their numbers, beginning at column A: calamine gives the empty rows above, not the empty columns."""
    pad = [""] * first_column
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield number, pad + row if pad else row
