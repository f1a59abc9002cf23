"""PostgreSQL's own tools, as an operator runs them on a backup."""

import asyncio
import time

from local_stack.postgres import binaries


async def tool(name: str, *words: str) -> float:
    """The seconds that it took. Raises AssertionError with its last words."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(binaries() / name), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-2000:]
    return time.monotonic() - began


def plain(dsn: str) -> str:
    """An address as these tools read it."""
    return dsn.replace("+asyncpg", "")
