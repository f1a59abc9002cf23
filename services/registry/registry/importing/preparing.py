"""Who prepares the rows of an import: a child process beside the service where the file is large, else the service."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog

from chassis.sealing import Vault
from registry.importing.child import child
from registry.importing.preparer import chunks, frames
from registry.importing.preparer.chunks import ReadChunk
from registry.importing.preparer.frames import HEAD
from registry.importing.reader.frames import LARGEST_FRAME

log = structlog.get_logger()
LARGE_FILE: Final = 1024 * 1024
"""Some 5,000 rows of a workbook. For fewer, a process more costs as much as it brings."""
ANSWERS_WITHIN: Final = 60.0


@contextlib.asynccontextmanager
async def preparing(vault: Vault, keys: Path, size: int) -> AsyncIterator["Preparing"]:
    """Who prepares the chunks of a file of `size` bytes; `keys` is the file that the vault was read from."""
    if size < LARGE_FILE:
        yield Preparing(vault, None)
        return
    async with child("registry.importing.preparer", str(keys)) as process:
        yield Preparing(vault, process)


class Preparing:
    """Prepares chunks, one at a time."""

    def __init__(self, vault: Vault, process: asyncio.subprocess.Process | None) -> None:
        self._vault = vault
        self._process = process

    async def read(self, packed: bytes) -> ReadChunk:
        """The rows of a chunk, prepared."""
        if self._process is not None:
            try:
                async with asyncio.timeout(ANSWERS_WITHIN):
                    return ReadChunk(packed, frames.unpack(await _asked(self._process, packed)))
            except (OSError, EOFError, TimeoutError, ValueError, TypeError, struct.error) as error:
                log.warning("import.preparer-died", error=type(error).__name__)
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                self._process = None
        return await self._here(packed)

    async def _here(self, packed: bytes) -> ReadChunk:
        chunk = ReadChunk(packed, [])
        for grown in chunks.read(self._vault, packed):
            chunk = grown
            # Whatever the database has answered meanwhile comes first. A thread would fight over the interpreter's
            # lock: every seal and every write gives it up, and takes milliseconds to have it back.
            await asyncio.sleep(0)
        return chunk


async def _asked(process: asyncio.subprocess.Process, packed: bytes) -> bytes:
    """The child's answer. Raises OSError or EOFError when it has died."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(HEAD.pack(len(packed)) + packed)
        await process.stdin.drain()
    except RuntimeError as error:  # uvloop's word for a closed pipe (chassis decision 15)
        raise BrokenPipeError from error
    (length,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    if length > LARGEST_FRAME:
        raise ValueError("frame too large")
    return await process.stdout.readexactly(length)
