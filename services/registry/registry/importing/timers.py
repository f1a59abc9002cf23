"""What happens to imports by the clock."""

from datetime import timedelta

from chassis.timing import Due, timer
from registry.importing import commands, queries
from registry.importing.jobs import ImportJob
from registry.importing.storage import Inbox


@timer(every=timedelta(seconds=1))
async def work_imports(due: Due) -> int:
    """How many imports were worked: new ones, and those whose worker fell silent."""
    async with due.database.snapshot() as tx:
        waiting = await queries.waiting(tx)
    job = due.resource(ImportJob)
    return sum([await job.work(import_id) for import_id in waiting])


@timer(every=timedelta(hours=1))
async def forget_imports(due: Due) -> int:
    """Dry runs nobody carried out, cells of failed rows after a month, and files that no import needs any more."""
    inbox = due.resource(Inbox)
    async with due.database.transaction() as tx:
        expired = await commands.expire(tx)
    left = await inbox.left(due.now)
    async with due.database.snapshot() as tx:
        needed = await queries.unfinished(tx, left)
    orphans = [import_id for import_id in left if import_id not in needed]
    for import_id in orphans:
        await inbox.drop(import_id)
    return len(expired) + len(orphans)
