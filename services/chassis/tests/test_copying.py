"""Many rows are written by COPY, and nobody can tell."""

from uuid import uuid4

import pytest
from sqlalchemy import Column, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import IntegrityError

from chassis.outages import is_conflict, is_outage
from chassis.transaction import Database
from chassis.transaction.tx import COPY_FROM
from services.chassis.tests.conftest import Rows

TABLE = Table(
    "many", MetaData(), Column("id", Uuid, primary_key=True), Column("number", Integer), Column("name", Text),
    Column("tags", ARRAY(Text)), Column("ids", ARRAY(Uuid)), Column("said", JSONB), Column("raw", LargeBinary),
    Column("at", DateTime(timezone=True)),
)  # fmt: skip


async def test_many_rows_are_what_few_would_be(database: Database, rows: Rows) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "CREATE TEMPORARY TABLE many (id uuid PRIMARY KEY, number int, name text, tags text[], ids uuid[],"
                " said jsonb, raw bytea, at timestamptz) ON COMMIT DROP"
            )
        )
        made = [
            {
                "id": uuid4(),
                "number": n if n else None,
                "name": f"第{n}个\t\\N",
                "tags": ['a"b', "c\\d", ""] if n % 2 else None,
                "ids": [uuid4()],
                "said": [{"code": "x", "text": "句子"}] if n % 3 else None,
                "raw": bytes([0, n % 256]),
                "at": tx.now,
            }
            for n in range(COPY_FROM)
        ]
        assert await tx.insert(TABLE, made) == COPY_FROM
        found = {row.id: row._asdict() for row in await tx.rows(TABLE.select())}
        assert found == {each["id"]: each for each in made}


async def test_a_row_that_is_there_already_is_the_same_error_as_ever(database: Database) -> None:
    with pytest.raises(IntegrityError) as few:
        async with database.transaction() as tx:
            await tx.execute(text("INSERT INTO audit_head VALUES (0, 0, '')"))
    again = [{"chain": n, "seq": 0, "hash": b""} for n in range(COPY_FROM)]
    head = Table(
        "audit_head", MetaData(), Column("chain", Integer), Column("seq", Integer), Column("hash", LargeBinary)
    )
    with pytest.raises(Exception, match="audit_head") as many:
        async with database.transaction() as tx:
            await tx.insert(head, again)
    assert is_conflict(few.value) == is_conflict(many.value)
    assert is_outage(few.value) == is_outage(many.value)
