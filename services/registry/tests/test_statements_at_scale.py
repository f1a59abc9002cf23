"""What runs with every sheet and every page finds its rows by an index, whatever the province's size."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest
from sqlalchemy import select

from chassis.rows import listed
from chassis.transaction import Database, Tx
from registry.enrolment import commands as enrolment
from registry.enrolment import queries as enrolments
from registry.student import commands as students
from registry.student.api.pages import page
from registry.student.commands import Entry
from registry.student.models import StudentRow
from registry.student.queries import Wanted, pupil_page
from registry.student.queries import pupils as opened
from tests.harness.people import a_record, undocumented
from tests.harness.plans import read_whole, sorted_anew
from tests.harness.pupils import Pupils

pytestmark = pytest.mark.usefixtures("season")
Statements = Callable[[Tx], AbstractContextManager[list[str]]]
LARGE: Final = frozenset(
    {"student", "student_version", "enrolment", "identity_claim", "student_number", "class_placement", "submission",
     "explanation", "evidence", "duplicate_case", "outbox", "import_outcome"}
)  # fmt: skip
"""Tables that grow with the pupils of the province: nobody reads one of them from end to end."""


@pytest.fixture
async def clerks(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


async def test_drafting_editing_and_showing_read_no_large_table(
    database: Database, clerks: Pupils, statements: Statements
) -> None:
    drafted = await clerks.draft_all([a_record(1), undocumented(2)])
    async with database.transaction(clerks.registrar) as tx:
        with statements(tx) as seen:
            entries = [Entry(1, a_record(3), None, grade=1), Entry(2, undocumented(4), None, grade=1)]
            await students.draft(tx, clerks.school_id, entries)
            changed = Entry(1, a_record(1).model_copy(update={"phone": "13700000009"}), None)
            await students.edit(tx, drafted[0], 1, changed)
            await page(tx, (await opened(tx, drafted))[drafted[0]])
        ran = list(seen)
    assert len(ran) > 30
    assert await read_whole(database, ran, LARGE) == []


async def test_pre_review_and_submission_read_no_large_table(
    database: Database, clerks: Pupils, statements: Statements
) -> None:
    drafted = await clerks.draft_all([a_record(1), undocumented(2), a_record(3)])
    async with database.transaction(clerks.registrar) as tx:
        with statements(tx) as seen:
            await enrolments.listing(tx, clerks.school_id, None, None, 0, 50)
            await students.remove(tx, drafted[1], 1)
            await enrolment.submit(tx, clerks.school_id, drafted)
        ran = list(seen)
    assert len(ran) > 20
    assert await read_whole(database, ran, LARGE) == []


@pytest.mark.parametrize(("offset", "size_is_told"), [(0, True), (1, False)])
async def test_a_schools_list_is_read_in_the_order_of_an_index(
    database: Database, clerks: Pupils, statements: Statements, offset: int, size_is_told: bool
) -> None:
    """A plan for schools of any number and first pages of any size would read and sort them all."""
    drafted = await clerks.draft_all([a_record(1), a_record(2), a_record(3)])
    async with database.snapshot() as tx:
        with statements(tx) as seen:
            found, total = await pupil_page(tx, Wanted(schools=(clerks.school_id,)), offset, 2)
        ran = list(seen)
    assert ([each.id for each in found], total) == (drafted[offset : offset + 2], 3)
    assert await read_whole(database, ran, LARGE) == []
    (ordered,) = [each for each in ran if "ORDER BY enrolment" in each]
    assert "student_version" not in ordered
    assert "ANY" not in ordered
    assert ordered.endswith("LIMIT 2") is size_is_told
    assert await sorted_anew(database, [ordered]) == []
    assert await sorted_anew(database, [ordered.replace("enrolment.class_id,", "enrolment.stage,")]) != []


async def test_an_index_that_does_not_serve_is_seen(database: Database, statements: Statements) -> None:
    careless = select(StudentRow.id).where(listed(StudentRow.person_index, "persons"), StudentRow.documented.is_(False))
    async with database.snapshot() as tx:
        with statements(tx) as seen:
            await tx.rows(careless, {"persons": [b"1"]})
    (said,) = await read_whole(database, seen, LARGE)
    assert "of student" in said
