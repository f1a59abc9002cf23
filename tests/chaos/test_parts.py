"""What the parts of the rig did is kept, and told as it was."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import parts
from tests.chaos.standing import ROOT

CUTS = "Power cuts of PostgreSQL"
FILES = "Hostile files, each with its verdict"


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests note is nobody's result."""
    monkeypatch.setenv("STACK_FOLDER", str(tmp_path))


def told(tier: int) -> Mapping[str, Any]:
    return {each["name"]: each for each in parts.told(tier)}


def test_what_was_not_run_is_not_held() -> None:
    found = told(2)
    assert found.keys() == parts.WANTED.keys()
    assert {each["verdict"] for each in found.values()} == {"not run here"}
    assert not any(each["held"] for each in found.values())


def test_a_dose_is_held_against_its_tier() -> None:
    parts.note(CUTS, "a::cuts", 10, "passed", 30.0)
    assert (told(1)[CUTS]["verdict"], told(1)[CUTS]["held"]) == ("held", True)
    assert (told(2)[CUTS]["verdict"], told(2)[CUTS]["held"]) == ("held at a smaller dose", False)
    assert (told(2)[CUTS]["target"], told(2)[CUTS]["result"], told(2)[CUTS]["seconds"]) == ("150", "10", 30.0)


def test_tests_of_one_part_are_counted_together() -> None:
    parts.note(FILES, "a::sheets", 40, "passed", 2.0)
    assert told(1)[FILES]["verdict"] == "held at a smaller dose"
    parts.note(FILES, "a::pictures", 26, "passed", 3.5)
    assert (told(1)[FILES]["result"], told(1)[FILES]["seconds"], told(1)[FILES]["held"]) == ("66", 5.5, True)


def test_a_smaller_dose_takes_nothing_from_a_larger_one_but_a_failure_does() -> None:
    parts.note(CUTS, "a::cuts", 150, "passed", 400.0)
    parts.note(CUTS, "a::cuts", 10, "passed", 30.0)
    parts.note(CUTS, "a::cuts", 10, "skipped", 0.0, "no loop files")
    assert (told(2)[CUTS]["result"], told(2)[CUTS]["held"]) == ("150", True)
    parts.note(CUTS, "a::cuts", 10, "failed", 30.0)
    assert (told(2)[CUTS]["verdict"], told(2)[CUTS]["failed"]) == ("failed: a::cuts", True)
    parts.note(CUTS, "a::cuts", 10, "passed", 30.0)
    assert told(2)[CUTS]["verdict"] == "held at a smaller dose"


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

@pytest.mark.part("Crash points reached", 21)
@pytest.mark.skip(reason="no processes here")
def test_that_is_skipped():
    pass

def test_that_is_no_part():
    pass
"""


def test_how_a_marked_test_ends_is_noted(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "conftest.py").write_text("from tests.chaos.conftest import pytest_runtest_makereport\n")
    (folder / "test_marked.py").write_text(A_FILE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
    ]
    ran = subprocess.run(
        [*command, str(folder)], env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = told(1)
    assert {name: each["verdict"] for name, each in found.items() if each["verdict"] != "not run here"} == {
        CUTS: "held",
        FILES: "failed: test_marked.py::test_that_fails",
        "Crash points reached": "skipped: no processes here",
    }
