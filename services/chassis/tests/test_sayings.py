"""What one transaction has said is sent as a whole and marked in one row, whoever wrote its rows."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chassis.relay import Relay, relaying
from chassis.relay.sending import Sending
from chassis.respeaking import respeak
from chassis.tables import create_delivery_tables, forget_when_rows_were_sent, keep_sayings
from chassis.transaction.tx import COPY_FROM
from contracts.topics import Topic
from services.chassis.tests.conftest import run_steps
from services.chassis.tests.rig import Rig, new_subjects, running
from services.chassis.tests.test_crashes import all_sent
from tests.harness.eventually import eventually

OLD_ROW = """
INSERT INTO outbox (kind, topic, subject, epoch, version, event_id, type, body, time)
VALUES ('fact', $1, $2, 1, $3, gen_random_uuid(), 'Asked', '{"number":0}', now())
"""
"""As processes write it that know of no sayings."""


async def migrate_as_it_was(dsn: str) -> None:
    """A database from before there were sayings."""
    await run_steps(dsn, create_delivery_tables)


async def numbers_in(rig: Rig, topic: Topic, subject: UUID) -> list[int]:
    """The versions of a subject in the topic, in order."""
    key = str(subject).encode()
    return [int(dict(each.headers)["ce_sequence"]) for each in await rig.records(topic) if each.key == key]


@pytest.mark.parametrize("number", [1, COPY_FROM - 1, COPY_FROM, COPY_FROM + 1])
async def test_few_rows_and_many_are_one_saying(rig: Rig, number: int) -> None:
    await rig.say(new_subjects(number))
    async with rig.maker.snapshot() as tx:
        assert [tuple(row) for row in await tx.fetch("SELECT rows, sent_at FROM saying")] == [(number, None)]
        assert await tx.fetch("SELECT count(*) FROM outbox WHERE saying = (SELECT id FROM saying)") == [(number,)]
    await all_sent(rig)
    assert len(await rig.records(rig.topics.talk)) == number


async def test_a_saying_larger_than_a_round_is_sent_whole(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "ROUND", 3)
    subjects = new_subjects(7)
    await rig.say(subjects, times=2)
    await rig.say(subjects[:1], times=5)
    rounds: list[int] = []
    send = Sending.send

    async def noted(self: Sending, rows: Any) -> None:
        rounds.append(len(rows))
        await send(self, rows)

    monkeypatch.setattr(Sending, "send", noted)
    async with running(Relay(rig.maker, f"maker{rig.suffix}")):
        await eventually(partial(nothing_waits, rig))
    assert rounds == [7, 7, 3, 2]
    assert await numbers_in(rig, rig.topics.talk, subjects[0]) == [1, 2, 3, 4, 5, 6, 7]


async def nothing_waits(rig: Rig) -> bool:
    return await rig.unsent() == 0


async def test_rows_of_processes_that_know_no_sayings_are_sent(rig: Rig) -> None:
    subject = uuid4()
    async with rig.maker.transaction() as tx:
        for version in (1, 2):
            await tx.fetch(OLD_ROW, rig.topics.talk.name, subject, version)
    assert await rig.unsent() == 2
    await all_sent(rig)
    assert await numbers_in(rig, rig.topics.talk, subject) == [1, 2]


async def test_what_leaves_a_saying_before_it_is_sent_is_sent_with_the_other(rig: Rig) -> None:
    subject, other = new_subjects(2)
    await rig.say([subject, other])
    assert await respeak(rig.maker, rig.topics.talk.name, [subject]) == 1
    assert await respeak(rig.maker, rig.topics.talk.name, [other]) == 1
    # The first saying has lost all its rows: it is marked, and holds nobody up.
    await all_sent(rig)
    async with rig.maker.snapshot() as tx:
        assert await tx.fetch("SELECT count(*) FROM saying WHERE sent_at IS NULL") == [(0,)]
    assert await numbers_in(rig, rig.topics.talk, subject) == [1]
    assert await numbers_in(rig, rig.topics.talk, other) == [1]


async def test_what_was_unsent_before_there_were_sayings_is_unsent_afterwards(
    template_database: Callable[..., str],
) -> None:
    dsn = template_database("chassis-before-sayings", migrate_as_it_was).replace("+asyncpg", "")
    connection = await asyncpg.connect(dsn)
    try:
        sent, unsent = uuid4(), uuid4()
        for subject, versions in ((sent, 2), (unsent, 1002)):
            await connection.executemany(OLD_ROW, [("a.topic.v1", subject, n + 1) for n in range(versions)])
        await connection.execute("UPDATE outbox SET published_at = now() WHERE subject = $1", sent)
        await run_steps(dsn, keep_sayings, forget_when_rows_were_sent)
        waits = await connection.fetch("SELECT subject, version, sent_at FROM spoken WHERE sent_at IS NULL ORDER BY id")
        assert [tuple(row) for row in waits] == [(unsent, n, None) for n in range(1, 1003)]
        # Never more than a round of the relay, in the order of the rows.
        found = await connection.fetch(
            "SELECT rows, min(version), max(version) FROM saying JOIN outbox ON saying = saying.id"
            " GROUP BY saying.id, rows ORDER BY saying.id"
        )
        assert [tuple(row) for row in found] == [(1000, 1, 1000), (2, 1001, 1002)]
        assert await connection.fetchval("SELECT count(*) FROM spoken WHERE sent_at IS NOT NULL") == 2
    finally:
        await connection.close()
