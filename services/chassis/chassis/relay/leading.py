"""Who leads: the one connection of the service's database that holds the lock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from chassis.transaction import Database

_LOCK = 7_155_301_001
"""The advisory lock of the outbox; locks are per database, and so per service."""
_SETTINGS = {
    "application_name": "relay",
    # A leader that is stopped says nothing; then the server ends its session, and another may lead.
    "idle_session_timeout": "15000",
    "statement_timeout": "60000",
    # What is not sent is always found through its index, whatever the statistics of a full table say.
    "enable_seqscan": "off",
    # To begin another process for a round takes ten times as long as to read it.
    "max_parallel_workers_per_gather": "0",
}
_BEAT = 3.0
_RETRY = 0.5
_ANSWER_WITHIN = 20.0
"""Seconds for the database's answer: who has not heard of it for so long has lost the lead."""


class Lead:
    """The leader's connection. It is used by one at a time, and never lies still for long."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self.woken = asyncio.Event()
        """Something was said since it was cleared."""

    async def fetch(self, statement: str, *values: Any) -> Sequence[asyncpg.Record]:
        """Records of a statement. Raises when the connection is lost, and leadership with it."""
        async with self._turn:
            records: Sequence[asyncpg.Record] = await self._connection.fetch(statement, *values, timeout=_ANSWER_WITHIN)
            return records

    async def beat(self, statement: str) -> Sequence[asyncpg.Record]:
        """Wait a while, then ask something, so that the server knows that the leader lives."""
        await asyncio.sleep(_BEAT)
        return await self.fetch(statement)


@asynccontextmanager
async def leadership(database: "Database") -> AsyncIterator[Lead]:
    """Wait until this process leads, then lead until the block ends.

    The connection belongs to no pool and is thrown away: a lock on a pooled one would outlive its holder.
    """
    _, options = database.engine.dialect.create_connect_args(database.engine.url)
    options.pop("prepared_statement_cache_size", None)
    connection = await asyncpg.connect(**options, server_settings=_SETTINGS, timeout=10)
    try:
        while True:
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                break
            await asyncio.sleep(_RETRY)  # PostgreSQL tells nobody that a lock is free
        lead = Lead(connection)
        await connection.add_listener("outbox", lambda *_: lead.woken.set())
        yield lead
    finally:
        with suppress(Exception):
            async with asyncio.timeout(1):
                await connection.close()
        connection.terminate()
