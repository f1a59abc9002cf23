"""A province's registry is lost and restored from its backup: nothing is missing, it serves, and it speaks again.

Every pupil is a canary, so that afterwards nothing of her may stand in topics, tables, logs or the servers' own files.
"""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx2
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import text
from sqlalchemy.engine import make_url

from chassis import auditing
from chassis.clock import now
from chassis.identity import TokenIssuer
from chassis.respeaking import begin_epoch
from chassis.sealing import Vault
from chassis.testing import deliver
from chassis.topics import create as create_topics
from chassis.transaction import Database
from contracts import topics
from contracts.review import RequestApproved
from local_stack.kafka import KafkaServer
from registry.main import BUILDERS, subscribers
from registry.settings import RegistrySettings
from services.registry.tests.conftest import (  # noqa: F401 - fixtures
    a_class,
    database,
    key_file,
    season,
    settings,
    tree,
    vault,
)
from tests.chaos import canaries
from tests.chaos.canaries import a_canary, hits
from tests.chaos.cloning import Original, clone
from tests.chaos.dumping import plain, tool
from tests.chaos.one_registry import one_registry
from tests.chaos.test_audit_tampered import fill
from tests.harness.databases import Databases
from tests.harness.eventually import eventually
from tests.harness.pupils import Pupils, decision
from tests.harness.run import Run

PUPILS: Final = int(os.environ.get("CHAOS_RESTORED", "2000"))
IN_A_RECORD: Final = 9
"""What is looked for in a pupil's record, at least: name, number and phone of herself and of two guardians."""
_OF_PUPILS: Final = (topics.STUDENT, topics.STUDENT_RECORD)
_SAID: Final = text("SELECT topic, count(*) AS said FROM outbox WHERE kind = 'state' AND epoch = 2 GROUP BY topic")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + PUPILS / 100)]


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """A connection of no pool."""
    connection = await asyncpg.connect(plain(dsn))
    try:
        yield connection
    finally:
        await connection.close()


async def a_registered_canary(database: Database, school: Pupils) -> UUID:
    """Drafted, submitted and approved; what was said of her has been sent."""
    drafted = await school.draft_all([a_canary()])
    receipt = await school.submit(drafted)
    [submission] = await school.submissions([each.request_id for each in receipt.submitted])
    assert await deliver(database, subscribers, [decision(RequestApproved, submission)]) == ["applied"]
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE saying SET sent_at = now()"))
    return drafted[0]


async def records_in(bootstrap: str, topic: str) -> int:
    """What the broker has of a topic, as far as its offsets tell."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
        return sum((await consumer.end_offsets(places)).values())
    finally:
        await consumer.stop()


async def counts(dsn: str) -> dict[str, int]:
    """Table → its rows."""
    async with connected(dsn) as connection:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            row["tablename"]: await connection.fetchval(f'SELECT count(*) FROM "{row["tablename"]}"') for row in names
        }


async def rules(dsn: str) -> set[tuple[str, ...]]:
    """Every constraint and index as it is defined, and whether it holds."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT conrelid::regclass::text AS of, conname AS name, pg_get_constraintdef(oid) AS as_is,"
            " convalidated::text AS holds FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " UNION ALL SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid),"
            " indisvalid::text FROM pg_index JOIN pg_class c ON c.oid = indrelid"
            " WHERE c.relnamespace = 'public'::regnamespace"
        )
        return {tuple(row) for row in rows}


