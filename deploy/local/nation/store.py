"""The nation's own durable memory, SQLite in one file. It names no one: documents are keyed hashes, numbers sealed.

What a batch needs is recalled at once and written at once; between the two it is plain dictionaries.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contracts.values import ProblemType
from nation.judging import Judgement

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
    student TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    operation TEXT NOT NULL,
    taken INTEGER NOT NULL,
    silent INTEGER NOT NULL,
    problem TEXT,
    rejections TEXT,
    issues_number INTEGER NOT NULL,
    judged_at REAL NOT NULL,
    PRIMARY KEY (student, epoch, version, hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pupil (
    student TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    void INTEGER NOT NULL,
    document TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pupil_document ON pupil (document) WHERE void = 0;
CREATE TABLE IF NOT EXISTS number (
    blind TEXT PRIMARY KEY,
    student TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS later (
    id TEXT PRIMARY KEY,
    due_at REAL NOT NULL,
    student TEXT NOT NULL,
    type TEXT NOT NULL,
    time TEXT NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS later_due ON later (due_at);
CREATE TABLE IF NOT EXISTS parked (
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    reason TEXT NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (partition, "offset")
) WITHOUT ROWID;
"""
_COUNTED: Final = {
    "pupils": "SELECT count(*) FROM pupil WHERE void = 0",
    "numbers": "SELECT count(*) FROM number",
    "later": "SELECT count(*) FROM later",
    "parked": "SELECT count(*) FROM parked",
}
Key = tuple[str, int, int, str]
"""(student, epoch, version, content hash): what is judged once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt, sealed and ready to be sent."""

    id: str
    student: str
    type: str
    time: str
    body: bytes
    due_at: float = 0.0
    """Seconds since 1970; 0 for now."""


