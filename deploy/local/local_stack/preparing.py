"""What servers started elsewhere (compose) need before services start: keys, databases, topics, schemas."""

import asyncio
from pathlib import Path

from chassis import migrating, topics
from local_stack.keys import write_keyrings
from local_stack.plan import SERVICES
from local_stack.postgres import Address


async def prepare(keys: Path, server: Address, kafka: str) -> None:
    """Make what is missing; safe to run again. Every service's role gets the server's password."""
    await asyncio.to_thread(write_keyrings, keys, list(SERVICES))
    for service in SERVICES:
        await server.create_role(service, server.password)
        await server.create_database(service, service)
    await topics.create(kafka)
    for service in SERVICES:
        dsn = server.dsn(service, user=service, password=server.password)
        await migrating.upgrade_async(dsn, service)
