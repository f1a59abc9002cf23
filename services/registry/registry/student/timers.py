"""What happens to pupils by the clock."""

from datetime import timedelta

import structlog

from chassis.objects import shards
from chassis.timing import Due, timer
from registry.student.files import Files
from registry.student.queries.evidence import noted

log = structlog.get_logger()


@timer(every=timedelta(hours=1))
async def sweep_evidence(due: Due) -> int:
    """How many objects were taken away that no row of evidence names, within a day of their upload.

    They are of uploads that were killed between the object and its row; the id of an upload is never given again.
    """
    files = due.resource(Files)
    swept = 0
    async for ids in files.left([f"evidence/{shard}" for shard in shards(due.now)], due.now):
        async with due.database.snapshot() as tx:
            known = await noted(tx, ids)
        for evidence_id in set(ids) - known:
            await files.drop(evidence_id)
            swept += 1
    if swept:
        log.info("evidence.swept", objects=swept)
    return swept
