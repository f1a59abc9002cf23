"""What an import survives: its worker's death at every point, and another worker at the same time."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from obstore.store import LocalStore
from sqlalchemy import func, select, text

from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.student.models import ClaimRow, NumberRow, StudentRow
from tests.harness import sheets
from tests.harness.sheets import a_row, table

pytestmark = pytest.mark.usefixtures("season")
WORKER = """
import asyncio, json, sys
from uuid import UUID
from obstore.store import LocalStore
from chassis.sealing import Vault
from chassis.transaction import Database
from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox
from registry.main import BUILDERS
from registry.settings import RegistrySettings

async def work():
    settings = RegistrySettings()
    database = Database(settings, builders=BUILDERS)
    vault = Vault.read(settings.keys)
    inbox = Inbox(LocalStore(settings.data, mkdir=True), vault)
    await ImportJob(database, vault, inbox, settings.keys).work(UUID(sys.argv[1]))
    await database.close()

asyncio.run(work())
"""


async def uploaded(as_: Any, tree: Any, rows: int, mode: str = "run") -> UUID:
    lines = [a_row(number) for number in range(rows)]
    lines.append(a_row(0))  # the first child once more, in another chunk
    content = sheets.text(table(lines))
    answer = await as_(tree.registrar).post(f"/v1/imports?mode={mode}", files={"file": ("a.csv", content)})
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["id"])


async def dies(settings: Any, import_id: UUID, at: str) -> None:
    """A worker that kills itself at the n-th pass of a point."""
    environment = {
        **os.environ,
        "CRASH_AT": at,
        "REGISTRY_DATABASE": settings.database,
        "REGISTRY_KAFKA": settings.kafka,
        "REGISTRY_KEYS": str(settings.keys),
        "REGISTRY_TOKEN_PUBLIC_KEYS": str(settings.token_public_keys),
        "REGISTRY_DATA": str(settings.data),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str(import_id), env=environment, cwd=Path(__file__).parents[3]
    )
    assert await asyncio.wait_for(process.wait(), 120) == -9


async def forget_lease(database: Any) -> None:
    """As if the lease of the dead worker had run out."""
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE import SET leased_until = now() - interval '1 second'"))


async def count(database: Any, row: Any) -> int:
    async with database.snapshot() as tx:
        return int(await tx.scalar(select(func.count()).select_from(row)))


@pytest.fixture
def job(database: Any, vault: Any, settings: Any) -> ImportJob:
    return ImportJob(database, vault, Inbox(LocalStore(settings.data, mkdir=True), vault), settings.keys)


@pytest.mark.parametrize("at", ["import.mid_chunk:1", "import.after_chunk:1", "import.mid_chunk:2"])
async def test_a_killed_workers_import_goes_on_where_it_stopped_and_nothing_is_twice(
    as_: Any, tree: Any, settings: Any, database: Any, job: ImportJob, at: str
) -> None:
    import_id = await uploaded(as_, tree, 1_200)
    await dies(settings, import_id, at)
    assert not await job.work(import_id)  # the dead worker's lease still holds
    await forget_lease(database)
    assert await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert receipt["state"] == "done"
    assert (receipt["rows"], receipt["created"], receipt["duplicate"]) == (1_201, 1_200, 1)
    assert receipt["by_reason"][0]["code"] == "same-sheet"
    assert await count(database, StudentRow) == 1_200
    assert await count(database, ClaimRow) == 1_200
    assert await count(database, NumberRow) == 2_400
    assert list(settings.data.rglob("imports/*/*")) == []


async def test_a_cut_off_dry_run_starts_again_and_counts_seats_from_its_first_row(
    as_: Any, tree: Any, settings: Any, database: Any, job: ImportJob
) -> None:
    import_id = await uploaded(as_, tree, 1_200, "dry-run")
    await dies(settings, import_id, "import.after_chunk:1")
    await forget_lease(database)
    await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert (receipt["state"], receipt["rows"], receipt["created"], receipt["duplicate"]) == ("checked", 1_201, 1_200, 1)
    assert await count(database, StudentRow) == 0


async def test_two_workers_never_work_one_import(as_: Any, tree: Any, database: Any, job: ImportJob) -> None:
    import_id = await uploaded(as_, tree, 50)
    worked = await asyncio.gather(*(job.work(import_id) for _ in range(3)))
    assert sorted(worked) == [False, False, True]
    assert await count(database, StudentRow) == 50


async def test_an_import_that_fails_again_and_again_is_given_up_with_the_remedy(
    as_: Any, tree: Any, database: Any, job: ImportJob
) -> None:
    import_id = await uploaded(as_, tree, 50)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE import SET attempts = 5"))
    await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert (receipt["state"], receipt["refusal"]["code"]) == ("refused", "interrupted")
    assert "请重新上传" in receipt["refusal"]["text"]
    assert await count(database, StudentRow) == 0


async def test_an_undo_that_is_given_up_leaves_the_import_done_and_can_be_asked_for_again(
    as_: Any, tree: Any, database: Any, job: ImportJob
) -> None:
    import_id = await uploaded(as_, tree, 50)
    await job.work(import_id)
    client, path = as_(tree.registrar), f"/v1/imports/{import_id}"
    assert (await client.post(f"{path}/undo")).json()["state"] == "undoing"
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE import SET attempts = 5"))
    await job.work(import_id)
    given_up = (await client.get(path)).json()
    assert (given_up["state"], given_up["created"], given_up["undone"]) == ("done", 50, 0)
    assert given_up["refusal"] is None
    assert (await client.post(f"{path}/undo")).json()["state"] == "undoing"
    await job.work(import_id)
    undone = (await client.get(path)).json()
    assert (undone["state"], undone["undone"]) == ("undone", 50)


async def test_a_reader_that_cannot_be_begun_says_nothing_against_the_file(
    as_: Any, tree: Any, database: Any, job: ImportJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await uploaded(as_, tree, 50)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        assert await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert (receipt["state"], receipt["refusal"]) == ("reading", None)
    await forget_lease(database)
    await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert (receipt["state"], receipt["created"]) == ("done", 50)


class Away(Inbox):
    """A storage that nobody reaches."""

    async def open_into(self, import_id: UUID, descriptor: int) -> bool:
        raise ConnectionRefusedError


async def test_a_storage_that_is_away_is_waited_for_however_long(
    as_: Any, tree: Any, settings: Any, database: Any, vault: Any, job: ImportJob
) -> None:
    import_id = await uploaded(as_, tree, 50)
    in_vain = ImportJob(database, vault, Away(LocalStore(settings.data, mkdir=True), vault), settings.keys)
    for _ in range(7):  # more often than a file may fail
        assert await in_vain.work(import_id)
        await forget_lease(database)
    await job.work(import_id)
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{import_id}")).json()
    assert (receipt["state"], receipt["created"]) == ("done", 50)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_fifty_thousand_rows_become_fifty_thousand_drafts(
    as_: Any, tree: Any, database: Any, job: ImportJob
) -> None:
    content = sheets.xlsx(table([a_row(number) for number in range(50_000)]))
    answer = await as_(tree.registrar).post("/v1/imports?mode=run", files={"file": ("a.xlsx", content)})
    assert answer.status_code == 202, answer.text
    await job.work(UUID(answer.json()["id"]))
    receipt = (await as_(tree.registrar).get(f"/v1/imports/{answer.json()['id']}")).json()
    assert (receipt["state"], receipt["rows"], receipt["created"]) == ("done", 50_000, 50_000), receipt["by_reason"]
    assert await count(database, StudentRow) == 50_000
