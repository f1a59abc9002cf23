"""Connections of the pool whose server has gone without a word: found out, thrown away, never waited for for ever.

A driver that has given a statement up waits for the server's word that it is cancelled before it does anything else,
a rollback too. From a server that is gone that word never comes; so such a connection is ended, not given back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ANSWER_WITHIN = 65.0
"""Seconds for the answer to a statement; the server itself gives one up after 60."""
FIRST_ANSWER_WITHIN = 10.0
"""Seconds for the first answer, to a question that costs nothing. Without it the whole pool is made anew."""
END_WITHIN = 5.0
"""Seconds for a rollback, when the connection is given back."""


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for a question that costs nothing."""
    connection = await engine.connect()
    failed: BaseException | None = None
    try:
        with answering(connection, FIRST_ANSWER_WITHIN):
            yield connection
    except BaseException as error:
        failed = error
        raise
    finally:
        await let_go(connection, failed)


@contextmanager
def answering(connection: AsyncConnection, within: float) -> Iterator[None]:
    """The connection is ended when the block has not; what waits for its answer then sees it lost."""
    watch = asyncio.get_running_loop().call_later(within, _end, connection)
    try:
        yield
    finally:
        watch.cancel()


async def let_go(connection: AsyncConnection, failed: BaseException | None) -> None:
    """Give it back to the pool, rolled back; or end it, when its server may still owe an answer.

    `failed` is what ended the work on it; it is that which is told, and not how the connection ended: a task that was
    cancelled has to end as cancelled.
    """
    if _owes_an_answer(failed):
        _end(connection)
    with answering(connection, END_WITHIN):
        try:
            await whole(connection.close())
        except Exception:
            if failed is None:
                raise


async def whole(ending: Awaitable[Any]) -> None:
    """Await it to its end even when this task is cancelled meanwhile: a commit cut in half is of unknown fate."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _owes_an_answer(failed: BaseException | None) -> bool:
    return isinstance(failed, asyncio.CancelledError | TimeoutError) or isinstance(
        getattr(failed, "orig", None), TimeoutError
    )


def _end(connection: AsyncConnection) -> None:
    with suppress(Exception):  # it may have been given up, or given back, already
        held: Any = connection.sync_connection
        held.connection.driver_connection.terminate()
