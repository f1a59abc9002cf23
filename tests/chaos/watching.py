"""What a process holds while something happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psutil

from tests.harness.eventually import until

MIB = 1024 * 1024


def memory_of(pid: int) -> float:
    """MiB that a process holds now; 0 once it has ended."""
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).memory_info().rss) / MIB
    return 0.0


@asynccontextmanager
async def watched(read: Callable[[], float]) -> AsyncIterator[list[float]]:
    """The values that were read meanwhile, ten a second."""
    found, ended = [read()], asyncio.Event()

    async def watch() -> None:
        while not ended.is_set():
            found.append(read())
            await until(ended, 0.1)

    watching = asyncio.create_task(watch())
    try:
        yield found
    finally:
        ended.set()
        await watching
