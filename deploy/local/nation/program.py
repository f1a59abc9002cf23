"""The loop: read records, remember the judgements, send the answers, only then move the offsets.

Killed anywhere it repeats at most: a record that is read again is answered again as it was judged.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from zlib import crc32

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from contracts.topics import NATIONAL_RECORD, RECEIPT
from nation.answering import Desk
from nation.settings import NationSettings
from nation.store import Answer, Store
from nation.wire import Keys

log = structlog.get_logger("nation")
SOURCE: Final = b"/cn/nation"
PATIENCE: Final = 30.0
"""Seconds for the broker to take answers; after that their fate is unknown, and they are sent again."""
MOST_DUE: Final = 2000


class Nation:
    """One nation: its store, its desk, its connections."""

    def __init__(self, settings: NationSettings) -> None:
        self.settings = settings
        self.store = Store(settings.data)
        self._desk = Desk(
            settings, self.store, Keys(settings.keys, NATIONAL_RECORD.name), Keys(settings.keys, RECEIPT.name)
        )
        self._turn = asyncio.Lock()
        self.is_ready = False
        self.sent = 0

    async def run(self) -> None:
        """Work until cancelled; an outage of the broker is waited for."""
        while True:
            try:
                await self._session()
            except* (KafkaError, TimeoutError, OSError) as failed:
                log.warning("nation.away", errors=[type(error).__name__ for error in failed.exceptions])
            self.is_ready = False
            await asyncio.sleep(0.5)

    async def counts(self) -> dict[str, Any]:
        """What there is, in numbers."""
        async with self._turn:
            found = await asyncio.to_thread(self.store.counts)
        return {**found, "sent": self.sent}

    async def of(self, student: str) -> dict[str, Any]:
        """What is known of one pupil."""
        async with self._turn:
            return await asyncio.to_thread(self.store.of, student)

    async def _session(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka,
            group_id="nation",
            group_instance_id="nation-0",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6000,
            heartbeat_interval_ms=1000,
            fetch_max_wait_ms=250,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka, enable_idempotence=True, acks="all", linger_ms=0
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await producer.start()
                await consumer.start()
            consumer.subscribe([NATIONAL_RECORD.name])
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answer(consumer, producer))
                group.create_task(self._answer_late(producer))
        finally:
            for each in (consumer, producer):
                with suppress(Exception):
                    await asyncio.wait_for(each.stop(), 2)

    async def _answer(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=200, max_records=self.settings.batch)
            self.is_ready = self.is_ready or bool(consumer.assignment())
            records = [record for batch in batches.values() for record in batch]
            if not records:
                continue
            async with self._turn:
                answers = await asyncio.to_thread(self._desk.work, records)
            await self._send(producer, answers)
            offsets = {partition: batch[-1].offset + 1 for partition, batch in batches.items() if batch}
            await consumer.commit(offsets)

    async def _answer_late(self, producer: AIOKafkaProducer) -> None:
        while True:
            async with self._turn:
                due = await asyncio.to_thread(self.store.due, time.time(), MOST_DUE)
            if not due:
                await asyncio.sleep(0.1)
                continue
            await self._send(producer, due)
            async with self._turn:
                await asyncio.to_thread(self.store.sent, due)

    async def _send(self, producer: AIOKafkaProducer, answers: Sequence[Answer]) -> None:
        """Returns when the broker has them all. Record batches, one or more a partition, in the order given."""
        partitions = await producer.partitions_for(RECEIPT.name)
        by_partition: dict[int, list[Answer]] = defaultdict(list)
        for answer in answers:
            by_partition[crc32(answer.student.encode()) % len(partitions)].append(answer)
        waiting = []
        for partition, mine in by_partition.items():
            batch = producer.create_batch()
            for answer in mine:
                key, headers = answer.student.encode(), _headers(answer)
                record: dict[str, Any] = {"key": key, "value": answer.body, "timestamp": None, "headers": headers}
                if batch.append(**record) is None:
                    waiting.append(await producer.send_batch(batch, RECEIPT.name, partition=partition))
                    batch = producer.create_batch()
                    batch.append(**record)
            waiting.append(await producer.send_batch(batch, RECEIPT.name, partition=partition))
        await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE)
        self.sent += len(answers)


def _headers(answer: Answer) -> list[tuple[str, bytes]]:
    return [
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/jose"),
        ("ce_id", answer.id.encode()),
        ("ce_type", answer.type.encode()),
        ("ce_source", SOURCE),
        ("ce_subject", answer.student.encode()),
        ("ce_time", answer.time.encode()),
    ]
