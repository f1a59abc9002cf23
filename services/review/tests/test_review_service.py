"""The service as a whole: its schema, its timers, its commands."""

import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from chassis.clock import now
from chassis.testing import spoken
from chassis.timing import Due
from chassis.transaction import Database
from contracts import topics
from review import commands, queries, timers
from review.api.shown import shown
from review.domain import State
from review.main import service
from review.models import Base, CaseRow
from review.queries import Filters, Sort
from services.review.tests.province import Province, at, calendar
from tests.harness.plans import read_whole


async def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    async with database.snapshot() as tx:
        columns = await tx.rows(
            text(
                "SELECT table_name, column_name, is_nullable"
                " FROM information_schema.columns WHERE table_schema = 'public'"
            )
        )
        indexes = await tx.rows(text("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"))
    stored = {(row.table_name, row.column_name): row.is_nullable == "YES" for row in columns}
    for table in Base.metadata.tables.values():
        declared = {(table.name, column.name): column.nullable for column in table.columns}
        assert {key: stored[key] for key in stored if key[0] == table.name} == declared
        assert {str(index.name) for index in table.indexes} <= {row.indexname for row in indexes}


@pytest.mark.parametrize("who", ["officer", "city_officer", "admin", "registrar"])
async def test_a_page_of_the_queue_takes_the_same_statements_whatever_its_length(
    database: Database, tree: Province, hear: Any, a_request: Any, statements: Any, who: str
) -> None:
    actor, counts = getattr(tree, who), []
    for more in (1, 120):
        await hear(*(spoken(topics.REQUEST, uuid4(), a_request()) for _ in range(more)))
        async with database.snapshot() as tx:
            with statements(database) as seen:
                sight = await queries.sight(tx, actor)
                page = await queries.page(tx, sight, Filters(state=State.OPEN), Sort.DEADLINE, 0, 200)
                await shown(tx, actor, page.rows)
        counts.append((len(page.rows), len(seen)))
        assert await read_whole(database, seen, {"review_case"}) == []
    assert [rows for rows, _ in counts] == [1, 121]
    assert counts[0][1] == counts[1][1] <= 5


async def test_the_timers_do_what_is_due(database: Database, tree: Province, hear: Any, a_request: Any) -> None:
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    case_id = uuid4()
    await hear(spoken(topics.REQUEST, case_id, a_request(submitted_at=at(2026, 9, 1, 9, 0))))
    due = Due(database, now(), {}, database.settings)
    assert [await each(due) for each in (timers.escalate, timers.route_waiting, timers.release_expired)] == [1, 0, 0]
    async with database.transaction(tree.officer) as tx:
        await commands.claim(tx, case_id)
        past = {"id": case_id, "claimed_until": tx.now - timedelta(seconds=1)}
        await tx.update(CaseRow, [past], key=("id",))
    assert [await each(due) for each in service.timers] == [0, 0, 1]


def test_it_starts_alone_and_says_what_it_can_do() -> None:
    done = subprocess.run([sys.executable, "-m", "review", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(role in done.stdout for role in ("api", "worker", "relay", "migrate", "all"))
