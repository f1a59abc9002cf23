"""Child processes that decode pictures, so that a hostile one takes no service with it."""

import asyncio
import multiprocessing
import os
import resource
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from photo.checks import Standard, standardise

MEMORY = 1_500 * 1024 * 1024
"""Bytes of address space of a child; 50 million pixels in four bytes fit."""
FILES_A_CHILD = 500
"""After so many pictures a child is replaced, in case a decoder leaks."""
PATIENCE = 30.0
"""Seconds for one picture."""


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A service that is killed says nothing to its children, and each of them keeps the others' pipes open.
    threading.Thread(target=_end_with_the_service, daemon=True).start()


def _end_with_the_service() -> None:
    service = multiprocessing.parent_process()
    if service is not None:
        wait([service.sentinel])
        os._exit(1)


class Workshop:
    """As many children as asked for; each picture has one of them to itself."""

    def __init__(self, children: int) -> None:
        self._children = children
        self._pool: ProcessPoolExecutor | None = None
        self._places = asyncio.Semaphore(children)
        self._alone = asyncio.Lock()

    async def standardise(self, data: bytes) -> Standard | str:
        """The standard photo, or the code of the refusal; never raises because of a picture."""
        async with self._places:
            try:
                return await self._ask(data)
            except TimeoutError:
                return "photo-damaged"  # it had a child to itself; a second half minute would change nothing
            except BrokenProcessPool:
                pass  # perhaps a neighbour's picture broke the pool: this one gets a second try, by itself
        async with self._alone:
            try:
                return await self._ask(data)
            except (BrokenProcessPool, TimeoutError):
                return "photo-damaged"

    async def _ask(self, data: bytes) -> Standard | str:
        pool = self._pool = self._pool or ProcessPoolExecutor(
            self._children,
            mp_context=multiprocessing.get_context("forkserver"),
            initializer=_confine,
            max_tasks_per_child=FILES_A_CHILD,
        )
        try:
            return await asyncio.wait_for(asyncio.wrap_future(pool.submit(standardise, data)), PATIENCE)
        except (BrokenProcessPool, TimeoutError):
            if self._pool is pool:
                self._pool = None
            _end(pool, patiently=False)
            raise

    def close(self) -> None:
        """Ends the children, whatever they are at."""
        if self._pool is not None:
            # Waited for: the interpreter's own end would write to pipes that the pool's thread is closing.
            _end(self._pool, patiently=True)
            self._pool = None


def _end(pool: ProcessPoolExecutor, *, patiently: bool) -> None:
    for child in list((getattr(pool, "_processes", None) or {}).values()):
        child.kill()
    pool.shutdown(wait=patiently, cancel_futures=True)
