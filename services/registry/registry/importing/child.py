"""A program of the import in a process of its own, which never outlives what it is needed for."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def child(
    program: str, *words: str, stdin: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m program words…`, killed and waited for at the end; `stdin` is a descriptor, else a pipe."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        program,
        *words,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # its last words might name a pupil
        env={"PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2", "LANG": "C.UTF-8"},
        limit=1 << 20,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