@dataclass(slots=True)
class Memory:
    """What is known of the pupils of a batch, and what the batch adds."""

    judged: dict[Key, Judgement] = field(default_factory=dict)
    newest: dict[str, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[str, bytes] = field(default_factory=dict)
    """Student → the sealed number."""
    holders: dict[str, set[str]] = field(default_factory=dict)
    """Document → pupils, not void, who carry it."""
    carried: dict[str, str] = field(default_factory=dict)
    """The same the other way round."""
    issued: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Number issued in this batch → student, the number sealed."""
    records: list[tuple[Any, ...]] = field(default_factory=list)
    pupils: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    parked: list[tuple[int, int, str, bytes]] = field(default_factory=list)

    def note(self, key: Key, operation: str, judgement: Judgement, at: float) -> None:
        """A judgement is remembered: one for each (student, version, hash), for ever."""
        self.judged[key] = judgement
        rejections = json.dumps(judgement.rejections, ensure_ascii=False) if judgement.rejections else None
        told = (judgement.taken, judgement.silent, judgement.problem, rejections, judgement.issues_number)
        self.records.append((*key, operation, *told, at))

    def take(self, key: Key, document: str | None, *, void: bool) -> None:
        """The record that holds for a pupil from now on."""
        student, epoch, version, content = key
        self.newest[student] = (epoch, version)
        self.pupils[student] = (student, epoch, version, content, void, document)
        if before := self.carried.pop(student, None):
            self.holders[before].discard(student)
        if document is not None and not void:
            self.carry(student, document)

    def carry(self, student: str, document: str) -> None:
        """The pupil carries the document."""
        self.carried[student] = document
        self.holders.setdefault(document, set()).add(student)

    def issue(self, blind: str, student: str, sealed: bytes) -> None:
        """A number belongs to a pupil, for life."""
        self.issued[blind] = (student, sealed)
        self.numbers[student] = sealed


class Store:
    """Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "nation.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def recall(self, students: Collection[str], documents: Collection[str]) -> Memory:
        """What is known that bears on records of these pupils with these documents. Four statements."""
        memory = Memory()
        asked = (json.dumps(list(students)),)
        for row in self._db.execute(
            "SELECT student, epoch, version, hash, taken, silent, problem, rejections, issues_number FROM record"
            " WHERE student IN (SELECT value FROM json_each(?))",
            asked,
        ):
            memory.judged[row[:4]] = _judgement(*row[4:])
        for student, epoch, version in self._db.execute(
            "SELECT student, epoch, version FROM pupil WHERE student IN (SELECT value FROM json_each(?))", asked
        ):
            memory.newest[student] = (epoch, version)
        memory.numbers.update(
            self._db.execute(
                "SELECT student, sealed FROM number WHERE student IN (SELECT value FROM json_each(?))", asked
            )
        )
        for document, student in self._db.execute(
            "SELECT document, student FROM pupil WHERE void = 0 AND document IN (SELECT value FROM json_each(?))",
            (json.dumps(list(documents)),),
        ):
            memory.carry(student, document)
        return memory

    def is_free(self, blind: str) -> bool:
        """Whether a number was never issued."""
        return self._db.execute("SELECT 1 FROM number WHERE blind = ?", (blind,)).fetchone() is None

    def keep(self, memory: Memory, later: Iterable[Answer]) -> None:
        """What a batch has added is durable when this returns."""
        with self._written():
            run = self._db.executemany
            run("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", memory.records)
            run(
                "INSERT INTO pupil VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (student) DO UPDATE SET"
                " epoch = excluded.epoch, version = excluded.version, hash = excluded.hash,"
                " void = excluded.void, document = excluded.document",
                memory.pupils.values(),
            )
            numbers = ((blind, student, sealed) for blind, (student, sealed) in memory.issued.items())
            run("INSERT INTO number VALUES (?, ?, ?)", numbers)
            run("UPDATE pupil SET void = 1, document = NULL WHERE student = ?", ((each,) for each in memory.ended))
            run("INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?)", memory.parked)
            run(
                "INSERT OR REPLACE INTO later VALUES (?, ?, ?, ?, ?, ?)",
                ((one.id, one.due_at, one.student, one.type, one.time, one.body) for one in later),
            )

    def due(self, now: float, limit: int) -> list[Answer]:
        """Answers whose time has come, the longest due first."""
        rows = self._db.execute(
            "SELECT id, student, type, time, body, due_at FROM later WHERE due_at <= ? ORDER BY due_at LIMIT ?",
            (now, limit),
        ).fetchall()
        return [Answer(*row) for row in rows]

    def sent(self, answers: Sequence[Answer]) -> None:
        """Answers that need not be sent any more."""
        with self._written():
            self._db.executemany("DELETE FROM later WHERE id = ?", ((one.id,) for one in answers))

    def counts(self) -> dict[str, int]:
        """What there is, in numbers."""
        found = dict.fromkeys(("records", "taken", "rejected", "problems", "silent"), 0)
        for taken, silent, problem, n in self._db.execute(
            "SELECT taken, silent, problem IS NOT NULL, count(*) FROM record GROUP BY 1, 2, 3"
        ):
            found["records"] += n
            found["taken" if taken else "rejected"] += n
            found["problems"] += n if problem else 0
            found["silent"] += n if silent else 0
        for name, query in _COUNTED.items():
            found[name] = self._db.execute(query).fetchone()[0]
        return found

    def of(self, student: str) -> dict[str, Any]:
        """What is known of one pupil, without personal data."""
        newest = self._db.execute(
            "SELECT epoch, version, hash, void FROM pupil WHERE student = ?", (student,)
        ).fetchone()
        number = self._db.execute("SELECT 1 FROM number WHERE student = ?", (student,)).fetchone()
        rows = self._db.execute(
            "SELECT epoch, version, hash, operation, taken, silent, problem FROM record WHERE student = ?"
            " ORDER BY epoch, version",
            (student,),
        ).fetchall()
        names = ("epoch", "version", "content_hash", "operation", "taken", "silent", "problem")
        return {
            "newest": dict(zip(("epoch", "version", "content_hash", "void"), newest, strict=True)) if newest else None,
            "number_issued": number is not None,
            "records": [dict(zip(names, row, strict=True)) for row in rows],
        }

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _written(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise


def _judgement(taken: int, silent: int, problem: str | None, rejections: str | None, issues_number: int) -> Judgement:
    return Judgement(
        taken=bool(taken),
        silent=bool(silent),
        rejections=tuple((column, reason) for column, reason in json.loads(rejections or "[]")),
        problem=ProblemType(problem) if problem else None,
        issues_number=bool(issues_number),
    )
