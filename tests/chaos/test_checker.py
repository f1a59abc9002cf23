"""The checker sees: one planted corruption after the other, each found by its own invariant and by no other."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.chaos import corruptions  # noqa: F401 - registers them
from tests.chaos.check import heads_of, quiesce, verify
from tests.chaos.check.registering import INVARIANTS, NOT_APPLICABLE, Holds
from tests.chaos.check.reporting import judged
from tests.chaos.journal import Journal
from tests.chaos.planting import ALSO, PERHAPS, PLANTS, Garden

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REST = 60.0
ROOT = Path(__file__).parents[2]


def test_every_invariant_has_a_corruption() -> None:
    registered = {each.id for each in INVARIANTS}
    assert registered == {invariant for invariant, _ in PLANTS.values()}
    assert sorted({*registered, *NOT_APPLICABLE}) == sorted(f"I{number}" for number in range(1, 34))


def test_the_stack_has_something_of_everything(garden: Garden) -> None:
    world = garden.world
    assert {row.status for row in world.registry["student"]} == {
        "draft", "submitted", "returned", "registered", "rejected", "removed",
    }  # fmt: skip
    assert {row.outcome for row in world.registry["import_row"]} >= {"created", "unchanged", "duplicate", "refused"}
    assert {row.state for row in world.review["review_case"]} == {"open", "decided", "withdrawn"}
    assert {row.standing for row in world.sync["national_pupil"]} >= {"accepted", "problem", "rejected"}
    assert world.registry["duplicate_case"]
    assert world.registry["evidence"]
    assert world.photo["photo"]
    assert all(log.records for log in world.broker.logs.values())


@pytest.mark.part("Planted corruptions, each found by its invariant alone", 1)
@pytest.mark.parametrize("name", PLANTS)
async def test_a_corruption_is_found_by_its_invariant_alone(garden: Garden, name: str) -> None:
    invariant, planted = PLANTS[name]
    async with planted(garden):
        report = await verify(garden.stack, garden.journals, quiet=True, heads=heads_of(garden.world))
    assert set(report.violations) - PERHAPS[name] == {invariant, *ALSO[name]}, report.told()


async def test_what_is_on_its_way_is_waited_for(garden: Garden) -> None:
    _, planted = PLANTS["a_row_that_is_not_sent"]
    async with planted(garden):
        with pytest.raises(AssertionError, match=r"sync has [1-9]\d* rows to send"):
            await quiesce(garden.stack, 0.5)
    await quiesce(garden.stack, REST)


async def test_an_edit_that_was_asked_again_counts_as_it_was_answered_last(garden: Garden) -> None:
    [edit] = [each for each in garden.world.journals if each.op == "edit" and "values" in each.about]
    about = {name: edit.about[name] for name in ("student", "values")}
    key, path = uuid4(), garden.journals / "tired.jsonl"
    with Journal(path) as journal:
        journal.fail(journal.invoke("edit", key, **about), status=401, code="token-expired")
        journal.ok(journal.invoke("edit", key, **about))
    try:
        report = await verify(garden.stack, garden.journals, quiet=True, heads=heads_of(garden.world))
    finally:
        path.unlink()
    assert report.is_clean, report.told()


def test_in_the_middle_of_chaos_only_what_always_holds_is_asked(garden: Garden) -> None:
    asked = set(judged(replace(garden.world, quiet=False)).checked)
    assert asked == {each.id for each in INVARIANTS if each.holds is Holds.ALWAYS}
    assert asked.isdisjoint({"I1", "I7", "I8", "I13", "I30"})


async def test_the_program_says_what_it_found(garden: Garden, tmp_path: Path) -> None:
    words = [str(garden.folder / "stack.json"), f"--journals={garden.journals}", f"--heads={tmp_path / 'heads'}"]
    clean = await asked_of_the_program(*words)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    found = json.loads(clean.stdout)
    assert found.pop("not applicable") == dict(NOT_APPLICABLE)
    assert found == {f"I{number}": [0, []] for number in range(1, 34) if number != 32}

    _, planted = PLANTS["a_chain_that_was_cut_with_its_head"]
    async with planted(garden):
        violated = await asked_of_the_program(*words, "--instant")
    assert violated.returncode == 1
    count, witnesses = json.loads(violated.stdout)["I25"]
    assert count == 1
    assert "has lost entry" in witnesses[0]


@pytest.mark.parametrize("content", [None, "{}", "no json"])
async def test_what_is_no_stack_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "stack.json"
    if content is not None:
        file.write_text(content)
    refused = await asked_of_the_program(str(file))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert str(file) in refused.stderr or "JSON" in refused.stderr


async def asked_of_the_program(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.chaos.check", *words]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
