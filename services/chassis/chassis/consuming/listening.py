"""Consumers on the broker. Nowhere else is a subscriber made: FastStream's defaults lose messages.

Offsets are committed explicitly, and only after the database has committed. A batch that must be tried again is read
again from its first offset.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy import text

import chassis.broken_connections  # noqa: F401 - before a client is made
from chassis import crash
from chassis.consuming import measuring
from chassis.consuming.applying import counted
from chassis.consuming.declaring import Subscribers
from chassis.consuming.records import Record
from chassis.consuming.settling import Settling, TooManyParked
from chassis.topic_ids import ids_of
from chassis.topics import WrongTopics, verify
from contracts.topics import FEW, Topic

if TYPE_CHECKING:
    from uuid import UUID

    from aiokafka import AIOKafkaConsumer, ConsumerRecord

    from chassis.settings import ServiceSettings
    from chassis.transaction import Database

_log = logging.getLogger(__name__)
_quiet = logging.getLogger("chassis.broker")
_quiet.setLevel(logging.ERROR)  # it warns at every start that it creates no topics, as it was told

FETCH_WAIT_MS = 500
"""How long an idle fetch waits in the broker; data ends it at once. A partition whose last records are still being
handed over is not part of it, and waits so long at most."""
QUIET_FETCH_WAIT_MS = 1000
"""The same of a topic that is hardly ever written."""
POLL_MS = 60
"""After an empty poll FastStream sleeps as long again."""
QUIET_POLL_MS = 300
"""The same of a topic that is hardly ever written: a changed role or calendar may be heard a little later."""
SESSION_MS = 6000
HEARTBEAT_MS = 1500
REQUEST_MS = 12_000
"""Milliseconds for an answer of the broker; then the connection is made anew. A broker that is gone without a word is
found out by nothing else."""
TOPICS_MS = 15_000
"""Milliseconds after which a consumer looks again at what topics there are: one that was deleted and made anew is heard
again then. aiokafka's five minutes are too long."""
STOP_WITHIN = 2.5
"""Seconds for the batches in work to end when the process is to stop."""
SMALL_PART = 4
"""A batch of less than this part of the largest is small: a backlog is worked off without a rest."""
ABSENCE_MS = 500
"""Milliseconds between two tries of a consumer to reach a broker that went away. With aiokafka's 100 each of a worker's
seven consumers asks thirty times a second: two thirds of a core for all workers, just when the broker starts."""
LONGEST_ABSENCE = 1.0
"""Seconds between two tries to reach a broker that is away, at most."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries of the same batch, at most."""
TROUBLE = 15.0
"""Seconds for which a batch must fail before the process says that it is not ready: three of the longest pauses."""
_LOOK_EVERY = 10.0
"""Seconds between two looks at the lag, at what is parked, and at whether a topic was made anew."""
_PARKED = text(
    "SELECT topic, count(*) AS records, extract(epoch FROM now() - min(parked_at)) AS age FROM parked"
    " WHERE state IN ('parked', 'behind') GROUP BY topic"
)


