"""What clients asked and what they were told: one file of JSON lines each, on the disk before anything goes on.

Three answers: `ok` (it is done), `fail` (it is not, and never will be), `info` (unknown: a timeout, a 5xx, a dropped
connection). An `invoke` that never got its answer, because its client died, is `info` too. No personal data: keys,
ids, hashes and counts only.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

Outcome = Literal["ok", "fail", "info"]


@dataclass(slots=True)
class Operation:
    """One question with its answer."""

    journal: str
    """The file's name without its suffix."""
    n: int
    op: str
    key: str
    """The idempotency key, or whatever names the operation once."""
    asked: float
    about: dict[str, Any]
    outcome: Outcome = "info"
    answered: float | None = None
    """Moments are seconds since 1970."""
    told: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.journal}#{self.n} {self.op}"


class Journal:
    """The journal of one client; nobody else writes to its file."""

    def __init__(self, path: Path) -> None:
        """A file that is there already is gone on with: numbers follow on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes() if path.exists() else b""
        self._next = 1 + max((line["n"] for line in _lines(lines)), default=0)
        self._file = path.open("ab", buffering=0)
        if lines and not lines.endswith(b"\n"):
            self._put(b"\n")  # the line that a kill cut stays alone

    def invoke(self, op: str, key: object, **about: Any) -> int:
        """The number of the operation that is about to be asked for."""
        n = self._next
        self._next += 1
        self._write({"n": n, "kind": "invoke", "op": op, "key": str(key), "at": time.time(), "about": about})
        return n

    def ok(self, n: int, **about: Any) -> None:
        """It was said to be done."""
        self._answer("ok", n, about)

    def fail(self, n: int, **about: Any) -> None:
        """It was refused, for good."""
        self._answer("fail", n, about)

    def info(self, n: int, **about: Any) -> None:
        """Nobody knows: a timeout, a 5xx, a dropped connection."""
        self._answer("info", n, about)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, kind: Outcome, n: int, about: Mapping[str, Any]) -> None:
        self._write({"n": n, "kind": kind, "op": None, "key": None, "at": time.time(), "about": about})

    def _write(self, line: Mapping[str, Any]) -> None:
        self._put(json.dumps(line, default=str, separators=(",", ":")).encode() + b"\n")

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        os.fsync(self._file.fileno())


def read(folder: Path) -> list[Operation]:
    """Every operation of every journal (`*.jsonl`) in the folder and below, each journal in its order."""
    found: list[Operation] = []
    for path in sorted(folder.rglob("*.jsonl")):
        here: dict[int, Operation] = {}
        for line in _lines(path.read_bytes()):
            n = line["n"]
            if line["kind"] == "invoke":
                here[n] = Operation(path.stem, n, line["op"], line["key"], line["at"], line["about"])
            elif n in here:
                here[n].outcome, here[n].answered, here[n].told = line["kind"], line["at"], line["about"]
        found += here.values()
    return found


def _lines(data: bytes) -> list[dict[str, Any]]:
    """The whole lines; one that a kill cut short is none."""
    found = []
    for line in data.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [line for line in found if isinstance(line, dict) and "n" in line]
