"""Two hundred canaries go through the whole system; nothing of them is seen by anybody who should not."""

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx2
import pytest
from rich.console import Console

from local_stack.layout import read_json
from sample.clients import Person, Services
from sample.county import Founding, SchoolPlan, Seat, keep_window_open, province
from sample.journey import Journey, Papers
from sample.portraits import write_archive
from sample.progress import Bars
from sample.roster import Roster, write_workbook
from sample.words import COUNTY
from tests.chaos import canaries
from tests.chaos.canaries import hits, numbers
from tests.harness.whole import WholeStack

CANARIES: Final = int(os.environ.get("CHAOS_CANARIES", "200"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLASS_SIZE: Final = 40


@dataclass
class Seen:
    """What the test itself was shown, and what a look at the running statements saw."""

    roster: Roster
    folder: Path
    began: float
    registrar: Person
    strangers: Sequence[Person]
    pupils: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
async def services(sample_county: WholeStack) -> AsyncIterator[Services]:
    async with Services(sample_county.urls) as found:
        yield found


@pytest.fixture(scope="module")
async def seen(sample_county: WholeStack, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The canaries, from Excel to the nation."""
    folder, began = tmp_path_factory.mktemp("canaries"), time.time() - 2
    founding, founder = await _founding(sample_county, services)
    plan = SchoolPlan(
        "2134019977", "长丰县金丝雀小学", "county", "county", COUNTY, "211", "primary",
        [None] * -(-CANARIES // CLASS_SIZE), (Seat("canary.registrar", "school.registrar", "金丝雀小学学籍管理员"),),
    )  # fmt: skip
    school = await founding.school(plan)
    await keep_window_open(founder, founding.ids["county"])
    made = canaries.canaries(CANARIES, plan.code, school["classes"], founding.school_year)
    book, photos = folder / "名单.xlsx", folder / "照片.zip"
    write_workbook(made, book)
    write_archive(made, photos)
    registrar = await sample_county.accounts.enter(services, "canary.registrar")
    officer = await sample_county.accounts.enter(services, "changfeng.officer")
    found = Seen(made, folder, began, registrar, await _strangers(sample_county, services, founding))
    papers = Papers(book.name, book.read_bytes(), photos.read_bytes())
    async with _looking(sample_county, found):
        with Bars(Console(quiet=True)) as bars:
            reckoned = await Journey(registrar, officer, papers, bars, returns=2).run()
    assert reckoned.differences() == []
    assert (reckoned.rows, reckoned.drafted, reckoned.registered) == (CANARIES, CANARIES, CANARIES)
    found.pupils = [each["id"] for each in await registrar.pages("registry", "/v1/students")]
    cases = await officer.pages("review", "/v1/cases", school=school["id"])
    found.requests = [each["id"] for each in cases]
    assert len(found.pupils) == CANARIES
    return found


async def _founding(stack: WholeStack, services: Services) -> tuple[Founding, Person]:
    founder = await province(services, stack.accounts, read_json(Path(stack.about()["first_account"])))
    founding = Founding(services, stack.accounts, founder)
    await founding.authorities()
    return founding, founder


async def _strangers(stack: WholeStack, services: Services, founding: Founding) -> list[Person]:
    """Two who work elsewhere: an officer of the county next to theirs, and the registrar of a school beside it."""
    founding.ids["feidong"] = await founding.organisation(
        {"kind": "county", "name": "肥东县教育局", "code": "340122000000", "region_code": "340122", "area_type": "2"},
        "city",
    )
    await founding.account(Seat("feidong.officer", "authority.officer", "肥东县审核员"), "feidong")
    return [await stack.accounts.enter(services, login) for login in ("feidong.officer", "yucai.registrar")]


@asynccontextmanager
async def _looking(stack: WholeStack, found: Seen) -> AsyncIterator[None]:
    """Look at the running statements again and again until the block ends."""
    dsn = _dsn(stack, "registry")
    ended = asyncio.Event()

    async def look() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            while not ended.is_set():
                rows = await connection.fetch("SELECT query, application_name FROM pg_stat_activity")
                found.statements += [row["query"] for row in rows if hits(repr(tuple(row)).encode())]
                with suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), 0.1)
        finally:
            await connection.close()

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        ended.set()
        await looking


def _dsn(stack: WholeStack, service: str) -> str:
    dsn: str = stack.about()["postgres"][service]
    return dsn.replace("+asyncpg", "")


async def _scan(stack: WholeStack, seen: Seen) -> list[str]:
    """Where something of a canary stands outside of what is sealed."""
    return await canaries.in_stack(stack, since=seen.began, without=[seen.folder])


def test_canaries_are_told_from_everybody_else(seen: Seen) -> None:
    one = seen.roster.entered[0]
    for word in (
        one.pupil.name,
        one.row["身份证件号"],
        one.row["联系电话"],
        one.row["成员1姓名"],
        one.row["成员1联系电话"],
    ):
        assert hits(str(word).encode()) == 1, word
    assert hits("张三 340121201909010011 13900000001".encode()) == 0
    phone = str(one.row["联系电话"]).encode()
    assert [hits(each) for each in (b"a" + phone, phone + b"0", b"z" + phone + b'"')] == [0, 0, 1], (
        "as chance writes hex"
    )


def test_numbers_of_the_samples_are_told_from_every_other_row_of_digits(seen: Seen) -> None:
    number = str(seen.roster.entered[0].row["身份证件号"])
    assert numbers(f"a {number}, x{number.lower()}".encode()) == 2
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    assert numbers(f"{wrong} {number[:-1]} 34{number[2:]}".encode()) == 0


@pytest.mark.part("Canary pupils, found nowhere outside the vault", CANARIES)
async def test_nothing_of_a_canary_stands_outside_of_what_is_sealed(sample_county: WholeStack, seen: Seen) -> None:
    assert seen.statements == []
    assert await _scan(sample_county, seen) == []


async def test_the_scan_finds_what_is_planted(sample_county: WholeStack, seen: Seen) -> None:
    """The known-bad control of the test above."""
    one, photo = seen.roster.entered[1].pupil, sample_county.folder / "objects" / "photo"
    log, name = sample_county.folder / "logs" / "planted.log", photo / f"{one.document}.jpg"
    connection = await asyncpg.connect(_dsn(sample_county, "photo"))
    try:
        log.write_text(f'{{"path": "/students?name={quote(one.name)}"}}\n')
        photo.mkdir(parents=True, exist_ok=True)
        name.write_bytes(b"x")
        await connection.execute("CREATE TABLE planted (raw bytea)")
        await connection.execute("INSERT INTO planted VALUES ($1)", one.name.encode())
        found = await _scan(sample_county, seen)
        assert {str(log), f"the name of a file in {photo}", "photo: table public.planted"} <= set(found)
    finally:
        await connection.execute("DROP TABLE IF EXISTS planted")
        await connection.close()
        log.unlink(missing_ok=True)
        name.unlink(missing_ok=True)


async def test_a_refusal_gives_nothing_of_a_canary_back(sample_county: WholeStack, seen: Seen) -> None:
    one = seen.roster.entered[2]
    fields = {"name": str(one.row["姓名"]), "document_type": "1", "document_number": str(one.row["身份证件号"])}
    asked: list[tuple[Person, str, str, dict[str, Any]]] = [
        (seen.registrar, "registry", "/v1/students", {"fields": fields}),
        (seen.strangers[1], "registry", "/v1/students", {"fields": {**fields, "phone": str(one.row["联系电话"])}}),
        (seen.registrar, "registry", "/v1/students", {"fields": {str(one.row["姓名"]): "x"}}),
        (seen.strangers[0], "registry", f"/v1/students/{seen.pupils[2]}/unmask", {"reason": str(one.row["姓名"])}),
        (seen.registrar, "registry", f"/v1/students/{seen.pupils[2]}/remove", {str(one.row["姓名"]): 1}),
        (
            seen.strangers[0],
            "review",
            f"/v1/cases/{seen.requests[2]}/approve",
            {"content_hash": str(one.row["联系电话"])},
        ),
    ]
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        for person, service, path, body in asked:
            headers = {"Authorization": f"Bearer {await person._bearer()}", "Idempotency-Key": str(uuid.uuid4())}
            answer = await client.post(sample_county.urls[service] + path, json=body, headers=headers)
            assert 400 <= answer.status_code < 500, answer.text
            assert hits(answer.content) == 0, f"{path}: {answer.status_code} {answer.json().get('code')}"
    assert list(canaries.in_files(sample_county.folder / "logs")) == []
