"""Photo under requests that nobody would send."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

from typing import Any
from uuid import uuid4

import pytest

from chassis.testing import spoken
from contracts import topics
from photo.main import service
from services.photo.tests.conftest import (  # noqa: F401 - fixtures
    a_pupil,
    as_,
    database,
    hear,
    key_file,
    people,
    places,
    settings,
    vault,
)
from tests.chaos.fuzz.requesting import Requests
from tests.chaos.fuzz.sending import LONGEST, SEED, drawn, send, share

pytestmark = pytest.mark.timeout(LONGEST)
PART, DRAWN = 0.07, 0.004


@pytest.mark.part("Fuzzed requests, rows, envelopes and raw bytes", share(PART))
async def test_photo_answers_everything_without_a_5xx(
    settings: Any,
    people: Any,
    places: Any,
    hear: Any,
    a_pupil: Any,
    as_: Any,
) -> None:
    pupils = [uuid4() for _ in range(10)]
    for each in pupils:
        assert await hear(spoken(topics.STUDENT, each, a_pupil())) == ["applied"]
    description = service.app(settings).openapi()
    requests = Requests(description, SEED, [str(each) for each in (*pupils, places["school"], places["county"])])
    found = await send(
        lambda: [as_(each) for each in (*people.values(), people["registrar"], None)],
        requests,
        share(PART),
        also=drawn(description, share(DRAWN), SEED),
    )
    print(f"\nphoto, seed {SEED}: {found}")
    assert found.bad == []
    assert len(found.reached) >= min(len(requests.routes) / 3, found.statuses.total() / 30)
