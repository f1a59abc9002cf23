"""What a run stood on: versions of everything that matters for its figures."""

import asyncio
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg

from local_stack.jars import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
PACKAGES = ("aiokafka", "asyncpg", "faststream", "sqlalchemy", "fastapi", "pydantic", "uvicorn")


async def versions(stack: Mapping[str, Any]) -> dict[str, str]:
    """Name → version, of the commit, the servers, the interpreter and the libraries."""
    connection = await asyncpg.connect(stack["postgres"]["review"], timeout=10)
    try:
        server = str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()
    return {
        "commit": await asyncio.to_thread(_commit),
        "PostgreSQL": server,
        "Apache Kafka": KAFKA_VERSION,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "kernel": platform.release(),
        "processors": str(os.cpu_count()),
    }


def _commit() -> str:
    """The commit, and whether files differ from it; "unknown" outside of a checkout."""
    try:
        words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
