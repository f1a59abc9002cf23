"""The relay against raw pipelined sends of the same records: rows a second, and CPU a row, side by side."""

import asyncio
import shutil
import statistics
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from chassis.clock import now
from chassis.envelope import HeaderWriter, key_of
from chassis.ids import new_id
from chassis.relay import Relay
from chassis.relay.sending import BATCH_BYTES
from local_stack.kafka import KafkaServer
from local_stack.postgres import PostgresServer
from services.chassis.tests.conftest import make_topics, migrate, write_keys
from services.chassis.tests.rig import Rig, read_topic
from tests.harness.eventually import eventually
from tests.harness.whole import temporary_folder
from tests.performance.measuring import table

ROWS = 40_000
SUBJECTS = 4_000
ROUNDS = 3
BODY = '{"number":7,"name":"' + "安徽省" * 75 + '"}'
"""About 700 bytes."""

_FILL = text("""
WITH made AS (
    INSERT INTO saying (rows, said_at)
    SELECT :together, now() FROM generate_series(1, cast(:sayings AS integer)) RETURNING id
), sayings AS (SELECT array_agg(id ORDER BY id) AS ids FROM made)
INSERT INTO outbox (kind, topic, subject, epoch, version, event_id, type, body, time, saying)
SELECT 'fact', :topic, (cast(:subjects AS uuid[]))[n % :m + 1], 1, n / :m + 1, gen_random_uuid(), 'Asked',
    convert_to(:body, 'utf8'), now(), ids[n / cast(:together AS integer) + 1]
FROM generate_series(0, :rows - 1) AS n, sayings
""")
TOGETHER = 500
"""Rows of one saying, as consumers' batches make them."""


@asynccontextmanager
async def stage() -> AsyncIterator[Rig]:
    """A maker and a taker on durable servers of their own."""
    folder = temporary_folder("chassis")
    postgres, kafka = PostgresServer(folder / "postgres"), KafkaServer(folder / "kafka")
    rig: Rig | None = None
    try:
        address, bootstrap = await asyncio.gather(postgres.start(), kafka.start())
        for name in ("maker", "taker"):
            await address.create_role(name, name)
            await address.create_database(name, name)
            await migrate(address.dsn(name, user=name, password=name))
        topics = make_topics("")
        maker, taker = (address.dsn(name, user=name, password=name) for name in ("maker", "taker"))
        rig = Rig("", topics, write_keys(folder, [topics.secret.name]), bootstrap, maker, taker)
        await rig.begin()
        yield rig
    finally:
        if rig is not None:
            await rig.end()
        await asyncio.gather(postgres.kill(), kafka.kill())
        shutil.rmtree(folder, ignore_errors=True)


async def fill(rig: Rig, subjects: list[UUID], rows: int = ROWS) -> None:
    """So many facts of these subjects in the outbox, as if they had just been said."""
    values = {
        "topic": rig.topics.talk.name,
        "subjects": subjects,
        "m": len(subjects),
        "body": BODY,
        "rows": rows,
        "together": TOGETHER,
        "sayings": -(-rows // TOGETHER),
    }
    async with rig.maker.transaction() as tx:
        await tx.execute(_FILL, values)


async def relayed(rig: Rig) -> tuple[float, float]:
    """Seconds, and seconds of CPU of this process, until the relay has sent and marked everything."""
    relay = Relay(rig.maker, "maker")
    began, spent = time.perf_counter(), time.process_time()
    running = asyncio.create_task(relay.run())
    await eventually(partial(nothing_left, rig), within=600)
    took = time.perf_counter() - began, time.process_time() - spent
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return took


async def nothing_left(rig: Rig) -> bool:
    return int(await rig.unsent()) == 0


async def sent(rig: Rig, subjects: list[UUID]) -> tuple[float, float]:
    """The same for raw sends: no database, one future a record, as fast as aiokafka can."""
    producer = AIOKafkaProducer(
        bootstrap_servers=rig.kafka, enable_idempotence=True, acks="all", compression_type="zstd",
        max_batch_size=BATCH_BYTES,
    )  # fmt: skip
    await producer.start()
    topic, writer, body, at = rig.topics.report, HeaderWriter(rig.topics.report), BODY.encode(), now()
    try:
        began, spent = time.perf_counter(), time.process_time()
        futures = []
        for n in range(ROWS):
            key = key_of(subjects[n % SUBJECTS])
            headers = writer.write(key, new_id(), "Reported", 1, n // SUBJECTS + 1, at, None, None, None)
            futures.append(
                await producer.send(
                    topic.name, body, key=key, headers=headers, partition=zlib.crc32(key) % topic.partitions
                )
            )
        await asyncio.gather(*futures)
        return time.perf_counter() - began, time.process_time() - spent
    finally:
        await producer.stop()


async def in_order(rig: Rig, subjects: list[UUID]) -> bool:
    """Whether these subjects' facts stand in the topic as 1, 2, 3, … without a gap or a repeat."""
    found: dict[str, list[int]] = {str(subject): [] for subject in subjects}
    for record in await read_topic(rig.kafka, rig.topics.talk.name):
        if (key := record.key.decode()) in found:
            found[key].append(int(dict(record.headers)["ce_sequence"]))
    return all(versions == list(range(1, ROWS // SUBJECTS + 1)) for versions in found.values())


async def main() -> None:
    """Print rates, CPU and the ratio, medians of several rounds that take turns."""
    raw: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    async with stage() as rig:
        for _ in range(ROUNDS):
            subjects = sorted(uuid4() for _ in range(SUBJECTS))
            raw.append(await sent(rig, subjects))
            await fill(rig, subjects)
            ours.append(await relayed(rig))
            if not await in_order(rig, subjects):
                raise SystemExit("The relay broke the order.")
    rows = []
    for name, found in (("raw pipelined sends", raw), ("relay: fetch, send, mark", ours)):
        rates = [ROWS / seconds for seconds, _ in found]
        cpu = statistics.median(spent / ROWS * 1e6 for _, spent in found)
        rows.append([name, f"{statistics.median(rates):,.0f}", f"{min(rates):,.0f}-{max(rates):,.0f}", f"{cpu:.0f}"])
    table(f"{ROWS:,} rows, medians of {ROUNDS} rounds, order checked", ["", "rows/s", "range", "µs CPU a row"], rows)
    ratio = statistics.median(r[0] / o[0] for r, o in zip(raw, ours, strict=True))
    print(f"the relay reaches {ratio:.0%} of raw sends (goal: 60%)")


if __name__ == "__main__":
    asyncio.run(main())
