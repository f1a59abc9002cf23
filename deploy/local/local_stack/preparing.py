"""What servers started elsewhere (compose) need before services start: secrets, databases, topics, schemas."""

import asyncio
from pathlib import Path

from chassis import migrating, topics
from local_stack.keys import passwords, write_keyrings
from local_stack.layout import write_text
from local_stack.plan import SERVICES
from local_stack.postgres import Address


async def prepare(keys: Path, secrets: Path, server: Address, kafka: str) -> None:
    """Make what is missing; safe to run again.

    `keys` has every secret there is and is nobody's but this. Below `secrets` each program has a folder of its own with
    what it alone may know: `keys.json`, and of a service `token-public.json` and `<service>_database`, as SECRETS_DIR.
    """
    rings = await asyncio.to_thread(write_keyrings, keys, list(SERVICES))
    words = await asyncio.to_thread(passwords, keys, list(SERVICES))
    for service in SERVICES:
        await server.create_role(service, words[service])
        await server.create_database(service, service)
    await topics.create(kafka)
    for service in SERVICES:
        dsn = server.dsn(service, user=service, password=words[service])
        await migrating.upgrade_async(dsn, service)
        write_text(_folder(secrets, service) / f"{service}_database", dsn)
        _hand_over(rings["token_public"], _folder(secrets, service) / "token-public.json")
    for name in (*SERVICES, "nation"):
        _hand_over(rings[name], _folder(secrets, name) / "keys.json")


def _folder(secrets: Path, name: str) -> Path:
    folder = secrets / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _hand_over(file: Path, to: Path) -> None:
    write_text(to, file.read_text(encoding="utf-8"))
