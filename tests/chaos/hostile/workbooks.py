"""Workbooks of attackers and of broken programs: packages (.xlsx). The rows are those of synthetic pupils."""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Final

from registry.importing.reader import verdict
from tests.chaos.hostile.packing import MEGABYTE, Part, endless, overlapping, packed
from tests.chaos.hostile.verdicts import Hostile, Taken
from tests.harness import sheets
from tests.harness.sheets import HEADERS, a_row, table

SHEET: Final = "xl/worksheets/sheet1.xml"
_RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS: Final = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_LAUGHS: Final = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]>"  # fmt: skip


@cache
def good() -> dict[str, bytes]:
    """The parts of a workbook with one good row."""
    with zipfile.ZipFile(io.BytesIO(sheets.xlsx(table([a_row(1)])))) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def changed(changes: dict[str, bytes | None]) -> bytes:
    """The good workbook with parts replaced, added, or taken away."""
    parts = {**good(), **changes}
    return packed([Part(name.encode(), content) for name, content in parts.items() if content is not None])


def with_part(part: Part) -> bytes:
    """The good workbook, and one part that is not written as parts are."""
    kept = [Part(name.encode(), content) for name, content in good().items() if name.encode() != part.name]
    return packed([*kept, part])


def sheet(old: bytes, new: bytes, times: int = 1) -> bytes:
    """The good workbook with something else in its sheet's XML."""
    text = good()[SHEET]
    assert old in text, old
    return changed({SHEET: text.replace(old, new, times)})


def before_end(xml: bytes) -> bytes:
    """The good workbook with more rows."""
    return sheet(b"</sheetData>", xml + b"</sheetData>")


def cell(header: str, xml: str) -> bytes:
    """The good workbook with another cell of the good row, `{ref}` being where it stands."""
    ref = f"{letters(HEADERS.index(header))}2"
    text = good()[SHEET].decode()
    mended, found = re.subn(rf'<c r="{ref}".*?(?:</c>|/>)', xml.replace("{ref}", ref), text, count=1)
    assert found == 1
    return changed({SHEET: mended.encode()})


