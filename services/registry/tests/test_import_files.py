"""Files that clerks and strangers upload: read in the limited child, refused in words, never the end of the service."""

import io
import os
import zipfile
from base64 import b64encode
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from chassis.sealing import Vault
from contracts.record import StudentRecord
from registry.importing.preparer import chunks
from registry.importing.reader.verdict import FileRefused
from registry.importing.reading import Chunk, Sheet, read
from registry.student import content
from registry.student.commands import Prepared
from tests.harness import sheets
from tests.harness.people import a_record
from tests.harness.sheets import a_row, table

VAULT = Vault(
    {"current": "k", "keys": {"k": b64encode(b"k" * 32).decode()}},
    {kind: b64encode(kind[:1].encode() * 32).decode() for kind in ("uniqueness", "match", "name")},
)


async def reading(content: bytes, name: str = "学生.xlsx") -> list[chunks.SheetRow]:
    """The rows of a file as the worker gets them. Raises FileRefused."""
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, content)
        found: list[chunks.SheetRow] = []
        async for each in read(descriptor, name):
            if isinstance(each, Chunk):
                *_, whole = chunks.read(VAULT, each.packed)
                found += whole.rows
            else:
                assert isinstance(each, Sheet)
        return found
    finally:
        os.close(descriptor)


def codes(row: chunks.SheetRow) -> list[tuple[str, str]]:
    """(field, code) of everything that is wrong with a row."""
    return sorted((problem.field, problem.code) for problem in row.problems)


def record_of(row: chunks.SheetRow) -> StudentRecord:
    """The record that a row was read as."""
    assert row.entry is not None
    assert isinstance(row.entry.pupil, Prepared)
    return content.unseal(VAULT, row.entry.pupil.sealed, row.entry.pupil.record_id).record


GOOD = sheets.xlsx(table([a_row(1)]))


