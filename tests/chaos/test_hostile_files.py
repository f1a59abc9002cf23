"""Files that are made to hurt: each has its exact verdict within a minute, and the process that took it goes on."""

import asyncio
import os
import random
import resource
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
import pytest

from photo.archive import Archive
from photo.errors import ArchiveRefused
from photo.working import Workshop
from registry.importing.reader.verdict import FileRefused
from sample.clients import Person, Services
from sample.county import SCHOOLS
from services.registry.tests.test_import_files import reading
from tests.chaos.hostile.archives import ARCHIVES, one
from tests.chaos.hostile.images import IMAGES, mutated
from tests.chaos.hostile.tables import TABLES, old
from tests.chaos.hostile.verdicts import Hostile, Taken
from tests.chaos.hostile.workbooks import PACKAGES, SHEET, changed, good
from tests.harness import sheets
from tests.harness.eventually import eventually
from tests.harness.sheets import a_row, table
from tests.harness.whole import WholeStack

SECONDS: Final = 60
CHILD_MEGABYTES: Final = 2_200
"""The largest that a reader may become: what it may address, and the interpreter's own."""
MUTATED: Final = int(os.environ.get("CHAOS_MUTATED_FILES", "40"))
SEED: Final = int(os.environ.get("CHAOS_SEED", "1"))
pytestmark = pytest.mark.timeout(900 + MUTATED)
Verdict = str | Taken


async def judged(files: Iterable[Hostile], ask: Callable[[bytes, str], Awaitable[Verdict]]) -> dict[str, object]:
    """Title → (verdict, wanted) of every file that came to something else; two files at a time."""
    places, wrong = asyncio.Semaphore(2), dict[str, object]()

    async def judge(file: Hostile) -> None:
        async with places:
            content = await asyncio.to_thread(file.make)
            began = time.monotonic()
            found = await ask(content, file.name)
            took = time.monotonic() - began
        if found != file.verdict:
            wrong[file.title] = (found, file.verdict)
        elif took > SECONDS:
            wrong[file.title] = f"{took:.0f} s"

    await asyncio.gather(*map(judge, files))
    return wrong


async def read(content: bytes, name: str) -> Verdict:
    """What the real reader says, in its own process."""
    try:
        rows = await reading(content, name)
    except FileRefused as refused:
        return refused.code if "请" in refused.text else f"{refused.code} without a remedy"
    faults = sorted({problem.code for row in rows for problem in row.problems})
    return Taken(sum(not row.problems for row in rows), tuple(faults))


def test_the_corpus_is_as_large_as_promised() -> None:
    files = [*PACKAGES, *TABLES, *IMAGES, *ARCHIVES]
    assert len(files) >= 66
    for corpus in (PACKAGES, TABLES, IMAGES, ARCHIVES):
        titles = Counter(each.title for each in corpus)
        assert {title for title, times in titles.items() if times > 1} == set()


@pytest.mark.part("Hostile files, each with its verdict", len(PACKAGES) + len(TABLES))
async def test_every_hostile_sheet_has_its_verdict() -> None:
    me, before = psutil.Process(), len(psutil.Process().children())
    resident = me.memory_info().rss
    assert await judged([*PACKAGES, *TABLES], read) == {}
    assert len(me.children()) == before
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024 < CHILD_MEGABYTES
    assert me.memory_info().rss - resident < 400 * 1024 * 1024


def _mutated_sheet(seed: int) -> tuple[bytes, str]:
    """A good sheet in which some bytes are others: inside a part, or anywhere."""
    chance = random.Random(seed)
    kind = seed % 4
    if kind == 0:
        content = bytearray(good()[SHEET])
        _spoil(chance, content)
        return changed({SHEET: bytes(content)}), "a.xlsx"
    found = bytearray((changed({}), old(), sheets.text(table([a_row(1)])))[kind - 1])
    _spoil(chance, found)
    return bytes(found), ("a.xlsx", "a.xls", "a.csv")[kind - 1]


