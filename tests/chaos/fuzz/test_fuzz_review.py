"""Review under requests that nobody would send."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

from typing import Any

import pytest

from review.main import service
from services.review.tests.conftest import (  # noqa: F401 - fixtures
    a_case,
    a_request,
    as_,
    database,
    hear,
    key_file,
    places,
    settings,
    tree,
)
from tests.chaos.fuzz.requesting import Requests
from tests.chaos.fuzz.sending import LONGEST, SEED, drawn, send, share

pytestmark = pytest.mark.timeout(LONGEST)
PART, DRAWN = 0.1, 0.004


@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PART))
async def test_review_answers_everything_without_a_5xx(
    settings: Any,
    tree: Any,
    as_: Any,
    a_case: Any,
) -> None:
    cases = [await a_case() for _ in range(20)]
    description = service.app(settings).openapi()
    known = [str(each) for each in (*cases, *cases, tree.county, tree.city, tree.school, tree.officer.account_id)]
    requests = Requests(description, SEED, known)
    people = (tree.admin, tree.officer, tree.colleague, tree.viewer, tree.registrar, tree.other_officer, None)
    found = await send(
        lambda: [as_(each) for each in people], requests, share(PART), also=drawn(description, share(DRAWN), SEED)
    )
    print(f"\nreview, seed {SEED}: {found}")
    assert found.bad == []
    assert len(found.reached) >= min(len(requests.routes) / 3, found.statuses.total() / 30)
