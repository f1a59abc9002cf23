"""A task that is cancelled ends as cancelled, wherever it was, and takes no connection with it."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.transaction import Database
from services.chassis.tests.conftest import Asked
from tests.harness.eventually import eventually

MOMENTS = 60


async def _work(database: Database, begun: asyncio.Event) -> None:
    while True:
        async with database.transaction() as tx:
            begun.set()
            await tx.execute(text("SELECT 1"))
            await tx.fetch("SELECT pg_sleep(0.002)")  # past SQLAlchemy, as whatever is done in bulk
            tx.say(uuid4(), Asked(number=0))


async def _turn() -> None:
    """One turn of the loop."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


async def test_a_cancelled_transaction_ends_as_cancelled_and_gives_its_connection_back(database: Database) -> None:
    for moment in range(MOMENTS):
        begun = asyncio.Event()
        task = asyncio.create_task(_work(database, begun))
        await begun.wait()
        for _ in range(moment % 20):
            await _turn()
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled(), f"at moment {moment} it went on, or ended in another way"
    await eventually(lambda: database.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]  # a queue's


async def _wait(database: Database) -> None:
    async with asyncio.timeout(0.05), database.transaction() as tx:
        await tx.fetch("SELECT pg_sleep(5)")


async def test_a_timeout_around_a_transaction_is_a_timeout(database: Database) -> None:
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await _wait(database)
