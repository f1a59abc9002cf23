"""What photo does by itself."""

from datetime import timedelta

from chassis.timing import Due, timer
from photo import queries
from photo.jobs import ArchiveJob


@timer(every=timedelta(seconds=1))
async def work_archives_through(due: Due) -> int:
    """How many files got a result: waiting archives, and those whose worker fell silent."""
    async with due.database.snapshot() as tx:
        waiting = await queries.open_archives(tx)
    job = due.resource(ArchiveJob)
    return sum([await job.run(archive_id) for archive_id in waiting])
