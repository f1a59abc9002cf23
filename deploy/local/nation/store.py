"""The nation's own durable memory, SQLite in one file. It names no one: documents are keyed hashes, numbers sealed."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
    judgement TEXT NOT NULL,
    judged_at REAL NOT NULL,
    PRIMARY KEY (student, epoch, version, hash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pupil (
    student TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    hash TEXT NOT NULL,
    void INTEGER NOT NULL,
    document BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pupil_document ON pupil (document);
CREATE TABLE IF NOT EXISTS number (
    blind BLOB PRIMARY KEY,
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


class Store:
    """Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "nation.sqlite", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def begin(self) -> None:
        """Begin a batch."""
        self._db.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Make the batch durable."""
        self._db.execute("COMMIT")

    def give_up(self) -> None:
        """Forget the batch."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def judged(self, student: str, epoch: int, version: int, content: str) -> Judgement | None:
        """How this very record was judged, None for one that is new."""
        row = self._db.execute(
            "SELECT judgement FROM record WHERE student = ? AND epoch = ? AND version = ? AND hash = ?",
            (student, epoch, version, content),
        ).fetchone()
        return Judgement.from_json(json.loads(row[0])) if row else None

    def newest(self, student: str) -> tuple[int, int] | None:
        """(epoch, version) of the pupil's record that holds."""
        row = self._db.execute("SELECT epoch, version FROM pupil WHERE student = ?", (student,)).fetchone()
        return (row[0], row[1]) if row else None

    def another_with(self, document: bytes, student: str) -> bool:
        """Whether another pupil who is not void carries the document."""
        return (
            self._db.execute(
                "SELECT 1 FROM pupil WHERE document = ? AND student <> ? AND void = 0 LIMIT 1", (document, student)
            ).fetchone()
            is not None
        )

    def note(
        self, student: str, epoch: int, version: int, content: str, operation: str, judgement: Judgement, at: float
    ) -> None:
        """A judgement is remembered: one for each (student, version, hash), for ever."""
        self._db.execute(
            "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                student,
                epoch,
                version,
                content,
                operation,
                int(judgement.taken),
                int(judgement.silent),
                judgement.problem,
                json.dumps(judgement.as_json(), ensure_ascii=False),
                at,
            ),
        )

    def take(self, student: str, epoch: int, version: int, content: str, document: bytes | None, *, void: bool) -> None:
        """The record that holds for a pupil from now on."""
        self._db.execute(
            "INSERT INTO pupil VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (student) DO UPDATE SET epoch = excluded.epoch,"
            " version = excluded.version, hash = excluded.hash, void = excluded.void, document = excluded.document",
            (student, epoch, version, content, int(void), document),
        )

    def end_pupil(self, student: str) -> None:
        """The pupil's record has ended: it is void and carries no document."""
        self._db.execute("UPDATE pupil SET void = 1, document = NULL WHERE student = ?", (student,))

    def number_of(self, student: str) -> bytes | None:
        """The sealed number of a pupil."""
        row = self._db.execute("SELECT sealed FROM number WHERE student = ?", (student,)).fetchone()
        return row[0] if row else None

    def is_free(self, blind: bytes) -> bool:
        """Whether a number was never issued."""
        return self._db.execute("SELECT 1 FROM number WHERE blind = ?", (blind,)).fetchone() is None

    def issue(self, blind: bytes, student: str, sealed: bytes) -> None:
        """A number belongs to a pupil, for life."""
        self._db.execute("INSERT INTO number VALUES (?, ?, ?)", (blind, student, sealed))

    def park(self, partition: int, offset: int, reason: str, raw: bytes) -> None:
        """Input that cannot be judged, kept for a person."""
        self._db.execute("INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?)", (partition, offset, reason, raw))

    def put_off(self, answers: Iterable[Answer]) -> None:
        """Answers that are sent later."""
        self._db.executemany(
            "INSERT OR REPLACE INTO later VALUES (?, ?, ?, ?, ?, ?)",
            ((one.id, one.due_at, one.student, one.type, one.time, one.body) for one in answers),
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
        self.begin()
        self._db.executemany("DELETE FROM later WHERE id = ?", ((one.id,) for one in answers))
        self.end()

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
        rows = self._db.execute(
            "SELECT epoch, version, hash, operation, judgement FROM record WHERE student = ? ORDER BY epoch, version",
            (student,),
        ).fetchall()
        return {
            "newest": dict(zip(("epoch", "version", "content_hash", "void"), newest, strict=True)) if newest else None,
            "number_issued": self.number_of(student) is not None,
            "records": [
                {"epoch": row[0], "version": row[1], "content_hash": row[2], "operation": row[3], **json.loads(row[4])}
                for row in rows
            ],
        }

    def close(self) -> None:
        """Let go of the file."""
        self.give_up()
        self._db.close()
