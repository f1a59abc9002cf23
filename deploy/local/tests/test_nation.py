"""The nation as a program of its own, on a real broker: it answers, is killed, and repeats at most."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

import httpx2
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chassis.envelope import HeaderWriter
from chassis.sealing import WireKeys
from contracts.sync import NationalRecord, Operation
from contracts.topics import NATIONAL_RECORD, RECEIPT
from contracts.values import Stage
from local_stack.kafka import KafkaServer
from local_stack.ports import free_port
from tests.harness.eventually import eventually

PARTITIONS = 3
Headers = dict[str, bytes]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = base64.b64encode(b"k" * 32).decode()
    ring = {"current": "w1", "keys": {"w1": key}}
    path = tmp_path / "nation.keys.json"
    path.write_text(json.dumps({"wire": {NATIONAL_RECORD.name: ring, RECEIPT.name: ring}}))
    return path


@pytest.fixture
async def broker(own_kafka: Callable[[], Awaitable[KafkaServer]]) -> str:
    bootstrap = f"127.0.0.1:{(await own_kafka()).port}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic.name, PARTITIONS, 1) for topic in (NATIONAL_RECORD, RECEIPT)])
    await admin.close()
    return bootstrap


class Running:
    """A nation that runs."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    async def ask(self, path: str) -> Any:
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(self.url + path)
            return answer.json() if answer.status_code == 200 else None

    async def is_ready(self) -> bool:
        try:
            return await self.ask("/health/ready") is not None
        except httpx2.HTTPError:
            return False


@asynccontextmanager
async def a_nation(bootstrap: str, key_file: Path, **told: object) -> AsyncIterator[Running]:
    port = free_port()
    settings = {"KAFKA": bootstrap, "KEYS": key_file, "DATA": key_file.parent / "nation", "PORT": port, **told}
    environment = {**os.environ, **{f"NATION_{name.upper()}": str(value) for name, value in settings.items()}}
    process = subprocess.Popen([sys.executable, "-m", "nation"], env=environment)  # noqa: ASYNC220 - it returns at once
    running = Running(process, f"http://127.0.0.1:{port}")
    try:
        await eventually(running.is_ready, within=30)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
        assert process.wait(10) in (0, -signal.SIGKILL)


def a_record(n: int, content: str = "aa", operation: Operation = Operation.NEW) -> NationalRecord:
    """A pupil without a document, born on one of 336 days in one of 90 counties."""
    fields = {"xm": "示例", "xbm": "1", "csrq": f"2020{n % 12 + 1:02d}{n % 28 + 1:02d}", "sfzjlxm": "Z"}
    fields |= {"grbsm": f"L3401{n % 90 + 10}202003150001", "xxbsm": "2134000001"}
    return NationalRecord(
        operation=operation, effective_on=date(2026, 9, 20), province="34", stage=Stage.PRIMARY, entry_year=2026,
        class_number="2026101", content_hash=content, family=(),
        fields=fields,
    )  # fmt: skip


async def say(
    bootstrap: str, key_file: Path, records: Sequence[tuple[UUID, int, NationalRecord | None]], garbage: bytes = b""
) -> None:
    wire, writer = WireKeys.read(key_file), HeaderWriter(NATIONAL_RECORD)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    for student, version, record in records:
        key = str(student).encode()
        body = (
            wire.seal(NATIONAL_RECORD.name, student, 1, version, record.model_dump_json().encode()) if record else None
        )
        headers = writer.write(key, uuid4(), "NationalRecord", 1, version, datetime.now(UTC), None, None, None)
        await producer.send(NATIONAL_RECORD.name, body, key=key, headers=headers, partition=crc32(key) % PARTITIONS)
    if garbage:
        await producer.send(NATIONAL_RECORD.name, garbage, key=b"<html>", partition=0)
    await producer.stop()


