"""One process of a service: what its role says, and on its port health and metrics."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI

from chassis import collecting, retention
from chassis.http.health import Check
from chassis.migrating import behind, heads
from chassis.running.parts import Clockwork, Part, kept_alive
from chassis.serving import serving, until_stopped
from chassis.settings import ServiceSettings
from chassis.timing import Due, Timer, Timers, timer
from contracts.topics import TOPICS

if TYPE_CHECKING:
    from chassis.service import Service
    from chassis.transaction import Database

log = structlog.get_logger("chassis.running")


class Role(StrEnum):
    """What a process does."""

    API = "api"
    WORKER = "worker"
    RELAY = "relay"
    ALL = "all"


@timer(every=timedelta(hours=6))
async def housekeep(due: Due) -> int:
    """What is older than its time goes; the next months of the outbox are made."""
    return await retention.housekeep(due.database)


_FIRST_AUDIT = timedelta(hours=1)
"""Long enough that whoever is killed again and again, or has just begun with all others, does not read whole topics."""


def topic_audit(service: "Service", settings: ServiceSettings) -> Timer:
    """What was said and is no longer in its topic is said again, without anybody's asking."""

    async def act(due: Due) -> int:
        from chassis.auditor import audit_own  # aiokafka: who runs no timers does not load it

        await audit_own(due.database, service.name)
        return 0

    every = settings.audit_every
    return Timer(f"{__name__}.topic_audit", every, act, first=min(every, _FIRST_AUDIT))


async def run(service: "Service", settings: ServiceSettings, role: Role) -> None:
    """Run a process of a service until it is told to stop. Raises OSError when its port is taken."""
    await until_stopped(lambda: _run(service, settings, role))


def preload(service: "Service", role: Role) -> None:
    """Import what the role needs: whoever is begun again from memory has it then."""
    wanted = [
        "uvicorn.lifespan.on",
        "chassis.identity.copies",
        "chassis.sealing",
        "chassis.transaction.connecting",
    ]
    if role in (Role.WORKER, Role.ALL) and service.subscribers.topics:
        wanted.append("chassis.consuming.listening")
    if role in (Role.RELAY, Role.ALL):
        wanted.append("chassis.relay")
    with collecting.imports():
        for name in wanted:
            import_module(name)


async def _run(service: "Service", settings: ServiceSettings, role: Role) -> None:
    async with service.opened(settings) as (database, resources):
        parts = _parts(service, settings, database, resources, role)
        checks: list[Check] = [_schema(service, database), *(_of(part) for part in parts.values())]

        @asynccontextmanager
        async def living(app: FastAPI) -> AsyncIterator[None]:
            service.furnish(app, database, resources)
            yield

        serves = role in (Role.API, Role.ALL)
        app = service.application(settings, lifespan=living, checks=checks, serves=serves)
        tasks = [asyncio.create_task(serving(app, settings), name="server")]
        tasks += [asyncio.create_task(kept_alive(name, part), name=name) for name, part in parts.items()]
        collecting.seldom()
        log.info("process.started", service=service.name, role=role.value, port=settings.port)
        try:
            # Parts are kept alive and never end; the server ends only when it cannot serve.
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _parts(
    service: "Service",
    settings: ServiceSettings,
    database: "Database",
    resources: Mapping[type, object],
    role: Role,
) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    if role in (Role.WORKER, Role.ALL):
        if service.subscribers.topics:
            from chassis.consuming.listening import Listeners

            parts["listeners"] = Listeners(database, service.subscribers)
        own = [housekeep, topic_audit(service, settings)]
        timers = Timers([*service.timers, *own], database, resources, settings)
        parts["timers"] = Clockwork(timers.run)
    if role in (Role.RELAY, Role.ALL) and any(topic.writer == service.name for topic in TOPICS):
        from chassis.relay import Relay

        parts["relay"] = Relay(database, service.name)
    return parts


def _of(part: Part) -> Check:
    async def check() -> str | None:
        return part.why_not_ready()

    return check


def _schema(service: "Service", database: "Database") -> Check:
    newest = heads(service.package)
    is_newest = False

    async def check() -> str | None:
        nonlocal is_newest
        from sqlalchemy import text

        from chassis.transaction.connecting import connected

        async with connected(database.engine) as connection:
            if is_newest:
                await connection.execute(text("SELECT 1"))
                return None
            why = await behind(connection, service.package, newest)
            is_newest = why is None
            return why

    return check
