"""Registry's api, or another of its parts, as a process of its own, on a database that is already migrated."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from local_stack.ports import free_port
from registry.settings import RegistrySettings
from tests.chaos.watching import memory_of
from tests.harness.eventually import eventually


@dataclass
class OneRegistry:
    """A running process."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    def lives(self) -> bool:
        """Whether it is the process that was started, still."""
        return self.process.returncode is None

    def memory(self) -> float:
        """MiB that it holds now."""
        return memory_of(self.process.pid)

    async def is_ready(self) -> bool:
        """Whether it would be given requests. Raises AssertionError with its log once it has died."""
        assert self.lives(), self.log.read_text()[-3000:]
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.url}/health/ready")).status_code == 200
        except httpx2.HTTPError:
            return False


def environment(settings: RegistrySettings, port: int = 0) -> dict[str, str]:
    """The variables that tell these settings to a process."""
    return os.environ | {
        "REGISTRY_DATABASE": settings.database, "REGISTRY_KAFKA": settings.kafka, "REGISTRY_KEYS": str(settings.keys),
        "REGISTRY_TOKEN_PUBLIC_KEYS": str(settings.token_public_keys), "REGISTRY_DATA": str(settings.data),
        "REGISTRY_HOST": "127.0.0.1", "REGISTRY_PORT": str(port),
    }  # fmt: skip


@asynccontextmanager
async def one_registry(settings: RegistrySettings, folder: Path, part: str = "api") -> AsyncIterator[OneRegistry]:
    """`python -m registry api` with these settings, ready; it is ended with the block."""
    port, log = free_port(), folder / f"registry-{part}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "registry", part, env=environment(settings, port), stdout=out, stderr=out
        )
    found = OneRegistry(process, f"http://127.0.0.1:{port}", log)
    try:
        await eventually(found.is_ready, within=90)
        yield found
    finally:
        if found.lives():
            process.terminate()
            await asyncio.wait_for(process.wait(), 60)
