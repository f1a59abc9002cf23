"""Waiting until nothing is on its way any more. Asked with a few statements, for it is asked often."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from contracts.topics import TOPICS, Topic
from tests.chaos.check import places
from tests.chaos.check.topics import asking, read_committed
from tests.chaos.check.world import SERVICES, folder_of
from tests.harness.eventually import eventually

MARK: Final = 1
"""Behind the last record of a partition stands the mark that ends the relay's transaction."""
_EVERY: Final = 0.25
_ON_ITS_WAY: Final = {
    "rows to send": "SELECT coalesce(sum(rows), 0) FROM saying WHERE sent_at IS NULL",
    "facts that wait": "SELECT count(*) FROM waiting",
}
_ASKED_WITHIN: Final = 30.0
"""Seconds for one look at everything."""
_JOBS: Final = {
    "registry": {
        "imports": "SELECT count(*) FROM import WHERE state IN ('waiting', 'reading', 'checking', 'running', 'undoing')"
    },
    "photo": {"archives": "SELECT count(*) FROM archive WHERE state <> 'done'"},
}


async def quiesce(stack_json: Mapping[str, Any], within: float) -> None:
    """Return when nothing was on its way twice in a row. Raises AssertionError with what still is."""
    quiet = 0

    async def at_rest() -> bool:
        nonlocal quiet
        try:
            async with asyncio.timeout(_ASKED_WITHIN):
                why = await on_its_way(stack_json)
        except (OSError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as away:
            why = [f"a server is away ({type(away).__name__})"]
        quiet = 0 if why else quiet + 1
        assert not why, f"not at rest within {within:g} s: " + "; ".join(why[:20])
        return quiet >= 2

    await eventually(at_rest, within=within, every=_EVERY)


async def on_its_way(stack_json: Mapping[str, Any]) -> list[str]:
    """What still moves, in words; nothing at rest. Raises OSError, KafkaError, PostgresError while a server is away."""
    found: list[str] = []
    for name in SERVICES:
        connection = await asyncpg.connect(stack_json["postgres"][name], timeout=10)
        try:
            for what, statement in {**_ON_ITS_WAY, **_JOBS.get(name, {})}.items():
                if number := await connection.fetchval(statement):
                    found.append(f"{name} has {number} {what}")
        finally:
            await connection.close()
    if found:
        return found
    found += await unread(stack_json["kafka"], TOPICS)
    with suppress(OSError):
        nation = places.nation(folder_of(stack_json) / "objects")
        if nation is not None and nation.later:
            found.append(f"the nation owes {nation.later} answers")
    return found


async def unread(bootstrap: str, topics: Sequence[Topic], only: str | None = None) -> list[str]:
    """Groups that have more to read of these topics than the mark that ends a transaction; one reader's, if so asked.

    Raises OSError or KafkaError while the broker is away.
    """
    return [
        f"{reader} has {behind} of {topic}/{partition} to read"
        for (reader, topic, partition), behind in (await lag(bootstrap, topics)).items()
        if behind > MARK and only in {None, reader}
    ]


async def lag(bootstrap: str, topics: Sequence[Topic]) -> dict[tuple[str, str, int], int]:
    """(reader, topic, partition) → records that are not committed yet, marks of transactions among them.

    Raises OSError or KafkaError while the broker is away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        committed = await read_committed(admin, topics)
        described = await admin.describe_topics([topic.name for topic in topics])
    finally:
        await admin.close()
    partitions = {each["topic"]: len(each["partitions"]) for each in described}
    places = [TopicPartition(name, each) for name, many in partitions.items() for each in range(many)]
    async with asking(bootstrap, places) as consumer:
        ends = await consumer.end_offsets(places)
    return {
        (reader, topic.name, partition): ends[TopicPartition(topic.name, partition)]
        - committed.get((reader, topic.name, partition), 0)
        for topic in topics
        for reader in sorted(topic.readers)
        for partition in range(partitions.get(topic.name, 0))
    }
