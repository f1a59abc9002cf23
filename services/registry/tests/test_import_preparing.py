"""Rows prepared beside the service: the same as in it, whatever becomes of the process that prepares them."""

import asyncio
import struct
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
import uvloop
from obstore.store import LocalStore
from sqlalchemy import func, select
from structlog.testing import capture_logs

from chassis.sealing import Vault
from registry.importing import preparing as side
from registry.importing import queries
from registry.importing.child import child
from registry.importing.jobs import ImportJob
from registry.importing.preparer import chunks, frames
from registry.importing.preparer.chunks import SheetRow
from registry.importing.preparing import LARGE_FILE, Preparing, preparing
from registry.importing.reader.frames import pack
from registry.importing.rows import open_cells
from registry.importing.storage import Inbox
from registry.student import content
from registry.student.commands import Entry, Prepared
from registry.student.models import StudentRow
from tests.harness import sheets
from tests.harness.eventually import eventually
from tests.harness.sheets import HEADERS, a_row, table

FAULT = ("merged-cell", "姓名", "该单元格是合并单元格。请取消合并后再试。")


def a_chunk() -> bytes:
    """A pupil with everything, one without a document, one of a campus without a class, and two with wrong rows."""
    written = [
        a_row(1, 班号="2026101"),
        a_row(2, 身份证件类型="其他", 身份证件号="", 成员1是否监护人="是"),
        a_row(3, 年级="", 学籍接续标识="\ud800", 学校标识码="2134000001", 情况说明="补录"),
        a_row(4, 性别="不详"),
        a_row(5),
    ]
    texts = [[str(row[header]) or None for header in HEADERS] for row in written]
    return pack(HEADERS, [(number, found, [FAULT] if number == 6 else []) for number, found in enumerate(texts, 2)])


def in_the_service(vault: Vault, packed: bytes) -> list[SheetRow]:
    *_, whole = chunks.read(vault, packed)
    return whole.rows


def said(vault: Vault, rows: Sequence[SheetRow]) -> list[SheetRow]:
    """The rows with their contents opened; under which ids they are sealed is new each time."""
    return [row if row.entry is None else row._replace(entry=_opened(vault, row.entry)) for row in rows]


def _opened(vault: Vault, entry: Entry) -> Entry:
    assert isinstance(entry.pupil, Prepared)
    body = content.opened(vault, entry.pupil.sealed, entry.pupil.record_id)
    return replace(entry, pupil=entry.pupil._replace(record_id=UUID(int=0), sealed=body))


def children() -> list[psutil.Process]:
    """The processes that prepare for this one."""
    return [each for each in psutil.Process().children() if "registry.importing.preparer" in each.cmdline()]


def test_what_is_unpacked_is_what_was_packed(vault: Vault) -> None:
    found = in_the_service(vault, a_chunk())
    assert [[(each.field, each.code) for each in row.problems] for row in found] == [
        [], [], [], [("sex", "unknown-code")], [("name", "merged-cell")],
    ]  # fmt: skip
    assert [row.entry and isinstance(row.entry.pupil, Prepared) for row in found] == [True, True, True, None, None]
    assert frames.unpack(frames.pack(found)) == found


@pytest.mark.parametrize("broken", [b"", b"\0\0\0", frames.pack([]) + b"x", b"\5\0\0\0[[2]]", b"\2\0\0\0[["])
def test_an_answer_that_is_none_is_not_taken(broken: bytes) -> None:
    with pytest.raises((ValueError, TypeError, struct.error)):
        frames.unpack(broken)


async def never(*_: object) -> None:
    raise AssertionError("the service has prepared rows itself")


async def test_a_large_file_is_prepared_beside_the_service_and_says_the_same(
    vault: Vault, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Preparing, "_here", never)
    packed = a_chunk()
    async with preparing(vault, key_file, LARGE_FILE) as beside:
        assert len(children()) == 1
        for _ in range(2):
            assert said(vault, (await beside.read(packed)).rows) == said(vault, in_the_service(vault, packed))
    assert children() == []


async def test_a_small_file_needs_no_process_more(vault: Vault, key_file: Path) -> None:
    packed = a_chunk()
    async with preparing(vault, key_file, LARGE_FILE - 1) as here:
        assert children() == []
        assert said(vault, (await here.read(packed)).rows) == said(vault, in_the_service(vault, packed))


async def outlives(vault: Vault, key_file: Path) -> None:
    """A child that dies between two chunks is missed by nobody, though its pipe is closed by then."""
    packed = a_chunk()
    async with preparing(vault, key_file, LARGE_FILE) as beside:
        await beside.read(packed)
        (killed,) = children()
        killed.kill()
        await eventually(lambda: not psutil.pid_exists(killed.pid))
        for _ in range(2):
            assert said(vault, (await beside.read(packed)).rows) == said(vault, in_the_service(vault, packed))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_where_the_process_dies_the_service_goes_on_by_itself(vault: Vault, key_file: Path, run: Any) -> None:
    run(outlives(vault, key_file))


async def test_without_its_keys_the_process_is_no_loss(vault: Vault, tmp_path: Path) -> None:
    packed = a_chunk()
    async with preparing(vault, tmp_path / "none.json", LARGE_FILE) as beside:
        assert said(vault, (await beside.read(packed)).rows) == said(vault, in_the_service(vault, packed))


async def test_a_child_finds_what_the_service_finds_and_nothing_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somewhere.py").write_text("print('found')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with child("somewhere") as process:
        assert process.stdout is not None
        assert await process.stdout.read() == b"found\n"

    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(tmp_path)
    with capture_logs() as said:
        async with child("somewhere") as process:
            assert process.stdout is not None
            assert await process.stdout.read() == b""
    assert said == [{"event": "import.child-died", "log_level": "warning", "program": "somewhere", "ended": 1}]


async def test_the_process_ends_when_the_service_has_died(key_file: Path) -> None:
    """A killed service ends nothing itself; its end of the pipe is closed by the kernel."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registry.importing.preparer", str(key_file),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(b"\xff\0\0\0half a chunk")
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 60) == 0


@pytest.mark.usefixtures("season")
async def test_an_import_is_the_same_with_a_process_beside_it(
    as_: Any, tree: Any, database: Any, vault: Vault, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side, "LARGE_FILE", 1)
    monkeypatch.setattr(Preparing, "_here", never)
    content = sheets.text(table([*(a_row(number) for number in range(1_200)), a_row(0), a_row(1_300, 性别="不详")]))
    answer = await as_(tree.registrar).post("/v1/imports?mode=run", files={"file": ("a.csv", content)})
    import_id = answer.json()["id"]
    job = ImportJob(database, vault, Inbox(LocalStore(settings.data, mkdir=True), vault), settings.keys)
    assert await job.work(UUID(import_id))
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert receipt["state"] == "done"
    assert [receipt[each] for each in ("rows", "created", "duplicate", "refused")] == [1_202, 1_200, 1, 1]
    async with database.snapshot() as tx:
        assert await tx.scalar(select(func.count()).select_from(StudentRow)) == 1_200
        cells = await queries.outcomes(tx, UUID(import_id), ["refused"])
    (refused,) = cells[0]
    assert open_cells(vault, UUID(import_id), refused.row, refused.cells_sealed)["性别"] == "不详"
    assert children() == []
