"""Who prepares the rows of an import: a child process beside the service where the file is large, else the service."""

import asyncio
import contextlib
import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from chassis.sealing import Vault
from registry.importing.preparing import frames, rows
from registry.importing.preparing.frames import HEAD, LARGEST_FRAME

log = structlog.get_logger()
LARGE_FILE: Final = 1024 * 1024
"""Some 5,000 rows of a workbook. For fewer, a process more costs as much as it brings."""
ANSWERS_WITHIN: Final = 60.0


class Preparer:
    """Prepares the chunks of one import, one at a time; what it has begun ends with the `async with`."""

    def __init__(self, vault: Vault, keys: Path, size: int) -> None:
        """`keys` is the file of the vault; `size` the uploaded file's, in bytes."""
        self._vault = vault
        self._keys = keys
        self._beside = size >= LARGE_FILE
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        if self._beside:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                "registry.importing.preparing",
                str(self._keys),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # its last words might name a pupil
                env={"PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
                limit=1 << 20,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def read(self, packed: bytes) -> rows.ReadChunk:
        """The rows of a chunk, prepared."""
        if self._process is not None:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN):
                    return rows.ReadChunk(packed, frames.unpack(await _asked(self._process, packed)))
            except (OSError, EOFError, TimeoutError, ValueError, TypeError, struct.error) as error:
                log.warning("import.preparer-died", error=type(error).__name__)
                await self._end()
        return await self._here(packed)

    async def _here(self, packed: bytes) -> rows.ReadChunk:
        chunk = rows.ReadChunk(packed, [])
        for grown in rows.read(self._vault, packed):
            chunk = grown
            # Whatever the database has answered meanwhile comes first. A thread would fight over the interpreter's
            # lock: every seal and every write gives it up, and takes milliseconds to have it back.
            await asyncio.sleep(0)
        return chunk

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _asked(process: asyncio.subprocess.Process, packed: bytes) -> bytes:
    """The child's answer. Raises OSError or EOFError when it has died."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(HEAD.pack(len(packed)) + packed)
    await process.stdin.drain()
    (length,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    if length > LARGEST_FRAME:
        raise ValueError("frame too large")
    return await process.stdout.readexactly(length)
