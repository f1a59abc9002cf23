"""Two services of the tests' own on real servers: a maker that speaks, a taker that hears, and processes to kill."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import text

from chassis import topics as chassis_topics
from chassis.transaction import Database
from contracts.topics import Topic
from services.chassis.tests.child import open_database
from services.chassis.tests.conftest import Asked, Topics
from tests.harness.eventually import eventually

ROOT = Path(__file__).parents[3]


@dataclass
class Rig:
    """One test's services."""

    suffix: str
    topics: Topics
    keys: Path
    kafka: str
    maker_dsn: str
    taker_dsn: str
    maker: Database = field(init=False)
    taker: Database = field(init=False)
    children: list[asyncio.subprocess.Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.maker = open_database(self.told(self.maker_dsn), self.topics)
        self.taker = open_database(self.told(self.taker_dsn), self.topics)

    def told(self, dsn: str, **more: Any) -> dict[str, Any]:
        return {"dsn": dsn, "kafka": self.kafka, "keys": str(self.keys), "suffix": self.suffix, **more}

    async def begin(self) -> None:
        """Make the topics."""
        await chassis_topics.create(self.kafka, topics=self.topics.all)

    async def child(self, role: str, crash_at: str = "", **more: Any) -> asyncio.subprocess.Process:
        """A process that relays, consumes or speaks, and kills itself at a point."""
        dsn = self.taker_dsn if role == "consume" else self.maker_dsn
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.chassis.tests.child",
            cwd=ROOT,
            env={**os.environ, "CHILD": json.dumps(self.told(dsn, role=role, **more)), "CRASH_AT": crash_at},
            stdout=asyncio.subprocess.DEVNULL,
        )
        self.children.append(process)
        return process

    async def say(self, subjects: Sequence[UUID], times: int = 1) -> None:
        """So many facts of each subject, numbered 1.. in the order of their saying."""
        for _ in range(times):
            async with self.maker.transaction() as tx:
                for subject in subjects:
                    tx.say(subject, Asked(number=0))

    async def touch(self, topic: Topic, numbers: dict[UUID, int]) -> None:
        """The things have these numbers now, and the topic says so."""
        async with self.maker.transaction() as tx:
            await tx.execute(
                text(
                    "INSERT INTO thing (id, number) SELECT * FROM unnest(cast(:i AS uuid[]), cast(:n AS integer[]))"
                    " ON CONFLICT (id) DO UPDATE SET number = excluded.number"
                ),
                {"i": list(numbers), "n": list(numbers.values())},
            )
            tx.touch(topic, numbers)

    async def unsent(self) -> int:
        async with self.maker.snapshot() as tx:
            return int(await tx.scalar(text("SELECT count(*) FROM spoken WHERE sent_at IS NULL")))

    async def effects(self) -> dict[UUID, list[int]]:
        """The versions that had an effect, of each subject, in order."""
        async with self.taker.snapshot() as tx:
            found: dict[UUID, list[int]] = {}
            for row in await tx.rows(text("SELECT subject, version FROM effect ORDER BY n")):
                found.setdefault(row.subject, []).append(row.version)
            return found

    def effects_are(self, expected: dict[UUID, list[int]]) -> Callable[[], Awaitable[bool]]:
        """A condition for `eventually`."""

        async def asked() -> bool:
            return await self.effects() == expected

        return asked

    async def records(self, topic: Topic) -> list[Any]:
        """Everything in the topic, partition by partition, in order."""
        return await read_topic(self.kafka, topic.name)

    async def committed(self, topic: Topic) -> dict[int, int]:
        """The offsets that the taker's group has committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(f"taker.{topic.name}")
            return {place.partition: each.offset for place, each in found.items() if place.topic == topic.name}
        finally:
            await admin.close()

    async def offsets_never_run_ahead(self, topic: Topic) -> bool:
        """Whether every committed offset is at most one behind the highest that the database knows of."""
        async with self.taker.snapshot() as tx:
            rows = await tx.rows(
                text("SELECT partition, highest FROM inbox_offset WHERE topic = :t"), {"t": topic.name}
            )
        highest = {row.partition: row.highest for row in rows}
        return all(offset <= highest.get(place, -1) + 1 for place, offset in (await self.committed(topic)).items())

    async def end(self) -> None:
        for process in self.children:
            if process.returncode is None:
                process.kill()
                await process.wait()
        await self.maker.close()
        await self.taker.close()


async def read_topic(kafka: str, name: str) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(name, n) for n in sorted(consumer.partitions_for_topic(name) or ())]
        if not places:
            await consumer._client.force_metadata_update()
            consumer.subscribe([name])
            await consumer._client.set_topics([name])
            places = [TopicPartition(name, n) for n in sorted(consumer.partitions_for_topic(name) or ())]
            consumer.unsubscribe()
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def died(process: asyncio.subprocess.Process, within: float = 120) -> None:
    """Wait for a child to kill itself at its point; an assertion when it ends in another way."""
    async with asyncio.timeout(within):
        code = await process.wait()
    assert code == -signal.SIGKILL, f"the child ended with {code}"


async def retried(act: Callable[[], Awaitable[bool]]) -> None:
    """Do it again until it does not fail."""

    async def tried() -> bool:
        try:
            return await act()
        except Exception as error:
            raise AssertionError(type(error).__name__) from error

    await eventually(tried, within=60, every=0.3)


def new_subjects(number: int) -> list[UUID]:
    return [uuid4() for _ in range(number)]


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Parts of a process (`run`), in this one, until the block ends."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
