"""What every batch writes again finds room beside what it was: no index is written for it."""

from uuid import uuid4

import pytest

from chassis.transaction import Database

BATCH = 1000
WRITTEN = {
    "counter": (
        "INSERT INTO counter SELECT 'maker.talk.v1', subject, 1 FROM unnest($1::uuid[]) AS subject",
        "UPDATE counter SET version = version + 1",
    ),
    "watermark": (
        "INSERT INTO watermark SELECT 'maker.talk.v1', subject, 1, 1, '\\x00', NULL FROM unnest($1::uuid[]) AS subject",
        "UPDATE watermark SET version = version + 1",
    ),
}


@pytest.mark.parametrize("table", WRITTEN)
async def test_a_batch_that_is_written_again_stays_on_its_pages(database: Database, table: str) -> None:
    async def pages() -> set[int]:
        async with database.snapshot() as tx:
            return {row[0] for row in await tx.fetch(f"SELECT DISTINCT (ctid::text::point)[0]::integer FROM {table}")}

    first, again = WRITTEN[table]
    async with database.transaction() as tx:
        await tx.fetch(first, sorted(uuid4() for _ in range(BATCH)))
    before = await pages()
    async with database.transaction() as tx:
        await tx.fetch(again)
    assert await pages() == before
