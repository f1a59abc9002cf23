"""A province's pupils stand in two databases, and one of them is another: it is found and named in seconds."""

import os
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from chassis.migrating import upgrade
from tests.chaos.check.comparing import Pair, pairs, unlike
from tests.chaos.dumping import plain

PUPILS: Final = int(os.environ.get("CHAOS_RECONCILED", "100000"))
pytestmark = pytest.mark.timeout(240 + PUPILS / 5_000)
_FILL: Final = {
    "registry": """
        INSERT INTO enrolment (id, student_id, school_id, stage, entry_year, first_grade, standing, problem_count)
        SELECT md5('enrolment ' || n)::uuid, md5('student ' || n)::uuid, md5('school ' || n % 12000)::uuid, 'primary',
               2026, true, CASE n % 50 WHEN 0 THEN 'problem' ELSE 'accepted' END, n % 50 / 49
        FROM generate_series(1, $1::int) AS n""",
    "sync": """
        INSERT INTO national_pupil (student_id, enrolment_id, school_id, class_number, operation, effective_on,
                                    content_hash, spoken, spoken_at, standing, problem_count, changed_at)
        SELECT md5('student ' || n)::uuid, md5('enrolment ' || n)::uuid, md5('school ' || n % 12000)::uuid, '01', 'new',
               '2026-09-01', '', '[]', now(), CASE n % 50 WHEN 0 THEN 'problem' ELSE 'accepted' END, n % 50 / 49, now()
        FROM generate_series(1, $1::int) AS n""",
}
_STANDINGS: Final[Pair] = next(each for each in pairs() if each.title == "what the nation said stands on the enrolment")


@pytest.mark.part("Pupils of two databases, of whom one is another in one of them", PUPILS)
async def test_one_altered_row_among_many_is_found_and_named(template_database: Callable[..., str]) -> None:
    connections: dict[str, Any] = {}
    for service, fill in _FILL.items():
        dsn = template_database(service, lambda empty, service=service: upgrade(empty, package=service))
        connections[service] = await asyncpg.connect(plain(dsn))
        await connections[service].execute(fill, PUPILS)
    assert await unlike(_STANDINGS, connections) == []

    altered = UUID(
        await connections["sync"].fetchval(
            "UPDATE national_pupil SET standing = 'rejected' WHERE student_id = md5('student 777')::uuid"
            " RETURNING enrolment_id::text"
        )
    )
    began = time.monotonic()
    found = await unlike(_STANDINGS, connections)
    print(f"\n1 of {PUPILS:,} found in {time.monotonic() - began:.1f} s")
    assert found == [f"{altered} rejected stands in sync alone", f"{altered} accepted stands in registry alone"]
    for each in connections.values():
        await each.close()
