"""The portal, before recorded answers of the services, under addresses and forms that no page offers."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

from typing import Any

import pytest

from services.portal.tests.conftest import browse, portal, services  # noqa: F401 - fixtures
from tests.chaos.fuzz.requesting import Requests
from tests.chaos.fuzz.sending import LONGEST, SEED, send, share

pytestmark = pytest.mark.timeout(LONGEST)
PART = 0.06


@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PART))
async def test_the_portal_answers_everything_without_a_5xx(portal: Any, browse: Any) -> None:
    app, _ = portal
    requests = Requests(app.openapi(), SEED, fields=["q", "school", "student", "version", "reason", "next"])
    for who in ("registrar", "officer"):
        found = await send([browse(who)].copy, requests, share(PART) // 2, pages=True)
        print(f"\nportal, {who}, seed {SEED}: {found}")
        assert found.bad == []
        assert len(found.reached) >= min(len(requests.routes) / 5, found.statuses.total() / 30)
