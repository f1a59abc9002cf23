"""The parts of the rig that are tests of their own: what each did is noted here, and told on the page of a run.

A test says what it is a part of with `@pytest.mark.part(name, dose)`; `conftest.py` notes how it ended.
"""

import json
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from chassis.crash import POINTS
from local_stack.launcher import default_folder
from local_stack.layout import read_json
from tests.chaos import corruptions  # noqa: F401 - registers them
from tests.chaos.broken.builds import BUILDS
from tests.chaos.planting import PLANTS
from tests.chaos.standing import ROOT, commit

Ended = Literal["passed", "failed", "skipped"]
WANTED: Final[Mapping[str, tuple[int, int]]] = {
    "Power cuts of PostgreSQL": (10, 150),
    "Power cuts of the broker's log": (3, 50),
    "Power cuts whose loss must be seen (the controls)": (1, 1),
    "Partitions: cut, silent, one way, half open, a byte a second": (10, 150),
    "Races: one child entered by two schools": (200, 5_000),
    "Races: a double click on submit": (200, 5_000),
    "Races: one workbook uploaded twice": (200, 5_000),
    "Races: two reviewers of one case": (200, 5_000),
    "Fuzzed requests, rows, envelopes and raw bytes": (20_000, 1_000_000),
    "Hostile files, each with its verdict": (66, 66),
    "Mutated files": (40, 5_000),
    "Deaths at a crash point, every point reached": (len(POINTS), 1 + (len(POINTS) - 1) * 20),
    "Planted corruptions, each found by its invariant alone": (len(PLANTS), len(PLANTS)),
    "Single rows altered by chance, each found": (32, 400),
    "Canary pupils, found nowhere outside the vault": (200, 200),
    "Asked by every role in every relation to a school": (10_000, 10_000),
    "Outages of the nation, its answers and its rubbish": (1, 1),
    "Pupils who waited for a nation that was away, drained in order": (300, 40_000),
    "A storm of sign-ins, 80 a second, in seconds": (15, 60),
    "Sign-ins of a crowd at one instant": (400, 400),
    "Audit entries, tampered with in every way and altered at 200 places": (20_000, 1_000_000),
    "Pupils of a registry that is dumped, lost, restored, verified and scanned": (2_000, 1_000_000),
    "Pupils of two databases, of whom one is another in one of them": (100_000, 9_000_000),
    "Deliberately broken builds, each caught": (len(BUILDS), len(BUILDS)),
}
"""Part → how much of it tier 1 and tier 2 ask for."""


A_CORRUPTION: Final = "test_a_corruption_is_found_by_its_invariant_alone"
"""The test of which each parameter is one that is asked for."""


def folder() -> Path:
    """Where the notes are."""
    return default_folder() / "chaos" / "parts"


def note(part: str, test: str, dose: int, ended: Ended, seconds: float, why: str = "") -> None:
    """Keep how a test ended. What held at a larger dose stays, unless the test has failed since.

    Raises KeyError for a part that no page knows.
    """
    assert WANTED[part]
    file = folder() / f"{re.sub(r'[^A-Za-z0-9]+', '-', test).strip('-')[-150:]}.json"
    if file.exists() and ended != "failed":
        before = read_json(file)
        if before.get("ended") == "passed" and (ended == "skipped" or before["dose"] > dose):
            return
    file.parent.mkdir(parents=True, exist_ok=True)
    growing = file.with_suffix(".growing")
    growing.write_text(
        json.dumps(
            {
                "part": part, "test": test, "dose": dose, "ended": ended, "seconds": round(seconds, 1), "why": why,
                "written": time.strftime("%Y-%m-%d %H:%M"), "commit": _commit(),
            },
            ensure_ascii=False,
        ),
        "utf-8",
    )  # fmt: skip
    growing.replace(file)


@cache
def _commit() -> str:
    return commit()


def stands(test: str, root: Path = ROOT) -> bool:
    """Whether the test is still there: a note of one that was renamed or taken away says nothing any more."""
    file, _, rest = test.partition("::")
    name, _, parameter = rest.rpartition("::")[2].partition("[")
    source = (root / file).read_text("utf-8") if (root / file).is_file() else ""
    if not re.search(rf"^(async )?def {re.escape(name)}\(", source, re.MULTILINE):
        return False
    return name != A_CORRUPTION or parameter.removesuffix("]") in PLANTS


def told(tier: int, root: Path = ROOT) -> list[dict[str, Any]]:
    """Each part: what the tier wants of it, what the tests below `root` did, with which verdict, and when."""
    notes: dict[str, list[Mapping[str, Any]]] = {part: [] for part in WANTED}
    for file in sorted(folder().glob("*.json")):
        found = read_json(file)
        if found.get("part") in notes and stands(found["test"], root):
            notes[found["part"]].append(found)
    return [_told(part, WANTED[part][tier - 1], some) for part, some in notes.items()]


def _told(part: str, wanted: int, notes: list[Mapping[str, Any]]) -> dict[str, Any]:
    done = sum(each["dose"] for each in notes if each["ended"] == "passed")
    failed = [each["test"] for each in notes if each["ended"] == "failed"]
    skipped = sorted({each["why"] for each in notes if each["ended"] == "skipped"})
    if failed:
        verdict = f"failed: {', '.join(failed)}"
    elif skipped:
        verdict = f"skipped: {'; '.join(skipped)}"
    elif not notes:
        verdict = "not run here"
    else:
        verdict = "held" if done >= wanted else "held at a smaller dose"
    return {
        "name": part, "target": f"{wanted:,}", "result": f"{done:,}", "verdict": verdict,
        "held": verdict == "held", "failed": bool(failed),
        "seconds": round(sum(each["seconds"] for each in notes), 1),
        "written": max((each["written"] for each in notes), default=""),
        "commits": sorted({each["commit"] for each in notes}),
    }  # fmt: skip
