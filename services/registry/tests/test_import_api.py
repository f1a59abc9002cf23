import hashlib
import io
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import openpyxl
import pytest
from obstore.store import LocalStore
from sqlalchemy import func, select

from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.student.models import StudentRow
from tests.harness import sheets
from tests.harness.sheets import a_row, table

pytestmark = pytest.mark.usefixtures("season")
Importing = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def job(database: Any, vault: Any, settings: Any) -> ImportJob:
    """The worker of the service that the tests call."""
    return ImportJob(database, vault, Inbox(LocalStore(settings.data, mkdir=True), vault), settings.keys)


@pytest.fixture
def imported(as_: Any, tree: Any, job: ImportJob) -> Importing:
    """`await imported(content, "a.xlsx")` → the import after the worker has done it."""

    async def act(content: bytes, name: str = "学生.xlsx", mode: str = "run", actor: Any = None) -> dict[str, Any]:
        client = as_(actor or tree.registrar)
        answer = await client.post(f"/v1/imports?mode={mode}", files={"file": (name, content)})
        assert answer.status_code == 202, answer.text
        import_id = answer.json()["id"]
        from uuid import UUID

        await job.work(UUID(import_id))
        return dict((await client.get(f"/v1/imports/{import_id}")).json())

    return act


async def students(database: Any) -> int:
    async with database.snapshot() as tx:
        return int(await tx.scalar(select(func.count()).select_from(StudentRow)))


def counts(receipt: dict[str, Any]) -> tuple[int, ...]:
    """Rows, created, updated, unchanged, duplicate, refused."""
    return tuple(receipt[key] for key in ("rows", "created", "updated", "unchanged", "duplicate", "refused"))


async def test_a_workbook_becomes_drafts_and_the_receipt_adds_up(
    imported: Importing, database: Any, a_class: Any
) -> None:
    await a_class()
    rows = [a_row(n, 班号="2026101") for n in range(5)]
    rows[3]["民族"] = "地球族"
    content = sheets.xlsx(table(rows))
    receipt = await imported(content)
    assert receipt["state"] == "done", receipt
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    assert counts(receipt) == (5, 4, 0, 0, 0, 1)
    assert receipt["by_reason"] == [
        {"outcome": "refused", "code": "unknown-code", "text": receipt["by_reason"][0]["text"], "rows": 1}
    ]
    assert "民族" in receipt["by_reason"][0]["text"]
    assert receipt["file"] == "学生.xlsx"
    assert await students(database) == 4


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("学生.xls", sheets.xls),
        ("学生.csv", sheets.text),
        ("学生.csv", lambda rows: sheets.text(rows, "gb18030")),
        ("学生.csv", lambda rows: sheets.text(rows, "utf-16", "\t")),
    ],
)
async def test_other_kinds_of_file_say_the_same(
    imported: Importing, database: Any, name: str, make: Callable[[Any], bytes]
) -> None:
    receipt = await imported(make(table([a_row(n) for n in range(3)])), name)
    assert counts(receipt) == (3, 3, 0, 0, 0, 0), receipt


async def test_the_same_file_again_changes_nothing_and_a_corrected_one_updates(
    imported: Importing, database: Any
) -> None:
    rows = [a_row(n) for n in range(4)]
    assert counts(await imported(sheets.xlsx(table(rows)))) == (4, 4, 0, 0, 0, 0)
    assert counts(await imported(sheets.xlsx(table(rows)))) == (4, 0, 0, 4, 0, 0)
    rows[1]["现住址"] = "安徽省合肥市长丰县水湖镇新村2号"
    assert counts(await imported(sheets.xlsx(table(rows)))) == (4, 0, 1, 3, 0, 0)
    assert await students(database) == 4


async def test_a_dry_run_creates_nothing_and_is_then_carried_out(
    imported: Importing, as_: Any, tree: Any, job: ImportJob, database: Any, a_class: Any, key: Any
) -> None:
    from uuid import UUID

    await a_class(capacity=2)
    rows = [a_row(n, 班号="2026101") for n in range(3)]
    checked = await imported(sheets.xlsx(table(rows)), mode="dry-run")
    assert (checked["state"], counts(checked)) == ("checked", (3, 2, 0, 0, 0, 1))
    assert checked["by_reason"][0]["code"] == "class-full"
    assert await students(database) == 0
    client = as_(tree.registrar)
    started = await client.post(f"/v1/imports/{checked['id']}/run", headers=key())
    assert (started.status_code, started.json()["state"]) == (200, "running")
    await job.work(UUID(checked["id"]))
    done = (await client.get(f"/v1/imports/{checked['id']}")).json()
    assert (done["state"], counts(done)) == ("done", (3, 2, 0, 0, 0, 1))
    again = await client.post(f"/v1/imports/{checked['id']}/run")
    assert (again.status_code, again.json()["code"]) == (409, "import-not-now")


