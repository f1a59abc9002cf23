"""The portal over recorded answers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI

from portal.main import create
from portal.visiting import TokenBook
from services.portal.tests.people import a_county
from services.portal.tests.services import Services, Switch, portal_settings

ORIGIN = {"origin": "http://portal.test", "host": "portal.test"}


@pytest.fixture
def services() -> Services:
    """The services, with nothing to say yet."""
    return Services()


@pytest.fixture(scope="session")
async def portal() -> AsyncIterator[tuple[FastAPI, Switch]]:
    """The portal, put together once, and the switch between it and the services of each test."""
    switch = Switch()
    app = create(portal_settings(), switch)
    async with app.router.lifespan_context(app):
        yield app, switch


@pytest.fixture
async def browse(
    services: Services, portal: tuple[FastAPI, Switch]
) -> AsyncIterator[Callable[[str | None], httpx2.AsyncClient]]:
    """A browser of somebody: "registrar", "officer", …; None is nobody yet."""
    app, switch = portal
    switch.services = services
    app.state.reach = replace(app.state.reach, tokens=TokenBook(kept=30.0))
    clients = []

    def as_(who: str | None) -> httpx2.AsyncClient:
        if who:
            a_county(services, who)
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://portal.test",
            headers=ORIGIN,
            cookies={"session": "opaque"} if who else None,
        )
        clients.append(client)
        return client

    yield as_
    for client in clients:
        await client.aclose()
