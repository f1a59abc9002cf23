"""Corruptions of what was said, heard, applied and acknowledged."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from uuid import uuid4

from sync.models import TABLE
from tests.chaos.journal import Journal
from tests.chaos.planting import Garden, plant

DECISIONS = "review.decision.v1"


@plant("I10", also=["I11"])
async def said_and_lost(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "INSERT INTO outbox (kind, topic, subject, epoch, version, event_id, type, body, time, saying)"
        " VALUES ('fact', $1, $2, 1, 1, $3, 'RequestWithdrawn', '{}', now(), 0)"
    )
    async with garden.changed("review", "outbox", statement, DECISIONS, uuid4(), uuid4()):
        yield


@plant("I10")
async def a_ghost(garden: Garden) -> AsyncIterator[None]:
    statement = "DELETE FROM outbox WHERE id = (SELECT max(id) FROM outbox WHERE topic = $1)"
    async with garden.changed("review", "outbox", statement, DECISIONS):
        yield


@plant("I11")
async def a_record_in_the_partition_of_others(garden: Garden) -> AsyncIterator[None]:
    async with garden.topic(DECISIONS) as records:
        [first, *_] = await records.all()
        await records.put(first, partition=(first.partition + 1) % 6)
        await garden.consumed(records)
        yield


@plant("I12")
async def a_version_with_other_contents(garden: Garden) -> AsyncIterator[None]:
    async with garden.topic(DECISIONS) as records:
        [first, *_] = await records.all()
        await records.put(first, value=json.dumps({**json.loads(first.value), "step": 9}).encode())
        await garden.consumed(records)
        yield


@plant("I13")
async def an_event_without_effect(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "DELETE FROM watermark WHERE (topic, subject) IN"
        " (SELECT topic, subject FROM watermark WHERE topic = 'registry.student.v1' ORDER BY subject LIMIT 1)"
    )
    async with garden.changed("photo", "watermark", statement):
        yield


@plant("I14")
async def an_offset_ahead_of_its_effect(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE inbox_offset SET highest = highest - 2 WHERE topic = 'photo.photo.v1'"
    async with garden.changed("sync", "inbox_offset", statement):
        yield


@plant("I15", also=["I8"])
async def another_pupil_for_the_nation(garden: Garden) -> AsyncIterator[None]:
    student, projection = min(garden.world.projections.items())
    about = json.loads(projection)
    about["fields"]["jg"] = "别处"
    body = json.dumps(about, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    sealed = garden.world.sync.vault.seal(body, table=TABLE, column="projection_sealed", row=student)
    statement = "UPDATE national_pupil SET projection_sealed = $2 WHERE student_id = $1"
    async with garden.changed("sync", "national_pupil", statement, student, sealed):
        yield


@plant("I16")
async def the_nation_took_what_it_says_it_refused(garden: Garden) -> AsyncIterator[None]:
    path = garden.folder / "objects" / "nation" / "nation.sqlite"
    taken = "(SELECT min(student) FROM record WHERE taken = 1 AND silent = 0)"
    with closing(sqlite3.connect(path, isolation_level=None)) as memory:
        memory.execute(f"CREATE TABLE kept AS SELECT student, version, taken FROM record WHERE student = {taken}")
        memory.execute(f"UPDATE record SET taken = 1 - taken WHERE student = {taken}")
        try:
            yield
        finally:
            memory.execute(
                "UPDATE record SET taken = (SELECT taken FROM kept WHERE kept.student = record.student"
                " AND kept.version = record.version) WHERE student IN (SELECT student FROM kept)"
            )
            memory.execute("DROP TABLE kept")


@plant("I16")
async def another_number_than_the_nation_issued(garden: Garden) -> AsyncIterator[None]:
    path = garden.folder / "objects" / "nation" / "nation.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as memory:
        student, blind = memory.execute("SELECT student, blind FROM number ORDER BY student LIMIT 1").fetchone()
        change = "UPDATE number SET blind = ? WHERE student = ?"
        memory.execute(change, ("0" * 40, student))
        try:
            yield
        finally:
            memory.execute(change, (blind, student))


@plant("I17")
async def acknowledged_and_not_there(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    with Journal(path) as journal:
        journal.ok(journal.invoke("submit", uuid4()), requests=[str(uuid4())])
    yield
    path.unlink()


@plant("I17")
async def edited_and_not_there(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    [edit] = [each for each in garden.world.journals if each.op == "edit" and "values" in each.about]
    with Journal(path) as journal:
        asked = journal.invoke("edit", uuid4(), student=edit.about["student"], values={"phone": "0" * 64})
        journal.ok(asked, version=9)
    yield
    path.unlink()


@plant("I17")
async def refused_and_there(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    [edit] = [each for each in garden.world.journals if each.op == "edit" and "values" in each.about]
    with Journal(path) as journal:
        journal.fail(journal.invoke("edit", uuid4(), **{name: edit.about[name] for name in ("student", "values")}))
    yield
    path.unlink()


@plant("I17")
async def removed_and_there(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    draft = next(row for row in garden.world.registry["student"] if row.status == "draft")
    with Journal(path) as journal:
        journal.ok(journal.invoke("remove", uuid4(), student=draft.id))
    yield
    path.unlink()


@plant("I18")
async def a_key_without_an_answer(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE idempotency SET answer = NULL WHERE key = (SELECT min(key) FROM idempotency)"
    async with garden.changed("review", "idempotency", statement):
        yield


@plant("I18")
async def a_key_that_acted_for_another_body(garden: Garden) -> AsyncIterator[None]:
    path = garden.journals / "liar.jsonl"
    [submit] = [each for each in garden.world.journals if each.op == "submit"]
    with Journal(path) as journal:
        asked = journal.invoke("submit", submit.key, **submit.about, another_body=True)
        journal.ok(asked, **submit.told)
    yield
    path.unlink()


@plant("I19")
async def a_row_without_an_outcome(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "DELETE FROM import_row WHERE (import_id, row) IN"
        " (SELECT import_id, row FROM import_row WHERE outcome = 'refused' LIMIT 1)"
    )
    async with garden.changed("registry", "import_row", statement):
        yield


@plant("I19", also=["I24"])
async def a_refused_import_that_miscounts(garden: Garden) -> AsyncIterator[None]:
    """One that was interrupted keeps the rows that it has drafted, and counts them."""
    statement = (
        "UPDATE import SET state = 'refused', refusal_code = 'interrupted', rows = rows + 1"
        " WHERE id = (SELECT min(id::text)::uuid FROM import WHERE state = 'done' AND created > 0)"
    )
    async with garden.changed("registry", "import", statement):
        yield


@plant("I20")
async def poison_that_was_overlooked(garden: Garden) -> AsyncIterator[None]:
    async with garden.changed("review", "parked", "DELETE FROM parked WHERE topic = 'registry.request.v1'"):
        yield


@plant("I20")
async def held_up_by_nothing(garden: Garden) -> AsyncIterator[None]:
    statement = (
        "UPDATE watermark SET held = 'parked' WHERE (topic, subject) IN"
        f" (SELECT topic, subject FROM watermark WHERE topic = '{DECISIONS}' ORDER BY subject LIMIT 1)"
    )
    async with garden.changed("registry", "watermark", statement):
        yield


@plant("I29")
async def a_former_leader_writes(garden: Garden) -> AsyncIterator[None]:
    """Two owners of transactions, the earlier of whom writes last."""
    async with garden.topic(DECISIONS) as records:
        [first, *_] = await records.all()
        async with records.producer("a-former-leader") as former, records.producer("the-leader") as leader:
            await records.again(leader, first)
            await records.again(former, first)
        await garden.consumed(records)
        yield


@plant("I30")
async def a_row_that_is_not_sent(garden: Garden) -> AsyncIterator[None]:
    statement = "UPDATE saying SET sent_at = NULL WHERE id = (SELECT max(id) FROM saying)"
    async with garden.changed("sync", "saying", statement):
        yield


@plant("I30")
async def a_lock_that_nobody_lets_go(garden: Garden) -> AsyncIterator[None]:
    async with garden.superuser("registry") as connection:
        await connection.execute("SELECT pg_advisory_lock(7)")
        yield