def parts(changes: dict[str, bytes | None], source: bytes = GOOD) -> bytes:
    """The workbook with parts replaced, added, or taken away (None)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry.filename, old.read(entry))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def sheet_xml(source: bytes = GOOD) -> bytes:
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        return archive.read("xl/worksheets/sheet1.xml")


def book(make: Callable[[Any], None]) -> bytes:
    found = openpyxl.Workbook()
    make(found)
    return sheets.saved(found)


def filled(found: Any, sheet: Any = None) -> Any:
    sheet = sheet or found.active
    for line in table([a_row(1), a_row(2)]):
        sheet.append(line)
    return sheet


def hidden(found: Any) -> None:
    filled(found, found.create_sheet("隐藏")).sheet_state = "hidden"


def several(found: Any) -> None:
    filled(found)
    filled(found, found.create_sheet("又一个"))


def merged_header(found: Any) -> None:
    filled(found).merge_cells("A1:B1")


def encrypted() -> bytes:
    """What a workbook with a password looks like from outside: a compound file with an encrypted package."""
    content = bytearray(sheets.xls(table([a_row(1)])))
    place = content.find("Workbook".encode("utf-16-le"))
    name = "EncryptedPackage".encode("utf-16-le")
    content[place : place + 64] = name.ljust(64, b"\0")
    content[place + 64 : place + 66] = (len(name) + 2).to_bytes(2, "little")
    return bytes(content)


FAR = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
BIG = b'<?xml version="1.0"?><x>' + b" " * (32 * 1024 * 1024) + b"</x>"


WIDER = [*sheets.HEADERS, *(f"另{number}" for number in range(60))]


def without(header: str) -> bytes:
    return sheets.xlsx(table([a_row(1)], [each for each in sheets.HEADERS if each != header]))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b" \r\n\t\0", "empty"),
        ("a.xlsx", sheets.xlsx(table([])), "empty"),
        ("a.xlsx", b"%PDF-1.7 roster", "wrong-type"),
        ("a.docx", GOOD, "wrong-type"),
        ("a.csv", GOOD, "extension-mismatch"),
        ("a.xls", GOOD, "extension-mismatch"),
        ("a.xlsx", sheets.xls(table([a_row(1)])), "extension-mismatch"),
        ("a.xlsx", encrypted(), "encrypted"),
        ("a.xlsm", GOOD, "macro"),
        ("a.xlsx", parts({"xl/vbaProject.bin": b"x"}), "macro"),
        ("a.xlsx", parts({"xl/externalLinks/externalLink1.xml": b"<x/>"}), "external-link"),
        ("a.xlsx", parts({"xl/embeddings/oleObject1.bin": b"x"}), "embedded-object"),
        ("a.xlsx", parts({"../../etc/cron.d/x": b"x"}), "bad-path"),
        ("a.xlsx", parts({"xl/worksheets/sheet1.xml": b"<!DOCTYPE x [<!ENTITY y 'z'>]>" + sheet_xml()}), "doctype"),
        ("a.xlsx", GOOD[: len(GOOD) // 2], "damaged"),
        ("a.xlsx", GOOD[:200] + b"\0" * 200 + GOOD[400:], "damaged"),
        ("a.xlsx", parts({"xl/workbook.xml": None}), "wrong-type"),
        ("a.xlsx", parts({"xl/media/big.xml": BIG}), "bomb"),
        ("a.xlsx", parts({f"xl/part{n}.xml": b"<x/>" for n in range(300)}), "too-many-parts"),
        ("a.xlsx", without("身份证件号"), "missing-header"),
        ("a.xlsx", sheets.xlsx(table([a_row(1)], [*sheets.HEADERS, "姓名"])), "doubled-header"),
        ("a.xlsx", sheets.xlsx([["甲", "乙"], ["1", "2"]]), "no-header"),
        ("a.xlsx", sheets.xlsx(table([a_row(1)], WIDER)), "too-many-columns"),
        ("a.xlsx", book(hidden), "hidden-sheet"),
        ("a.xlsx", book(several), "several-sheets"),
        ("a.xlsx", book(merged_header), "merged-header"),
        ("a.csv", b"\x01\x02\x03 not a text", "wrong-type"),
        ("a.csv", "姓名,性别\n".encode() + b"\xff\xfe\xfd", "unknown-encoding"),
        ("a.csv", sheets.text(table([a_row(1)])) + '"张三,"x\n'.encode(), "broken-text"),
        ("a.csv", sheets.text([["甲", "乙"], ["1", "2"]]), "no-header"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_taken_is_refused_with_the_remedy(name: str, content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        await reading(content, name)
    assert refused.value.code == code
    assert "请" in refused.value.text


async def test_a_file_of_two_kilobytes_that_claims_half_a_terabyte_is_refused() -> None:
    small = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + FAR
        + b"</worksheet>"
    )
    content = parts({"xl/worksheets/sheet1.xml": small})
    assert len(content) < 6_000
    with pytest.raises(FileRefused) as refused:
        await reading(content)
    assert refused.value.code in ("too-many-rows", "too-many-columns")


async def test_a_part_that_lies_about_its_size_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
        for entry in new.filelist:
            entry.file_size += 1
    with pytest.raises(FileRefused) as refused:
        await reading(out.getvalue())
    assert refused.value.code == "damaged"


async def test_missing_and_doubled_headers_are_named_with_their_places() -> None:
    with pytest.raises(FileRefused) as missing:
        await reading(without("成员1身份证件号"))
    assert "“" not in missing.value.text or "成员1身份证件号" in missing.value.text
    with pytest.raises(FileRefused) as doubled:
        await reading(sheets.xlsx(table([a_row(1)], [*sheets.HEADERS, "学生姓名"])))
    assert "“姓名”在C、" in doubled.value.text


async def test_headers_are_matched_by_text_wherever_they_stand() -> None:
    headers = [*reversed(sheets.HEADERS), "备注"]
    renamed = {"年级": "（年级）", "身份证件号": "*身份证号", "上下学方式": "上下学交通方式", "残疾人类型": "残疾类型"}
    body = table([a_row(1)], headers)
    body[0] = [renamed.get(header, f" {header}★\n(必填)") for header in headers]
    (row,) = await reading(sheets.xlsx([["长丰县水湖学区中心校新生名册"], [], *body]))
    assert row.problems == ()
    assert row.number == 4
    assert row.entry is not None
    assert record_of(row) == a_record(1)


async def one(content: bytes, name: str = "a.xlsx") -> chunks.SheetRow:
    (row,) = await reading(content, name)
    return row


def number_cell(found: Any) -> None:
    sheet = filled(found)
    sheet.delete_rows(3)
    column = list(sheets.HEADERS).index("身份证件号") + 1
    sheet.cell(row=2, column=column, value=int((a_record(1).document_number or "0")[:17]) * 10)


async def test_an_identity_number_in_a_numeric_cell_is_refused_by_the_cells_type() -> None:
    row = await one(book(number_cell))
    assert codes(row) == [("document_number", "rounded-number")]
    assert "文本格式" in row.problems[0].text


@pytest.mark.parametrize("written", ["3.40121202003150E+17", "3.4E17", "340121202003150000.0"])
async def test_an_identity_number_in_scientific_notation_is_refused(written: str) -> None:
    row = await one(sheets.text(table([a_row(1, 身份证件号=written)])), "a.csv")
    assert codes(row) == [("document_number", "rounded-number")]


NUMBER = str(a_record(1).document_number)
WIDE = NUMBER.translate({ord(narrow): ord(narrow) + 0xFEE0 for narrow in "0123456789X"})


@pytest.mark.parametrize(
    "written",
    [
        WIDE,
        f" {NUMBER}\t",
        f"{NUMBER}\0\0",
        f"\xa0{NUMBER}\u3000",
        f"'{NUMBER}",
        f"\u200b{NUMBER}\ufeff",
        NUMBER.lower(),
    ],
)
async def test_an_identity_number_is_read_through_what_nobody_sees(written: str) -> None:
    row = await one(sheets.text(table([a_row(1, 身份证件号=written)])), "a.csv")
    assert row.problems == ()
    assert row.entry is not None
    assert record_of(row).document_number == NUMBER


async def test_a_lower_case_x_is_the_check_character() -> None:
    found = next(n for n in range(400) if str(a_record(n).document_number).endswith("X"))
    row = await one(sheets.xlsx(table([a_row(found, 身份证件号=str(a_record(found).document_number).lower())])))
    assert row.entry is not None
    assert record_of(row).document_number == a_record(found).document_number


BORN = a_record(1).birth_date or date.min


@pytest.mark.parametrize(
    "written",
    [f"{BORN:%Y%m%d}", f"{BORN:%Y-%m-%d}", f"{BORN:%Y.%m.%d}", f"{BORN:%Y/%m/%d}",
     f"{BORN.year}年{BORN.month}月{BORN.day}日", int(f"{BORN:%Y%m%d}"),
     datetime(BORN.year, BORN.month, BORN.day), BORN],  # noqa: DTZ001 - a cell has no zone
)  # fmt: skip
async def test_a_date_is_read_in_every_form_that_clerks_use(written: Any) -> None:
    row = await one(sheets.xlsx(table([a_row(1, 出生日期=written)])))
    assert row.problems == ()
    assert row.entry is not None
    assert record_of(row).birth_date == BORN


async def test_names_codes_and_other_spellings_mean_the_same() -> None:
    changed = {
        "性别": "1", "民族": "汉", "身份证件类型": "居民身份证", "健康状况": "健康", "国籍/地区": "中国",
        "成员1关系": "爸爸", "成员2关系": "其它", "成员2关系说明": "叔父", "户口性质": 1, "是否孤儿": "否",
        "上下学距离": "3公里", "上下学方式": "公交车", "出生地行政区划代码": "340121",
    }  # fmt: skip
    row = await one(sheets.xlsx(table([a_row(1, **changed)])))
    assert row.problems == ()
    assert row.entry is not None
    record = record_of(row)
    assert (record.sex, record.ethnicity, record.document_type, record.health) == ("1", "01", "1", "10")
    assert [member.relation for member in record.family] == ["1", "9"]
    assert (record.residence_kind, record.distance, record.transport, record.nationality) == ("1", 3, "3", "CHN")
    assert record.birthplace == "340121000000"


async def test_a_formula_is_named_by_its_cell_and_the_other_rows_go_on() -> None:
    def formulas(found: Any) -> None:
        sheet = filled(found)
        sheet.cell(row=2, column=list(sheets.HEADERS).index("现住址") + 1, value="=A1&B1")

    first, second = await reading(book(formulas))
    assert codes(first) == [("address", "formula")]
    assert second.problems == ()
    typed = await one(sheets.text(table([a_row(1, 现住址='=HYPERLINK("http://x")')])), "a.csv")
    assert codes(typed) == [("address", "formula")]


async def test_rows_in_merged_cells_are_refused_and_the_others_go_on() -> None:
    def merged(found: Any) -> None:
        sheet = filled(found)
        for line in table([a_row(3)])[1:]:
            sheet.append(line)
        sheet.merge_cells("C2:C3")

    first, second, third = await reading(book(merged))
    assert codes(first)[0] == ("name", "merged-cell")
    assert ("name", "merged-cell") in codes(second)
    assert third.problems == ()


async def test_formulas_and_merged_cells_of_an_old_workbook_are_found_too() -> None:
    import xlwt

    old = xlwt.Workbook()
    sheet = old.add_sheet("学生信息")
    for number, line in enumerate(table([a_row(1), a_row(2)])):
        for column, cell in enumerate(line):
            if cell != "" and (number, sheets.HEADERS[column]) != (1, "现住址"):
                sheet.write(number, column, cell)
    sheet.write(1, list(sheets.HEADERS).index("现住址"), xlwt.Formula("A1"))
    out = io.BytesIO()
    old.save(out)
    first, second = await reading(out.getvalue(), "a.xls")
    assert codes(first) == [("address", "formula")]
    assert second.problems == ()


async def test_whatever_stands_in_a_cell_no_row_breaks_the_others() -> None:
    strange = ["🎓" * 50, "\u202e反", "x" * 5_000, "NULL", "<script>", "../../", "1e999", "-0", "TRUE", "#REF!", "\a\b"]
    lines = [dict.fromkeys(sheets.HEADERS, mark) for mark in strange]
    found = await reading(sheets.text(table([a_row(1), *lines, a_row(2)])), "a.csv")
    assert [row.number for row in found] == list(range(2, len(strange) + 4))
    assert [row.number for row in found if not row.problems] == [2, len(strange) + 3]
    said = " ".join(problem.text for row in found for problem in row.problems)
    assert "<script>" not in said


async def test_one_parent_is_enough_for_a_draft() -> None:
    blank = {header: "" for header in sheets.HEADERS if header.startswith("成员2")}
    row = await one(sheets.xlsx(table([a_row(1, **blank)])))
    assert row.problems == ()
    assert row.entry is not None
    assert len(record_of(row).family) == 1


async def test_every_fault_of_a_row_is_found_at_once() -> None:
    wrong = {"姓名": "张3", "民族": "地球族", "联系电话": "12", "出生日期": "20201340", "邮政编码": "abc"}
    row = await one(sheets.xlsx(table([a_row(1, **wrong)])))
    assert {field for field, _ in codes(row)} >= {"name", "ethnicity", "phone", "birth_date", "postcode"}
