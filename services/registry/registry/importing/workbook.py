"""Workbooks that go out: the failed rows of an import, with a comment on every cell that is wrong.

Written part by part as XML, in memory, because nothing about pupils may lie in a temporary file, and because every
cell must be text: what begins with `=` in a sheet of ours is never a formula.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from registry.importing.reader.headers import letters

MOST_COMMENTS: Final = 20_000
"""Spreadsheet programs become slow beyond; the last column says everything anyway."""
ROW_HEADER: Final = "原行号"
FAULTS_HEADER: Final = "错误说明"
_FORBIDDEN: Final = {code: None for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row as it was uploaded, and what is wrong with it."""

    number: int
    texts: Mapping[str, str]
    faults: Sequence[tuple[str, str]]
    """Header ("" for the row as a whole) and sentence."""


class FailedRows:
    """An .xlsx of the failed rows, in the columns of the import sheet, so that it can be mended and uploaded again.

    Rows are compressed as they are added: a sheet of fifty thousand is never whole in memory.
    """

    def __init__(self, headers: Sequence[str]) -> None:
        self._headers = headers
        columns = (ROW_HEADER, *headers, FAULTS_HEADER)
        self._place = {header: index for index, header in enumerate(columns)}
        self._rows = 1
        self._comments: list[tuple[int, int, str]] = []
        self._out = io.BytesIO()
        self._archive = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._sheet = self._archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
        self._write(
            f'{_HEAD}<worksheet xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheetViews><sheetView workbookViewId="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f'<cols><col min="1" max="{len(columns)}" width="16" style="1" customWidth="1"/></cols><sheetData>'
            + _row(1, columns, set(), 2)
        )

    def add(self, failed: Iterable[FailedRow]) -> None:
        """These rows come next."""
        for row in failed:
            self._rows += 1
            said = "\n".join(dict.fromkeys(sentence for _, sentence in row.faults))
            wrong: dict[int, list[str]] = {}
            for header, sentence in row.faults:
                wrong.setdefault(self._place.get(header, 0), []).append(sentence)
            values = (str(row.number), *(row.texts.get(header, "") for header in self._headers), said)
            self._write(_row(self._rows, values, set(wrong), 1))
            if len(self._comments) < MOST_COMMENTS:
                self._comments.extend((self._rows, column, "\n".join(found)) for column, found in sorted(wrong.items()))

    def finished(self) -> bytes:
        """The workbook; nothing can be added any more."""
        self._write("</sheetData>" + ('<legacyDrawing r:id="rId1"/>' if self._comments else "") + "</worksheet>")
        self._sheet.close()
        for name, content in _parts(self._comments).items():
            self._archive.writestr(name, content if name.endswith(".vml") else _HEAD + content)
        self._archive.close()
        return self._out.getvalue()

    def _write(self, text: str) -> None:
        self._sheet.write(text.encode())


def _row(number: int, values: Sequence[str], wrong: set[int], style: int) -> str:
    cells = "".join(
        f'<c r="{letters(column)}{number}" s="{3 if column in wrong else style}" t="inlineStr">'
        f'<is><t xml:space="preserve">{_text(value)}</t></is></c>'
        for column, value in enumerate(values)
        if value or column in wrong
    )
    return f'<row r="{number}">{cells}</row>'


def _text(value: str) -> str:
    return escape(value.translate(_FORBIDDEN).encode("utf-8", "replace").decode())


def _parts(comments: Sequence[tuple[int, int, str]]) -> dict[str, str]:
    """What a workbook has beside its sheet: name → content."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="vml" ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        + (f'<Override PartName="/xl/comments1.xml" ContentType="{_TYPE}.comments+xml"/>' if comments else "")
        + "</Types>",
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>'
        '<sheet name="未导入的行" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")),
        "xl/styles.xml": _STYLES,
    }
    if comments:
        parts["xl/worksheets/_rels/sheet1.xml.rels"] = _relations(
            ("vmlDrawing", "../drawings/vmlDrawing1.vml"), ("comments", "../comments1.xml")
        )
        parts["xl/comments1.xml"] = _comments(comments)
        parts["xl/drawings/vmlDrawing1.vml"] = _drawing(comments)
    return parts


def _relations(*targets: tuple[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATED}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _comments(comments: Sequence[tuple[int, int, str]]) -> str:
    listed = "".join(
        f'<comment ref="{letters(column)}{row}" authorId="0"><text><t xml:space="preserve">{_text(said)}</t></text>'
        "</comment>"
        for row, column, said in comments
    )
    authors = "<authors><author>学籍系统</author></authors>"
    return f'<comments xmlns="{_MAIN}">{authors}<commentList>{listed}</commentList></comments>'


def _drawing(comments: Sequence[tuple[int, int, str]]) -> str:
    """The old drawing that spreadsheet programs want for every comment's box."""
    shapes = "".join(
        f'<v:shape id="_x0000_s{1025 + number}" type="#_x0000_t202" fillcolor="#ffffe1"'
        ' style="position:absolute;margin-left:80pt;margin-top:2pt;width:220pt;height:60pt;visibility:hidden">'
        f'<v:fill color2="#ffffe1"/><x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
        f"<x:AutoFill>False</x:AutoFill><x:Row>{row - 1}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
        for number, (row, column, _) in enumerate(comments)
    )
    return (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
        ' xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shapetype id="_x0000_t202" coordsize="21600,21600"'
        f' o:spt="202" path="m,l,21600r21600,l21600,xe"/>{shapes}</xml>'
    )


_STYLES: Final = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="宋体"/></font>'
    '<font><b/><sz val="11"/><name val="宋体"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/>'
    '</fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid">'
    '<fgColor rgb="FFFFD7D7"/></patternFill></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/>'
    '<xf numFmtId="49" applyNumberFormat="1" quotePrefix="1"/><xf numFmtId="49" fontId="1" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fillId="2" applyNumberFormat="1" applyFill="1" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
"""Every cell is text (format 49); wrong cells are red."""
