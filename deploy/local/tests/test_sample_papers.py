"""What `python -m sample` is given on its command line, and what it refuses before anybody is asked."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from openpyxl import load_workbook
from typer.testing import CliRunner

from sample.__main__ import app
from sample.accounts import Accounts
from sample.county import SCHOOLS
from tests.harness.run import ROOT

NOBODY = "http://127.0.0.1:9"
CENTRE, NEXT_DOOR, STRANGE = "2134012101", "2134012102", "2134999999"
NO_ROSTER = "Photos or a school are named, but no roster: add ROSTER= (--roster) with its file."
OURS = "2134012101 长丰县青禾镇中心学校、2134012102 长丰县育才路小学、3134010103 合肥市滨湖初级中学"

UNTOLD = (
    "Only an .xlsx says by itself whose it is; say which school brings FILE "
    f"(--school, or SCHOOL= of `make run`): {OURS}."
)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The description of a stack with a founded county; nobody answers there."""
    schools = {plan.code: {"id": plan.code, "name": plan.name, "classes": ["2026101"]} for plan in SCHOOLS}
    Accounts(tmp_path / "accounts.json").note_founded({"school_year": 2026, "schools": schools})
    about = {"portal": NOBODY, "services": {"registry": NOBODY}, "accounts": str(tmp_path / "accounts.json")}
    (tmp_path / "stack.json").write_text(json.dumps(about))
    for name in ("own.csv", "own.xls", "own.zip"):
        (tmp_path / name).write_text(f"学校标识码\n{NEXT_DOOR}\n")
    return tmp_path / "stack.json"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--photos=own.zip"], NO_ROSTER),
        ([f"--school={NEXT_DOOR}"], NO_ROSTER),
        (["--roster=own.csv"], UNTOLD.replace("FILE", "own.csv")),
        (["--roster=own.xls", "--photos=own.zip"], UNTOLD.replace("FILE", "own.xls")),
        (
            ["--roster=own.csv", f"--school={STRANGE}"],
            f"No school {STRANGE} is in the sample county: name one of {OURS}.",
        ),
    ],
)
def test_a_journey_with_half_its_papers_is_refused_in_one_sentence(
    stack: Path, words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack.parent)
    refused = CliRunner().invoke(app, ["journey", f"--stack={stack}", *words])
    assert (refused.exit_code, refused.stderr, refused.stdout) == (1, sentence + "\n", "")


def test_a_journey_before_the_county_is_founded_is_refused(stack: Path) -> None:
    (stack.parent / "accounts.json").unlink()
    refused = CliRunner().invoke(app, ["journey", f"--stack={stack}"])
    assert (refused.exit_code, refused.stderr) == (
        1,
        "The sample county is not there yet: found it with `python -m sample county` first.\n",
    )


@pytest.mark.parametrize("words", [["--photos=own.zip"], [f"--school={NEXT_DOOR}"]])
def test_the_launcher_refuses_them_before_it_starts_anything(tmp_path: Path, words: list[str]) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "local_stack", "up", f"--folder={tmp_path}/stack", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == NO_ROSTER + "\n"
    assert not (tmp_path / "stack").exists()


def test_make_run_hands_on_what_it_is_given() -> None:
    given = ["ROSTER=my list.xls", "PHOTOS=my.zip", f"SCHOOL={NEXT_DOOR}"]
    said = subprocess.run(["make", "-n", "run", *given], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = re.sub(r"\s+", " ", said.replace("\\\n", " "))
    assert f'local_stack up --roster="my list.xls" --photos="my.zip" --school="{NEXT_DOOR}"' in words


@pytest.mark.parametrize(("day", "year"), [("2026-07-31", 2025), ("2026-08-01", 2026), ("2027-01-01", 2026)])
def test_a_roster_is_for_this_school_year(tmp_path: Path, day: str, year: int) -> None:
    noon = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=4)  # in Hefei
    with time_machine.travel(noon):
        made = CliRunner().invoke(app, ["roster", str(tmp_path / "my.xlsx"), "--pupils=3", "--classes=1"])
    assert made.exit_code == 0, made.output
    sheet = load_workbook(tmp_path / "my.xlsx").active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert {row[rows[0].index("班号")] for row in rows[1:]} == {f"{year}101"}
