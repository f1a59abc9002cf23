"""The receipt of the main job: what became of every row, asked of each service, and whether it adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Reckoning:
    """Numbers from different services that must agree."""

    rows: int = 0
    drafted: int = 0
    duplicate: int = 0
    refused: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)
    """Sentence → rows, of duplicate and refused rows."""
    files: int = 0
    """Files in the ZIP."""
    by_file: dict[str, int] = field(default_factory=dict)
    """Result or sentence → files."""
    photographed: int = 0
    """Pupils with an accepted photo, as registry sees them."""
    held_back: int = 0
    """Drafts that were not submitted."""
    by_problem: dict[str, int] = field(default_factory=dict)
    """Sentence → pupils whose pre-review is red for it."""
    explained: int = 0
    """Pupils for whose warnings the clerk gave a reason."""
    submitted: int = 0
    """Pupils, as registry sees them."""
    sent_back: int = 0
    """Pupils that were returned once and submitted again."""
    cases: int = 0
    """Pupils with a case, as review sees them."""
    approved: int = 0
    returned: int = 0
    rejected: int = 0
    open: int = 0
    registered: int = 0
    """As registry sees them."""
    accepted: int = 0
    """As sync sees them."""
    problems: int = 0
    by_problem_record: dict[str, int] = field(default_factory=dict)
    """What the nation found → pupils; one may have several problems."""
    refused_by_nation: int = 0
    by_rejection: dict[str, int] = field(default_factory=dict)
    """What the nation said → pupils whose record it did not take."""
    waiting: int = 0
    on_pupils: dict[str, int] = field(default_factory=dict)
    """Standing → registered pupils, as registry shows them to the clerk."""
    seconds: dict[str, float] = field(default_factory=dict)

    def differences(self) -> list[str]:
        """Every sum that does not come out, named; empty when all is well."""
        sums = (
            ("rows read", self.rows, "drafted + duplicate + refused", self.drafted + self.duplicate + self.refused),
            ("drafted", self.drafted, "held back + submitted", self.held_back + self.submitted),
            ("submitted (registry)", self.submitted, "cases (review)", self.cases),
            (
                "cases",
                self.cases,
                "approved + returned + rejected + open",
                self.approved + self.returned + self.rejected + self.open,
            ),
            ("approved (review)", self.approved, "registered (registry)", self.registered),
            (
                "registered",
                self.registered,
                "accepted + problems + rejected + waiting (sync)",
                self.accepted + self.problems + self.refused_by_nation + self.waiting,
            ),
            ("accepted (sync)", self.accepted, "accepted (registry)", self.on_pupils.get("accepted", 0)),
            ("problems (sync)", self.problems, "problem (registry)", self.on_pupils.get("problem", 0)),
            ("rejected (sync)", self.refused_by_nation, "rejected (registry)", self.on_pupils.get("rejected", 0)),
        )
        found = [f"{left} is {one}, but {right} is {other}" for left, one, right, other in sums if one != other]
        if self.waiting:
            found.append(f"{self.waiting} pupils still wait for the nation's answer")
        if self.open:
            found.append(f"{self.open} cases are still open")
        return found

    def to_json(self) -> dict[str, Any]:
        """As `journey.json` keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reckoning":
        """What `to_json` made, here or before a number was called something else."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in content.items() if name in known})

    def show(self, console: Console, title: str) -> None:
        """One table, and under it the seconds of each stage."""
        table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
        table.add_column(justify="left", overflow="fold")
        table.add_column(justify="right")
        for text, number in self._lines():
            table.add_row(text, str(number))
        console.print()
        console.print(table)
        took = "   ".join(f"{name} {spent:.1f}" for name, spent in self.seconds.items())
        console.print(f"\nSeconds: {took}   [bold]total {sum(self.seconds.values()):.1f}[/]")

    def _lines(self) -> Sequence[tuple[str, int]]:
        return [
            ("Rows read", self.rows),
            ("  refused", self.refused),
            ("  duplicate", self.duplicate),
            *_nested(self.by_reason),
            ("  drafted", self.drafted),
            ("Photo files", self.files),
            *_nested(self.by_file),
            ("Pupils photographed", self.photographed),
            ("Warnings explained", self.explained),
            ("Held back at pre-review", self.held_back),
            *_nested(self.by_problem),
            ("Submitted", self.submitted),
            ("  returned, corrected, submitted again", self.sent_back),
            ("Approved", self.approved),
            ("Returned", self.returned),
            ("Rejected", self.rejected),
            ("Registered", self.registered),
            ("Accepted by the nation", self.accepted),
            ("Problem records", self.problems),
            *_nested(self.by_problem_record),
            ("Rejected by the nation", self.refused_by_nation),
            *_nested(self.by_rejection),
        ]


def _nested(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first; of each sentence what is so, without what to do."""
    short: dict[str, int] = {}
    for text, number in counts.items():
        said = text.split("。")[0]
        short[said] = short.get(said, 0) + number
    return [(f"      {text}", number) for text, number in sorted(short.items(), key=lambda item: -item[1])]
