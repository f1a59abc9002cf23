"""A workbook of 50,000 rows and all 72 items becomes checked drafts; the same file the slow way, row by row.

The worker runs in this process, the reader and the preparer of rows in its children, PostgreSQL beside them. The slow
way is openpyxl with one ORM session and commit a row, measured on the first rows of the same file and told so.
"""

import asyncio
import base64
import json
import os
import resource
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import psutil
import uvloop
from joserfc.jwk import OKPKey
from obstore.store import LocalStore
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from chassis import collecting
from chassis.identity import Actor
from chassis.ids import new_id
from chassis.migrating import upgrade
from chassis.sealing import Vault
from chassis.transaction import Database
from contracts.values import OrganisationKind, Role, Schooling, WindowKind
from local_stack.postgres import PostgresServer
from registry.calendar import commands as calendar
from registry.calendar import queries as calendars
from registry.importing import commands, queries
from registry.importing.domain import Mode
from registry.importing.jobs import ImportJob
from registry.importing.reader.headers import canonical
from registry.importing.storage import Inbox
from registry.main import BUILDERS
from registry.organisation import commands as organisations
from registry.settings import RegistrySettings
from registry.student.commands import prepare
from registry.student.entry import SheetReader
from registry.student.models import ClaimRow, EnrolmentRow, StudentRow, StudentVersionRow
from tests.harness import sheets
from tests.performance.measuring import console, cost, table

ROWS = int(os.environ.get("IMPORT_ROWS", "50000"))
SLOW_ROWS = 300


@dataclass(frozen=True, slots=True)
class Place:
    """A founded province with one school on a real server."""

    settings: RegistrySettings
    school: UUID
    registrar: Actor


def keys(folder: Path) -> Path:
    """A keyring of registry's own."""

    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    signing = OKPKey.generate_key("Ed25519", {"kid": "t1", "use": "sig", "alg": "EdDSA"})
    ring = {
        "vault": {"current": "k1", "keys": {"k1": key()}},
        "blind": {kind: key() for kind in ("uniqueness", "match", "name")},
        "wire": {"registry.student-record.v1": {"current": "w1", "keys": {"w1": key()}}},
        "token_private": signing.as_dict(private=True),
        "token_public": {"keys": [signing.as_dict(private=False)]},
    }
    path = folder / "keys.json"
    path.write_text(json.dumps(ring))
    return path


async def found(folder: Path, server: PostgresServer) -> Place:
    """Migrate, found the province and a school, open the season."""
    address = await server.start()
    await address.create_role("registry", "registry")
    await address.create_database("registry", "registry")
    dsn = address.dsn("registry", user="registry", password="registry")
    await asyncio.to_thread(upgrade, dsn, package="registry")
    path = keys(folder)
    settings = RegistrySettings(
        database=dsn, kafka="127.0.0.1:9", keys=path, token_public_keys=path, data=folder / "objects"
    )
    database = Database(settings, builders=BUILDERS)
    async with database.transaction() as tx:
        new = organisations.NewOrganisation
        province = await organisations.create(
            tx,
            new(OrganisationKind.PROVINCE, "安徽省教育厅", "340000000000", None, "340000", valid_from=date(2020, 9, 1)),
        )
        await calendar.found(tx, province)
        year = await calendars.active_school_year(tx)
        await calendar.set_window(tx, province, WindowKind.ENTRY, date(year, 8, 1), date(year + 1, 7, 31))
        school = await organisations.create(
            tx,
            new(
                OrganisationKind.SCHOOL, "长丰县水湖学区中心校", "2134000001", province, "340121", category="211",
                ownership="1", setting="121", schooling=Schooling.SIX_THREE, valid_from=date(2020, 9, 1),
            ),
        )  # fmt: skip
        person, account = tx.new_id(), tx.new_id()
    await database.close()
    registrar = Actor(account, person, school, frozenset({Role.REGISTRAR}), 1, None)
    return Place(settings, school, registrar)


class Peak:
    """The most memory that this process has held, and its reader, in MiB."""

    def __init__(self) -> None:
        self.own = self.child = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Peak":
        self.before = psutil.Process().memory_info().rss / 2**20
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._stop.wait(0.05):
            self.own = max(self.own, process.memory_info().rss / 2**20)


