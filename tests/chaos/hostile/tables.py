"""Sheets in the two older forms, .xls and .csv, as attackers and broken programs write them."""

import io
import struct
from collections.abc import Callable
from functools import cache
from typing import Final

import xlwt

from registry.importing.reader import verdict
from tests.chaos.hostile.packing import MEGABYTE
from tests.chaos.hostile.verdicts import Hostile, Taken
from tests.harness import sheets
from tests.harness.sheets import HEADERS, a_row, table


@cache
def old() -> bytes:
    """A workbook of Excel 97 with one good row."""
    return sheets.xls(table([a_row(1)]))


@cache
def lines() -> bytes:
    """A text with one good row."""
    return sheets.text(table([a_row(1)]))


def patched(at: int, value: bytes) -> bytes:
    """The old workbook with other bytes at a place."""
    found = bytearray(old())
    found[at : at + len(value)] = value
    return bytes(found)


def renamed(name: str) -> bytes:
    """The old workbook with another name on its stream."""
    place = old().find("Workbook".encode("utf-16-le"))
    raw = name.encode("utf-16-le")
    found = bytearray(old())
    found[place : place + 64] = raw.ljust(64, b"\0")
    found[place + 64 : place + 66] = (len(raw) + 2).to_bytes(2, "little")
    return bytes(found)


def first_record(kind: int, length: int | None = None) -> bytes:
    """The old workbook whose second record (WRITEACCESS or alike) has another kind or length."""
    start = 512
    size = struct.unpack_from("<H", old(), start + 2)[0]
    at = start + 4 + size
    was = struct.unpack_from("<HH", old(), at)
    return patched(at, struct.pack("<HH", kind, was[1] if length is None else length))


def sector_loop() -> bytes:
    """The old workbook whose allocation table leads in a circle."""
    table_at = 512 + struct.unpack_from("<I", old(), 76)[0] * 512
    return patched(table_at, struct.pack("<3I", 1, 2, 0))


def placed(row: int, column: int) -> bytes:
    """An old workbook with the good row, and one cell elsewhere."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("学生信息")
    for number, line in enumerate(table([a_row(1)])):
        for place, text in enumerate(line):
            if text != "":
                sheet.write(number, place, text)
    sheet.write(row, column, "x")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows(text: str) -> bytes:
    """The good text and more lines."""
    return lines() + text.encode()


def _x(title: str, name: str, make: Callable[[], bytes], found: "str | Taken") -> Hostile:
    return Hostile(title, name, make, found)


_MACRO_SHEET: Final = b"\x85\x00"


def macro_sheet() -> bytes:
    """The old workbook whose sheet says that it is one of macros."""
    at = old().index(_MACRO_SHEET, 512)
    while struct.unpack_from("<H", old(), at + 2)[0] > 60:
        at = old().index(_MACRO_SHEET, at + 1)
    return patched(at + 9, b"\x01")


TABLES: Final[tuple[Hostile, ...]] = (
    _x("an old workbook", "a.xls", old, Taken(1)),
    _x("a circle of sectors", "a.xls", sector_loop, "damaged"),
    _x("half an old workbook", "a.xls", lambda: old()[: len(old()) // 2], "damaged"),
    _x("the head of an old workbook", "a.xls", lambda: old()[:512], "damaged"),
    _x("sectors of two bytes", "a.xls", lambda: patched(30, b"\x01\0"), "damaged"),
    _x("a directory far away", "a.xls", lambda: patched(48, b"\xf0\xff\xff\x0f"), "damaged"),
    _x("an old workbook with a password", "a.xls", lambda: first_record(0x2F), "encrypted"),
    _x("a record of 64 KB", "a.xls", lambda: first_record(0x5C, 0xFFFF), "damaged"),
    _x("an old sheet of macros", "a.xls", macro_sheet, "macro"),
    _x("an old project of macros", "a.xls", lambda: renamed("_VBA_PROJECT_CUR"), "macro"),
    _x("a new workbook with a password", "a.xlsx", lambda: renamed("EncryptedPackage"), "encrypted"),
    _x("a document of a word processor of old", "a.xls", lambda: renamed("WordDocument"), "wrong-type"),
    _x("an old cell beyond the last column", "a.xls", lambda: placed(2, 200), "too-many-columns"),
    _x("an old cell in the last row", "a.xls", lambda: placed(65_535, 0), Taken(1, ("missing",))),
    _x("a page of HTML", "a.xls", lambda: b"<html><table><tr><td>1</td></tr></table></html>", "wrong-type"),
    _x("a workbook of XML 2003", "a.xls", lambda: b'<?xml version="1.0"?><Workbook/>', "wrong-type"),
    _x("a text that says it is a workbook", "a.xlsx", lines, "wrong-type"),
    _x("a text", "a.csv", lines, Taken(1)),
    _x("nothing", "a.csv", lambda: b"\0\0\r\n\t ", "empty"),
    _x("a mark of byte order alone", "a.csv", lambda: b"\xef\xbb\xbf", "no-header"),
    _x("a program", "a.csv", lambda: b"\x7fELF" + bytes(range(256)) * 40, "unknown-encoding"),
    _x("a text without end of quotes", "a.csv", lambda: rows('"张三\n' + "x\n" * 500), "broken-text"),
    _x("a field of a megabyte", "a.csv", lambda: rows("x" * MEGABYTE), "broken-text"),
    _x("a million columns", "a.csv", lambda: rows("x," * 1_000_000), "too-many-columns"),
    _x("a million empty columns", "a.csv", lambda: rows("," * 1_000_000), Taken(1)),
    _x("100,001 lines below the header", "a.csv", lambda: rows("x\n" * (verdict.MOST_ROWS - 1)), "too-many-rows"),
    _x("a text in UTF-32", "a.csv", lambda: lines().decode("utf-8-sig").encode("utf-32"), "no-header"),
    _x("half a surrogate pair", "a.csv", lambda: lines().decode("utf-8-sig").encode("utf-16") + b"\x00\xd8",
       "unknown-encoding"),
    _x("a text in GB18030", "a.csv", lambda: sheets.text(table([a_row(1)]), "gb18030"), Taken(1)),
    _x("a text in UTF-16 without a mark", "a.csv", lambda: lines().decode("utf-8-sig").encode("utf-16-le"), Taken(1)),
    _x("lines that end as on an old Macintosh", "a.csv", lambda: lines().replace(b"\r\n", b"\r"), Taken(1)),
    _x("a command of DDE", "a.csv", lambda: sheets.text(table([a_row(1, 现住址="=cmd|' /C calc'!A0")])),
       Taken(0, ("formula",))),
    _x("a NUL in a name", "a.csv", lambda: sheets.text(table([a_row(1, 姓名="张\0三")])),
       Taken(0, ("bad-characters",))),
    _x("a sheet of 51 MB", "a.csv", lambda: lines().ljust(verdict.LARGEST_FILE + 1, b"\n"), "too-large"),
    _x("a column twice", "a.csv", lambda: sheets.text(table([a_row(1)], [*HEADERS, "姓名"])), "doubled-header"),
    _x("a file with a double ending", "a.csv.exe", lines, "wrong-type"),
)  # fmt: skip
