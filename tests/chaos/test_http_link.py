"""The link between a person and a service loses requests and replies: whoever asks again with her key acts once.

Registry as it answers in production, over a socket, with a link before it.
"""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from chassis.clock import now
from chassis.identity import TokenIssuer
from chassis.serving import serving
from local_stack.ports import free_port
from registry.main import service
from services.registry.tests.conftest import (  # noqa: F401 - fixtures
    database,
    key_file,
    settings,
    tree,
    vault,
)
from tests.chaos.network.link import Link, Way
from tests.harness.eventually import eventually

pytestmark = pytest.mark.timeout(120)
TIMES = 8
"""Requests in each way of losing."""


def posting(piece: bytes) -> bool:
    """Something is to be changed."""
    return piece.startswith(b"POST ")


@dataclass
class Officer:
    """One who lets a school enter children longer, over a link; what is so already is refused to her."""

    client: httpx2.AsyncClient
    database: Any
    school: UUID
    year: int = 0

    async def extend(self, number: int, key: str | None) -> httpx2.Response:
        """Until the n-th of April; raises what the network does."""
        body = {
            "organisation_id": str(self.school),
            "kind": "entry",
            "until": f"{self.year + 1}-04-{number:02}",
            "reason": "台风推迟开学",
            "document_number": "长教〔2026〕31号",
        }
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post("/v1/calendar/extensions", json=body, headers=headers)

    async def there(self) -> int:
        """How often it was done."""
        async with self.database.snapshot() as tx:
            return int(await tx.scalar(text("SELECT count(*) FROM calendar_extension")))

    async def there_are(self, number: int) -> bool:
        """Whether it was done so often."""
        return await self.there() == number


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """To where registry answers."""
    made = await Link("127.0.0.1", free_port()).start()
    yield made
    await made.stop()


@pytest.fixture
async def officer(settings: Any, tree: Any, database: Any, link: Link) -> AsyncIterator[Officer]:
    """She has a token; registry answers."""
    settings = settings.model_copy(update={"host": "127.0.0.1", "port": link.leads_to})
    running = asyncio.create_task(serving(service.app(settings), settings))
    token = TokenIssuer(settings).issue(tree.officer, now())[0]
    async with httpx2.AsyncClient(
        base_url=f"http://{link.address}", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20
    ) as client:
        found = Officer(client, database, tree.school)

        async def answers() -> bool:
            try:
                found.year = (await client.get("/v1/calendar")).json()["active_school_year"]
            except httpx2.TransportError:
                return False
            return True

        await eventually(answers, within=30)
        yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("lost", "done"), [("the request", False), ("the reply", True), ("the reply, in silence", True)]
)
async def test_who_asks_again_with_her_key_has_done_it_once(
    officer: Officer, link: Link, lost: str, done: bool
) -> None:
    for number in range(1, TIMES + 1):
        key = str(uuid4())
        if lost == "the reply, in silence":
            link.silence(Way.REPLIES)
            asking = asyncio.create_task(officer.extend(number, key))
            await eventually(partial(officer.there_are, number), within=20)
            link.cut()
            link.heal()
        else:
            link.reset_at(posting, after=done)
            asking = asyncio.create_task(officer.extend(number, key))
        with pytest.raises(httpx2.TransportError):
            await asking
        assert await officer.there() == number - 1 + done

        first, again = await officer.extend(number, key), await officer.extend(number, key)
        assert (first.status_code, again.status_code) == (201, 201), first.text
        assert again.json() == first.json()
        assert await officer.there() == number
        assert (await officer.extend(TIMES + number, key)).json()["code"] == "idempotency-key-reused"
    assert await officer.there() == TIMES


async def test_who_asks_again_without_a_key_is_not_told_yes(officer: Officer, link: Link) -> None:
    """The control: it is the key that makes the repeat the first request."""
    link.reset_at(posting, after=True)
    with pytest.raises(httpx2.TransportError):
        await officer.extend(1, None)
    assert (await officer.extend(1, None)).json()["code"] == "extension-too-short"
    assert await officer.there() == 1
