"""Timers: what a service does by the clock. One worker at a time runs a timer, however many there are."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import structlog

from chassis import crash
from chassis.clock import now
from chassis.outages import is_conflict, is_outage
from chassis.telemetry import metrics, tracing

if TYPE_CHECKING:
    import asyncpg

    from chassis.settings import ServiceSettings
    from chassis.transaction import Database

log = structlog.get_logger("chassis.timing")
T = TypeVar("T")
_LONGEST_BACK_OFF: Final = 60.0
_ASK_AGAIN: Final = 1.0
"""Seconds until a worker that does not hold a timer asks for it again."""
_STANDS_WITHIN: Final = 5.0
"""Seconds in which the connection of the locks must answer, or the locks are taken for lost."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a timer is given when its time has come."""

    database: "Database"
    now: datetime
    """In Asia/Shanghai."""
    resources: Mapping[type, object]
    settings: "ServiceSettings"

    def resource(self, kind: type[T]) -> T:
        """The service's resource of this type. Raises KeyError."""
        return cast("T", self.resources[kind])


Act = Callable[[Due], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to be done again and again."""

    name: str
    every: timedelta
    act: Act
    """Answers how many things were done; while it is more than 0 it is asked again at once."""
    first: timedelta = timedelta(0)
    """From the moment at which a worker has the timer to the first run."""

    async def __call__(self, due: Due) -> int:
        """Do it once."""
        return await self.act(due)


def timer(*, every: timedelta) -> Callable[[Act], Timer]:
    """Declare a timer: `@timer(every=timedelta(hours=1))` on `async def f(due: Due) -> int`.

    Raises ValueError for an interval that is none.
    """
    if every <= timedelta(0):
        raise ValueError("a timer needs a time between its runs")

    def declare(act: Act) -> Timer:
        return Timer(f"{act.__module__}.{act.__qualname__}", every, act)

    return declare


class Timers:
    """Runs the timers of a service. Each has a lock in the database, held by a connection that does nothing else.

    When that connection is lost, everything that runs is stopped: another worker may have begun.
    """

    def __init__(
        self,
        timers: Sequence[Timer],
        database: "Database",
        resources: Mapping[type, object],
        settings: "ServiceSettings",
    ) -> None:
        self._timers = timers
        self._database = database
        self._resources = resources
        self._settings = settings

    async def run(self) -> None:
        """Run until cancelled. A timer that fails is tried again, later and later; it never ends the others."""
        while True:
            try:
                await self._session()
            except Exception as error:
                if is_outage(error):
                    log.warning("timers.away", error=type(error).__name__)
                else:
                    log.exception("timers.lost")
            await asyncio.sleep(_ASK_AGAIN * random.uniform(0.8, 1.2))  # noqa: S311 - workers ask at different moments

    async def _session(self) -> None:
        """As long as one connection holds the locks. Raises a group with ConnectionError when it is lost."""
        async with _Locks.opened(self._settings.database) as locks, asyncio.TaskGroup() as group:
            group.create_task(locks.watch(), name="timers' locks")
            for each in self._timers:
                group.create_task(self._keep(each, locks), name=f"timer {each.name}")

    async def _keep(self, timer: Timer, locks: "_Locks") -> None:
        while not await locks.take(timer.name):  # noqa: ASYNC110 - the lock is another process's: it must be asked
            await asyncio.sleep(_ASK_AGAIN * random.uniform(0.8, 1.2))  # noqa: S311
        await asyncio.sleep(timer.first.total_seconds())
        failures = 0
        while True:
            began = time.monotonic()
            crash.point("saga.timer_fired_before_tx")
            try:
                with tracing.continued(None, f"timer {timer.name}"):
                    done = await timer(Due(self._database, now(), self._resources, self._settings))
            except Exception as error:
                failures += 1
                metrics.TIMER_RUNS.labels(timer.name, "failed").inc()
                if is_outage(error) or is_conflict(error):
                    log.warning("timer.away", timer=timer.name, error=type(error).__name__)
                else:
                    log.exception("timer.failed", timer=timer.name, failures=failures)
                await asyncio.sleep(min(0.5 * 2.0 ** min(failures, 10), _LONGEST_BACK_OFF))
                continue
            failures = 0
            metrics.TIMER_RUNS.labels(timer.name, "done").inc()
            metrics.TIMER_SECONDS.labels(timer.name).observe(time.monotonic() - began)
            if not done:
                await asyncio.sleep(timer.every.total_seconds())


class _Locks:
    """Advisory locks on one connection, outside of the pool: there a lock would outlive whoever took it."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._lost = asyncio.Event()
        connection.add_termination_listener(lambda _: self._lost.set())

    @classmethod
    @asynccontextmanager
    async def opened(cls, dsn: str) -> AsyncIterator[Self]:
        """The locks of a new connection, all let go at the end."""
        import asyncpg

        connection = await asyncpg.connect(
            dsn.replace("postgresql+asyncpg://", "postgresql://", 1),
            timeout=10,
            command_timeout=_STANDS_WITHIN,
            # A worker that is stopped says nothing; then the server ends its session, and another may run its timers.
            server_settings={"application_name": "chassis timers", "idle_session_timeout": "15000"},
        )
        try:
            yield cls(connection)
        finally:
            # Closing by agreement could wait for a server that is gone.
            connection.terminate()

    async def take(self, name: str) -> bool:
        """Whether this connection has the lock of this name now."""
        key = int.from_bytes(sha256(f"timer {name}".encode()).digest()[:8], "big", signed=True)
        async with self._turn:
            return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", key))

    async def watch(self) -> None:
        """Raises ConnectionError as soon as the connection is lost, TimeoutError when it does not answer."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STANDS_WITHIN):
                    await self._lost.wait()
                raise ConnectionError("the connection that held the timers' locks is lost")
            async with self._turn:
                await self._connection.fetchval("SELECT 1")
