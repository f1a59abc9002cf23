"""Empty and ready-made databases on the run's one PostgreSQL, from synchronous code."""

import asyncio
import fcntl
import inspect
import re
import threading
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from local_stack.postgres import Address

T = TypeVar("T")
Migrate = Callable[[str], Awaitable[object] | object]
"""Takes the DSN of an empty database and brings it to the newest schema; plain or async."""

OWNER = "tests"
"""The role that owns every test database: no superuser, as in production."""


class Databases:
    """Creates, clones and drops databases; one per pytest process."""

    def __init__(self, server: Address, owner_password: str, folder: Path) -> None:
        """`folder` is shared by all processes of the run and keeps what they agree on."""
        self.server = server
        self._password = owner_password
        self._folder = folder
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def dsn(self, database: str) -> str:
        """How SQLAlchemy reaches this database as its owner."""
        return self.server.dsn(database, user=OWNER, password=self._password)

    def fresh(self, name: str) -> str:
        """The name of a new, empty database whose name begins with `name`."""
        database = f"{_slug(name)}_{uuid.uuid4().hex[:10]}"
        self._run(self._execute(f'CREATE DATABASE "{database}" OWNER "{OWNER}"'))
        return database

    def cloned(self, key: str, migrate: Migrate) -> str:
        """The name of a new copy of the database that `migrate` made, once in this run, under this key."""
        template = f"template_{_slug(key)}"
        done = self._folder / f"{template}.done"
        with (self._folder / f"{template}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                self._run(self._execute(f'DROP DATABASE IF EXISTS "{template}" WITH (FORCE)'))
                self._run(self._execute(f'CREATE DATABASE "{template}" OWNER "{OWNER}"'))
                _in_a_thread(migrate, self.dsn(template))
                self._run(self._close(template))
                done.touch()
        database = f"{_slug(key)}_{uuid.uuid4().hex[:10]}"
        self._run(self._execute(f'CREATE DATABASE "{database}" OWNER "{OWNER}" TEMPLATE "{template}"'))
        return database

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        with suppress(asyncpg.PostgresError, OSError):
            self._run(self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'))

    def close(self) -> None:
        """Leave the server."""
        if self._loop is not None and self._thread is not None:
            if self._connection is not None:
                with suppress(asyncpg.PostgresError, OSError):
                    self._run(self._connection.close(timeout=5))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _close(self, template: str) -> None:
        """Nobody may be, or get, connected to a template."""
        await self._execute(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false')
        await self._execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{template}'"
        )

    async def _execute(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self.server.connect()
        await self._connection.execute(statement)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="databases", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)


def _in_a_thread(migrate: Migrate, dsn: str) -> None:
    """Run it away from the test's event loop, where it may open one of its own."""
    failures: list[BaseException] = []

    async def finish(said: Awaitable[object]) -> None:
        await said

    def work() -> None:
        try:
            said = migrate(dsn)
            if inspect.isawaitable(said):
                asyncio.run(finish(said))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=work, name="migrate")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower())[:40]
