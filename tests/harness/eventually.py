"""Waiting without sleeping: a condition is asked until it holds or the deadline passes.

Whoever waits does it through one of these, and the pauses between two questions are the library's.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

from tenacity import (
    AsyncRetrying,
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_not_result,
    stop_after_delay,
    wait_fixed,
)

T = TypeVar("T")


def waited(condition: Callable[[], object], within: float, every: float = 0.05) -> bool:
    """Whether the condition held within so many seconds; for plain functions, which have no event loop.

    What the condition raises is raised.
    """
    asking = Retrying(stop=stop_after_delay(within), wait=wait_fixed(every), retry=retry_if_not_result(bool))
    try:
        return bool(asking(condition))
    except RetryError:
        return False


async def until(event: asyncio.Event, within: float) -> None:
    """Wait for the event, or so many seconds."""
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return


@overload
async def eventually(condition: Callable[[], Awaitable[T]], within: float = ..., every: float = ...) -> T: ...


@overload
async def eventually(condition: Callable[[], T], within: float = ..., every: float = ...) -> T: ...


async def eventually(condition: Callable[[], Awaitable[T] | T], within: float = 30.0, every: float = 0.02) -> T:
    """The first truthy answer of the condition, which may be a plain or an async function.

    An `assert` that fails inside the condition counts as "not yet". Raises AssertionError with the last answer, or
    that assertion itself, after `within` seconds.
    """

    async def asked() -> T:
        said = condition()
        return await said if inspect.isawaitable(said) else said

    asking = AsyncRetrying(
        stop=stop_after_delay(within),
        wait=wait_fixed(every),
        retry=retry_if_exception_type(AssertionError) | retry_if_not_result(bool),
    )
    try:
        return await asking(asked)
    except RetryError as over:
        last = over.last_attempt
    # An assertion that failed is raised here.
    raise AssertionError(f"not within {within:g} s; the last answer was {last.result()!r}")