def _spoil(chance: random.Random, content: bytearray) -> None:
    for _ in range(chance.randint(1, 12)):
        content[chance.randrange(len(content))] = chance.randrange(256)


@pytest.mark.part("Mutated files", MUTATED)
async def test_sheets_with_other_bytes_are_read_or_refused() -> None:
    places, verdicts = asyncio.Semaphore(2), Counter[str]()

    async def judge(seed: int) -> None:
        async with places:
            began = time.monotonic()
            found = await read(*_mutated_sheet(seed))
            assert time.monotonic() - began < SECONDS
        verdicts[found if isinstance(found, str) else "read"] += 1

    await asyncio.gather(*(judge(SEED * 1_000_003 + number) for number in range(MUTATED)))
    print(f"seed {SEED}: {dict(verdicts)}")
    assert verdicts.total() == MUTATED


@pytest.mark.part("Hostile files, each with its verdict", len(IMAGES))
async def test_every_hostile_picture_has_its_verdict() -> None:
    workshop = Workshop(2)

    async def ask(content: bytes, _name: str) -> Verdict:
        found = await workshop.standardise(content)
        if isinstance(found, str):
            return found
        assert len(found.content) < 60_000
        assert not any(word in found.content for word in (b"<script", b"<?php", b"Exif"))
        return Taken(1)

    try:
        assert await judged(IMAGES, ask) == {}
        for number in range(MUTATED * 10):
            found = await workshop.standardise(mutated(SEED * 1_000_003 + number))
            assert isinstance(found, str) or len(found.content) < 60_000
    finally:
        workshop.close()


@pytest.mark.part("Hostile files, each with its verdict", len(ARCHIVES))
async def test_every_hostile_archive_has_its_verdict() -> None:
    before = psutil.Process().memory_info().rss

    async def ask(content: bytes, _name: str) -> Verdict:
        return await asyncio.to_thread(_opened, content)

    assert await judged(ARCHIVES, ask) == {}
    assert psutil.Process().memory_info().rss - before < 700 * 1024 * 1024
    chance = random.Random(SEED)
    for _ in range(MUTATED * 10):
        found = bytearray(one(b"999999202003150114.jpg", content=b"x" * 200))
        _spoil(chance, found)
        assert isinstance(_opened(bytes(found)), str | Taken)


def _opened(content: bytes) -> Verdict:
    try:
        archive = Archive(content)
    except ArchiveRefused as refused:
        return refused.code
    read_ = [archive.read(member) for member in archive.members]
    faults = sorted({each for each in read_ if isinstance(each, str)})
    return Taken(sum(isinstance(each, bytes) for each in read_), tuple(faults))


def chosen(files: Sequence[Hostile], *titles: str) -> list[Hostile]:
    found = [file for file in files if file.title in titles]
    assert len(found) == len(titles)
    return found


SHEETS: Final = chosen(
    [*PACKAGES, *TABLES],
    "one cell and a gigabyte of blanks", "cells A1 and XFD1048576 alone", "a billion laughs", "another workbook",
    "macros under capital letters", "a path upwards", "a directory that lies about its place", "a circle of sectors",
    "one sheet listed 5,000 times", "a program", "a text without end of quotes", "a new workbook with a password",
)  # fmt: skip
PICTURES: Final = chosen(
    IMAGES,
    "164 megapixels of one bit", "a scan that comes 40,000 times", "a text of 100 MB beside a PNG", "a FITS", "nothing",
    "an EXIF in a circle", "half a JPEG", "a PNG whose pixels are noise", "a landscape", "49 megapixels in colour",
)  # fmt: skip
ZIPS: Final = chosen(
    ARCHIVES,
    "a RAR", "an archive of nothing", "5,001 photos", "a password on one of two", "three gigabytes by their own word",
)  # fmt: skip


