"""Schema changes: alembic's versions of a service, run by an environment that the chassis owns.

Two migrators wait for one another; each migration gives up a lock that it does not get in five seconds.
"""

import ast
import asyncio
import importlib.util
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
_ASK_EVERY: Final = 0.2
"""Seconds between two questions whether another migrator is done."""
LOCK: Final = 0x6D696772617465  # "migrate" in ASCII: one migrator of a database at a time


def folder(package: str) -> Path:
    """The folder of a service's migrations. Raises ModuleNotFoundError."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent / "migrations"


def upgrade(dsn: str, package: str, revision: str = "head") -> None:
    """Bring the database to the newest schema of the service. For synchronous callers; nothing to do is no error."""
    asyncio.run(upgrade_async(dsn, package, revision))


async def upgrade_async(dsn: str, package: str, revision: str = "head") -> None:
    """Bring the database to the newest schema of the service."""

    def act(connection: "Connection") -> None:
        from alembic import command

        command.upgrade(_config(package, connection), revision)

    await _connected(dsn, lambda connection: _locked(connection, act))


def heads(package: str) -> frozenset[str]:
    """The newest revisions in the service's code: those that no other comes after.

    They are read from the syntax trees, as alembic takes a fifth of a second to import and every process asks.
    """
    found: set[str] = set()
    preceded: set[str] = set()
    for path in sorted((folder(package) / "versions").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name == "revision":
                    found.add(ast.literal_eval(node.value))
                elif name == "down_revision":
                    before = ast.literal_eval(node.value)
                    preceded.update([before] if isinstance(before, str) else before or ())
    return frozenset(found - preceded)


async def behind(connection: "AsyncConnection", package: str, newest: frozenset[str]) -> str | None:
    """None when the database has the newest schema, or a sentence that says what to do."""
    from sqlalchemy import text

    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return f"The database has no schema: run python -m {package} migrate."
    found = frozenset((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars())
    if found != newest:
        return f"The database's schema is {', '.join(sorted(found))}, not the newest: run python -m {package} migrate."
    return None


async def _locked(connection: "AsyncConnection", act: "Callable[[Connection], None]") -> None:
    from sqlalchemy import text

    # Asked again and again: who waits in the server holds a snapshot, for which an index that is built meanwhile waits.
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
        await connection.commit()
        await asyncio.sleep(_ASK_EVERY)
    await connection.commit()
    try:
        await connection.run_sync(act)
        await connection.commit()
    finally:
        # The lock ends with the connection, which is not reused; said here so that the next migrator need not wait.
        await connection.rollback()
        await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
        await connection.commit()


async def _connected(dsn: str, act: "Callable[[AsyncConnection], Awaitable[T]]") -> T:
    from sqlalchemy import NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(dsn, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await act(connection)
    finally:
        await engine.dispose()


def _config(package: str, connection: "Connection") -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migration_environment"))
    config.set_main_option("version_locations", str(folder(package) / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def run_environment(context: Any) -> None:
    """What alembic's env.py does: every migration in a transaction of its own, with a limit on waiting for locks."""
    from sqlalchemy import text

    from chassis import crash

    def passed(**_: Any) -> None:
        crash.point("migrate.mid")

    _take_scripts()
    connection = context.config.attributes["connection"]
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=passed)
    with context.begin_transaction():
        context.run_migrations()


@cache
def _take_scripts() -> None:
    """Let `op.execute` take several statements in one string, as psql does: asyncpg prepares, and prepares only one.

    Alembic takes the class that names the dialect last.
    """
    from alembic.ddl.postgresql import PostgresqlImpl
    from sqlalchemy import text

    class Scripts(PostgresqlImpl):
        __dialect__ = "postgresql"

        def _exec(self, construct: Any, *options: Any, **more: Any) -> Any:
            if not isinstance(construct, str) or ";" not in construct.rstrip().rstrip(";"):
                return super()._exec(construct, *options, **more)
            connection = self.connection
            assert connection is not None
            connection.execute(text("SELECT 1"))  # SQLAlchemy's transaction begins with its first statement
            driver: Any = connection.connection.dbapi_connection
            return driver.run_async(lambda raw: raw.execute(construct))
