"""What photo does by itself."""

from datetime import timedelta
from uuid import UUID

import structlog

from chassis.objects import shards
from chassis.timing import Due, timer
from photo import queries
from photo.jobs import ArchiveJob
from photo.storage import Album

log = structlog.get_logger()


@timer(every=timedelta(seconds=1))
async def work_archives_through(due: Due) -> int:
    """How many files got a result: waiting archives, and those whose worker fell silent."""
    async with due.database.snapshot() as tx:
        waiting = await queries.open_archives(tx)
    job = due.resource(ArchiveJob)
    return sum([await job.run(archive_id) for archive_id in waiting])


@timer(every=timedelta(hours=1))
async def sweep(due: Due) -> int:
    """How many objects were taken away that no row names: archives of the last hour, photos within a day.

    They are of uploads that were killed, or refused, between the object and its row.
    """
    album = due.resource(Album)
    swept = 0
    async for keys in album.left(["archive", *(f"photo/{shard}" for shard in shards(due.now))], due.now):
        async with due.database.snapshot() as tx:
            noted = await queries.noted(tx, keys)
        for key in keys:
            swept += key not in noted and await _swept(due, album, key)
    if swept:
        log.info("objects.swept", objects=swept)
    return swept


async def _swept(due: Due, album: Album, key: str) -> bool:
    """Whether the object is gone. Who is about to note the same photo has the pupil's lock, or waits for it."""
    async with due.database.transaction() as tx:
        await queries.requirements_of(tx, [UUID(key.split("/")[2])], lock=True)
        if key in await queries.noted(tx, [key]):
            return False
        await album.drop(key)
    return True