@pytest.mark.slow
async def test_running_services_refuse_them_and_stay_the_processes_they_were(
    sample_county: WholeStack, tmp_path: Path
) -> None:
    async with Services(sample_county.urls) as services:
        registrar = await sample_county.accounts.enter(services, SCHOOLS[1].seats[0].login)
        await _a_pupil(sample_county, registrar)  # somebody must be there to have a photo
        pids = dict(sample_county.pids)
        memory = {name: _resident(pid) for name, pid in pids.items() if name.split("-")[0] in ("registry", "photo")}
        assert await judged(SHEETS, lambda content, name: _imported(registrar, content, name)) == {}
        pupil = await _photographed(registrar)
        assert await judged(PICTURES, lambda content, _: _photo(registrar, pupil, content)) == {}
        assert await judged(ZIPS, lambda content, _: _archived(registrar, content)) == {}
        assert sample_county.pids == pids
        grown = {name: _resident(pids[name]) - was for name, was in memory.items()}
        assert max(grown.values()) < 400, grown
        for url in sample_county.urls.values():
            async with httpx2.AsyncClient(trust_env=False) as client:
                assert (await client.get(f"{url}/health/ready")).status_code == 200


def _resident(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss // 2**20)


async def _a_pupil(stack: WholeStack, registrar: Person) -> None:
    plan = SCHOOLS[1]
    school = stack.accounts.founded["schools"][plan.code]
    row = a_row(
        91_000, 学校标识码=plan.code, 班号=school["classes"][0], 入学年月=f"{stack.accounts.founded['school_year']}09"
    )
    content = sheets.xlsx(table([row]))
    taken = await registrar.upload("registry", "/v1/imports", "一名学生.xlsx", content, mode="run")
    done = await _import_ended(registrar, taken["id"])
    assert done["created"] + done["unchanged"] == 1, done


async def _import_ended(registrar: Person, import_id: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        told: dict[str, Any] = await registrar.get("registry", f"/v1/imports/{import_id}")
        return told if told["state"] in ("done", "checked", "refused") else None

    return dict(await eventually(ended, within=120, every=0.1) or {})


async def _imported(registrar: Person, content: bytes, name: str) -> Verdict:
    answer = await _send(registrar, "registry", "POST", "/v1/imports?mode=dry-run", name, content)
    if answer.status_code != 202:
        assert answer.status_code == 422 or answer.status_code == 413, answer.text
        return str(answer.json()["code"])
    told = await _import_ended(registrar, answer.json()["id"])
    assert told["state"] == "refused", told
    return str(told["refusal"]["code"])


async def _photographed(registrar: Person) -> str:
    async def required() -> str | None:
        page = await registrar.get("photo", "/v1/requirements", limit=1)
        return str(page["items"][0]["student_id"]) if page["items"] else None

    return str(await eventually(required, within=60, every=0.2))


async def _photo(registrar: Person, pupil: str, content: bytes) -> Verdict:
    answer = await _send(registrar, "photo", "PUT", f"/v1/students/{pupil}/photo", "a.jpg", content)
    if answer.status_code == 200:
        return Taken(1)
    assert 400 <= answer.status_code < 500, answer.text
    return str(answer.json()["code"])


async def _archived(registrar: Person, content: bytes) -> Verdict:
    answer = await _send(registrar, "photo", "POST", "/v1/archives", "a.zip", content)
    assert 400 <= answer.status_code < 500, answer.text
    return str(answer.json()["code"])


async def _send(person: Person, service: str, method: str, path: str, name: str, content: bytes) -> httpx2.Response:
    """The answer, whatever it is."""
    headers = {"Authorization": f"Bearer {await person._bearer()}", "Idempotency-Key": str(uuid.uuid4())}
    async with httpx2.AsyncClient(trust_env=False, timeout=90) as client:
        files = {"file": (name, content, "application/octet-stream")}
        return await client.request(method, person.services.urls[service] + path, headers=headers, files=files)
