"""What was found: violations by invariant, with the first witnesses of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.chaos.check import invariants  # noqa: F401 - registers them
from tests.chaos.check.registering import INVARIANTS, NOT_APPLICABLE, NOT_HERE, Holds
from tests.chaos.check.world import Head, World, look

WITNESSES: Final = 10


@dataclass(slots=True)
class Violation:
    """How often an invariant is violated, and where first."""

    count: int = 0
    witnesses: list[str] = field(default_factory=list)

    def note(self, witness: object) -> None:
        self.count += 1
        if len(self.witnesses) < WITNESSES:
            self.witnesses.append(str(witness))


@dataclass(slots=True)
class Report:
    """The verdict on a stack."""

    violations: dict[str, Violation] = field(default_factory=dict)
    """Only of invariants that are violated."""
    checked: list[str] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)
    world: World | None = None
    """What was looked at; dropped by whoever keeps the report."""

    @property
    def is_clean(self) -> bool:
        """Whether every invariant that was checked holds."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """`{invariant: [count, first witnesses]}`: 0 for those that hold, a reason for those that do not apply."""
        found: dict[str, Any] = {}
        for number in self.checked:
            violation = self.violations.get(number)
            found[number] = [violation.count, violation.witnesses] if violation else [0, []]
        return {**found, "not applicable": self.not_applicable}

    def told(self) -> str:
        """For a person who reads why a test failed."""
        return "\n".join(
            f"{number}: {each.count}\n" + "\n".join(f"    {witness}" for witness in each.witnesses)
            for number, each in self.violations.items()
        )


async def verify(
    stack_json: Mapping[str, Any],
    journals: Path | None,
    *,
    quiet: bool,
    heads: Iterable[Head] = (),
    protected: Iterable[str] = (),
) -> Report:
    """What holds on a running stack: at every instant, or with `quiet` also what must hold at rest.

    `heads` are ends of audit chains of an earlier time, kept elsewhere; `protected` words must not be found readable.
    Raises KeyError or OSError where `stack_json` describes no running stack.
    """
    return judged(await look(stack_json, journals, quiet=quiet, heads=heads, protected=protected))


def judged(world: World) -> Report:
    """The verdict on a world that was looked at."""
    report = Report(world=world, not_applicable=_not_applicable(world))
    for each in INVARIANTS:
        if each.id in report.not_applicable or (each.holds is Holds.AT_REST and not world.quiet):
            continue
        if each.id not in report.checked:
            report.checked.append(each.id)
        for witness in each.search(world):
            report.violations.setdefault(each.id, Violation()).note(witness)
    report.checked.sort(key=lambda number: int(number[1:]))
    report.violations = {number: report.violations[number] for number in report.checked if number in report.violations}
    return report


def _not_applicable(world: World) -> dict[str, str]:
    found = dict(NOT_APPLICABLE)
    if world.nation is None:
        found["I16"] = "The nation is not the simulator: its memory is not ours to read."
    if not world.journals:
        found["I17"] = "No journals were given."
    return found


def described() -> list[tuple[str, str, str, str]]:
    """(id, kinds, titles, remark) of every invariant, for people."""
    titles: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {}
    for each in INVARIANTS:
        titles.setdefault(each.id, []).append(each.title)
        kinds.setdefault(each.id, []).append(each.holds.value)
    remarks = {**NOT_HERE, **NOT_APPLICABLE}
    numbers = sorted({*titles, *NOT_APPLICABLE}, key=lambda number: int(number[1:]))
    return [
        (
            number,
            "/".join(dict.fromkeys(kinds.get(number, []))),
            "; ".join(titles.get(number, [])),
            remarks.get(number, ""),
        )
        for number in numbers
    ]