async def test_the_same_file_is_checked_anew_once_the_class_is_there(
    imported: Importing, database: Any, a_class: Any
) -> None:
    content = sheets.xlsx(table([a_row(n, 班号="2026101") for n in range(3)]))
    before = await imported(content, mode="dry-run")
    assert (before["state"], counts(before)) == ("checked", (3, 0, 0, 0, 0, 3))
    await a_class()
    again = await imported(content, mode="dry-run")
    assert again["id"] == before["id"]
    assert (again["state"], again["mode"], counts(again)) == ("checked", "dry-run", (3, 3, 0, 0, 0, 0))
    assert again["by_reason"] == []
    assert await students(database) == 0
    done = await imported(content)
    assert (done["id"], done["state"], counts(done)) == (before["id"], "done", (3, 3, 0, 0, 0, 0))


async def test_the_same_file_uploaded_twice_at_once_is_one_import(
    as_: Any, tree: Any, job: ImportJob, database: Any
) -> None:
    import asyncio
    from uuid import UUID

    content = sheets.xlsx(table([a_row(n) for n in range(3)]))
    client = as_(tree.registrar)
    answers = await asyncio.gather(
        *(client.post("/v1/imports?mode=run", files={"file": ("a.xlsx", content)}) for _ in range(2))
    )
    first, second = (answer.json() for answer in answers)
    assert first["id"] == second["id"]
    assert sorted((first["repeated"], second["repeated"])) == [False, True]
    await asyncio.gather(job.work(UUID(first["id"])), job.work(UUID(first["id"])))
    assert await students(database) == 3
    listed = (await client.get("/v1/imports")).json()
    assert (listed["total"], listed["items"][0]["created"]) == (1, 3)


async def test_an_undo_takes_back_what_was_not_submitted(
    imported: Importing, as_: Any, tree: Any, job: ImportJob, database: Any, key: Any
) -> None:
    from uuid import UUID

    from registry.student import commands
    from registry.student.domain import Change

    rows = [a_row(n) for n in range(5)]
    await imported(sheets.xlsx(table(rows[:1])))
    rows[0]["现住址"] = "安徽省合肥市长丰县水湖镇新村2号"
    receipt = await imported(sheets.xlsx(table(rows)))
    assert counts(receipt) == (5, 4, 1, 0, 0, 0)
    client = as_(tree.registrar)
    listed = (await client.get(f"/v1/imports/{receipt['id']}/rows")).json()
    assert listed["total"] == 5
    submitted, returned = (UUID(listed["items"][each]["student_id"]) for each in (3, 4))
    async with database.transaction(tree.registrar) as tx:
        await commands.advance(tx, {submitted: Change.SUBMITTED, returned: Change.SUBMITTED})
    async with database.transaction(tree.registrar) as tx:
        await commands.advance(tx, {returned: Change.REOPENED})
    assert (await client.post(f"/v1/imports/{receipt['id']}/undo", headers=key())).status_code == 200
    await job.work(UUID(receipt["id"]))
    undone = (await client.get(f"/v1/imports/{receipt['id']}")).json()
    assert (undone["state"], undone["undone"]) == ("undone", 3)
    async with database.snapshot() as tx:
        rows_left = await tx.rows(select(StudentRow.status, func.count()).group_by(StudentRow.status))
    assert dict(map(tuple, rows_left)) == {"draft": 1, "removed": 2, "submitted": 1, "returned": 1}
    assert counts(await imported(sheets.xlsx(table([a_row(0)])))) == (1, 0, 0, 1, 0, 0)