class Listener:
    """Takes the batches of one topic."""

    def __init__(self, database: "Database", subscribers: Subscribers, topic: Topic, stopping: asyncio.Event) -> None:
        self.topic = topic
        self.settling = Settling(database, subscribers, topic)
        self.trouble: str | None = None
        """Why the last batch that failed is to be tried again."""
        self._failing: dict[TopicPartition, float] = {}
        """Since when the batches of these partitions fail."""
        self._in_work: dict[TopicPartition, int] = {}
        """First offsets of the batch that is being handled: the consumer itself is already past it."""
        self._lag = measuring.Lag(topic)
        self.stopped: set[int] = set()
        """Partitions that stand still because too much of them is parked."""
        self._stopping = stopping
        self._small = database.settings.batch // SMALL_PART
        self._spacing = database.settings.spacing
        self._tries = 0
        self._begun = 0
        self.subscriber: Any = None

    async def take(self, come: Sequence["ConsumerRecord[bytes, bytes]"]) -> None:
        """Bring a batch to its end, or see to it that it comes again. Never raises: FastStream would skip the batch."""
        started, consumer, begun = time.monotonic(), self.subscriber.consumer, self._begun
        records = [
            Record.of(self.topic, each.partition, each.offset, each.key, each.value, each.headers) for each in come
        ]
        places = _offsets(self.topic, come)
        self._in_work = {place: first for place, (first, _) in places.items()}
        try:
            await self.settling.settle(records)
        except TooManyParked as stopped:
            self._stand_still(consumer, stopped.partitions)
            self._come_again(consumer, begun)
            return
        except Exception as error:  # noqa: BLE001 - an exception that left here would skip the batch
            # Only what may work later comes here; what is already done of the batch will be seen.
            self.trouble = type(error).__name__
            measuring.LATER.labels(self.topic.name, self.trouble).inc()
            for place in places:
                self._failing.setdefault(place, started)
            self._come_again(consumer, begun)
            await self._pause()
            return
        self._tries, self._in_work = 0, {}
        for place in places:
            self._failing.pop(place, None)
        crash.point("consume.after_tx_before_offset")
        if begun == self._begun:
            await self._commit(consumer, {place: last + 1 for place, (_, last) in places.items()})
        crash.point("consume.after_offset")
        self._measure(records, time.monotonic() - started)
        self._lag.tell(consumer, {place: last + 1 for place, (_, last) in places.items()})
        if len(records) < self._small:
            await self._rest(started + self._spacing - time.monotonic())

    async def begin_anew(self) -> None:
        """Read the topic from its beginning: it was made anew, and an offset of the old one says nothing about it."""
        consumer = self.subscriber.consumer
        self._begun += 1
        self._failing.clear()
        places = dict.fromkeys(consumer.assignment(), 0)
        for place in places:
            consumer.seek(place, 0)
        _log.warning("%s was made anew: partitions %s begin anew", self.topic.name, [each.partition for each in places])
        await self._commit(consumer, places)

    async def _commit(self, consumer: "AIOKafkaConsumer", offsets: Mapping[TopicPartition, int]) -> None:
        if not offsets:
            return
        try:
            await consumer.commit(dict(offsets))
        except KafkaError as error:
            # The partitions are another's now, or the broker is away: what comes again will be seen.
            _log.warning("%s: offsets are not committed: %s", self.topic.name, type(error).__name__)

    def _come_again(self, consumer: "AIOKafkaConsumer", begun: int) -> None:
        """Read the batch in work again from its first offsets."""
        firsts, self._in_work = self._in_work, {}
        self._lag.tell(consumer, firsts)
        if begun != self._begun:
            return
        for place, first in firsts.items():
            with suppress(IllegalStateError):  # the partition is another's now
                consumer.seek(place, first)

    def _stand_still(self, consumer: "AIOKafkaConsumer", partitions: Sequence[int]) -> None:
        _log.error("%s: too much is parked, partitions %s stand still", self.topic.name, partitions)
        self.stopped.update(partitions)
        measuring.STOPPED.labels(self.topic.name).set(len(self.stopped))
        for partition in partitions:
            with suppress(IllegalStateError):
                consumer.pause(TopicPartition(self.topic.name, partition))

    async def _pause(self) -> None:
        """Longer with each try, and of uneven length, so that many do not come back at once."""
        self._tries += 1
        longest = min(LONGEST_PAUSE, 0.05 * 2**self._tries)
        await self._rest(longest * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _rest(self, seconds: float) -> None:
        """Until then, or until the process is to stop."""
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    def lasting_trouble(self) -> str | None:
        """Why batches have been failing for a while, of partitions that are this process's."""
        mine = self.subscriber.consumer.assignment() if self._failing else ()
        since = min((since for place, since in self._failing.items() if place in mine), default=None)
        return self.trouble if since is not None and time.monotonic() - since >= TROUBLE else None

    async def measure_lag(self) -> None:
        """Tell the lag of every partition, whether its batches come to an end or not."""
        await self._lag.measure(self.subscriber.consumer, self._in_work, self.stopped)

    def _measure(self, records: Sequence[Record], seconds: float) -> None:
        name = self.topic.name
        measuring.BATCH_SIZE.labels(name).observe(len(records))
        measuring.BATCH_SECONDS.labels(name).observe(seconds)
        for outcome, count in counted(records).items():
            measuring.EVENTS.labels(name, outcome.value).inc(count)


class Listeners:
    """Everything that a service hears, on the broker."""

    def __init__(self, database: "Database", subscribers: Subscribers) -> None:
        self._database = database
        self._subscribers = subscribers
        self._trouble: str | None = "it has not connected yet"
        self._stopping = asyncio.Event()
        self.listeners: list[Listener] = []

    def why_not_ready(self) -> str | None:
        """A sentence while it does not consume, or while partitions stand still."""
        if self._trouble:
            return f"Nothing is consumed: {self._trouble}."
        still = [f"{each.topic.name} {sorted(each.stopped)}" for each in self.listeners if each.stopped]
        if still:
            return f"Too much is parked, partitions stand still: {', '.join(still)}."
        failing = [f"{each.topic.name} ({why})" for each in self.listeners if (why := each.lasting_trouble())]
        if failing:
            return f"Batches fail again and again: {', '.join(failing)}."
        return None

    async def run(self) -> None:
        """Consume until cancelled; a broker that is away, at the start or later, is waited for."""
        pause = 0.25
        while True:
            broker = self.declare()
            try:
                settings = self._database.settings
                await verify(settings.kafka, settings.partitions_cap, topics=self._subscribers.topics)
                async with _asking(settings) as client:
                    known = dict(await ids_of(client, [topic.name for topic in self._subscribers.topics]))
                    await self._start(broker)
                    self._trouble = None
                    while True:
                        await self._measure_parked()
                        for listener in self.listeners:
                            await listener.measure_lag()
                        await asyncio.sleep(_LOOK_EVERY)
                        await self._look_for_new_topics(client, known)
            except WrongTopics as error:
                self._trouble = str(error)
            except (KafkaError, OSError) as error:
                self._trouble = f"the broker is away ({type(error).__name__})"
            finally:
                self._stopping.set()
                with suppress(Exception):
                    async with asyncio.timeout(STOP_WITHIN + 0.5):
                        await broker.stop()
                self._stopping.clear()
            await asyncio.sleep(pause)
            pause = min(LONGEST_ABSENCE, pause * 2)

    async def _start(self, broker: KafkaBroker) -> None:
        """All consumers at once: each waits half a second for its group, and FastStream starts one after the other."""
        await broker.connect()
        starting = [each.subscriber.start() for each in self.listeners]
        for ended in await asyncio.gather(*starting, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    def declare(self) -> KafkaBroker:
        """A broker, not started, with one subscriber per topic."""
        settings, service = self._database.settings, self._subscribers.service
        broker = make_broker(settings)
        self.listeners = []
        for topic in self._subscribers.topics:
            listener = Listener(self._database, self._subscribers, topic, self._stopping)
            listener.subscriber = subscribe(broker, settings, service, topic)
            listener.subscriber(listener.take)
            self.listeners.append(listener)
        return broker

    async def _look_for_new_topics(self, client: AIOKafkaClient, known: dict[str, "UUID"]) -> None:
        """A topic that was deleted and made anew is read from its beginning: what was applied will be seen.

        Its committed offsets went with it, but a consumer that lives goes on where it stood, past what was said again.
        """
        try:
            found = await ids_of(client, [topic.name for topic in self._subscribers.topics])
        except (KafkaError, OSError) as error:
            _log.warning("topics are not looked at: %s", type(error).__name__)
            return
        for listener in self.listeners:
            name = listener.topic.name
            if name in found and known.setdefault(name, found[name]) != found[name]:
                await listener.begin_anew()
                known[name] = found[name]

    async def _measure_parked(self) -> None:
        try:
            async with self._database.snapshot() as tx:
                found = {row.topic: row for row in await tx.rows(_PARKED)}
        except Exception as error:  # noqa: BLE001 - a measurement stops nothing
            _log.warning("parked records are not counted: %s", type(error).__name__)
            found = {}
        for topic in self._subscribers.topics:
            row = found.get(topic.name)
            measuring.PARKED.labels(topic.name).set(row.records if row else 0)
            measuring.PARKED_AGE.labels(topic.name).set(float(row.age) if row else 0)


@asynccontextmanager
async def _asking(settings: "ServiceSettings") -> AsyncIterator[AIOKafkaClient]:
    """A connection of its own, for questions about topics. Raises KafkaError when no broker answers."""
    client = AIOKafkaClient(bootstrap_servers=settings.kafka, request_timeout_ms=REQUEST_MS)
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


def make_broker(settings: "ServiceSettings") -> KafkaBroker:
    """FastStream's broker as the house uses it: it only consumes, and creates nothing."""
    return KafkaBroker(
        settings.kafka,
        ack_policy=AckPolicy.MANUAL,
        allow_auto_create_topics=False,
        consumer_only=True,
        graceful_timeout=STOP_WITHIN,
        request_timeout_ms=REQUEST_MS,
        metadata_max_age_ms=TOPICS_MS,
        retry_backoff_ms=ABSENCE_MS,
        apply_types=False,
        logger=_quiet,
        log_level=logging.DEBUG,
    )


def subscribe(broker: KafkaBroker, settings: "ServiceSettings", service: str, topic: Topic) -> Any:
    """The only subscriber that the house makes: batches, by hand, from the beginning, always the same member."""
    group = f"{service}.{topic.name}"
    is_quiet = topic.partitions <= FEW
    return broker.subscriber(
        topic.name,
        batch=True,
        group_id=group,
        group_instance_id=f"{service}.{settings.replica}.{topic.name}",
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        no_reply=True,
        max_records=settings.batch,
        batch_timeout_ms=QUIET_POLL_MS if is_quiet else POLL_MS,
        fetch_max_wait_ms=QUIET_FETCH_WAIT_MS if is_quiet else FETCH_WAIT_MS,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        isolation_level="read_uncommitted",
        parser=_parse,
        decoder=_decode,
        title=topic.name,
        description=topic.about,
    )


async def _parse(come: tuple[Any, ...]) -> KafkaMessage:
    """The batch as it is: a header that cannot be read must not fail all of it before our code runs."""
    return KafkaMessage(body=b"", raw_message=come, consumer=None)  # type: ignore[arg-type]  # it is never acknowledged by it


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message


Places = Mapping[TopicPartition, tuple[int, int]]
"""First and last offset of each partition of a batch."""


def _offsets(topic: Topic, come: Sequence[Any]) -> Places:
    """A batch brings each partition's records in order."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for each in come:
        first.setdefault(each.partition, each.offset)
        last[each.partition] = each.offset
    return {TopicPartition(topic.name, each): (first[each], last[each]) for each in first}
