"""The page on security keeps its word: every item once, tests that exist, counts that add up."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests/chaos/SECURITY.md"
SIZES: Final = {"A": 12, "S": 7, "Z": 10, "W": 12, "F": 4, "D": 9, "K": 8, "U": 7, "C": 3, "R": 4}
"""Letter of a group → how many items the checklist has in it."""
ITEMS: Final = [f"{letter}{number}" for letter, size in SIZES.items() for number in range(1, size + 1)]
CHOSEN: Final = [
    "1.2.10", "2.3.5", "5.2.6", "7.5.3", "8.3.2", "8.3.3", "14.2.6", "14.2.7", "14.2.8", "15.4.2", "16.3.2",
]  # fmt: skip
VERDICTS: Final = ("holds", "partly", "not built", "n/a")
TESTED: Final = VERDICTS[:2]
_TEST: Final = re.compile(r"`([^`]+\.py)::(\w+)`")
_COUNTS: Final = re.compile(r"holds (\d+), partly (\d+), not built (\d+), n/a (\d+)")


@dataclass(frozen=True)
class Line:
    """An item of the page."""

    item: str
    verdict: str
    about: str
    tests: tuple[tuple[str, str], ...]
    """(path, name)."""
    rest: str
    """What stands among the tests and is none."""


def lines(page: str) -> list[Line]:
    """The rows of its tables, in their order."""
    found = []
    for row in page.splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if not row.startswith("|") or not re.fullmatch(r"[A-Z]\d+|\d+\.\d+\.\d+", cells[0]):
            continue
        item, _, verdict, about, tests = cells
        found.append(Line(item, verdict, about, tuple(_TEST.findall(tests)), _TEST.sub("", tests).replace("<br>", "")))
    return found


@cache
def names(path: str) -> frozenset[str]:
    """The tests of a file."""
    file = ROOT / path
    nodes = ast.walk(ast.parse(file.read_text("utf-8"))) if file.is_file() else ()
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def faults(page: str) -> Iterator[str]:
    """What the page promises and does not keep."""
    rows = lines(page)
    asked = Counter([*ITEMS, *CHOSEN])
    told = Counter(row.item for row in rows)
    yield from (f"{item} stands {told[item]} times" for item in asked | told if told[item] != asked[item])
    for row in rows:
        if row.verdict not in VERDICTS:
            yield f"{row.item}: {row.verdict} is no verdict"
        if row.rest.strip():
            yield f"{row.item}: {row.rest} is no test"
        if (row.verdict in TESTED) != bool(row.tests):
            yield f"{row.item}: {row.verdict} with {len(row.tests)} tests"
        if row.verdict != "holds" and not row.about:
            yield f"{row.item}: {row.verdict} without a reason"
        yield from (
            f"{row.item}: there is no {path}::{name}"
            for path, name in row.tests
            if not name.startswith("test_") or name not in names(path)
        )
    counted = []
    for chosen in (ITEMS, CHOSEN):
        verdicts = Counter(row.verdict for row in rows if row.item in chosen)
        counted.append(tuple(str(verdicts[each]) for each in VERDICTS))
    if _COUNTS.findall(page) != counted:
        yield f"the page counts {_COUNTS.findall(page)}, its lines {counted}"


def test_the_page_has_every_item_once_with_tests_that_exist() -> None:
    page = PAGE.read_text("utf-8")
    assert len(ITEMS) == 76
    assert list(faults(page)) == []
    assert [row.item for row in lines(page)] == [*ITEMS, *CHOSEN], "in the order of the checklist"


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("| A7 |", "| A8 |", "A7 stands 0 times"),
        ("| A7 |", "| A13 |", "A13 stands 1 times"),
        ("::test_the_province_is_founded_once", "::test_the_province_is_founded_twice", "A6: there is no"),
        ("tests/test_account_domain.py::", "tests/test_account_dominion.py::", "there is no"),
        ("| not built | has no issue yet |", "| not built |  |", "without a reason"),
        ("| not built | has no issue yet |", "| holds | has no issue yet |", "holds with 0 tests"),
        ("| holds |", "| perhaps |", "perhaps is no verdict"),
        ("partly 24", "partly 23", "the page counts"),
        ("`<br>`", "` and more<br>`", "is no test"),
    ],
)
def test_a_page_that_does_not_keep_its_word_is_told(written: str, instead: str, told: str) -> None:
    page = PAGE.read_text("utf-8")
    assert written in page
    assert any(told in line for line in faults(page.replace(written, instead, 1)))
