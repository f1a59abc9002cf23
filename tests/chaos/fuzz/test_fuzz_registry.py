"""Registry under requests that nobody would send."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

from typing import Any

import pytest

from registry.main import service
from services.registry.tests.conftest import (  # noqa: F401 - fixtures
    a_class,
    as_,
    database,
    key_file,
    season,
    settings,
    tree,
    vault,
)
from tests.chaos.fuzz.requesting import Requests
from tests.chaos.fuzz.sending import LONGEST, SEED, drawn, send, share
from tests.harness.pupils import Pupils

pytestmark = pytest.mark.timeout(LONGEST)
PART, DRAWN = 0.22, 0.01


@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PART))
async def test_registry_answers_everything_without_a_5xx(
    settings: Any,
    database: Any,
    tree: Any,
    as_: Any,
    a_class: Any,
    season: Any,
) -> None:
    pupils = await Pupils.of(database, tree, a_class)
    drafts = await pupils.draft(12)
    await pupils.submitted(4, start=100)
    description = service.app(settings).openapi()
    places = [tree.province, tree.city, tree.county, tree.other_county, tree.school, tree.campus, tree.other_school]
    requests = Requests(description, SEED, [str(each) for each in (*places, *drafts)])
    people = (tree.admin, tree.officer, tree.registrar, tree.registrar, tree.teacher, tree.other_registrar, None)
    found = await send(
        lambda: [as_(each) for each in people], requests, share(PART), also=drawn(description, share(DRAWN), SEED)
    )
    print(f"\nregistry, seed {SEED}: {found}")
    assert found.bad == []
    assert len(found.reached) >= min(len(requests.routes) / 3, found.statuses.total() / 30)
