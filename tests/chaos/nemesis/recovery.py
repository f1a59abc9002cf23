"""How long until something is back: asked from outside, as somebody who needs it would."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from contracts.topics import TOPICS
from local_stack.layout import read_json
from local_stack.ports import LOOPBACK
from tests.chaos.check.quiescence import unread
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

GIVEN_UP_AFTER: Final = 90.0
"""Seconds after which it counts as not recovered."""
EVERY: Final = 0.1
DEARLY: Final = 0.4
SELDOM: Final = 1.0
"""Seconds between two questions; of those that cost who is asked some milliseconds; of those that ask the broker."""
_SAMPLE: Final = re.compile(rb"^(consumed_events_total|relay_leads)(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


async def get(port: int, path: str, within: float = 2.0) -> tuple[int, bytes]:
    """Status and body of a GET, by hand: a client library would cost more than what is measured. Raises OSError."""
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read(-1)
        finally:
            writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split()
    if len(words) < 2:
        raise ConnectionError("it hung up")
    return int(words[1]), body


class Probes:
    """Asks the programs of one stack whether they are back."""

    def __init__(self, stack: WholeStack) -> None:
        self._stack = stack
        self._about = stack.about()
        self._ports: Mapping[str, Any] = read_json(stack.folder / "ports.json")

    def port(self, name: str) -> int:
        """Where a program answers HTTP."""
        if name == "portal":
            return self._stack.portal_port
        service, _, role = name.partition("-")
        return int(self._ports[service if role in ("", "api") else name])

    async def back(self, name: str) -> tuple[str, float | None]:
        """(what is back, seconds from now); None where it did not come back in time."""
        if name == "postgres":
            return "PostgreSQL", await _until(self._database_answers, EVERY, GIVEN_UP_AFTER)
        if name == "kafka":
            return "broker", await _until(self._broker_answers, EVERY, GIVEN_UP_AFTER)
        port = self.port(name)
        if name.endswith("-relay"):

            async def leads() -> bool:
                return await _sum(port, b"relay_leads") > 0

            return "relay", await _until(leads, DEARLY, GIVEN_UP_AFTER)
        if name == "nation" or name.endswith("-worker"):
            what = "nation" if name == "nation" else "worker"
            return what, await _until(lambda: _is_ready(port), EVERY, GIVEN_UP_AFTER)
        return "HTTP", await _until(lambda: _answers(port), EVERY, GIVEN_UP_AFTER)

    async def consumed(self, name: str) -> float:
        """Events that a worker has handled since it began; 0 where it does not answer."""
        try:
            return await _sum(self.port(name), b"consumed_events_total")
        except (OSError, TimeoutError):
            return 0.0

    async def heard(self, name: str, beyond: float = 0.0) -> float | None:
        """Seconds from now until a worker has handled its next event, or is ready with nothing left to be handled.

        None where neither came to be.
        """
        port = self.port(name)
        service = name.partition("-")[0]
        topics = [topic for topic in TOPICS if service in topic.readers]
        looked = time.monotonic()

        async def is_heard() -> bool:
            nonlocal looked
            if await _sum(port, b"consumed_events_total") > beyond:
                return True
            if time.monotonic() - looked < SELDOM or not await _is_ready(port):
                return False
            looked = time.monotonic()
            return not await unread(self._about["kafka"], topics, service)

        return await _until(is_heard, DEARLY, GIVEN_UP_AFTER)

    async def are_ready(self) -> bool:
        """Whether every program says that it is ready, and both servers answer."""
        for name in self._stack.programs:
            if name not in ("postgres", "kafka"):
                try:
                    if not await _is_ready(self.port(name)):
                        return False
                except (OSError, TimeoutError):
                    return False
        try:
            return await self._database_answers() and await self._broker_answers()
        except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError):
            return False

    async def _database_answers(self) -> bool:
        connection = await asyncpg.connect(self._about["postgres"]["review"], timeout=2)
        try:
            return bool(await connection.fetchval("SELECT count(*) FROM epoch", timeout=2))
        finally:
            connection.terminate()

    async def _broker_answers(self) -> bool:
        host, _, port = self._about["kafka"].partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        client = AIOKafkaClient(bootstrap_servers=self._about["kafka"], request_timeout_ms=2000)
        try:
            await client.bootstrap()
            return bool(client.cluster.brokers())
        finally:
            await client.close()


async def _until(asked: Callable[[], Awaitable[bool]], every: float, longest: float) -> float | None:
    began = time.monotonic()

    async def answers() -> bool:
        try:
            return await asked()
        except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    try:
        await eventually(answers, within=longest, every=every)
    except AssertionError:
        return None
    return time.monotonic() - began


async def _is_ready(port: int) -> bool:
    return (await get(port, "/health/ready"))[0] == 200


async def _answers(port: int) -> bool:
    """Whether requests are answered: its database is asked, a broker that is away is no concern of theirs."""
    status, body = await get(port, "/health/ready")
    if status == 503 and (why := json.loads(body or b"{}").get("why")):
        return all(each.startswith(("Nothing is consumed", "The relay cannot send")) for each in why)
    return status == 200


async def _sum(port: int, name: bytes) -> float:
    """A metric of a process over all its labels."""
    _, body = await get(port, "/metrics")
    return sum(float(value) for found, value in _SAMPLE.findall(body) if found == name)
