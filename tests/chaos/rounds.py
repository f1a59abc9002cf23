"""What a round of a run was and came to."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Round:
    """What a round was and came to."""

    number: int
    seconds: dict[str, float] = field(default_factory=dict)
    load: float = 0.0
    """Processes that wanted a processor, on average: above the number of processors others were at work too."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    operations: dict[str, dict[str, int]] = field(default_factory=dict)
    """Operation → outcome → times."""
    sheets: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """What there is in the end."""
    redelivered: list[float] = field(default_factory=list)
    """Seconds for which readers stood still while everything was set back."""
    in_the_middle: dict[str, int] = field(default_factory=dict)
    """Checks while things die and people work: "checked", and "not possible" where a server was away for too long."""
    checked: list[str] = field(default_factory=list)
    not_applicable: dict[str, str] = field(default_factory=dict)
    violations: dict[str, list[Any]] = field(default_factory=dict)
    """Invariant → [times, first witnesses]."""
    troubles: list[str] = field(default_factory=list)
    """What broke the run's own rules: no rest, a person who gave up, a program that did not come back."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations and not self.troubles


class timed:  # noqa: N801 - reads as a verb
    """Adds the seconds of the block to the round."""

    def __init__(self, done: Round, part: str) -> None:
        self._done = done
        self._part = part
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._done.seconds[self._part] = round(time.monotonic() - self._began, 1)


def told(done: Round) -> str:
    """A round in a line, and what is wrong with it below."""
    kinds = Counter(each["kind"] for each in done.faults)
    outcomes = Counter[str]()
    for each in done.operations.values():
        outcomes.update(each)
    line = (
        f"round {done.number}: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}; operations "
        f"{outcomes['ok']} ok, {outcomes['fail']} refused, {outcomes['info']} unknown; "
        f"{done.counts.get('pupils registered', 0)} pupils registered; {len(done.checked)} invariants, "
        f"{len(done.violations)} violated, {done.in_the_middle.get('checked', 0)} checks in the middle; "
        f"{', '.join(f'{part} {s:.0f} s' for part, s in done.seconds.items())}"
    )
    wrong = [f"  {number}: {count} times: {'; '.join(first)}" for number, (count, first) in done.violations.items()]
    return "\n".join([line, *wrong, *(f"  {each}" for each in done.troubles)])
