"""The two forms of the stack that tests stand on: embedded servers, or containers of the official images."""

import os
import secrets
from pathlib import Path
from typing import Protocol

from local_stack.kafka import KafkaServer
from local_stack.postgres import Address, PostgresServer


class Server(Protocol):
    """Something that can be started, tells where it is, and stopped."""

    async def start(self) -> dict[str, str | int]: ...

    async def stop(self) -> None: ...


class EmbeddedPostgres:
    """The wheel's PostgreSQL; its data does not outlive the run, so it does not wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._server = PostgresServer(folder, durable=False, connections=400)

    async def start(self) -> dict[str, str | int]:
        return await describe(await self._server.start())

    async def stop(self) -> None:
        await self._server.kill()


class EmbeddedKafka:
    """Kafka on the wheel's Java."""

    def __init__(self, folder: Path) -> None:
        self._server = KafkaServer(folder)

    async def start(self) -> dict[str, str | int]:
        return {"bootstrap": await self._server.start()}

    async def stop(self) -> None:
        await self._server.stop()


async def describe(address: Address) -> dict[str, str | int]:
    """What test processes need of a PostgreSQL, after creating the role that owns their databases."""
    word = secrets.token_urlsafe(16)
    await address.create_role("tests", word)
    return {
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "password": address.password,
        "owner_password": word,
    }


def form() -> str:
    """`embedded`, or `containers` when STACK says so."""
    chosen = os.environ.get("STACK", "embedded")
    if chosen not in {"embedded", "containers"}:
        raise ValueError(f"STACK={chosen} is not known; use STACK=embedded or STACK=containers.")
    return chosen


def server(what: str, folder: Path) -> Server:
    """The server `postgres` or `kafka`, in the chosen form, not yet started."""
    if form() == "containers":
        from tests.harness.containers import ContainerKafka, ContainerPostgres

        return ContainerPostgres() if what == "postgres" else ContainerKafka()
    return EmbeddedPostgres(folder) if what == "postgres" else EmbeddedKafka(folder)
