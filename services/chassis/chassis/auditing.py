"""Whether the audit is as it was written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from chassis.tables import CHAINS

if TYPE_CHECKING:
    from chassis.transaction import Database, Tx

_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain at a moment: to be kept outside this database."""

    chain: int
    seq: int
    hash: bytes


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
    older = {(head.chain, head.seq): head.hash for head in kept}
    async with database.snapshot() as tx:
        ends = {head.chain: head for head in await _heads(tx)}
        found = [f"{CHAINS - len(ends)} chains have no head"] if len(ends) != CHAINS else []
        for number in range(CHAINS):
            found += await _verify_chain(tx, number, ends.get(number), older)
    return found


async def _verify_chain(
    tx: "Tx", number: int, end: Head | None, older: Mapping[tuple[int, int], bytes]
) -> Sequence[str]:
    found, seq, previous = [], 0, sha256(b"audit chain %d" % number).digest()
    wanted = {key[1]: value for key, value in older.items() if key[0] == number and key[1] > 0}
    while rows := await tx.rows(_ENTRIES, {"chain": number, "after": seq, "page": _PAGE}):
        for row in rows:
            where = f"chain {number} entry {row.seq}"
            if row.seq != seq + 1:
                found.append(f"{where} follows entry {seq}")
            if row.hash != sha256(previous + row.seq.to_bytes(8, "big") + row.entry).digest():
                found.append(f"{where} does not fit its hash")
            elif _searched(row) != _written(json.loads(row.entry)):
                found.append(f"{where} says in its columns what it does not say in its text")
            if wanted.pop(row.seq, row.hash) != row.hash:
                found.append(f"{where} is not the one whose hash was kept elsewhere")
            seq, previous = row.seq, row.hash
    if end is not None and (end.seq, end.hash) != (seq, previous):
        found.append(f"chain {number} ends at entry {seq}, its head says {end.seq}")
    found += [f"chain {number} has lost entry {missing}" for missing in wanted]
    return found


_ENTRIES = text(
    "SELECT seq, at, account_id, person_id, organisation_id, organisations, actions, objects, entry, hash FROM audit"
    " WHERE chain = :chain AND seq > :after ORDER BY seq LIMIT :page"
)


def _searched(row: Any) -> tuple[Any, ...]:
    ids = (row.account_id, row.person_id, row.organisation_id)
    return (*ids, row.at, set(row.organisations), set(row.actions), set(row.objects))


def _written(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    notes = entry["notes"]
    return (
        *(UUID(entry[name]) if entry[name] else None for name in ("account", "person", "organisation")),
        datetime.fromisoformat(entry["at"]),
        {UUID(note["organisation"]) for note in notes if note["organisation"]},
        {note["action"] for note in notes},
        {UUID(each) for note in notes for _, each in note["objects"]},
    )
