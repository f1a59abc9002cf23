"""A program of the import in a process of its own, which never outlives what it is needed for."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import structlog

log = structlog.get_logger()


@contextlib.asynccontextmanager
async def child(
    program: str, *words: str, stdin: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m program words…`, killed and waited for at the end; `stdin` is a descriptor, else a pipe.

    It finds the modules that this process finds, where they are installed and where PYTHONPATH names them, and looks
    for none in the folder it is begun in or in a user's own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-s",
        "-m",
        program,
        *words,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # its last words might name a pupil
        env={
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MALLOC_ARENA_MAX": "2",
            "LANG": "C.UTF-8",
        },
        limit=1 << 20,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        ended = await process.wait()
        if ended not in (0, -signal.SIGKILL):
            log.warning("import.child-died", program=program, ended=ended)
