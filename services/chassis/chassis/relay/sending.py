"""The producer: record batches per topic and partition, idempotent, fenced, every wait bounded."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer

import chassis.broken_connections  # noqa: F401 - before a client is made
from chassis import crash
from chassis.envelope import HeaderWriter, partition_of
from chassis.topics import WrongTopics, partitions_of
from contracts.topics import Topic

_log = logging.getLogger(__name__)

SEND_WITHIN = 30.0
"""Seconds after which the fate of a round is unknown. An idempotent batch would otherwise be tried for ever."""
STOP_WITHIN = 2.0
"""Seconds for a producer to stop; a broken one may never do."""
BATCH_BYTES = 700_000
"""A record batch is closed above this; with its largest record it stays below Kafka's limit of 1 MiB."""


class Sending:
    """One producer and what it knows of the topics. Broken, it is replaced, never mended."""

    def __init__(self, bootstrap: str, service: str, topics: Mapping[str, Topic], cap: int | None) -> None:
        # Transactions are there for fencing alone: the producer of a former leader is refused. Nobody reads by them.
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=f"{service}.relay",
            transactional_id=f"{service}.relay",
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=10_000,
            transaction_timeout_ms=60_000,
        )
        self._topics = topics
        self._cap = cap
        self._writers = {name: HeaderWriter(topic) for name, topic in topics.items()}
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        """Connect, and fence off every earlier producer of this service."""
        async with asyncio.timeout(SEND_WITHIN):
            await self._producer.start()

    async def stop(self) -> None:
        """Let go within two seconds, whatever state it is in."""
        with suppress(Exception):
            async with asyncio.timeout(STOP_WITHIN):
                await self._producer.stop()

    async def send(self, rows: Sequence[Any]) -> None:
        """Return when every row is acknowledged, in order per partition.

        Any exception leaves the fate of the rows unknown and this producer useless. Raises ProducerFenced when another
        relay leads now, TimeoutError after half a minute, WrongTopics when a topic has other partitions than declared.
        """
        async with asyncio.timeout(SEND_WITHIN):
            for name in {row["topic"] for row in rows} - self._partitions.keys():
                await self._learn(name)
            batches = self._batches(rows)
            await self._producer.begin_transaction()
            sent = await asyncio.gather(*(self._send_in_turn(*place, each) for place, each in batches.items()))
            acknowledged = [future for futures in sent for future in futures]
            await asyncio.wait(acknowledged, return_when=asyncio.FIRST_COMPLETED)
            crash.point("relay.after_send_before_ack")
            await asyncio.gather(*acknowledged)
            await self._producer.commit_transaction()

    async def _send_in_turn(self, name: str, partition: int, batches: Sequence[Any]) -> list[Any]:
        return [await self._producer.send_batch(batch, name, partition=partition) for batch in batches]

    def _batches(self, rows: Sequence[Any]) -> Mapping[tuple[str, int], list[Any]]:
        """The rows as closed batches of each topic and partition, split by bytes, their order kept."""
        found: dict[tuple[str, int], list[Any]] = {}
        for row in rows:
            (_, name, subject, epoch, version, event_id, kind, body, time, actor, cause, parent) = row
            key = str(subject).encode()
            headers = self._writers[name].write(key, event_id, kind, epoch, version, time, actor, cause, parent)
            place = (name, partition_of(key, self._partitions[name]))
            batches = found.get(place)
            if batches is None:
                batches = found[place] = [self._producer.create_batch()]
            if batches[-1].append(timestamp=None, key=key, value=body, headers=headers) is None:
                batches.append(self._producer.create_batch())
                batches[-1].append(timestamp=None, key=key, value=body, headers=headers)
        for batches in found.values():
            batches[-1].close()
        return found

    async def _learn(self, name: str) -> None:
        partitions = len(await self._producer.partitions_for(name))
        declared = partitions_of(self._topics[name], self._cap)
        if partitions != declared:
            raise WrongTopics(f"{name} has {partitions} partitions and not {declared}; nothing is sent to it.")
        self._partitions[name] = partitions
