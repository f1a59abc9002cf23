"""What the parts of the rig did is kept, and told as it was."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import parts
from tests.chaos.planting import PLANTS
from tests.chaos.standing import ROOT

CUTS = "Power cuts of PostgreSQL"
THE_CUTS = "tests/chaos/test_power_cuts.py::test_a_power_cut_takes_no_acknowledged_commit"
FILES = "Hostile files, each with its verdict"
HOSTILE = "tests/chaos/test_hostile_files.py"
CORRUPTIONS = "Planted corruptions, each found by its invariant alone"


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests note is nobody's result."""
    monkeypatch.setenv("STACK_FOLDER", str(tmp_path))


def told(tier: int, root: Path = ROOT) -> Mapping[str, Any]:
    return {each["name"]: each for each in parts.told(tier, root)}


def test_what_was_not_run_is_not_held() -> None:
    found = told(2)
    assert found.keys() == parts.WANTED.keys()
    assert {each["verdict"] for each in found.values()} == {"not run here"}
    assert not any(each["held"] for each in found.values())


def test_a_dose_is_held_against_its_tier() -> None:
    parts.note(CUTS, THE_CUTS, 10, "passed", 30.0)
    assert (told(1)[CUTS]["verdict"], told(1)[CUTS]["held"]) == ("held", True)
    assert (told(2)[CUTS]["verdict"], told(2)[CUTS]["held"]) == ("held at a smaller dose", False)
    assert (told(2)[CUTS]["target"], told(2)[CUTS]["result"], told(2)[CUTS]["seconds"]) == ("150", "10", 30.0)


def test_tests_of_one_part_are_counted_together() -> None:
    parts.note(FILES, f"{HOSTILE}::test_every_hostile_sheet_has_its_verdict", 40, "passed", 2.0)
    assert told(1)[FILES]["verdict"] == "held at a smaller dose"
    parts.note(FILES, f"{HOSTILE}::test_every_hostile_picture_has_its_verdict", 26, "passed", 3.5)
    assert (told(1)[FILES]["result"], told(1)[FILES]["seconds"], told(1)[FILES]["held"]) == ("66", 5.5, True)


def test_a_smaller_dose_takes_nothing_from_a_larger_one_but_a_failure_does() -> None:
    parts.note(CUTS, THE_CUTS, 150, "passed", 400.0)
    parts.note(CUTS, THE_CUTS, 10, "passed", 30.0)
    parts.note(CUTS, THE_CUTS, 10, "skipped", 0.0, "no loop files")
    assert (told(2)[CUTS]["result"], told(2)[CUTS]["held"]) == ("150", True)
    parts.note(CUTS, THE_CUTS, 10, "failed", 30.0)
    assert (told(2)[CUTS]["verdict"], told(2)[CUTS]["failed"]) == (f"failed: {THE_CUTS}", True)
    parts.note(CUTS, THE_CUTS, 10, "passed", 30.0)
    assert told(2)[CUTS]["verdict"] == "held at a smaller dose"


def test_a_test_that_is_there_no_more_counts_for_nothing() -> None:
    parts.note(FILES, f"{HOSTILE}::test_every_hostile_scroll_has_its_verdict", 66, "passed", 2.0)
    parts.note(CUTS, "tests/chaos/test_meteors.py::test_a_meteor", 150, "failed", 2.0)
    assert (told(1)[FILES]["verdict"], told(1)[CUTS]["verdict"]) == ("not run here", "not run here")


def test_every_corruption_that_there_is_has_to_be_found() -> None:
    of = f"tests/chaos/test_checker.py::{parts.A_CORRUPTION}"
    *but_one, last = PLANTS
    for name in (*but_one, "a_corruption_of_last_year"):
        parts.note(CORRUPTIONS, f"{of}[{name}]", 1, "passed", 1.0)
    assert (told(1)[CORRUPTIONS]["result"], told(1)[CORRUPTIONS]["held"]) == (str(len(but_one)), False)
    parts.note(CORRUPTIONS, f"{of}[{last}]", 1, "passed", 1.0)
    assert told(1)[CORRUPTIONS]["held"]


def test_a_part_that_no_page_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        parts.note("Meteors", "a::b", 1, "passed", 1.0)


A_FILE = f"""
import pytest

@pytest.mark.part({CUTS!r}, 10)
def test_that_passes():
    pass

@pytest.mark.part({FILES!r}, 66)
def test_that_fails():
    raise AssertionError

@pytest.mark.part("Deaths at a crash point, every point reached", 21)
@pytest.mark.skip(reason="no processes here")
def test_that_is_skipped():
    pass

def test_that_is_no_part():
    pass
"""


def ran_with(place: Path, source: str, imported: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest's run of a file beside which these of the rig's hooks and fixtures stand."""
    folder = place / "tests"
    folder.mkdir()
    (folder / "conftest.py").write_text(f"from tests.chaos.conftest import {imported}\n")
    (folder / "test_marked.py").write_text(source)
    options = ["-q", "-c", os.devnull, "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
    )


KEPT = """
import pytest

@pytest.mark.parametrize("holds", [True, False])
def test_on_a_stack(folder, holds):
    (folder / "evidence").write_text("")
    (folder.parent / f"{holds}.txt").write_text(str(folder))
    assert holds
"""


def test_the_evidence_of_a_failure_stays(tmp_path: Path) -> None:
    assert ran_with(tmp_path, KEPT, "folder, pytest_runtest_makereport", TMPDIR=str(tmp_path)).returncode == 1
    held, failed = (Path((tmp_path / f"{holds}.txt").read_text()) for holds in (True, False))
    assert not held.exists()
    assert (failed / "evidence").exists()


def test_how_a_marked_test_ends_is_noted(tmp_path: Path) -> None:
    ran = ran_with(tmp_path, A_FILE, "pytest_runtest_makereport")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = told(1, tmp_path / "tests")
    assert {name: each["verdict"] for name, each in found.items() if each["verdict"] != "not run here"} == {
        CUTS: "held",
        FILES: "failed: test_marked.py::test_that_fails",
        "Deaths at a crash point, every point reached": "skipped: no processes here",
    }