class Heard:
    """The receipts of a topic, read as they come."""

    def __init__(self, consumer: AIOKafkaConsumer, key_file: Path) -> None:
        self._consumer = consumer
        self._wire = WireKeys.read(key_file)
        self.by_student: dict[UUID, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.ids: Counter[str] = Counter()
        self.headers: list[Headers] = []

    async def read(self) -> None:
        for batch in (await self._consumer.getmany(timeout_ms=50)).values():
            for record in batch:
                headers = dict(record.headers)
                student = UUID(record.key.decode())
                body = json.loads(self._wire.open(RECEIPT.name, student, 0, 0, record.value))
                RECEIPT.by_name[headers["ce_type"].decode()].model_validate(body)
                self.by_student[student].append((headers["ce_type"].decode(), body))
                self.ids[headers["ce_id"].decode()] += 1
                self.headers.append(headers)

    async def until(self, enough: Callable[[], bool], within: float = 30) -> None:
        async def tried() -> bool:
            await self.read()
            return enough()

        await eventually(tried, within=within)


@asynccontextmanager
async def listening(bootstrap: str, key_file: Path) -> AsyncIterator[Heard]:
    consumer = AIOKafkaConsumer(RECEIPT.name, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield Heard(consumer, key_file)
    finally:
        await consumer.stop()


async def test_every_record_is_answered_once_in_the_words_of_the_contract(broker: str, key_file: Path) -> None:
    pupils = [uuid4() for _ in range(40)]
    async with a_nation(broker, key_file, rejects=0, problems=0) as nation, listening(broker, key_file) as heard:
        await say(broker, key_file, [(pupil, 1, a_record(n)) for n, pupil in enumerate(pupils)], garbage=b"<html>")
        await heard.until(lambda: sum(map(len, heard.by_student.values())) >= 80)
        state = await nation.ask("/state")
        assert {key: state[key] for key in ("records", "taken", "rejected", "numbers", "parked", "pupils")} == {
            "records": 40, "taken": 40, "rejected": 0, "numbers": 40, "parked": 1, "pupils": 40,
        }  # fmt: skip
        one = heard.by_student[pupils[0]]
        assert [kind for kind, _ in one] == ["RecordAccepted", "NumberIssued"]
        assert one[0][1]["echo"] == {"student_id": str(pupils[0]), "epoch": 1, "version": 1, "content_hash": "aa"}
        numbers = {said["number"] for receipts in heard.by_student.values() for kind, said in receipts[1:]}
        assert len(numbers) == 40
        assert all(headers["ce_source"] == b"/cn/nation" for headers in heard.headers)
        # A change is answered, and the number of a pupil is for life.
        await say(broker, key_file, [(pupils[0], 2, a_record(0, "bb", Operation.CHANGE))])
        await heard.until(lambda: len(heard.by_student[pupils[0]]) == 3)
        assert heard.by_student[pupils[0]][2][0] == "RecordAccepted"
        # The end of a pupil is taken in silence.
        await say(broker, key_file, [(pupils[1], 3, None)])
        ended = await eventually(lambda: nation.ask(f"/state?student={pupils[1]}"))
        await eventually(lambda: _is_void(nation, pupils[1]))
        assert len(ended["records"]) == 1


async def _is_void(nation: Running, pupil: UUID) -> bool:
    return bool((await nation.ask(f"/state?student={pupil}"))["newest"]["void"])


async def test_killed_at_any_time_it_repeats_at_most(broker: str, key_file: Path) -> None:
    pupils = [uuid4() for _ in range(3000)]
    told = {"rejects": 0.1, "problems": 0.1, "batch": 100, "delays": 0.2, "delay": "PT1S"}
    async with listening(broker, key_file) as heard:
        async with a_nation(broker, key_file, **told) as nation:
            await say(broker, key_file, [(pupil, 1, a_record(n)) for n, pupil in enumerate(pupils)])
            await heard.until(lambda: len(heard.by_student) > 200)
            nation.process.kill()
            nation.process.wait()
        async with a_nation(broker, key_file, **told) as nation:
            await heard.until(lambda: len(heard.by_student) == 3000)
            await eventually(lambda: _nothing_left(nation))
            state = await nation.ask("/state")
            expected = state["taken"] + state["rejected"] + state["problems"] + state["numbers"]
            await heard.until(lambda: len(heard.ids) == expected)
    assert (state["records"], state["taken"] + state["rejected"]) == (3000, 3000)
    finals = {
        pupil: {kind for kind, _ in receipts if kind in ("RecordAccepted", "RecordRejected")}
        for pupil, receipts in heard.by_student.items()
    }
    assert all(len(kinds) == 1 for kinds in finals.values())


async def _nothing_left(nation: Running) -> bool:
    return bool((await nation.ask("/state"))["later"] == 0)


async def test_told_to_misbehave_it_repeats_reorders_delays_and_stays_silent(broker: str, key_file: Path) -> None:
    pupils = [uuid4() for _ in range(300)]
    told = {"repeats": 0.5, "reorders": 0.5, "delays": 0.3, "delay": "PT0.5S", "silent": 0.2, "seed": 7}
    async with a_nation(broker, key_file, **told) as nation, listening(broker, key_file) as heard:
        await say(broker, key_file, [(pupil, 1, a_record(n)) for n, pupil in enumerate(pupils)])
        await eventually(lambda: _all_read(nation, 300))
        await eventually(lambda: _nothing_left(nation))
        state = await nation.ask("/state")
        await heard.until(lambda: sum(heard.ids.values()) == state["sent"])
        assert 30 < state["silent"] < 90
        assert len(heard.by_student) == 300 - state["silent"]
        received = Counter((pupil, kind) for pupil, receipts in heard.by_student.items() for kind, _ in receipts)
        assert max(received.values()) > 2
        firsts = {receipts[0][0] for receipts in heard.by_student.values()}
        assert "NumberIssued" in firsts  # before the acceptance that it belongs to


async def _all_read(nation: Running, records: int) -> bool:
    return bool((await nation.ask("/state"))["records"] == records)


async def test_it_keeps_up_with_five_thousand_a_second(broker: str, key_file: Path) -> None:
    """The rate is reported; what is gated is that a backlog is worked off in order and completely."""
    pupils = [uuid4() for _ in range(20_000)]
    await say(broker, key_file, [(pupil, 1, a_record(n)) for n, pupil in enumerate(pupils)])
    async with a_nation(broker, key_file) as nation:
        began = asyncio.get_running_loop().time()
        await eventually(lambda: _all_read(nation, 20_000), within=120, every=0.5)  # asking is work, too
        spent = psutil.Process(nation.process.pid).cpu_times()
        wall = asyncio.get_running_loop().time() - began
        print(
            f"\nnation: {20_000 / wall:,.0f} records/s, {(spent.user + spent.system) / 20_000 * 1e6:,.0f} µs CPU each"
        )
        assert (await nation.ask("/state"))["parked"] == 0
