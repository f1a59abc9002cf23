"""What a run stood on: versions of everything that matters for its figures, and how much there was."""

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

_COUNTS = {
    "registry": "SELECT 'pupils ' || status, count(*) FROM student GROUP BY status"
    " UNION ALL SELECT 'events of registry', count(*) FROM outbox",
    "review": "SELECT 'cases ' || state, count(*) FROM review_case GROUP BY state"
    " UNION ALL SELECT 'events of review', count(*) FROM outbox",
    "photo": "SELECT 'photos', count(*) FROM photo UNION ALL SELECT 'events of photo', count(*) FROM outbox",
    "sync": "SELECT 'nation ' || standing, count(*) FROM national_pupil GROUP BY standing"
    " UNION ALL SELECT 'events of sync', count(*) FROM outbox",
}


async def versions(stack: Mapping[str, Any]) -> dict[str, str]:
    """Name → version, of the commit, the servers, the interpreter and the libraries."""
    connection = await asyncpg.connect(stack["postgres"]["review"], timeout=10)
    try:
        server = str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()
    return {
        "commit": await asyncio.to_thread(commit),
        "PostgreSQL": server,
        "Apache Kafka": KAFKA_VERSION,
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "kernel": platform.release(),
        "processors": str(os.cpu_count()),
    }


def commit() -> str:
    """The commit, and whether files differ from it; "unknown" outside of a checkout."""
    try:
        words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


async def counts(stack: Mapping[str, Any]) -> dict[str, int]:
    """How much there is: so that nobody takes an idle stack for an unharmed one."""
    found: dict[str, int] = {}
    for service, statement in _COUNTS.items():
        connection = await asyncpg.connect(stack["postgres"][service], timeout=10)
        try:
            found |= {row[0]: row[1] for row in await connection.fetch(statement)}
        finally:
            await connection.close()
    return found
