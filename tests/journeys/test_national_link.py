"""Sync and the nation, two programs on a real broker, while both are killed: what each remembers is the same."""

import asyncio
import base64
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from aiokafka import AIOKafkaProducer

from chassis.envelope import HeaderWriter, partition_of
from chassis.migrating import upgrade
from chassis.sealing import WireKeys
from chassis.topics import create
from contracts.record import StudentRecord
from contracts.registry import PupilNumber, StudentRecordChanged
from contracts.topics import STUDENT_RECORD
from contracts.values import NumberKind, NumberStatus, Stage, StudentStatus, check_digit
from local_stack.kafka import KafkaServer
from local_stack.keys import write_keyrings
from local_stack.ports import free_port
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PARTITIONS = 6
PUPILS = 120
MOODY = {
    "NATION_REJECTS": "0.1", "NATION_PROBLEMS": "0.1", "NATION_REPEATS": "0.3", "NATION_REORDERS": "0.3",
    "NATION_DELAYS": "0.2", "NATION_DELAY": "PT1S", "NATION_BATCH": "20",
}  # fmt: skip


def a_record(n: int, version: int) -> StudentRecordChanged:
    """The n-th pupil (of 84,000), who changes class with each version."""
    born = date(2020, n % 12 + 1, n % 28 + 1)
    seventeen = f"999999{born:%Y%m%d}{n // 84:03d}"
    number = seventeen + check_digit(seventeen)
    return StudentRecordChanged(
        status=StudentStatus.REGISTERED, enrolment_id=UUID(int=n + 1), school_id=UUID(int=1), school_code="2134000001",
        class_number=f"20261{version:02d}", class_name="一年级", stage=Stage.PRIMARY, entry_year=2026,
        registered_on=date(2026, 9, 20),
        numbers=(PupilNumber(kind=NumberKind.STUDENT, value=f"G{number}", status=NumberStatus.PROVISIONAL),),
        record=StudentRecord(name="示例", sex="1", birth_date=born, document_type="1", document_number=number),
    )  # fmt: skip


