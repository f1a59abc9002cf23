"""What `make run` runs after the start, as children without a terminal: `python -m sample county` and `journey`."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.harness.eventually import waited
from tests.harness.whole import WholeStack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TWENTY = {
    "Rows read": 20,
    "refused": 4,  # one row in five is wrong on purpose, and so few are all of the first kind
    "duplicate": 0,
    "drafted": 16,
    "Photo files": 18,  # one each, a list that somebody packed too, and a child that nobody knows
    "Pupils photographed": 16,
    "Held back at pre-review": 0,
    "Submitted": 16,
    "returned, corrected, submitted again": 2,
    "Approved": 16,
    "Returned": 0,
    "Rejected": 0,
    "Registered": 16,
}
"""What becomes of a generated roster of twenty; what the nation says depends on its seed."""
STAGES = (
    "Dry run", "Import", "Photos", "Pre-review", "Submit", "Review", "Returned, corrected", "Registration", "Nation",
    "Reckoning",
)  # fmt: skip


def table(said: str) -> dict[str, int]:
    """The lines that end in a number."""
    lines = [line.strip().rsplit(None, 1) for line in said.splitlines() if line.strip()]
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def stages(said: str) -> list[str]:
    """The stages that were told as done, in their order."""
    return [line.split(": done, ")[0] for line in said.splitlines() if ": done, " in line]


def travelled(stack: WholeStack, *words: str) -> str:
    """What a journey said, which went well and on plain lines."""
    done = stack.run("journey", *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert done.stdout.endswith("\nIt adds up.\n")
    return done.stdout


def notes(stack: WholeStack) -> dict[str, Mapping[str, Any]]:
    """What the journeys of this stack have noted, by file."""
    return {file.name: json.loads(file.read_text()) for file in (stack.folder / "sample").glob("journey-*.json")}


def test_the_county_that_stands_is_left_alone(sample_county: WholeStack) -> None:
    again = sample_county.run("county")
    assert (again.returncode, again.stderr, "\x1b" in again.stdout) == (0, "", False)
    assert again.stdout.startswith("The sample county stands.\n")
    assert "Founded" not in again.stdout


def test_the_main_job_adds_up_and_a_second_call_does_nothing_twice(sample_county: WholeStack) -> None:
    said = travelled(sample_county, "--pupils=20", "--seed=31")
    assert said.startswith("Drawing 20 pupils …\nroster.xlsx → 长丰县青禾镇中心学校\n")
    assert stages(said) == list(STAGES)
    found = table(said)
    assert {name: found[name] for name in TWENTY} == TWENTY
    assert found["Accepted by the nation"] + found["Problem records"] + found["Rejected by the nation"] == 16

    again = travelled(sample_county, "--pupils=20", "--seed=31")
    assert again.startswith("\nroster.xlsx has made its way on this stack already; nothing is done twice:\n")
    assert stages(again) == []
    assert table(again) == found


def test_a_job_that_was_killed_goes_on_from_its_notes(sample_county: WholeStack) -> None:
    before = set(notes(sample_county))

    def uploaded() -> Mapping[str, Any] | None:
        mine = [about for name, about in notes(sample_county).items() if name not in before]
        return mine[0] if mine and mine[0]["archive_id"] else None

    cut_short = subprocess.Popen(
        [sys.executable, "-m", "sample", "journey", "--pupils=20", "--seed=32"],
        env={**os.environ, "STACK_JSON": str(sample_county.folder / "stack.json")},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert waited(uploaded, 120, every=0.01)
    finally:
        cut_short.kill()
    assert cut_short.wait() == -signal.SIGKILL  # it had not come to its end
    noted = uploaded()
    assert noted is not None
    assert "reckoning" not in noted

    said = travelled(sample_county, "--pupils=20", "--seed=32")
    assert stages(said) == [stage for stage in STAGES if stage != "Dry run"]
    found = table(said)
    assert {name: found[name] for name in TWENTY} == TWENTY
    after = uploaded()
    assert after is not None
    assert (after["import_id"], after["archive_id"]) == (noted["import_id"], noted["archive_id"])
    assert after["reckoning"]["registered"] == 16


def test_a_roster_of_ones_own_travels_with_its_photos(sample_county: WholeStack, tmp_path: Path) -> None:
    book, photos = tmp_path / "my.xlsx", tmp_path / "my.zip"
    year = sample_county.accounts.founded["school_year"]
    wanted = ["--seed=33", "--pupils=20", "--school=2134012102", f"--year={year}", "--classes=2"]
    drawn = sample_county.run("roster", str(book), f"--photos={photos}", *wanted)
    assert drawn.stdout == f"{book}: 20 rows for school 2134012102, photos in {photos}\n"

    said = travelled(sample_county, f"--roster={book}", f"--photos={photos}")
    assert said.startswith("my.xlsx → 长丰县育才路小学\n")  # as the sheet says
    found = table(said)
    assert {name: found[name] for name in TWENTY} == TWENTY


def test_a_text_file_is_brought_by_the_school_that_is_named(sample_county: WholeStack, tmp_path: Path) -> None:
    book, text = tmp_path / "my.xlsx", tmp_path / "my.csv"
    year = sample_county.accounts.founded["school_year"]
    wanted = ["--seed=34", "--pupils=4", "--school=2134012102", f"--year={year}", "--classes=2"]
    assert sample_county.run("roster", str(book), *wanted).returncode == 0
    sheet = load_workbook(book).active
    assert sheet is not None
    with text.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(sheet.iter_rows(values_only=True))

    said = travelled(sample_county, f"--roster={text}", "--school=2134012102")
    assert said.startswith("my.csv → 长丰县育才路小学\n")
    found = table(said)
    assert (found["Rows read"], found["drafted"], found["Photo files"]) == (4, 4, 0)
    assert found["Held back at pre-review"] == 4  # nobody brought photos


def test_a_file_that_is_refused_is_read_anew_when_it_is_brought_again(
    sample_county: WholeStack, tmp_path: Path
) -> None:
    before = set(notes(sample_county))
    text = tmp_path / "my.csv"
    text.write_text("姓名,性别\n", encoding="utf-8-sig")
    for _ in range(2):
        refused = sample_county.run("journey", f"--roster={text}", "--school=2134012102")
        assert refused.returncode == 1
        assert refused.stderr.startswith("my.csv: 没有找到表头。")
    (mine,) = (about for name, about in notes(sample_county).items() if name not in before)
    assert mine["import_id"] is None