@pytest.mark.part("Pupils of a registry that is dumped, lost, restored, verified and scanned", PUPILS)
async def test_a_lost_registry_is_restored_from_its_backup(
    settings: Any, database: Database, databases: Databases, vault: Vault, tree: Any, season: None, a_class: Any,
    own_kafka: Callable[[], Awaitable[KafkaServer]], tmp_path: Path,
) -> None:  # fmt: skip
    began = time.monotonic()
    entered = await a_registered_canary(database, await Pupils.of(database, tree, a_class))
    async with connected(settings.database) as connection:
        pupils = await clone(connection, await Original.of(connection, vault, entered), PUPILS - 1)
        await fill(connection, PUPILS)
        await connection.execute("ANALYZE")
        size = await connection.fetchval("SELECT pg_database_size(current_database())") / 2**20
    print(f"\n{PUPILS:,} pupils written in {time.monotonic() - began:.0f} s, {size:,.0f} MiB")
    had, ruled, kept = await counts(settings.database), await rules(settings.database), await auditing.heads(database)
    assert had["student"] == PUPILS

    backup = tmp_path / "backup"
    # What is sealed does not compress: packing it takes ten times as long as writing it.
    how = ("--format=directory", "--compress=none", "--jobs=2", f"--file={backup}")
    dumped = await tool("pg_dump", *how, plain(settings.database))
    dump = sum(file.stat().st_size for file in backup.iterdir()) / 2**20
    await database.close()
    databases.drop(str(make_url(settings.database).database))
    settings = settings.model_copy(update={"database": databases.dsn(databases.fresh("restored"))})
    restored = await tool("pg_restore", "--jobs=2", "--no-owner", "--exit-on-error",
                          f"--dbname={plain(settings.database)}", str(backup))  # fmt: skip

    verifying, again = time.monotonic(), Database(settings, builders=BUILDERS)
    assert await counts(settings.database) == had
    assert await rules(settings.database) == ruled
    assert await auditing.verify(again, kept) == []
    async with one_registry(settings, tmp_path) as registry:
        token = TokenIssuer(settings).issue(tree.registrar, now())[0]
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(trust_env=False, base_url=registry.url, headers=headers, timeout=60) as client:
            for each in (entered, pupils[0], pupils[-1]):
                answer = await client.get(f"/v1/students/{each}")
                assert (answer.status_code, answer.json()["id"]) == (200, str(each)), answer.text
                shown = await client.post(f"/v1/students/{each}/unmask", json={"reason": "核对备份"})
                assert hits(shown.content) >= IN_A_RECORD, "who may read is not shown what is looked for below"
    verified = time.monotonic() - verifying
    print(
        f"dump {dumped:.0f} s ({dump:,.0f} MiB), restore {restored:.0f} s, verify {verified:.0f} s:"
        f" {dumped + restored + verified:.0f} s for {PUPILS:,} pupils"
    )
    broker = (await own_kafka()).bootstrap
    settings = settings.model_copy(update={"kafka": broker})
    await create_topics(broker)
    await the_new_epoch_is_said(again)
    async with one_registry(settings, tmp_path, "relay"):
        await everything_is_sent(again)
    await again.close()
    await nothing_is_readable(settings, tmp_path)


async def the_new_epoch_is_said(database: Database) -> None:
    """Every subject's state is written anew; the pace is printed."""
    began = time.monotonic()
    assert await begin_epoch(database) == 2
    took = time.monotonic() - began
    async with database.snapshot() as tx:
        said = {row.topic: row.said for row in await tx.rows(_SAID)}
    count = sum(said.values())
    print(f"the new epoch: {count:,} states in {took:.0f} s, {count / took:,.0f} a second")
    assert [said[topic.name] for topic in _OF_PUPILS] == [PUPILS, PUPILS]


async def everything_is_sent(database: Database) -> None:
    """The relay has sent all of it; its pace is printed."""
    began = time.monotonic()

    async def nothing_waits() -> bool:
        async with database.snapshot() as tx:
            return not await tx.scalar(text("SELECT EXISTS (SELECT FROM saying WHERE sent_at IS NULL)"))

    assert await eventually(nothing_waits, within=120 + PUPILS / 500, every=1.0)
    took = time.monotonic() - began
    print(f"sent in {took:.0f} s, {PUPILS / took:,.0f} pupils a second")


async def nothing_is_readable(settings: RegistrySettings, folder: Path) -> None:
    """Topics, tables, logs, backup and the servers' files, but for what is planted here: of a million as of one."""
    began = time.monotonic()
    for topic in _OF_PUPILS:
        assert await records_in(settings.kafka, topic.name) >= PUPILS
    planted = topics.RECEIPT.name
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    await producer.send_and_wait(planted, a_canary().name.encode())
    await producer.stop()
    found = list(await canaries.in_topics(settings.kafka))
    async with connected(settings.database) as connection:
        found += await canaries.in_tables(connection)
    for place in (folder, Run.join().folder):
        found += await asyncio.to_thread(_in_files, place)
    print(f"scanned for what is personal in {time.monotonic() - began:.0f} s")
    known = [each for each in found if planted in each]
    assert [each.partition("/")[0] for each in known] == [f"topic {planted}", ""]
    assert [each for each in found if each not in known] == []


def _in_files(place: Path) -> list[str]:
    return list(canaries.in_files(place))
