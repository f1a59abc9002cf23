"""The HTTP server of a process: it stops taking requests when told to, and finishes those under way."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from chassis import telemetry
from chassis.connections import Connection
from chassis.reviving import ended
from chassis.settings import ProcessSettings
from chassis.telemetry.logs import configure_logs

log = structlog.get_logger("chassis.serving")
DRAINED_WITHIN: Final = 2
"""Seconds for requests that are under way when the process is told to stop."""
GONE_WITHIN: Final = 3.7
"""Seconds after which the process ends whatever still holds it: nothing is lost, for nothing was promised."""
_KEEP_ALIVE: Final = 15


class _Server(uvicorn.Server):
    """Leaves signals to the process, which has more to stop than a server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serving(app: ASGIApp, settings: ProcessSettings) -> None:
    """Serve until cancelled; then finish what is under way. Raises OSError when the port is taken."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="none",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=DRAINED_WITHIN,
    )
    # Bound here: uvicorn would end the process itself, with a code and a line of its own, when the port is taken.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    server = _Server(config)
    running = asyncio.create_task(server.serve([listening]), name="server")
    try:
        await asyncio.shield(running)
        raise OSError(f"{settings.host}:{settings.port} is not served any more: see the line above")
    except asyncio.CancelledError:
        server.should_exit = True
        while not running.done():
            # Told once is enough: who tells again waits like everybody.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(running)
        raise


async def until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    """Run the work until it ends, or until SIGTERM or SIGINT cancels it. A second SIGINT ends the process at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work())
    told = False

    def stop() -> None:
        nonlocal told
        if told:
            os._exit(130)
        told = True
        deadline = threading.Timer(GONE_WITHIN, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
        log.info("process.stopped")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def process(name: str, settings: ProcessSettings, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Be the process that runs this until SIGTERM; then exit with 0, or with 1 when its port is taken."""

    def work() -> int:
        telemetry.configure(name, settings)
        try:
            uvloop.run(run())
        except OSError as error:
            log.error("process.failed", error=type(error).__name__, errno=error.errno)
            return 1
        return 0

    # Whoever keeps it alive has logs only: what sends traces has threads, which a fork would lose.
    configure_logs(name, settings.log_level)
    ended(work, is_revived=settings.revived)


def serve(name: str, app: ASGIApp, settings: ProcessSettings) -> None:
    """Serve an application that is a process of its own, until SIGTERM."""
    process(name, settings, lambda: until_stopped(lambda: serving(app, settings)))
