"""What stands in folders: objects, logs, and the nation's own memory."""

import re
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

WORDS: Final = re.compile(
    r"(?<![0-9A-Za-z])[GLgl]?\d{10,17}[\dXx](?![0-9A-Za-z])"
    "|[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af·]{2,}"
)
"""What may be a number of a person, or holds a name."""
MAY_HOLD_WORDS: Final = re.compile(rb"[\xe3-\xf0]|\d{11}|\\u|\\x|%[89a-fA-F]")
"""What bytes without any word never have: quicker to look for than the words."""
ESCAPED: Final = r"(?:\\+u[0-9a-fA-F]{4})+|(?:(?:\\+x|%)[89a-fA-F][0-9a-fA-F])+"
"""Characters as JSON, Python or a URL writes them where only ASCII may stand; in JSON within JSON there are more
backslashes."""
_ESCAPED: Final = re.compile(ESCAPED.encode())
_HEX: Final = re.compile(rb"[0-9a-fA-F]{4}|[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Object:
    """A stored file."""

    service: str
    key: str
    """Its path below the service's folder."""
    changed: float
    """Seconds since 1970."""
    path: Path


@dataclass(slots=True)
class Nation:
    """The simulator's memory: what it was told, what it answered."""

    records: list[dict[str, Any]] = field(default_factory=list)
    pupils: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbered: dict[str, str] = field(default_factory=dict)
    """Student who was issued a number → the nation's keyed hash of it."""
    later: int = 0
    """Answers that it has not sent yet."""
    parked: int = 0


def objects(folder: Path) -> list[Object]:
    """Every stored object of every service; the nation's own memory is none."""
    found = []
    for service in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "nation"):
        for path in sorted(service.rglob("*")):
            try:
                if path.is_file():
                    key = path.relative_to(service).as_posix()
                    found.append(Object(service.name, key, path.stat().st_mtime, path))
            except FileNotFoundError:  # it ended while we looked
                continue
    return found


def logs(folder: Path) -> list[Path]:
    """Every log, those that were put aside too."""
    return sorted(folder.glob("*.log*"))


def words(raw: bytes) -> list[str]:
    """Every word of a text that may be somebody's, however it is escaped: logs are JSON in ASCII."""
    if not MAY_HOLD_WORDS.search(raw):
        return []
    found: list[str] = WORDS.findall(_ESCAPED.sub(_meant, raw).decode("utf-8", "replace"))
    return found


def _meant(escaped: re.Match[bytes]) -> bytes:
    """The characters of an escaped run, as UTF-8; a half of a pair of surrogates that stands alone is none."""
    digits = b"".join(_HEX.findall(escaped[0].replace(b"u", b" ").replace(b"x", b" ")))
    meant = bytes.fromhex(digits.decode())
    return meant.decode("utf-16-be", "replace").encode() if b"u" in escaped[0] else meant


def words_of_files(paths: Iterable[Path], see: Callable[[str, str], None]) -> None:
    """Every word of the files' lines that may be somebody's: `see(word, file)`."""
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                for word in words(line):
                    see(word, f"log {path.name}")


def nation(folder: Path) -> Nation | None:
    """The simulator's memory; None where the nation is another program."""
    path = folder / "nation" / "nation.sqlite"
    if not path.exists():
        return None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as memory:
        memory.row_factory = sqlite3.Row
        found = Nation()
        for row in memory.execute(
            "SELECT student, epoch, version, hash, operation, taken, silent, problem, issues_number FROM record"
        ):
            found.records.append(dict(row))
        for row in memory.execute("SELECT student, epoch, version, hash, void FROM pupil"):
            found.pupils[row["student"]] = dict(row)
        found.numbered = {row["student"]: row["blind"] for row in memory.execute("SELECT student, blind FROM number")}
        found.later = memory.execute("SELECT count(*) FROM later").fetchone()[0]
        found.parked = memory.execute("SELECT count(*) FROM parked").fetchone()[0]
    memory.close()
    return found
