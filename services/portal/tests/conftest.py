"""The portal over recorded answers."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from portal.main import create
from portal.settings import PortalSettings
from services.portal.tests.people import a_county
from services.portal.tests.services import BASES, Services

ORIGIN = {"origin": "http://portal.test", "host": "portal.test"}


@pytest.fixture
def services() -> Services:
    """The services, with nothing to say yet."""
    return Services()


@pytest.fixture
async def browse(services: Services) -> AsyncIterator[Callable[[str | None], httpx2.AsyncClient]]:
    """A browser of somebody: "registrar", "officer", …; None is nobody yet."""
    app = create(PortalSettings(**BASES), services)
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

    async with app.router.lifespan_context(app):
        yield as_
        for client in clients:
            await client.aclose()
