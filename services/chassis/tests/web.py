"""People, keys and applications for the tests of HTTP and identity."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from fastapi import APIRouter, FastAPI
from joserfc.jwk import KeySet, OKPKey

from chassis.http import Application, application
from chassis.identity import Actor, TokenIssuer, TokenVerifier
from chassis.settings import ProcessSettings, ServiceSettings
from contracts.values import Role

ACCOUNT = UUID("01930000-0000-7000-8000-0000000000a1")
PERSON = UUID("01930000-0000-7000-8000-0000000000b1")
ORGANISATION = UUID("01930000-0000-7000-8000-0000000000c1")


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def signing_key(name: str = "t1") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": name, "use": "sig", "alg": "EdDSA"})


def write_key_file(folder: Path, signing: OKPKey | None = None, **more: Any) -> Path:
    """A whole key file, as the local stack writes it."""
    signing = signing or signing_key()
    path = folder / "keyring.json"
    ring = {
        "vault": {"current": "k1", "keys": {"k1": key("v")}},
        "blind": {"uniqueness": key("u"), "match": key("m")},
        "wire": {"sync.outcome.v1": {"current": "w1", "keys": {"w1": key("w")}}},
        "token_private": signing.as_dict(private=True),
        "token_public": KeySet([signing]).as_dict(private=False),
    }
    path.write_text(json.dumps(ring | more))
    return path


def service_settings(dsn: str, keys: Path, **more: Any) -> ServiceSettings:
    return ServiceSettings(
        database=dsn, kafka="127.0.0.1:9", keys=keys, token_public_keys=keys, data=keys.parent, **more
    )


def an_actor(*roles: Role, account: UUID = ACCOUNT, version: int = 1, organisation: UUID = ORGANISATION) -> Actor:
    return Actor(account, PERSON, organisation, frozenset(roles), version, None)


def bearer(settings: ServiceSettings, actor: Actor, at: datetime | None = None) -> dict[str, str]:
    token, _ = TokenIssuer(settings).issue(actor, at or datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def client_of(
    app: FastAPI, headers: Mapping[str, str] | None = None, *, raises: bool = True
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application that lives meanwhile."""
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=raises)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client


def an_app(*routers: APIRouter, settings: ServiceSettings | None = None, **more: Any) -> Application:
    """An application without a database."""
    app = application("test", settings or ProcessSettings(), routers=routers, **more)
    if settings is not None:
        app.state.verifier = TokenVerifier(settings)
    return app
