"""What consuming measures."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from aiokafka.errors import IllegalStateError, KafkaError
from prometheus_client import Counter, Gauge, Histogram

from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

EVENTS = Counter("consumed_events", "Records that came to their end, by what became of them.", ["topic", "outcome"])
BATCH_SIZE = Histogram(
    "consumed_batch_size", "Records of a batch.", ["topic"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
BATCH_SECONDS = Histogram(
    "consumed_batch_seconds",
    "Seconds from a batch's coming to its committed offsets.",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LAG = Gauge(
    "consumed_lag",
    "Records that have not been consumed, whether batches come to an end or not.",
    ["topic", "partition"],
)
LATER = Counter("consumed_again", "Batches that are to be tried again, by why.", ["topic", "error"])
STOPPED = Gauge(
    "consumed_stopped_partitions", "Partitions that stand still because too much of them is parked.", ["topic"]
)
PARKED = Gauge("parked_records", "Records that are parked, or stay behind one that is.", ["topic"])
PARKED_AGE = Gauge("parked_oldest_seconds", "Age of the oldest record that is parked.", ["topic"])

_ENDS_WITHIN = 2.0
"""Seconds for the broker to say where partitions end that stand still."""


class Lag:
    """How far a consumer is behind the ends of a topic's partitions."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic.name
        # Behind the last record stands the mark that ends the relay's transaction; a stranger may write without.
        self._mark = 0 if topic.kind is Kind.FOREIGN else 1
        self._told: set[int] = set()

    async def measure(
        self, consumer: "AIOKafkaConsumer", in_work: "Mapping[TopicPartition, int]", stopped: Collection[int]
    ) -> None:
        """Tell it of every partition that is the consumer's now.

        `in_work` are first offsets of what is being handled, `stopped` the partitions that stand still.
        """
        mine = set(consumer.assignment())
        for partition in self._told - {place.partition for place in mine}:  # another's now
            LAG.remove(self._topic, str(partition))
            self._told.discard(partition)
        with suppress(IllegalStateError, AssertionError, KafkaError, TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN):
                # What stands still is not fetched, and the consumer does not hear that it grows.
                still = [place for place in mine if place.partition in stopped]
                ends = await consumer.end_offsets(still) if still else {}
                for place in mine:
                    if place in ends or consumer.highwater(place) is not None:
                        reached = in_work.get(place, await consumer.position(place))
                        self.tell(consumer, {place: reached}, ends)

    def tell(
        self,
        consumer: "AIOKafkaConsumer",
        reached: "Mapping[TopicPartition, int]",
        ends: "Mapping[TopicPartition, int] | None" = None,
    ) -> None:
        """Tell it of these offsets, as far as the ends are known."""
        for place, offset in reached.items():
            with suppress(IllegalStateError, AssertionError):  # the partition is another's now, or its topic is gone
                end = (ends or {}).get(place) or consumer.highwater(place)
                if end is not None:
                    LAG.labels(self._topic, str(place.partition)).set(max(0, end - offset - self._mark))
                    self._told.add(place.partition)
