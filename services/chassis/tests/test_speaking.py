"""Saying: versions, order, one audit entry, nothing half."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis import auditing
from chassis.transaction import Database
from services.chassis.tests.conftest import Answered, Asked, Rows, Topics

PUT = text("INSERT INTO thing (id, number) VALUES (:id, :number) ON CONFLICT (id) DO UPDATE SET number = :number")


async def test_facts_of_a_subject_have_versions_without_a_gap(database: Database, topics: Topics, rows: Rows) -> None:
    subject = uuid4()
    async with database.transaction() as tx:
        tx.say(subject, Asked(number=1), Answered(number=2))
    async with database.transaction() as tx:
        tx.say(subject, Answered(number=3))
    found = await rows("SELECT type, version, body, epoch, kind FROM outbox ORDER BY id")
    assert [(row.type, row.version, json.loads(row.body)) for row in found] == [
        ("Asked", 1, {"number": 1}),
        ("Answered", 2, {"number": 2}),
        ("Answered", 3, {"number": 3}),
    ]
    assert {(row.epoch, row.kind) for row in found} == {(1, "fact")}


async def test_touched_state_is_read_once_at_the_end(database: Database, topics: Topics, rows: Rows) -> None:
    subject, silent = uuid4(), uuid4()
    async with database.transaction() as tx:
        tx.touch(topics.thing, [subject, silent])
        await tx.execute(PUT, {"id": subject, "number": 7})
        tx.touch(topics.thing, [subject])
        tx.touch(topics.secret, [subject])
    found = await rows("SELECT topic, subject, version, body FROM outbox ORDER BY topic DESC")
    assert [(row.topic, row.subject, row.version) for row in found] == [
        (topics.thing.name, subject, 1),
        (topics.secret.name, subject, 1),
    ]
    assert json.loads(found[0].body) == {"number": 7, "name": ""}
    opened = database.wire.open(topics.secret.name, subject, 1, 1, found[1].body)
    assert json.loads(opened) == {"number": 7, "name": ""}
    # Who had nothing to say has used no version.
    assert [row.version for row in await rows("SELECT version FROM counter WHERE subject = :s", s=silent)] == [0]


async def test_an_exception_leaves_nothing(database: Database, rows: Rows) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            tx.say(uuid4(), Asked(number=1))
            tx.note("thing.asked", [])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await rows("SELECT 1 FROM outbox UNION ALL SELECT 1 FROM counter UNION ALL SELECT 1 FROM audit") == []


async def test_concurrent_speakers_leave_no_gap_and_ids_follow_versions(
    database: Database, topics: Topics, rows: Rows
) -> None:
    subjects = [uuid4() for _ in range(5)]

    async def speak(number: int) -> None:
        chosen = [subjects[(number * step) % 5] for step in (1, 2, 3)]
        async with database.transaction() as tx:
            for subject in chosen if number % 2 else reversed(chosen):
                await tx.execute(PUT, {"id": uuid4(), "number": number})
                tx.say(subject, Asked(number=number))
            tx.touch(topics.thing, [subjects[number % 5]])
            await tx.execute(PUT, {"id": subjects[number % 5], "number": number})

    await asyncio.gather(*(speak(number) for number in range(60)))
    for topic in (topics.talk.name, topics.thing.name):
        for subject in subjects:
            found = await rows(
                "SELECT version FROM outbox WHERE topic = :t AND subject = :s ORDER BY id", t=topic, s=subject
            )
            assert [row.version for row in found] == list(range(1, len(found) + 1))
    assert len(await rows("SELECT 1 FROM outbox WHERE topic = :t", t=topics.talk.name)) == 180


async def test_a_transaction_leaves_one_audit_entry_and_the_chains_hold(database: Database, rows: Rows) -> None:
    objects = [uuid4() for _ in range(3)]
    for number in range(70):
        async with database.transaction() as tx:
            tx.note("thing.seen", [("thing", each) for each in objects], detail={"number": number})
            tx.note("thing.counted", [])
            tx.say(objects[0], Asked(number=number))
    assert len(await rows("SELECT 1 FROM audit")) == 70
    assert await auditing.verify(database) == []


async def test_an_entry_bears_the_request_that_asked_for_it(database: Database, rows: Rows) -> None:
    with structlog.contextvars.bound_contextvars(request="3f9c1d2e4b5a69788796a5b4c3d2e1f0"):
        async with database.transaction() as tx:
            tx.note("thing.seen", [])
    async with database.transaction() as tx:
        tx.note("thing.counted", [])
    found = {row.actions[0]: json.loads(row.entry)["request"] for row in await rows("SELECT actions, entry FROM audit")}
    assert found == {"thing.seen": "3f9c1d2e4b5a69788796a5b4c3d2e1f0", "thing.counted": None}
    assert await auditing.verify(database) == []


async def test_what_cannot_be_audited_does_not_happen(database: Database, rows: Rows) -> None:
    await _break(database, "ALTER TABLE audit RENAME TO audit_that_is_away")

    async def act() -> None:
        async with database.transaction() as tx:
            await tx.execute(PUT, {"id": uuid4(), "number": 1})
            tx.note("thing.changed", [])

    with pytest.raises(DBAPIError):
        await act()
    assert await rows("SELECT 1 FROM thing") == []
    await _break(database, "ALTER TABLE audit_that_is_away RENAME TO audit")
    await act()
    assert len(await rows("SELECT 1 FROM thing")) == len(await rows("SELECT 1 FROM audit")) == 1


async def test_a_transaction_waits_for_nothing_for_ever(database: Database) -> None:
    async with database.transaction() as tx:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        assert [await tx.scalar(text(f"SHOW {name}")) for name in names] == ["5s", "1min", "1min"]


async def _break(database: Database, statement: str) -> None:
    async with database.transaction() as tx:
        await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE audit SET entry = replace(encode(entry, 'escape'), 'seen', 'sold')::bytea WHERE seq = 1", "hash"),
        ("UPDATE audit SET actions = '{sold}' WHERE seq = 1", "columns"),
        ("DELETE FROM audit WHERE (chain, seq) IN (SELECT chain, max(seq) FROM audit GROUP BY chain)", "head says"),
        ("DELETE FROM audit WHERE seq = 1", "follows"),
        ("UPDATE audit SET seq = -seq WHERE seq <= 2", "ends at"),
    ],
)
async def test_a_tampered_audit_is_found(database: Database, tampering: str, told: str) -> None:
    for _ in range(200):
        async with database.transaction() as tx:
            tx.note("thing.seen", [("thing", UUID(int=1))])
    kept = await auditing.heads(database)
    await _break(database, tampering)
    assert any(told in line for line in await auditing.verify(database, kept))


async def test_a_replaced_head_is_found_by_a_kept_one(database: Database) -> None:
    for _ in range(200):
        async with database.transaction() as tx:
            tx.note("thing.seen", [])
    kept = await auditing.heads(database)
    await _break(database, "DELETE FROM audit WHERE (chain, seq) IN (SELECT chain, max(seq) FROM audit GROUP BY chain)")
    await _break(
        database,
        "UPDATE audit_head h SET seq = h.seq - 1, hash = coalesce((SELECT a.hash FROM audit a WHERE a.chain = h.chain"
        " AND a.seq = h.seq - 1), sha256(('audit chain ' || h.chain)::bytea)) WHERE h.seq > 0",
    )
    assert await auditing.verify(database) == []  # alone it cannot know
    assert await auditing.verify(database, kept)


async def test_nothing_is_said_in_a_snapshot(database: Database) -> None:
    async with database.snapshot() as tx:
        with pytest.raises(RuntimeError):
            tx.say(uuid4(), Asked(number=1))
        with pytest.raises(RuntimeError):
            tx.note("thing.seen", [])