async def imported(place: Place, file: Path, postgres: int) -> tuple[float, Peak, dict[str, float], dict[str, Any]]:
    """Seconds from the worker's first look at the file to the receipt, memory, CPU seconds by program, the receipt."""
    database = Database(place.settings, builders=BUILDERS)
    vault = Vault.read(place.settings.keys)
    inbox = Inbox(LocalStore(place.settings.data, mkdir=True), vault)
    job = ImportJob(database, vault, inbox, place.settings.keys)

    async def pieces() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while piece := await asyncio.to_thread(source.read, 1 << 20):
                yield piece

    import_id = new_id()
    size = await asyncio.to_thread(lambda: file.stat().st_size)
    await inbox.keep(import_id, pieces())
    async with database.transaction(place.registrar) as tx:
        uploaded = commands.Uploaded(import_id, place.school, Mode.RUN, secrets.token_bytes(32), size, file.name)
        await commands.take_in(tx, vault, uploaded)
    mine = psutil.Process()
    before, server = mine.cpu_times(), cost({"postgres": postgres})
    began = time.perf_counter()
    with Peak() as peak:
        await job.work(import_id)
    took = time.perf_counter() - began
    after = mine.cpu_times()
    spent = cost({"postgres": postgres}).since(server)
    cpu = {
        "service": after.user + after.system - before.user - before.system,
        "children": after.children_user + after.children_system - before.children_user - before.children_system,
        "postgres": spent["postgres"],
    }
    async with database.snapshot() as tx:
        row = await queries.one(tx, import_id)
        students = await tx.scalar(select(func.count()).select_from(StudentRow))
    await database.close()
    assert row.state == "done", (row.state, row.refusal_code, row.refusal_text)
    assert row.created == row.rows == students, (row.created, row.rows, students)
    return took, peak, cpu, {"rows": row.rows}


async def slowly(place: Place, file: Path, rows: int) -> float:
    """Seconds for the first rows with openpyxl, an ORM object a table and a commit a row. Nothing is checked across
    rows, no number is given, no seat taken, nothing said: it does less, not more.
    """
    vault = Vault.read(place.settings.keys)
    engine = create_async_engine(place.settings.database)
    began = time.perf_counter()
    book = openpyxl.load_workbook(file, read_only=True)
    lines = book.worksheets[0].iter_rows(values_only=True)
    headers = [canonical(cell) or "" for cell in next(lines)]
    reader, width = SheetReader(headers), len(headers)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        for _, line in zip(range(rows), lines, strict=False):
            texts = [str(cell) if cell else None for cell in line]
            said = reader.read(texts + [None] * (width - len(texts)))
            assert said.record is not None, said.problems
            pupil, enrolment_id = prepare(vault, said.record, said.reasons), new_id()
            student_id = pupil.record_id
            now = await session.scalar(select(func.now()))
            session.add_all(
                [
                    StudentRow(
                        id=student_id, school_id=place.school, enrolment_id=enrolment_id, status="draft", version=1,
                        record_version=1, created_at=now, changed_at=now,
                        **pupil.described(),
                    ),
                    StudentVersionRow(
                        student_id=student_id, version=1, change="drafted", status="draft", school_id=place.school,
                        enrolment_id=enrolment_id, record_id=student_id,
                        record_sealed=pupil.sealed, at=now,
                    ),
                    EnrolmentRow(
                        id=enrolment_id, student_id=student_id, school_id=place.school, stage="primary",
                        entry_year=2026, first_grade=True, problem_count=0,
                    ),
                    ClaimRow(
                        index=secrets.token_bytes(32), sequence=0, student_id=student_id, person_index=pupil.who.person
                    ),
                ]
            )  # fmt: skip
            await session.commit()
    book.close()
    took = time.perf_counter() - began
    await engine.dispose()
    return took


async def measure(folder: Path) -> None:
    """Print the table."""
    file = folder / "roster.xlsx"
    await asyncio.to_thread(write, file)
    server = PostgresServer(folder / "postgres")
    try:
        place = await found(folder, server)
        assert server.running is not None
        took, peak, cpu, receipt = await imported(place, file, server.running.pid)
        slow = await slowly(place, file, SLOW_ROWS)
    finally:
        await server.stop()
    rows = receipt["rows"]
    fast_rate, slow_rate = rows / took, SLOW_ROWS / slow
    table(
        f"Import of {rows} rows × 72 columns from .xlsx ({file.stat().st_size / 2**20:.1f} MiB) to checked drafts",
        ["", "rows/s", "seconds"],
        [
            ["import job", f"{fast_rate:.0f}", f"{took:.1f}"],
            [f"openpyxl and ORM, row by row (first {SLOW_ROWS} rows)", f"{slow_rate:.0f}", f"{slow:.1f}"],
            ["ratio", f"{fast_rate / slow_rate:.0f}", ""],
        ],
    )
    console.print(
        f"CPU a row: service {cpu['service'] / rows * 1e6:.0f} µs, children {cpu['children'] / rows * 1e6:.0f} µs, "
        f"PostgreSQL {cpu['postgres'] / rows * 1e6:.0f} µs; load {os.getloadavg()[0]:.1f}. Memory: "
        f"service {peak.before:.0f} MiB before, {peak.own:.0f} MiB at most; its larger child {peak.child:.0f} MiB."
    )


def write(file: Path) -> None:
    """The workbook."""
    file.write_bytes(sheets.xlsx(sheets.table([sheets.a_row(number) for number in range(ROWS)])))


def main() -> None:
    """Make a workbook in a folder of its own, import it, print."""
    # And the loop below: as every process of a service does.
    collecting.seldom()
    folder = Path(tempfile.mkdtemp(prefix="importing-"))
    try:
        uvloop.run(measure(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
