"""An index that is built while people work: cut short it is built anew, and nobody who waits keeps it waiting."""

import asyncio
from collections.abc import Callable

import asyncpg

from chassis.migrating import LOCK, upgrade_async
from tests.harness.eventually import eventually

BEFORE = "20261129_2300"
INDEX = "SELECT indexdef FROM pg_indexes WHERE indexname = 'enrolment_list'"


async def test_an_index_that_was_cut_short_is_built_anew(fresh_database: Callable[[str], str]) -> None:
    dsn = fresh_database("cut-short")
    await upgrade_async(dsn, "registry", BEFORE)
    connection = await asyncpg.connect(dsn.replace("+asyncpg", ""))
    try:
        await connection.execute("CREATE INDEX enrolment_list ON enrolment (id)")
        await upgrade_async(dsn, "registry")
        assert "(school_id, class_id, student_id)" in await connection.fetchval(INDEX)
    finally:
        await connection.close()


async def test_a_migrator_that_waits_for_another_does_not_keep_its_index_waiting(
    fresh_database: Callable[[str], str],
) -> None:
    dsn = fresh_database("waiting")
    await upgrade_async(dsn, "registry", BEFORE)
    first = await asyncpg.connect(dsn.replace("+asyncpg", ""))
    try:
        await first.execute("SELECT pg_advisory_lock($1)", LOCK)
        second = asyncio.create_task(upgrade_async(dsn, "registry"))
        waits = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
            " AND (query LIKE '%advisory_lock%' OR query LIKE 'COMMIT%'))"
        )
        await eventually(lambda: first.fetchval(waits, first.get_server_pid()))
        async with asyncio.timeout(20):
            await first.execute("CREATE INDEX CONCURRENTLY other ON enrolment (school_id)")
        assert not second.done()
        await first.execute("SELECT pg_advisory_unlock($1)", LOCK)
        await second
        assert await first.fetchval(INDEX) is not None
    finally:
        await first.close()