async def test_failed_rows_come_back_as_a_workbook_with_comments_that_can_be_mended(
    imported: Importing, as_: Any, tree: Any
) -> None:
    rows = [a_row(0), a_row(1, 性别="男女", 出生日期="20200230", 姓名拼音="Qian Er"), a_row(2, 姓名="=1+1")]
    receipt = await imported(sheets.xlsx(table(rows)))
    assert counts(receipt)[1] == 1
    assert counts(receipt)[5] == 2
    answer = await as_(tree.registrar).get(f"/v1/imports/{receipt['id']}/failures.xlsx")
    assert answer.status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    assert header[0] == "原行号"
    assert header[-1] == "错误说明"
    assert header[1:-1] == list(sheets.HEADERS)
    by_header = dict(zip(header, sheet[2], strict=True))
    assert (by_header["原行号"].value, by_header["姓名"].value) == ("3", rows[1]["姓名"])
    for name, said in (("性别", "性别"), ("出生日期", "日期")):
        comment = by_header[name].comment
        assert comment is not None
        assert said in comment.text
    assert by_header["性别"].value == "男女"
    assert by_header["姓名拼音"].value == "Qian Er"
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    mended = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    mended[1][header.index("性别")] = rows[1]["成员1姓名"] and ("男" if rows[1]["身份证件号"][16] in "13579" else "女")
    born = rows[1]["身份证件号"][6:14]
    mended[1][header.index("出生日期")] = born
    mended.pop()
    assert counts(await imported(sheets.xlsx(mended)))[1] == 1
    assert (await as_(tree.teacher).get(f"/v1/imports/{receipt['id']}/failures.xlsx")).status_code == 403


async def test_a_workbook_of_many_failed_rows_never_stands_whole_in_memory(
    imported: Importing, as_: Any, tree: Any
) -> None:
    receipt = await imported(sheets.text(table([a_row(n, 性别="男女") for n in range(1_500)])), "a.csv")
    assert counts(receipt) == (1_500, 0, 0, 0, 0, 1_500)
    client = as_(tree.registrar)
    tracemalloc.start()
    try:
        answer = await client.get(f"/v1/imports/{receipt['id']}/failures.xlsx")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 15_000_000
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content), read_only=True).worksheets[0]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["原行号", *(str(n) for n in range(2, 1_502))]


async def test_who_may_import_and_see_imports(imported: Importing, as_: Any, tree: Any) -> None:
    receipt = await imported(sheets.xlsx(table([a_row(0)])))
    path = f"/v1/imports/{receipt['id']}"
    assert (await as_(tree.officer).get(path)).status_code == 200
    for stranger in (tree.other_officer, tree.other_registrar):
        assert (await as_(stranger).get(path)).status_code == 404
    file = {"file": ("a.xlsx", b"PK")}
    assert (await as_(tree.teacher).post("/v1/imports", files=file)).status_code == 403
    assert (await as_(None).post("/v1/imports", files=file)).status_code == 401
    elsewhere = await as_(tree.registrar).post(f"/v1/imports?school={tree.other_school}", files=file)
    assert elsewhere.status_code == 404
    assert (await as_(tree.other_registrar).post(f"{path}/undo")).status_code == 404
    assert (await as_(tree.officer).post(f"{path}/undo")).status_code == 403


async def test_an_upload_that_is_no_file_is_refused_with_the_remedy(as_: Any, tree: Any) -> None:
    client = as_(tree.registrar)
    for body, code in (
        ({"files": {"other": ("a.xlsx", b"PK")}}, "no-file"),
        ({"files": {"file": ("a.xlsx", b"")}}, "empty"),
        ({"json": {}}, "not-multipart"),
    ):
        answer = await client.post("/v1/imports", **body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert "请" in answer.json()["detail"]
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\nPK'
    cut = await client.post("/v1/imports", content=head, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (cut.status_code, cut.json()["code"]) == (422, "broken-upload")


async def test_the_template_can_be_filled_in_and_uploaded(imported: Importing, as_: Any, tree: Any) -> None:
    answer = await as_(tree.registrar).get("/v1/imports/template.xlsx")
    assert answer.status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    sheet = book["学生信息"]
    header = [cell.value for cell in sheet[1]]
    assert header == list(sheets.HEADERS)
    assert book.sheetnames == ["学生信息", "代码表"]
    assert sheet.data_validations.dataValidation
    row = a_row(0)
    for column, name in enumerate(header, 1):
        sheet.cell(row=2, column=column, value=row[str(name)] or None)
    assert counts(await imported(sheets.saved(book))) == (1, 1, 0, 0, 0, 0)


async def test_when_the_season_is_over_every_row_says_so(imported: Importing, database: Any) -> None:
    from sqlalchemy import text

    async with database.transaction() as tx:
        await tx.execute(text("UPDATE calendar_window SET opens = current_date - 20, closes = current_date - 10"))
    receipt = await imported(sheets.xlsx(table([a_row(n) for n in range(3)])))
    assert counts(receipt) == (3, 0, 0, 0, 0, 3)
    assert [each["code"] for each in receipt["by_reason"]] == ["window-closed"]
