"""Waiting without sleeping: a condition is asked until it holds or the deadline passes.

Whoever waits does it through one of these; the pauses between two questions are taken nowhere else.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")


def waited(condition: Callable[[], object], within: float, every: float = 0.05) -> bool:
    """Whether the condition held within so many seconds; for plain functions, which have no event loop.

    What the condition raises is raised.
    """
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


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


async def eventually(condition: Callable[[], Awaitable[T] | T], within: float = 10.0, every: float = 0.02) -> T:
    """The first truthy answer of the condition, which may be a plain or an async function.

    An `assert` that fails inside the condition counts as "not yet". Raises AssertionError with the last answer, or
    that assertion itself, after `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        failed: AssertionError | None = None
        answer: T | None = None
        try:
            said = condition()
            answer = await said if inspect.isawaitable(said) else said
            if answer:
                return answer
        except AssertionError as error:
            failed = error
        if time.monotonic() > deadline:
            raise failed or AssertionError(f"not within {within:g} s; the last answer was {answer!r}")
        await asyncio.sleep(every)
