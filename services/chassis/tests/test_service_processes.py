"""A small service as real processes, on a real broker and a real database."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil
import pytest

from chassis import topics
from local_stack.kafka import KafkaServer
from local_stack.ports import free_port
from services.chassis.tests.web import write_key_file
from tests.harness.eventually import eventually

CHILDREN = Path(__file__).parent / "children"


@dataclass
class Child:
    """One process."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    async def is_ready(self) -> bool:
        assert self.process.returncode is None, self.log.read_text()
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.url}/health/ready")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def stop(self) -> float:
        """Tell it to stop; the seconds it took, as on a machine that is not overcrowded. It ends with 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), 60)
        assert code == 0, self.log.read_text()[-3000:]
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        return (time.monotonic() - began) / crowd


@dataclass
class Nursery:
    """Starts children, and ends what is left of them."""

    folder: Path
    environment: dict[str, str]
    children: list[Child] = field(default_factory=list)

    async def start(self, *words: str, **more: str) -> Child:
        port, number = free_port(), len(self.children)
        log = self.folder / f"{number}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "small",
                *words,
                env={**self.environment, "SMALL_PORT": str(port), "SMALL_REPLICA": str(number), **more},
                stdout=out,
                stderr=out,
            )
        child = Child(process, port, log)
        self.children.append(child)
        return child

    async def run(self, *words: str, **more: str) -> tuple[int, str]:
        child = await self.start(*words, **more)
        return await asyncio.wait_for(child.process.wait(), 60), child.log.read_text()


@pytest.fixture
def environment(fresh_database: Callable[[str], str], tmp_path: Path) -> dict[str, str]:
    keys = str(write_key_file(tmp_path))
    path = os.pathsep.join([str(CHILDREN), os.environ.get("PYTHONPATH", "")])
    return os.environ | {
        "PYTHONPATH": path,
        "SMALL_DATABASE": fresh_database("small"),
        "SMALL_KAFKA": "127.0.0.1:9",
        "SMALL_KEYS": keys,
        "SMALL_TOKEN_PUBLIC_KEYS": keys,
        "SMALL_DATA": str(tmp_path / "data"),
        "SMALL_PARTITIONS_CAP": "2",
    }


@pytest.fixture
async def nursery(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Nursery]:
    found = Nursery(tmp_path, environment)
    yield found
    for child in found.children:
        if child.process.returncode is None:
            child.process.kill()
            await child.process.wait()


Ask = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def ask(environment: dict[str, str]) -> Ask:
    async def asking(statement: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(environment["SMALL_DATABASE"].replace("+asyncpg", ""))
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    return asking


async def test_a_whole_service_says_hears_and_stops_within_four_seconds(
    nursery: Nursery, ask: Ask, own_kafka: Callable[[], Awaitable[KafkaServer]]
) -> None:
    broker = await own_kafka()
    nursery.environment["SMALL_KAFKA"] = broker.bootstrap
    await topics.create(broker.bootstrap, cap=2)
    assert (await nursery.run("migrate"))[0] == 0
    child = await nursery.start("all")
    await eventually(child.is_ready, within=60)

    async with httpx2.AsyncClient(trust_env=False, base_url=child.url, timeout=20) as client:
        assert (await client.post("/v1/wishes")).status_code == 201
        await eventually(lambda: _sent(ask))
        metrics = await client.get("/metrics")
        assert metrics.headers["content-type"].startswith("application/openmetrics-text")
        assert metrics.text.endswith("# EOF\n")
        assert 'http_request_duration_seconds_count{method="POST",route="/v1/wishes",status="201"} 1.0' in metrics.text
        assert "outbox_depth" in metrics.text

        # What is under way when it is told to stop is finished; what comes then is not taken.
        slow = asyncio.create_task(client.get("/v1/slow"))
        await eventually(lambda: ask("SELECT 1 FROM wish WHERE number = 2"))
        took = await child.stop()
        assert (await slow).json() == "done"
    assert took < 4
    with pytest.raises(httpx2.ConnectError):
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.get(f"{child.url}/health/live")

    # Again at once: no rebalance of six seconds stands in its way, for it had left properly.
    again = await nursery.start("worker", SMALL_REPLICA="0")
    began = time.monotonic()
    await eventually(again.is_ready, within=60)
    assert time.monotonic() - began < 30
    assert await again.stop() < 4


async def _sent(ask: Ask) -> bool:
    return await ask("SELECT 1 FROM spoken WHERE sent_at IS NULL") == [] and await ask("SELECT 1 FROM outbox") != []


async def test_timers_run_in_one_worker_at_a_time_and_move_when_it_dies(nursery: Nursery, ask: Ask) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    workers = [await nursery.start("worker") for _ in range(2)]
    await eventually(lambda: _ticks(ask, 20), within=60)
    ran = {row["worker"] for row in await ask("SELECT DISTINCT worker FROM tick")}
    assert len(ran) == 1
    (leader,) = [child for child in workers if str(child.process.pid) in ran]
    (other,) = [child for child in workers if child is not leader]
    leader.process.kill()
    await leader.process.wait()
    await eventually(lambda: _ticked(ask, other), within=20)
    overlapping = await ask("SELECT 1 FROM tick a JOIN tick b ON b.n > a.n AND b.began < a.ended")
    assert overlapping == []
    assert await other.stop() < 4


async def _ticks(ask: Ask, least: int) -> bool:
    return int((await ask("SELECT count(*) AS n FROM tick"))[0]["n"]) >= least


async def _ticked(ask: Ask, child: Child) -> bool:
    return await ask("SELECT 1 FROM tick WHERE worker = $1", str(child.process.pid)) != []


async def test_a_worker_that_is_killed_is_begun_again_from_memory_and_stops_when_told(
    nursery: Nursery, ask: Ask
) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    child = await nursery.start("worker", SMALL_REVIVED="true")
    await eventually(lambda: _ticks(ask, 3), within=60)
    keeper = psutil.Process(child.process.pid)
    assert keeper.num_threads() == 1
    (first,) = keeper.children()
    assert {int(row["worker"]) for row in await ask("SELECT DISTINCT worker FROM tick")} == {first.pid}
    first.kill()
    await eventually(lambda: _ticked_by_another(ask, first.pid), within=20)
    assert await child.stop() < 4
    assert [line["event"] for line in child.lines() if line["event"].startswith("process.")] == [
        "process.started",
        "process.killed",
        "process.started",
        "process.stopped",
    ]


async def _ticked_by_another(ask: Ask, pid: int) -> bool:
    return await ask("SELECT 1 FROM tick WHERE worker <> $1", str(pid)) != []


async def test_a_lost_lock_stops_the_timers_and_they_begin_again(nursery: Nursery, ask: Ask) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    child = await nursery.start("worker")
    await eventually(lambda: _ticks(ask, 3), within=60)
    ended = await ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chassis timers'"
        " AND datname = current_database()"
    )
    assert len(ended) == 1
    before = int((await ask("SELECT max(n) AS n FROM tick"))[0]["n"])
    await eventually(lambda: _ticks(ask, before + 5), within=20)
    assert await child.stop() < 4
    # A server that was begun again is no fault of ours: nobody looks for a traceback.
    assert [line["event"] for line in child.lines() if line["event"].startswith("timers.")] == ["timers.away"]


async def test_without_a_schema_a_process_lives_and_is_not_ready(nursery: Nursery) -> None:
    child = await nursery.start("api")

    async def why() -> list[str]:
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{child.url}/health/ready")
                assert answer.status_code == 503
                found: list[str] = answer.json()["why"]
                return found
        except httpx2.ConnectError:
            return []

    assert await eventually(why, within=60) == ["The database has no schema: run python -m small migrate."]
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{child.url}/health/live")).status_code == 200
    assert (await nursery.run("migrate"))[0] == 0
    await eventually(child.is_ready)
    assert await child.stop() < 4


async def test_a_worker_without_a_broker_lives_is_not_ready_and_stops(nursery: Nursery) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    child = await nursery.start("all")

    async def answer() -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                found: dict[str, Any] = (await client.get(f"{child.url}/health/ready")).json()
                return found
        except httpx2.ConnectError:
            return {}

    found = await eventually(answer, within=60)
    assert found["status"] == "not-ready"
    assert found["why"][0].startswith("Nothing is consumed:")
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{child.url}/v1/wishes")).status_code == 201
    assert await child.stop() < 4


async def test_two_migrators_wait_for_one_another(nursery: Nursery, ask: Ask) -> None:
    (first, _), (second, _) = await asyncio.gather(nursery.run("migrate"), nursery.run("migrate"))
    assert (first, second) == (0, 0)
    assert [row["version_num"] for row in await ask("SELECT version_num FROM alembic_version")] == ["20261124_1700"]


async def test_a_migrator_that_is_killed_leaves_nothing_half_done(nursery: Nursery, ask: Ask) -> None:
    code, _ = await nursery.run("migrate", CRASH_AT="migrate.mid")
    assert code == -signal.SIGKILL
    assert await ask("SELECT 1 FROM pg_tables WHERE tablename IN ('outbox', 'wish')") == []
    assert (await nursery.run("migrate"))[0] == 0
    assert len(await ask("SELECT 1 FROM pg_tables WHERE tablename IN ('outbox', 'wish')")) >= 1


async def test_logs_never_print_what_an_exception_quotes(nursery: Nursery) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    child = await nursery.start("api")
    await eventually(child.is_ready, within=60)
    async with httpx2.AsyncClient(trust_env=False, base_url=child.url) as client:
        answer = await client.get("/v1/fails?name=欧阳金丝雀")
        await client.get("/v1/nowhere/999999201509011238")
    assert await child.stop() < 4
    text = child.log.read_text()
    for canary in ("欧阳", "金丝雀", "999999201509011238", "13900001111", "%E6%AC%A7"):
        assert canary not in text
    (failed,) = [line for line in child.lines() if line["event"] == "http.failed"]
    assert failed["request"] == answer.json()["instance"]
    assert failed["exception"][0]["type"] == "builtins.ValueError"
    assert any(place.endswith(" fails") for place in failed["exception"][0]["at"])
    requests = [line for line in child.lines() if line["event"] == "http.request"]
    assert [(line["route"], line["status"]) for line in requests] == [("/v1/fails", 500), ("unknown", 404)]


@pytest.mark.parametrize(
    ("words", "more", "code", "said"),
    [
        (["api"], {"SMALL_DATABASE": ""}, 2, "SMALL_DATABASE cannot be used"),
        (["api"], {"SMALL_PORT": "many"}, 2, "SMALL_PORT cannot be used"),
        (["worker"], {"SMALL_KEYS": "/nowhere/keys.json"}, 2, "SMALL_KEYS cannot be used"),
        (["dance"], {}, 2, "No such command"),
        (["--help"], {}, 0, "Run photo, or look after it"),
        (["respeak", "photo.photo.v9"], {}, 2, "is no topic"),
        (["respeak", "registry.class.v1"], {}, 2, "is said by registry"),
        (["openapi"], {}, 0, '"/v1/wishes"'),
        (["asyncapi"], {}, 0, "receive.registry.account.v1"),
    ],
)
async def test_commands_say_what_is_wrong(
    nursery: Nursery, words: list[str], more: dict[str, str], code: int, said: str
) -> None:
    found, text = await nursery.run(*words, **more)
    assert (found, said in text) == (code, True), text
    assert "Traceback" not in text


async def test_a_port_that_is_taken_ends_the_process_with_a_word(nursery: Nursery) -> None:
    first = await nursery.start("api")

    async def lives() -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{first.url}/health/live")).status_code == 200
        except httpx2.ConnectError:
            return False

    await eventually(lives, within=60)
    code, text = await nursery.run("api", SMALL_PORT=str(first.port))
    assert code == 1
    assert "process.failed" in text


async def test_an_operator_looks_after_the_service(nursery: Nursery, ask: Ask) -> None:
    assert (await nursery.run("migrate"))[0] == 0
    assert await nursery.run("parked", "list") == (0, "0 records\n")
    assert await nursery.run("audit", "verify") == (0, "the audit is as it was written: 0 entries\n")
    code, text = await nursery.run("parked", "show", "01930000-0000-7000-8000-000000000001")
    assert (code, text.startswith("没有找到")) == (1, True)
    assert (await nursery.run("respeak", "photo.photo.v1"))[0] == 0
    assert "epoch 2" in (await nursery.run("restored"))[1]
    await ask("DELETE FROM audit WHERE true")
    code, text = await nursery.run("audit", "verify")
    assert code == 1
