"""Sync under requests that nobody would send."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

from typing import Any
from uuid import uuid4

import pytest

from services.sync.tests.conftest import (  # noqa: F401 - fixtures
    as_,
    database,
    hear,
    key_file,
    people,
    places,
    settings,
)
from sync.main import service
from tests.chaos.fuzz.requesting import Requests
from tests.chaos.fuzz.sending import LONGEST, SEED, drawn, send, share

pytestmark = pytest.mark.timeout(LONGEST)
PART, DRAWN = 0.06, 0.004


@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PART))
async def test_sync_answers_everything_without_a_5xx(
    settings: Any,
    people: Any,
    places: Any,
    as_: Any,
) -> None:
    description = service.app(settings).openapi()
    requests = Requests(description, SEED, [str(each) for each in (*places.values(), uuid4())])
    found = await send(
        lambda: [as_(each) for each in (*people.values(), None)],
        requests,
        share(PART),
        also=drawn(description, share(DRAWN), SEED),
    )
    print(f"\nsync, seed {SEED}: {found}")
    assert found.bad == []
    assert found.reached
