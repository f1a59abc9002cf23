"""Databases that are compared by sums: one row that is another on one side is found and named, and nothing else is."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from tests.chaos.check.comparing import compared, connected, in_words, pairs, unlike
from tests.chaos.journal import Journal
from tests.chaos.planting import Garden

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT: Final = Path(__file__).parents[2]
_A_PUPIL: Final = "(SELECT student_id FROM student_version WHERE change = 'registered' ORDER BY 1 LIMIT 1)"
CHANGES: Final = {
    "a submission is a case, and ended as it was decided": (
        "review",
        "review_case",
        "DELETE FROM review_case WHERE id = (SELECT id FROM review_case WHERE state = 'withdrawn' LIMIT 1)",
    ),
    "a decided case has one final decision": (
        "review",
        "decision",
        "DELETE FROM decision WHERE case_id = (SELECT case_id FROM decision WHERE final ORDER BY 1 LIMIT 1)",
    ),
    "who is registered was approved as often": (
        "registry",
        "student_version",
        f"UPDATE student_version SET change = 'edited' WHERE change = 'registered' AND student_id = {_A_PUPIL}",
    ),
    "a pupil holds one claim": (
        "registry",
        "identity_claim",
        f"DELETE FROM identity_claim WHERE student_id = {_A_PUPIL}",
    ),
    "a pupil is as the newest version says": (
        "registry",
        "student",
        f"UPDATE student SET status = 'draft' WHERE id = {_A_PUPIL}",
    ),
    "versions of a pupil have no gap": (
        "registry",
        "student_version",
        f"DELETE FROM student_version WHERE version = 1 AND student_id = {_A_PUPIL}",
    ),
    "a class is as large as its placements": (
        "registry",
        "class",
        "UPDATE class SET size = size + 1 WHERE id IN (SELECT id FROM class WHERE size > 0 LIMIT 1)",
    ),
    "the nation is told of who is registered": (
        "sync",
        "national_pupil",
        """UPDATE national_pupil SET student_id = gen_random_uuid()
           WHERE student_id = (SELECT student_id FROM national_pupil WHERE ended_at IS NULL LIMIT 1)""",
    ),
    "what the nation said stands on the enrolment": (
        "registry",
        "enrolment",
        """UPDATE enrolment SET standing = 'waiting'
           WHERE id = (SELECT id FROM enrolment WHERE standing = 'accepted' LIMIT 1)""",
    ),
    "the enrolment knows its accepted photo": (
        "photo",
        "requirement",
        """UPDATE requirement SET sha256 = repeat('0', 64)
           WHERE enrolment_id = (SELECT enrolment_id FROM requirement WHERE state = 'accepted' LIMIT 1)""",
    ),
}
"""Title of a pair → service and table of a row that is altered, and how."""
HEARD: Final = {pair.title: pair for pair in pairs() if pair.title not in CHANGES}


async def test_a_stack_on_which_all_is_well_is_alike(garden: Garden) -> None:
    assert in_words(await compared(garden.stack, garden.journals)) == ""


async def test_a_row_that_differs_is_named(garden: Garden) -> None:
    async with connected(garden.stack) as connections:
        for pair in pairs():
            if pair.title in CHANGES:
                async with garden.changed(*CHANGES[pair.title]):
                    found = await unlike(pair, connections)
                assert found, pair.title
                assert all("alone" in each for each in found), found


async def test_every_hearing_is_compared_and_a_mark_that_is_missing_is_named(garden: Garden) -> None:
    assert {pair.other for pair in HEARD.values()} == {"registry", "review", "photo", "sync"}
    async with connected(garden.stack) as connections:
        for title, pair in HEARD.items():
            topic = title.split()[-1]
            async with garden.changed(
                pair.other,
                "watermark",
                "DELETE FROM watermark WHERE (topic, subject) ="
                f" (SELECT topic, subject FROM watermark WHERE topic = '{topic}' ORDER BY 2 LIMIT 1)",
            ):
                found = await unlike(pair, connections)
            assert len(found) == 1, found
            assert found[0].endswith(f"stands in {pair.service} alone")


async def test_what_was_told_and_is_not_there_is_named(garden: Garden, tmp_path: Path) -> None:
    journal, nobody = Journal(tmp_path / "somebody.jsonl"), str(UUID(int=7))
    for op, told in (
        ("submit", {"requests": [nobody]}),
        ("approve", {"cases": [nobody]}),
        ("import", {"import": nobody}),
    ):
        journal.ok(journal.invoke(op, op), **told)
    journal.close()
    found = await compared(garden.stack, tmp_path)
    assert found == {
        f"what was told of {op} is there": ["1 of 1 are not there", nobody] for op in ("submit", "approve", "import")
    }


async def test_an_audit_that_was_altered_is_told(garden: Garden) -> None:
    statement = """UPDATE audit SET entry = entry || ' '
                   WHERE (chain, seq) = (SELECT chain, max(seq) FROM audit GROUP BY 1 LIMIT 1)"""
    async with garden.changed("photo", "audit", statement):
        found = await compared(garden.stack)
    assert set(found) == {"the audit of photo is as it was written"}


async def test_the_command_compares_by_sums(garden: Garden) -> None:
    async def asked() -> tuple[int, dict[str, list[str]]]:
        words = ("-m", "tests.chaos.check", str(garden.folder / "stack.json"), "--sums")
        command = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=subprocess.PIPE)
        said, _ = await command.communicate()
        assert command.returncode is not None
        return command.returncode, json.loads(said)

    assert await asked() == (0, {})
    async with garden.changed(*CHANGES["a pupil holds one claim"]):
        status, said = await asked()
    assert (status, list(said)) == (1, ["a pupil holds one claim"])
