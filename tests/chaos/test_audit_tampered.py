"""The audit of a service that ran for years is tampered with: one look tells each place, in bounded memory."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from chassis import auditing, chain
from chassis.identity import Actor
from chassis.tables import CHAINS
from chassis.transaction import Database
from chassis.transaction.tx import Note
from contracts.values import Role
from services.registry.tests.conftest import database, key_file, settings  # noqa: F401 - fixtures
from tests.chaos.one_registry import environment
from tests.chaos.watching import memory_of, watched

ENTRIES: Final = int(os.environ.get("CHAOS_AUDIT_ROWS", "20000"))
ALTERED: Final = 200
COPIED: Final = 10_000
"""Entries that are written at a time."""
BEGAN: Final = datetime(2026, 9, 1, 8, tzinfo=UTC)
COLUMNS: Final = (
    "chain", "seq", "at", "account_id", "person_id", "organisation_id", "organisations", "actions", "objects", "entry",
    "hash",
)  # fmt: skip
pytestmark = pytest.mark.timeout(240 + ENTRIES / 500)


@pytest.fixture
async def connection(settings: Any) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """One who may write what she likes."""
    opened = await asyncpg.connect(settings.database.replace("+asyncpg", ""))
    # Verifying reads by chain and number; what serves searches would only make a million entries slow to write.
    for index in ("audit_at", "audit_account", "audit_objects", "audit_organisations"):
        await opened.execute(f"DROP INDEX {index}")
    yield opened
    await opened.close()


def a_transaction(chance: random.Random, number: int) -> chain.Written:
    """What a registrar did: a page that she read, or a pupil whom she changed."""
    school, who = UUID(int=chance.randrange(2_000)), UUID(int=chance.randrange(8_000))
    actor = Actor(who, who, school, frozenset({Role.REGISTRAR}), 1, None)
    looked_at = [("student", UUID(int=chance.getrandbits(122))) for _ in range(chance.choice((1, 1, 1, 2, 20)))]
    note = Note("student.read" if number % 3 else "student.edit", looked_at, school, {"fields": ["phone"]})
    return chain.written(actor, BEGAN + timedelta(seconds=number), [note], {"registry.student.v1": number % 2})


async def fill(connection: Any, count: int) -> dict[int, int]:
    """Chain → its entries, after so many more, as the chassis writes them."""
    heads = await connection.fetch("SELECT chain, seq, hash FROM audit_head")
    chance, ends = random.Random(7), {row["chain"]: (row["seq"], row["hash"]) for row in heads}
    for first in range(0, count, COPIED):
        rows = []
        for number in range(first, min(first + COPIED, count)):
            new, drawn = a_transaction(chance, number), chance.randrange(CHAINS)
            seq = ends[drawn][0] + 1
            ends[drawn] = (seq, chain.hashed(ends[drawn][1], seq, new.entry))
            rows.append(
                (drawn, seq, new.at, new.account_id, new.person_id, new.organisation_id, new.organisations,
                 new.actions, new.objects, new.entry, ends[drawn][1])
            )  # fmt: skip
        await connection.copy_records_to_table("audit", records=rows, columns=COLUMNS)
    await connection.executemany(
        "UPDATE audit_head SET seq = $2, hash = $3 WHERE chain = $1", [(each, *end) for each, end in ends.items()]
    )
    return {number: seq for number, (seq, _) in ends.items()}


async def as_an_operator(settings: Any) -> tuple[int, str, float, float]:
    """Exit status, last line, seconds and most MiB of `python -m registry audit verify`."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registry", "audit", "verify",
        env=environment(settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with watched(lambda: memory_of(process.pid)) as memory:
        said, _ = await process.communicate()
    lines = said.decode().splitlines()
    assert process.returncode is not None
    return process.returncode, lines[-1] if lines else "", time.monotonic() - began, max(memory)


@pytest.mark.part("Audit entries, tampered with in every way and altered at 200 places", ENTRIES)
async def test_tampering_with_many_entries_is_told_with_each_place(
    settings: Any, database: Database, connection: Any
) -> None:
    began = time.monotonic()
    last = await fill(connection, ENTRIES)
    filled = time.monotonic() - began
    status, said, seconds, memory = await as_an_operator(settings)
    assert (status, said) == (0, f"the audit is as it was written: {ENTRIES:,} entries")
    print(
        f"\n{ENTRIES:,} entries written in {filled:.0f} s; a look by the command {seconds:.1f} s,"
        f" {ENTRIES / seconds:,.0f} a second, {memory:.0f} MiB"
    )
    assert memory < 250
    kept = await auditing.heads(database)

    told, taking = await tampered(connection, last), time.monotonic()
    assert set(await auditing.verify(database, kept)) == told
    print(f"every kind of tampering told with its place, {time.monotonic() - taking:.1f} s")
    assert (await as_an_operator(settings))[0] == 1
    # What was forged to the end of its chain fits, and only heads kept elsewhere know.
    assert {each for each in told if "lost" in each or "elsewhere" in each}.isdisjoint(await auditing.verify(database))


@pytest.mark.part("Audit entries, tampered with in every way and altered at 200 places", 0)
async def test_two_hundred_altered_entries_are_told_by_one_look(database: Database, connection: Any) -> None:
    last = await fill(connection, ENTRIES)
    places = random.Random(11).sample([(number, seq) for number, end in last.items() for seq in range(1, end + 1)],
                                      ALTERED)  # fmt: skip
    await connection.executemany(
        "UPDATE audit SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'phone', 'names'), 'UTF8')"
        " WHERE chain = $1 AND seq = $2",
        places,
    )
    began = time.monotonic()
    found = await auditing.verify(database)
    print(f"\n{len(found)} of {ALTERED} altered among {ENTRIES:,} told, {time.monotonic() - began:.1f} s")
    assert sorted(found) == sorted(f"chain {number} entry {seq} does not fit its hash" for number, seq in places)


async def tampered(connection: Any, last: dict[int, int]) -> set[str]:
    """What has to be told, after something of every kind was done, each in a chain of its own."""
    edited, deleted, moved, cut, replaced, forged, hidden, searched = range(8)
    middle = {number: end // 2 for number, end in last.items()}
    run = connection.execute
    await run("UPDATE audit SET entry = entry || ' ' WHERE chain = $1 AND seq = $2", edited, middle[edited])
    await run("DELETE FROM audit WHERE chain = $1 AND seq = $2", deleted, middle[deleted])
    for seq, to in ((middle[moved], -1), (middle[moved] + 1, middle[moved]), (-1, middle[moved] + 1)):
        await run("UPDATE audit SET seq = $3 WHERE chain = $1 AND seq = $2", moved, seq, to)
    await run("DELETE FROM audit WHERE chain = $1 AND seq > $2", cut, last[cut] - 3)
    await run("DELETE FROM audit WHERE chain = $1 AND seq > $2", replaced, last[replaced] - 3)
    await run(
        "UPDATE audit_head SET (seq, hash) = (SELECT seq, hash FROM audit WHERE chain = $1 ORDER BY seq DESC LIMIT 1)"
        " WHERE chain = $1",
        replaced,
    )
    await forge(connection, forged, middle[forged])
    # What has no place at all: before the beginning of a chain, and in a chain that there is not.
    for chain_of_it, seq in ((hidden, 0), (hidden, -5), (CHAINS, 1)):
        await run(
            "INSERT INTO audit SELECT $3, $4, at, account_id, person_id, organisation_id, organisations, actions,"
            " objects, entry, hash FROM audit WHERE chain = $1 AND seq = $2",
            hidden, 1, chain_of_it, seq,
        )  # fmt: skip
    await run("UPDATE audit SET objects = '{}' WHERE chain = $1 AND seq = $2", searched, middle[searched])
    at = middle[moved]
    return {
        f"chain {edited} entry {middle[edited]} does not fit its hash",
        f"chain {deleted} entry {middle[deleted] + 1} follows entry {middle[deleted] - 1}",
        f"chain {deleted} entry {middle[deleted] + 1} does not fit its hash",
        *(f"chain {moved} entry {seq} does not fit its hash" for seq in (at, at + 1, at + 2)),
        f"chain {cut} ends at entry {last[cut] - 3}, its head says {last[cut]}",
        *(f"chain {each} has lost entry {last[each]}" for each in (cut, replaced)),
        f"chain {forged} entry {last[forged]} is not the one whose hash was kept elsewhere",
        f"chain {hidden} entry -5 follows entry 0",
        f"chain {hidden} entry -5 does not fit its hash",
        f"chain {hidden} entry 0 follows entry -5",
        *(f"chain {hidden} entry {seq} does not fit its hash" for seq in (0, 1)),
        f"1 entries stand in chain {CHAINS}, which there is not",
        f"chain {searched} entry {middle[searched]} says in its columns what it does not say in its text",
    }


async def forge(connection: Any, number: int, since: int) -> None:
    """One text is another, and every hash from there to the head fits again."""
    rows = await connection.fetch("SELECT seq, entry, hash FROM audit WHERE chain = $1 ORDER BY seq", number)
    digest, made = rows[since - 2]["hash"], []
    for row in rows[since - 1 :]:
        entry = row["entry"].replace(b"phone", b"names") if row["seq"] == since else row["entry"]
        digest = chain.hashed(digest, row["seq"], entry)
        made.append((number, row["seq"], entry, digest))
    await connection.executemany("UPDATE audit SET entry = $3, hash = $4 WHERE chain = $1 AND seq = $2", made)
    await connection.execute("UPDATE audit_head SET hash = $2 WHERE chain = $1", number, digest)
