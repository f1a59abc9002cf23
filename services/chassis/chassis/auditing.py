"""Whether the audit is as it was written."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from chassis.chain import beginning, hashed
from chassis.tables import CHAINS

if TYPE_CHECKING:
    from chassis.transaction import Database, Tx

_PAGE = 2000
_BEFORE_ALL = -(2**63)
"""No entry has this number, and whoever adds one may have given it any other."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain at a moment: to be kept outside this database."""

    chain: int
    seq: int
    hash: bytes


@dataclass(slots=True)
class Progress:
    """How far a look at the audit has come."""

    entries: int = 0


class Chain:
    """One chain that is read from its beginning, entry by entry; of what was read the last hash is remembered."""

    def __init__(self, number: int, kept: Mapping[int, bytes]) -> None:
        """`kept`: number of an entry → its hash, as it was kept elsewhere at an earlier time."""
        self._number = number
        self._wanted = {seq: digest for seq, digest in kept.items() if seq > 0}
        self._seq, self._hash = 0, beginning(number)

    def read(self, row: Any) -> Iterator[str]:
        """What is wrong with the next entry, a row of the table `audit`."""
        where = f"chain {self._number} entry {row.seq}"
        if row.seq != self._seq + 1:
            yield f"{where} follows entry {self._seq}"
        if row.hash != hashed(self._hash, row.seq, row.entry):
            yield f"{where} does not fit its hash"
        elif _searched(row) != _written(row.entry):
            yield f"{where} says in its columns what it does not say in its text"
        if self._wanted.pop(row.seq, row.hash) != row.hash:
            yield f"{where} is not the one whose hash was kept elsewhere"
        self._seq, self._hash = row.seq, row.hash

    def end(self, seq: int, digest: bytes) -> Iterator[str]:
        """What is wrong at its end, where the head says this."""
        if (seq, digest) != (self._seq, self._hash):
            told = f"its head says {seq}" if seq != self._seq else "its head says another hash"
            yield f"chain {self._number} ends at entry {self._seq}, {told}"
        for missing in self._wanted:
            yield f"chain {self._number} has lost entry {missing}"


async def heads(database: "Database") -> Sequence[Head]:
    """The ends of all chains now."""
    async with database.snapshot() as tx:
        return await _heads(tx)


async def _heads(tx: "Tx") -> Sequence[Head]:
    return [
        Head(row.chain, row.seq, row.hash)
        for row in await tx.rows(text("SELECT chain, seq, hash FROM audit_head ORDER BY chain"))
    ]


async def verify(database: "Database", kept: Sequence[Head] = ()) -> list[str]:
    """What is wrong with the chains, a sentence each; nothing when all is as it was written.

    `kept` are heads from another place and an earlier time; each must be part of today's chain.
    """
    return [sentence async for sentence in faults(database, kept)]


async def faults(
    database: "Database", kept: Sequence[Head] = (), progress: Progress | None = None
) -> AsyncIterator[str]:
    """The same, sentence by sentence as they are found: a page of entries is in memory, however many there are."""
    progress = progress or Progress()
    async with database.snapshot() as tx:
        ends = {head.chain: head for head in await _heads(tx)}
        for number in sorted(set(range(CHAINS)) - set(ends)):
            yield f"chain {number} has no head"
        for row in await tx.rows(_STRAY, {"chains": CHAINS}):
            yield f"{row.entries} entries stand in chain {row.chain}, which there is not"
        for number in range(CHAINS):
            chain = Chain(number, {head.seq: head.hash for head in kept if head.chain == number})
            async for row in _entries(tx, number):
                progress.entries += 1
                for sentence in chain.read(row):
                    yield sentence
            if (end := ends.get(number)) is not None:
                for sentence in chain.end(end.seq, end.hash):
                    yield sentence


async def _entries(tx: "Tx", number: int) -> AsyncIterator[Any]:
    after = _BEFORE_ALL
    while rows := await tx.rows(_ENTRIES, {"chain": number, "after": after, "page": _PAGE}):
        for row in rows:
            yield row
        after = rows[-1].seq


_ENTRIES = text(
    "SELECT seq, at, account_id, person_id, organisation_id, organisations, actions, objects, entry, hash FROM audit"
    " WHERE chain = :chain AND seq > :after ORDER BY seq LIMIT :page"
)
_STRAY = text(
    "SELECT chain, count(*) AS entries FROM audit WHERE chain < 0 OR chain >= :chains GROUP BY chain ORDER BY chain"
)


def _searched(row: Any) -> tuple[Any, ...]:
    ids = (row.account_id, row.person_id, row.organisation_id)
    return (*ids, row.at, set(row.organisations), set(row.actions), set(row.objects))


def _written(entry: bytes) -> tuple[Any, ...] | None:
    """What the columns must say; None of a text that nobody of ours wrote."""
    try:
        said = json.loads(entry)
        notes = said["notes"]
        return (
            *(UUID(said[name]) if said[name] else None for name in ("account", "person", "organisation")),
            datetime.fromisoformat(said["at"]),
            {UUID(note["organisation"]) for note in notes if note["organisation"]},
            {note["action"] for note in notes},
            {UUID(each) for note in notes for _, each in note["objects"]},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
