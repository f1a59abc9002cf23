"""Objects that no row names go; what is noted, or about to be, stays."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.clock import now
from chassis.identity import Actor
from chassis.objects import shards
from chassis.testing import spoken
from chassis.timing import Due
from chassis.transaction import Database
from contracts import topics
from photo import commands, queries
from photo.checks import Standard, standardise
from photo.jobs import keep, stand
from photo.settings import PhotoSettings
from photo.storage import Album, PhotoGone
from photo.timers import sweep
from tests.harness.eventually import eventually
from tests.harness.serving import Hear

Sweep = Callable[..., Any]
Noting = Callable[[commands.Taken], AbstractAsyncContextManager[None]]


@pytest.fixture
def swept(database: Database, album: Album, settings: PhotoSettings) -> Sweep:
    """`await swept(student)` → how many objects went, in the hour in which the student's turn has come."""

    async def act(student: UUID) -> int:
        return await sweep(Due(database, turn_of(student), {Album: album}, settings))

    return act


def turn_of(student: UUID) -> datetime:
    hours = (now() + timedelta(hours=number) for number in range(48))
    return next(hour for hour in hours if student.hex[-2:] in shards(hour))


def aged(settings: PhotoSettings, key: str, student: UUID, hours: float = 1.1) -> None:
    """The object was stored so long before the student's turn."""
    file = Path(settings.data) / key
    then = turn_of(student).timestamp() - hours * 3600
    os.utime(file, (then, then))


@pytest.fixture
def noting(album: Album, database: Database, people: Mapping[str, Actor], places: Mapping[str, UUID]) -> Noting:
    """`async with noting(taken): …` → the photo is noted, and committed when the block ends."""

    @asynccontextmanager
    async def act(taken: commands.Taken) -> AsyncIterator[None]:
        async with database.transaction(people["registrar"]) as tx:
            await commands.take_one(tx, places["school"], taken)
            await stand(album, [taken])
            yield

    return act


@pytest.fixture
async def student(hear: Hear, a_pupil: Any) -> UUID:
    subject = uuid4()
    await hear(spoken(topics.STUDENT, subject, a_pupil()))
    return subject


@pytest.fixture
def standard(picture: Callable[..., bytes]) -> Standard:
    found = standardise(picture(3))
    assert isinstance(found, Standard)
    return found


async def _any(database: Database, statement: str) -> bool:
    async with database.snapshot() as tx:
        return bool(await tx.rows(text(statement)))


async def stands(album: Album, key: str) -> bool:
    try:
        await album.take(key)
    except PhotoGone:
        return False
    return True


def test_everybody_s_turn_comes_within_a_day() -> None:
    begin = datetime.fromisoformat("2026-09-01T00:00:00+08:00")
    for hour in range(300):
        day = {shard for number in range(24) for shard in shards(begin + timedelta(hours=hour + number))}
        assert len(day) == 256


async def test_only_old_objects_that_no_row_names_are_swept(
    album: Album, settings: PhotoSettings, database: Database, swept: Sweep, noting: Noting, student: UUID,
    standard: Standard,
) -> None:  # fmt: skip
    noted = await keep(album, student, standard)
    async with noting(noted):
        pass
    left = await album.keep("photo", student, "cd" * 32, b"of somebody who was killed")
    archive = await album.keep("archive", uuid4(), "ef" * 32, b"of somebody else")
    young = await album.keep("archive", uuid4(), "12" * 32, b"on its way")
    for key in (noted.object_key, left, archive):
        aged(settings, key, student)
    aged(settings, young, student, hours=0.9)
    assert await swept(student) == 2
    assert [await stands(album, key) for key in (noted.object_key, left, archive, young)] == [True, False, False, True]
    assert await swept(student) == 0


async def test_a_photo_that_was_swept_before_its_note_is_stored_again(
    album: Album, settings: PhotoSettings, database: Database, swept: Sweep, noting: Noting, student: UUID,
    standard: Standard,
) -> None:  # fmt: skip
    taken = await keep(album, student, standard)
    aged(settings, taken.object_key, student)
    assert await swept(student) == 1
    async with noting(taken):
        pass
    assert await album.take(taken.object_key) == standard.content


async def test_who_sweeps_waits_for_whoever_is_about_to_note_the_photo(
    album: Album, settings: PhotoSettings, database: Database, swept: Sweep, noting: Noting, student: UUID,
    standard: Standard,
) -> None:  # fmt: skip
    taken = await keep(album, student, standard)
    aged(settings, taken.object_key, student)
    async with noting(taken):
        sweeping = asyncio.create_task(swept(student))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await eventually(lambda: _any(database, waiting))
        assert not sweeping.done()
    assert await sweeping == 0
    assert await stands(album, taken.object_key)
    async with database.snapshot() as tx:
        assert await queries.noted(tx, [taken.object_key]) == {taken.object_key}
