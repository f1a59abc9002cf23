"""The audit: complete, and as it was written."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from chassis.tables import CHAINS
from tests.chaos.check.registering import always, invariant
from tests.chaos.check.world import World


@invariant("I24", "every version has one entry, of the same actor and transaction; every unmasked read has one", always)
def entries(world: World) -> Iterator[str]:
    """By moment and account, which are the transaction's; reads as journals tell of them."""
    entries: dict[Any, Counter[Any]] = defaultdict(Counter)
    reads: set[tuple[str, str]] = set()
    for row in world.registry["audit"]:
        entries[row.at, row.account_id].update(set(row.objects))
        if "student.read" in row.actions:
            reads |= {(str(row.account_id), str(each)) for each in row.objects}
    exports = sum("student.export" in row.actions for row in world.registry["audit"])
    for row in world.registry["student_version"]:
        if (found := entries[row.at, row.account_id][row.student_id]) != 1:
            yield f"student {row.student_id} version {row.version} has {found} entries of its actor and moment"
    asked = 0
    for each in world.journals:
        is_read = each.op == "unmask" and each.outcome == "ok"
        if is_read and (str(each.about["account"]), str(each.about["student"])) not in reads:
            yield f"{each} left no entry"
        asked += each.op == "export" and each.outcome == "ok"
    if asked > exports:
        yield f"{asked} exports left {exports} entries"


@invariant("I25", "the audit is as it was written", always)
def chains(world: World) -> Iterator[str]:
    """Each chain of hashes from its beginning to its head; heads that were kept elsewhere are part of it."""
    kept: dict[tuple[str, int], dict[int, bytes]] = defaultdict(dict)
    for name, chain, seq, digest in world.heads:
        if seq:
            kept[name, chain][seq] = digest
    for name, service in world.services.items():
        heads = {row.chain: row for row in service["audit_head"]}
        if len(heads) != CHAINS:
            yield f"{name} has {len(heads)} heads of chains"
        rows: dict[int, list[Any]] = defaultdict(list)
        for row in service["audit"]:
            rows[row.chain].append(row)
        for chain, head in heads.items():
            yield from _chain(f"{name}'s chain {chain}", chain, rows.pop(chain, []), head, kept[name, chain])
        for chain in rows:
            yield f"{name} has entries of chain {chain}, which has no head"


def _chain(where: str, chain: int, rows: list[Any], head: Any, kept: dict[int, bytes]) -> Iterator[str]:
    seq, previous = 0, sha256(b"audit chain %d" % chain).digest()
    left = dict(kept)
    for row in rows:
        if row.seq != seq + 1:
            yield f"{where}: entry {row.seq} follows {seq}"
        if row.hash != sha256(previous + row.seq.to_bytes(8, "big") + row.entry).digest():
            yield f"{where}: entry {row.seq} does not fit its hash"
        elif not _says_the_same(row):
            yield f"{where}: entry {row.seq} says in its columns what it does not say in its text"
        if left.pop(row.seq, row.hash) != row.hash:
            yield f"{where}: entry {row.seq} is not the one whose hash was kept elsewhere"
        seq, previous = row.seq, row.hash
    if (head.seq, head.hash) != (seq, previous):
        yield f"{where} ends at {seq}, its head says {head.seq}"
    for missing in left:
        yield f"{where} has lost entry {missing}"


def _says_the_same(row: Any) -> bool:
    entry = json.loads(row.entry)
    ids = tuple(UUID(entry[name]) if entry[name] else None for name in ("account", "person", "organisation"))
    notes = entry["notes"]
    return (
        ids == (row.account_id, row.person_id, row.organisation_id)
        and datetime.fromisoformat(entry["at"]) == row.at
        and {UUID(note["organisation"]) for note in notes if note["organisation"]} == set(row.organisations)
        and {note["action"] for note in notes} == set(row.actions)
        and {UUID(each) for note in notes for _, each in note["objects"]} == set(row.objects)
    )