def letters(column: int) -> str:
    """0 → A, 26 → AA."""
    return (chr(64 + column // 26) if column >= 26 else "") + chr(65 + column % 26)


def relation(kind: str, target: str, more: str = "") -> bytes:
    """The relations of the sheet: one."""
    return _RELS.format(f'<Relationship Id="rId9" Type="{_RELATED}/{kind}" Target="{target}" {more}/>').encode()


def huge_cell(megabytes: int) -> bytes:
    """One cell of so many megabytes, in a file of kilobytes."""
    first, last = good()[SHEET].split(b"</sheetData>")
    first += b'<row r="3"><c r="A3" t="inlineStr"><is><t>'
    last = b"</t></is></c></row></sheetData>" + last
    body = endless(b"x" * MEGABYTE, megabytes, first=first, last=last)
    size = len(first) + len(last) + megabytes * MEGABYTE
    return with_part(Part(SHEET.encode(), packed=body, size=size, crc=0))


def million_rows() -> bytes:
    """Three million rows of one cell."""
    first, last = good()[SHEET].split(b"</sheetData>")
    piece = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' * 10_000
    body = endless(piece, 300, first=first, last=b"</sheetData>" + last)
    return with_part(Part(SHEET.encode(), packed=body, size=len(first) + len(last) + 12 + 300 * len(piece), crc=0))


def spaces(megabytes: int) -> bytes:
    """A sheet that is almost all blanks."""
    first, last = good()[SHEET].split(b"</sheetData>")
    body = endless(b" " * MEGABYTE, megabytes, first=first, last=b"</sheetData>" + last)
    size = len(first) + len(last) + 12 + megabytes * MEGABYTE
    return with_part(Part(SHEET.encode(), packed=body, size=size, crc=0))


def strings() -> bytes:
    """Two million shared strings of which none is used."""
    head = b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    piece = b"<si><t>x</t></si>" * 10_000
    body = endless(piece, 200, first=head, last=b"</sst>")
    size = len(head) + 6 + 200 * len(piece)
    return with_part(Part(b"xl/sharedStrings.xml", packed=body, size=size, crc=0))


def incompressible(megabytes: int, ratio: int) -> tuple[bytes, int]:
    """A deflate stream that inflates to so many megabytes, `ratio` times its size, and that size."""
    noise, state = bytearray(), 1
    while len(noise) < MEGABYTE // ratio:
        state = zlib.crc32(state.to_bytes(4, "little"))
        noise += state.to_bytes(4, "little")
    piece = bytes(noise).ljust(MEGABYTE, b" ")
    return endless(piece, megabytes), megabytes * MEGABYTE


def two_large_parts() -> bytes:
    """Two parts within every cap, and together above the cap."""
    body, size = incompressible(400, 150)
    parts = [Part(name.encode(), content) for name, content in good().items()]
    return packed([*parts, *(Part(b"xl/media/%d.bin" % n, packed=body, size=size, crc=0) for n in range(2))])


def many_sheets(number: int) -> bytes:
    """A workbook that lists one sheet so many times under different names."""
    listed = "".join(f'<sheet name="s{n}" sheetId="{n + 1}" r:id="rId1"/>' for n in range(number))
    text = good()["xl/workbook.xml"].decode()
    return changed({"xl/workbook.xml": re.sub(r"<sheets>.*</sheets>", f"<sheets>{listed}</sheets>", text).encode()})


def merges(number: int, rows: int) -> bytes:
    """So many merged ranges below so many rows."""
    return _merged(rows, "".join(f'<mergeCell ref="A{rows + n}:B{rows + n}"/>' for n in range(10, 10 + number)))


def nested_merges(number: int, rows: int) -> bytes:
    """So many merged ranges, each over all the rows but the first."""
    return _merged(rows, f'<mergeCell ref="A3:B{rows + 2}"/>' * number)


def _merged(rows: int, ranges: str) -> bytes:
    lines = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(3, rows + 3))
    text = good()[SHEET].decode().replace("</sheetData>", f"{lines}</sheetData><mergeCells>{ranges}</mergeCells>")
    return changed({SHEET: text.encode()})


def local_name(name: bytes) -> bytes:
    return with_part(Part(b"docProps/app.xml", b"<x/>", local_name=name))


def cut(share: float) -> bytes:
    whole = changed({})
    return whole[: int(len(whole) * share)]


def _deep(depth: int) -> bytes:
    return before_end(b"<a>" * depth + b"</a>" * depth)


def _x(title: str, make: Callable[[], bytes], verdict_: "str | Taken", name: str = "a.xlsx") -> Hostile:
    return Hostile(title, name, make, verdict_)


_ONE = Taken(1)
_FAR = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
_LATE = f'<row r="{verdict.MOST_ROWS + 1}"><c r="A{verdict.MOST_ROWS + 1}"><v>1</v></c></row>'.encode()
_WIDE = b'<row r="3"><c r="DQ3"><v>1</v></c></row>'
_DOC = b"<!DOCTYPE x>"

PACKAGES: Final[tuple[Hostile, ...]] = (
    # What exhausts memory or time.
    _x("one cell and a gigabyte of blanks", lambda: spaces(1024), "bomb"),
    _x("three million rows of one cell", million_rows, "too-many-rows"),
    _x("two million shared strings", strings, "bomb"),
    _x("one cell of 200 MB", lambda: huge_cell(200), "bomb"),
    _x("cells A1 and XFD1048576 alone", lambda: before_end(_FAR), "too-many-rows"),
    _x("a billion laughs", lambda: changed({SHEET: _LAUGHS + good()[SHEET]}), "doctype"),
    _x("quadratic entities", lambda: changed({SHEET: b'<!DOCTYPE x [<!ENTITY a "%s">]>' % (b"a" * 50_000)
       + good()[SHEET]}), "doctype"),
    _x("two parts of 400 MB each", two_large_parts, "bomb"),
    _x("200,000 elements inside one another", lambda: _deep(200_000), _ONE),
    _x("one sheet listed 5,000 times", lambda: many_sheets(5_000), "too-many-parts"),
    _x("10,000 merged ranges beside 20,000 rows", lambda: merges(10_000, 20_000), Taken(1, ("missing",))),
    _x("10,000 merged ranges over the same 20,000 rows", lambda: nested_merges(10_000, 20_000),
       Taken(1, ("merged-cell", "missing"))),
    _x("entries that overlap", lambda: overlapping(b"xl/workbook.xml", 150, b"x" * 100_000), "wrong-type"),
    # What is run, fetched or opened elsewhere.
    _x("macros under capital letters", lambda: changed({"XL/VBAPROJECT.BIN": b"x"}), "macro"),
    _x("macros of Excel 4", lambda: changed({"xl/macrosheets/intlsheet1.xml": b"<x/>"}), "macro"),
    _x("macros under another ending", lambda: changed({}), "macro", "名单.XLSM"),
    _x("a relation to macros", lambda: changed({"xl/_rels/workbook.xml.rels": good()["xl/_rels/workbook.xml.rels"]
       .replace(b"</Relationships>", b'<Relationship Id="r9" Type="x/vbaProject" Target="a.bin"/></Relationships>')}),
       "macro"),
    _x("another workbook", lambda: changed({"xl/externalLinks/externalLink1.xml": b"<x/>"}), "external-link"),
    _x("a template on the network", lambda: changed({"xl/worksheets/_rels/sheet1.xml.rels":
       relation("attachedTemplate", "http://203.0.113.9/x.dotm", 'TargetMode="External"')}), "external-link"),
    _x("a picture on a share", lambda: changed({"xl/drawings/_rels/drawing1.xml.rels":
       relation("image", "file://203.0.113.9/x.png", "TargetMode='external'")}), "external-link"),
    _x("a hyperlink of a cell", lambda: changed({"xl/worksheets/_rels/sheet1.xml.rels":
       relation("hyperlink", "mailto:a@example.cn", 'TargetMode="External"')}), _ONE),
    _x("an embedded document", lambda: changed({"xl/embeddings/oleObject1.bin": b"x"}), "embedded-object"),
    _x("a control", lambda: changed({"xl/activeX/activeX1.bin": b"x"}), "embedded-object"),
    _x("properties of a control", lambda: changed({"xl/ctrlProps/ctrlProp1.xml": b"<x/>"}), "embedded-object"),
    _x("a connection", lambda: changed({"xl/connections.xml": b"<x/>"}), "embedded-object"),
    _x("a query", lambda: changed({"xl/queryTables/queryTable1.xml": b"<x/>"}), "embedded-object"),
    # Names and structures that no spreadsheet program writes.
    _x("a path upwards", lambda: changed({"../../etc/cron.d/x": b"x"}), "bad-path"),
    _x("a path from the root", lambda: changed({"/etc/passwd": b"x"}), "bad-path"),
    _x("a path on a drive", lambda: changed({"C:/x.xml": b"x"}), "bad-path"),
    _x("a path upwards with backslashes", lambda: changed({"..\\..\\x.xml": b"x"}), "bad-path"),
    _x("a name with a NUL", lambda: changed({"xl/extra.xml\0.txt": b"<x/>"}), "bad-path"),
    _x("a symbolic link", lambda: with_part(Part(b"xl/a", b"/etc/passwd",
       attributes=(stat.S_IFLNK | 0o777) << 16)), "bad-path"),
    _x("a name twice", lambda: packed([*(Part(n.encode(), c) for n, c in good().items()),
       Part(SHEET.encode(), good()[SHEET])]), "bad-path"),
    _x("a name twice in other letters", lambda: changed({"XL/Workbook.xml": good()["xl/workbook.xml"]}), "bad-path"),
    _x("a part packed by bzip2", lambda: with_part(Part(b"xl/a.xml", b"BZh9", method=12)), "bad-path"),
    _x("a part packed by LZMA", lambda: with_part(Part(b"xl/a.xml", b"\x09\x14\x05\0", method=14)), "bad-path"),
    _x("an encrypted part", lambda: with_part(Part(b"xl/a.xml", b"<x/>", flags=0x801)), "encrypted"),
    _x("200 parts more", lambda: changed({f"xl/p{n}.xml": b"<x/>" for n in range(200)}), "too-many-parts"),
    _x("100 parts more", lambda: changed({f"xl/p{n}.xml": b"<x/>" for n in range(100)}), _ONE),
    _x("a part smaller than it says", lambda: with_part(Part(b"xl/a.xml", b"<x/>", size=9)), "damaged"),
    _x("a part larger than it says", lambda: with_part(Part(b"xl/a.xml", b"<x></x>", size=4)), "damaged"),
    _x("two names of one part", lambda: local_name(b"docProps/abc.xml"), "damaged"),
    _x("a deflate stream that does not end", lambda: with_part(Part(b"xl/a.xml", packed=b"\0", size=0)), "damaged"),
    _x("a deflate stream of noise", lambda: with_part(Part(b"xl/a.xml", packed=b"\xff" * 99, size=9)), "damaged"),
    _x("a directory that lies about its place", lambda: packed([Part(n.encode(), c) for n, c in good().items()],
       directory_lies=MEGABYTE), "damaged"),
    _x("a tenth of a file", lambda: cut(0.1), "damaged"),
    _x("all but the last bytes of a file", lambda: cut(0.99), "damaged"),
    _x("a program before the package", lambda: b"MZ" + b"\0" * 5_000 + changed({}), "wrong-type"),
    _x("a comment of 60 KB", lambda: packed([Part(n.encode(), c) for n, c in good().items()],
       comment=b"c" * 60_000), _ONE),
    _x("a workbook inside an archive", lambda: packed([Part(b"a.xlsx", changed({}))]), "wrong-type"),
    _x("an archive without content types", lambda: changed({"[Content_Types].xml": None}), "wrong-type"),
    _x("a document of a word processor", lambda: packed([Part(b"[Content_Types].xml", b"<x/>"),
       Part(b"word/document.xml", b"<x/>")]), "wrong-type"),
    _x("a workbook whose sheet is not there", lambda: changed({SHEET: None}), "damaged"),
    # XML that lies.
    _x("a DOCTYPE in the workbook", lambda: changed({"xl/workbook.xml": _DOC + good()["xl/workbook.xml"]}), "doctype"),
    _x("a DOCTYPE in small letters", lambda: changed({"xl/styles.xml": _DOC.lower() + b"<x/>"}), "doctype"),
    _x("a DOCTYPE in the content types", lambda: changed({"[Content_Types].xml": _DOC
       + good()["[Content_Types].xml"]}), "doctype"),
    _x("a DOCTYPE across two pieces", lambda: changed({"xl/a.xml": b"<x>" + b" " * (262_144 - 6)
       + b"<!DOCTYPE x></x>"}), "doctype"),
    _x("a sheet in UTF-16", lambda: changed({SHEET: good()[SHEET].decode().encode("utf-16")}), "damaged"),
    _x("a sheet that says it is GB18030", lambda: changed({SHEET: b'<?xml version="1.0" encoding="gb18030"?>'
       + good()[SHEET].partition(b"?>")[2]}), "damaged"),
    _x("a sheet that ends in the middle", lambda: changed({SHEET: good()[SHEET][:3_000]}), "damaged"),
    _x("a sheet of noise", lambda: changed({SHEET: b"<\xff\xfe\xfd" * 100}), "damaged"),
    _x("rows beyond the last one", lambda: before_end(_LATE), "too-many-rows"),
    _x("a column beyond the last one", lambda: before_end(_WIDE), "too-many-columns"),
    _x("a cell in no column", lambda: before_end(b'<row r="3"><c r="ZZZZ3"><v>1</v></c></row>'), "damaged"),
    _x("a cell in row 4294967298", lambda: before_end(b'<row r="3"><c r="A4294967298"><v>1</v></c></row>'), "damaged"),
    _x("a range of merged cells that is none", lambda: sheet(b"</sheetData>",
       b'</sheetData><mergeCells><mergeCell ref="A1:?"/></mergeCells>'), "damaged"),
    _x("a size that is claimed", lambda: sheet(b"<sheetData>",
       b'<dimension ref="A1:XFD1048576"/><sheetData>'), _ONE),
    # Cells that lie.
    _x("a number that is none", lambda: cell("邮政编码", '<c r="{ref}"><v>abc</v></c>'), Taken(0, ("bad-postcode",))),
    _x("a shared string that is not there", lambda: cell("姓名", '<c r="{ref}" t="s"><v>999999</v></c>'), "damaged"),
    _x("a formula", lambda: cell("现住址", '<c r="{ref}"><f>1+1</f><v>2</v></c>'), Taken(0, ("formula",))),
    _x("a formula under a prefix", lambda: changed({SHEET: good()[SHEET].replace(b"<worksheet ",
       b'<worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" ').replace(b"</sheetData>",
       b'<x:row r="3"><x:c r="A3"><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row></sheetData>')}),
       Taken(1, ("formula", "missing"))),
    _x("a formula of an array", lambda: cell("现住址", '<c r="{ref}"><f t="array" ref="{ref}">1</f><v>2</v></c>'),
       Taken(0, ("formula",))),
    _x("a text of 1,001 characters", lambda: cell("现住址", f'<c r="{{ref}}" t="inlineStr"><is><t>{"字" * 1001}'
       "</t></is></c>"), Taken(0, ("too-long",))),
    _x("an identity number as a number", lambda: cell("身份证件号", '<c r="{ref}"><v>340121202003150000</v></c>'),
       Taken(0, ("rounded-number",))),
)  # fmt: skip
