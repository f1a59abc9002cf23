"""A service on a database of the test's own: its keyring, its callers, what it hears, the SQL that it executes."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from joserfc.jwk import KeySet, OKPKey
from sqlalchemy import event

from chassis.clock import now
from chassis.consuming import Subscribers
from chassis.identity import Actor, TokenIssuer
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.testing import Spoken, deliver
from chassis.transaction import Database

Clients = Callable[..., httpx2.AsyncClient]
Hear = Callable[..., Awaitable[list[str]]]


def write_keyring(path: Path, *, blind: Iterable[str] = (), wire: Iterable[str] = ()) -> Path:
    """The path, where a keyring stands now, with the private key of tokens that only registry would have.

    `blind`: kinds of blind index; `wire`: names of sealed topics.
    """

    def key(letter: str) -> str:
        return base64.b64encode(letter.encode() * 32).decode()

    signing = OKPKey.generate_key("Ed25519", {"kid": "t1", "use": "sig", "alg": "EdDSA"})
    keyring = {
        "vault": {"current": "k1", "keys": {"k1": key("v")}},
        "blind": {kind: key(kind[0]) for kind in blind},
        "wire": {topic: {"current": "w1", "keys": {"w1": key("w")}} for topic in wire},
        "token_private": signing.as_dict(private=True),
        "token_public": KeySet([signing]).as_dict(private=False),
    }
    path.write_text(json.dumps(keyring))
    return path


@asynccontextmanager
async def clients_of(service: Service, settings: ServiceSettings) -> AsyncIterator[Clients]:
    """`client(actor)` → a client of the service, which runs meanwhile, with that actor's token; None has none."""
    async with AsyncExitStack() as stack:
        app = service.app(settings)
        await stack.enter_async_context(app.router.lifespan_context(app))
        issuer = TokenIssuer(settings)

        def client(actor: Actor | None, **headers: str) -> httpx2.AsyncClient:
            if actor is not None:
                headers["Authorization"] = f"Bearer {issuer.issue(actor, now())[0]}"
            transport = httpx2.ASGITransport(app=app)
            return httpx2.AsyncClient(transport=transport, base_url=f"http://{service.name}", headers=headers)

        yield client


def hearing(database: Database, subscribers: Subscribers) -> Hear:
    """`await hear(spoken(…), …)` → what became of each event."""

    async def hear(*events: Spoken, batch: int = 500) -> list[str]:
        return await deliver(database, subscribers, events, batch=batch)

    return hear


@contextmanager
def executed(target: Any) -> Iterator[list[str]]:
    """The SQL that goes through an engine or a connection meanwhile.

    The chassis's own statements of a batch go past SQLAlchemy, or are counted by its tests.
    """
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(target, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(target, "before_cursor_execute", note)


def new_key() -> dict[str, str]:
    """The header of a new idempotency key."""
    return {"Idempotency-Key": str(uuid4())}
