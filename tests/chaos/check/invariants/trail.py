"""The audit: complete, and as it was written."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from chassis.auditing import Chain
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
        for number, head in heads.items():
            reading = Chain(number, kept[name, number])
            for row in rows.pop(number, []):
                yield from (f"{name}: {sentence}" for sentence in reading.read(row))
            yield from (f"{name}: {sentence}" for sentence in reading.end(head.seq, head.hash))
        for number in rows:
            yield f"{name} has entries of chain {number}, which has no head"
