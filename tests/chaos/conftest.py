"""What several files of the rig stand on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from services.chassis.tests.conftest import make_topics, migrate, write_keys
from services.chassis.tests.rig import Rig

MakeRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def make_rig(template_database: Callable[..., str], kafka_server: str, tmp_path: Path) -> AsyncIterator[MakeRig]:
    """`await make_rig()` → a maker and a taker with databases and topics of their own, on the run's servers."""
    made: list[Rig] = []

    async def make(kafka: str = kafka_server) -> Rig:
        suffix = uuid4().hex[:8]
        topics, folder = make_topics(suffix), tmp_path / suffix
        folder.mkdir()
        dsn = [template_database("chassis-delivery", migrate) for _ in range(2)]
        rig = Rig(suffix, topics, write_keys(folder, [topics.secret.name]), kafka, dsn[0], dsn[1])
        made.append(rig)
        await rig.begin()
        return rig

    yield make
    for rig in made:
        await rig.end()


@pytest.fixture
async def rig(make_rig: MakeRig) -> Rig:
    """A maker and a taker."""
    return await make_rig()