class Link:
    """Both programs and what they stand on."""

    def __init__(self, folder: Path, bootstrap: str, dsn: str) -> None:
        self.keys = write_keyrings(folder, ["registry", "review", "photo", "sync"])
        self.dsn = dsn.replace("+asyncpg", "")
        self.ports = {"sync": free_port(), "nation": free_port()}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.said: dict[UUID, int] = {}
        """Pupil → the newest version that registry said of it."""
        self._bootstrap = bootstrap
        self._client = httpx2.AsyncClient(trust_env=False, timeout=30)
        self._wire = WireKeys.read(self.keys["registry"])
        self._writer = HeaderWriter(STUDENT_RECORD)
        self.environment = {
            **os.environ,
            **MOODY,
            "SYNC_DATABASE": dsn,
            "SYNC_KAFKA": bootstrap,
            "SYNC_KEYS": str(self.keys["sync"]),
            "SYNC_TOKEN_PUBLIC_KEYS": str(self.keys["token_public"]),
            "SYNC_DATA": str(folder / "sync"),
            "SYNC_PORT": str(self.ports["sync"]),
            "SYNC_PARTITIONS_CAP": str(PARTITIONS),
            "SYNC_BATCH": "30",
            "SYNC_LOG_LEVEL": "WARNING",
            "NATION_KAFKA": bootstrap,
            "NATION_KEYS": str(self.keys["nation"]),
            "NATION_DATA": str(folder / "nation"),
            "NATION_PORT": str(self.ports["nation"]),
        }

    def start(self, name: str) -> None:
        words = ["all"] if name == "sync" else []
        self.running[name] = subprocess.Popen([sys.executable, "-m", name, *words], env=self.environment)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    async def is_ready(self, name: str) -> bool:
        assert self.running[name].poll() is None, f"{name} has ended by itself"
        try:
            return (await self._client.get(f"http://127.0.0.1:{self.ports[name]}/health/ready")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def until_ready(self, name: str) -> None:
        await eventually(partial(self.is_ready, name), within=120)

    async def nation(self, path: str) -> Any:
        return (await self._client.get(f"http://127.0.0.1:{self.ports['nation']}{path}")).json()

    async def say(self, records: list[tuple[UUID, int, StudentRecordChanged]]) -> None:
        """What registry would say, in its own words and under its own seal."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, linger_ms=5)
        await producer.start()
        for student, version, said in records:
            key = str(student).encode()
            body = self._wire.seal(STUDENT_RECORD.name, student, 1, version, said.model_dump_json().encode())
            headers = self._writer.write(
                key, uuid4(), "StudentRecordChanged", 1, version, datetime.now(UTC), None, None, None
            )
            where = partition_of(key, PARTITIONS)
            await producer.send(STUDENT_RECORD.name, body, key=key, headers=headers, partition=where)
            self.said[student] = version
        await producer.stop()

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()


@pytest.fixture
async def link(
    own_kafka: Callable[[], Awaitable[KafkaServer]], fresh_database: Callable[[str], str], tmp_path: Path
) -> AsyncIterator[Link]:
    async with _running(await own_kafka(), fresh_database("sync"), tmp_path) as found:
        yield found


@asynccontextmanager
async def _running(kafka: KafkaServer, dsn: str, folder: Path) -> AsyncIterator[Link]:
    bootstrap = f"127.0.0.1:{kafka.port}"
    await create(bootstrap, cap=PARTITIONS)
    await asyncio.to_thread(upgrade, dsn, package="sync")
    found = Link(folder, bootstrap, dsn)
    for name in ("sync", "nation"):
        found.start(name)
    try:
        for name in ("sync", "nation"):
            await found.until_ready(name)
        yield found
    finally:
        for process in found.running.values():
            process.terminate()
        for process in found.running.values():
            assert process.wait(10) in (0, -signal.SIGKILL)


async def test_both_sides_agree_after_kills_repeats_and_disorder(link: Link) -> None:
    students = [uuid4() for _ in range(PUPILS)]
    chance = random.Random(3)
    for version in (1, 2, 3):
        told = [student for student in students if version == 1 or chance.random() < 0.5]
        await link.say([(student, version, a_record(students.index(student), version)) for student in told])
        victim = ("sync", "nation", "sync")[version - 1]
        await eventually(partial(_has_moved, link, version), within=120)
        link.kill(victim)
        link.start(victim)
        await link.until_ready(victim)

    await eventually(lambda: _nobody_waits(link), within=120)
    rows = await link.rows("SELECT student_id, spoken, standing, accepted_version, problem_count FROM national_pupil")
    assert len(rows) == PUPILS
    for row in rows:
        theirs = await link.nation(f"/state?student={row['student_id']}")
        judged = {(one["epoch"], one["version"], one["content_hash"]): one for one in theirs["records"]}
        spoken = [tuple(one) for one in json.loads(row["spoken"])]
        # Every answer that is kept answers a record that was said, with what the nation judged.
        for epoch, version, content, answer in spoken:
            if answer is not None:
                assert judged[epoch, version, content]["taken"] == (answer == "taken")
        assert judged.keys() <= {(epoch, version, content) for epoch, version, content, _ in spoken}
        taken = [version for _, version, _, answer in spoken if answer == "taken"]
        assert row["accepted_version"] == (max(taken) if taken else None)
        if taken:
            assert theirs["newest"]["version"] == max(taken)
    said = await link.rows(
        "SELECT subject, max(version) AS version FROM outbox WHERE topic = 'sync.national-record.v1' GROUP BY subject"
    )
    newest = {row["student_id"]: json.loads(row["spoken"])[-1][1] for row in rows}
    assert {row["subject"]: row["version"] for row in said} == newest
    assert await link.rows("SELECT * FROM conflict") == []
    assert await link.rows("SELECT * FROM parked") == []


async def _has_moved(link: Link, version: int) -> bool:
    [row] = await link.rows("SELECT count(*) FILTER (WHERE standing <> 'waiting') AS answered FROM national_pupil")
    return bool(row["answered"] > 15 * version)


async def _nobody_waits(link: Link) -> bool:
    # A sync that was killed may have nobody who waits only because it has not heard the last of it yet.
    heard = await link.rows("SELECT subject, version FROM watermark WHERE topic = $1", STUDENT_RECORD.name)
    if {row["subject"]: row["version"] for row in heard} != link.said:
        return False
    [row] = await link.rows(
        "SELECT count(*) AS told, count(*) FILTER (WHERE standing = 'waiting') AS waiting FROM national_pupil"
    )
    lag = await link.rows("SELECT 1 FROM saying WHERE sent_at IS NULL LIMIT 1")
    later = (await link.nation("/state"))["later"]
    return bool(row["told"] == PUPILS and row["waiting"] == 0 and not lag and later == 0)


def test_the_keys_that_a_keyring_gives_are_those_that_the_nation_needs(tmp_path: Path) -> None:
    keys = write_keyrings(tmp_path, ["registry", "review", "photo", "sync"])
    nation = json.loads(keys["nation"].read_text())
    assert nation.keys() == {"wire"}
    assert nation["wire"].keys() == {"sync.national-record.v1", "national.receipt.v1"}
    assert len(base64.b64decode(nation["wire"]["national.receipt.v1"]["keys"]["w1"])) == 32
    sync = json.loads(keys["sync"].read_text())
    assert sync["blind"].keys() == {"national-number"}
