"""Hearing, without a broker: each event has its effect once, in order, whatever comes."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Text, Uuid, text

from chassis.consuming import Received, Subscribers
from chassis.testing import deliver, spoken
from chassis.transaction import Database, Tx
from contracts.refusal import Refusal
from services.chassis.tests.conftest import Answered, Asked, Reported, Rows, SecretChanged, ThingChanged, Topics

EFFECT = text("INSERT INTO effect (subject, number, event_id, version) VALUES (:s, :n, :i, :v)")


async def note_effects(tx: Tx, received: Sequence[Received[Asked | Answered | ThingChanged | Reported]]) -> None:
    several = len({each.subject for each in received}) < len(received)
    assert not several or isinstance(received[0].event, Reported)
    for each in received:
        if each.event.number == 666:
            raise Refusal("no-devil", "不可以。")
        if each.event.number == 13:
            raise ZeroDivisionError
        await tx.execute(EFFECT, {"s": each.subject, "n": each.event.number, "i": each.id, "v": each.version})


@pytest.fixture
def subscribers(topics: Topics) -> Subscribers:
    found = Subscribers("taker")
    found.hear(topics.talk, Asked, Answered)(note_effects)
    found.hear(topics.thing, ThingChanged)(note_effects)
    found.hear(topics.secret, *topics.secret.events)(note_effects)
    found.hear(topics.report, Reported)(note_effects)

    @found.ended(topics.thing)
    async def end(tx: Tx, ended: Sequence[Received[None]]) -> None:
        for each in ended:
            await tx.execute(EFFECT, {"s": each.subject, "n": -1, "i": each.id, "v": each.version})

    return found


async def effects(rows: Rows, subject: UUID) -> list[int]:
    return [row.number for row in await rows("SELECT number FROM effect WHERE subject = :s ORDER BY n", s=subject)]


async def test_facts_have_their_effect_once_and_in_order(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    first, second = uuid4(), uuid4()
    talk = [
        spoken(topics.talk, first, Asked(number=1), version=1),
        spoken(topics.talk, second, Asked(number=10), version=1),
        spoken(topics.talk, first, Answered(number=2), version=2),
        spoken(topics.talk, first, Answered(number=3), version=3),
    ]
    assert await deliver(database, subscribers, talk) == ["applied"] * 4
    assert await deliver(database, subscribers, talk) == ["seen"] * 4
    assert await effects(rows, first) == [1, 2, 3]
    assert await effects(rows, second) == [10]


async def test_a_gap_waits_for_what_is_missing(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    said = [spoken(topics.talk, subject, Asked(number=n), version=n) for n in range(1, 6)]
    assert await deliver(database, subscribers, [said[0], said[3], said[2]]) == ["applied", "waiting", "waiting"]
    assert await deliver(database, subscribers, [said[3]]) == ["waiting"]
    assert len(await rows("SELECT 1 FROM waiting")) == 2
    assert await deliver(database, subscribers, [said[1]]) == ["applied"]
    assert await effects(rows, subject) == [1, 2, 3, 4]
    assert await rows("SELECT 1 FROM waiting") == []
    assert await deliver(database, subscribers, [said[4]]) == ["applied"]
    assert [row.held for row in await rows("SELECT held FROM watermark")] == [None]


async def test_only_the_newest_state_of_a_batch_is_handed_over(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    said = {n: spoken(topics.thing, subject, ThingChanged(number=n), version=n) for n in (1, 2, 5)}
    assert await deliver(database, subscribers, [said[1], said[5], said[2]]) == ["seen", "applied", "seen"]
    assert await deliver(database, subscribers, [said[2]]) == ["seen"]
    newer = spoken(topics.thing, subject, ThingChanged(number=100), version=2, epoch=2)
    assert await deliver(database, subscribers, [newer]) == ["applied"]
    gone = spoken(topics.thing, subject, None, version=3, epoch=2)
    assert await deliver(database, subscribers, [gone]) == ["applied"]
    assert await effects(rows, subject) == [5, 100, -1]


async def test_poison_is_parked_and_later_facts_stay_behind_it(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject, other = uuid4(), uuid4()
    assert await deliver(
        database,
        subscribers,
        [
            spoken(topics.talk, subject, Asked(number=1), version=1),
            spoken(topics.talk, subject, Asked(number=2), version=2, body=b"{"),
            spoken(topics.talk, subject, Asked(number=3), version=3),
            spoken(topics.talk, other, Asked(number=4), version=1),
        ],
    ) == ["applied", "parked", "parked", "applied"]
    again = spoken(topics.talk, subject, Asked(number=4), version=4)
    assert await deliver(database, subscribers, [again, again]) == ["parked", "parked"]
    assert await effects(rows, subject) == [1]
    assert [(row.version, row.state, row.reason) for row in await rows("SELECT * FROM parked ORDER BY version")] == [
        (2, "parked", "invalid"),
        (3, "behind", "behind"),
        (4, "behind", "behind"),
    ]


@pytest.mark.parametrize(("bad", "reason"), [(666, "no-devil"), (13, "failed")])
async def test_one_event_that_fails_among_many_is_found_and_parked(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows, bad: int, reason: str
) -> None:
    said = [spoken(topics.talk, uuid4(), Asked(number=n)) for n in [1] * 20 + [bad] + [1] * 20]
    outcomes = await deliver(database, subscribers, said)
    assert outcomes == ["applied"] * 20 + ["parked"] + ["applied"] * 20
    assert [row.reason for row in await rows("SELECT reason FROM parked")] == [reason]
    assert len(await rows("SELECT 1 FROM effect")) == 40


async def test_a_waiting_fact_that_fails_is_parked_and_not_the_one_that_brought_it(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    said = {n: spoken(topics.talk, subject, Asked(number=m), version=n) for n, m in ((1, 1), (2, 13), (3, 3))}
    await deliver(database, subscribers, [said[2], said[3]])
    assert await deliver(database, subscribers, [said[1]]) == ["applied"]
    assert await effects(rows, subject) == [1]
    found = await rows("SELECT version, state FROM parked ORDER BY version")
    assert [(row.version, row.state) for row in found] == [(2, "parked"), (3, "behind")]
    assert await rows("SELECT 1 FROM waiting") == []


async def test_a_newer_valid_state_settles_a_parked_one(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    bad = spoken(topics.thing, subject, ThingChanged(number=1), version=2, body=b'{"number": "many"}')
    assert await deliver(database, subscribers, [bad]) == ["parked"]
    older = spoken(topics.thing, subject, ThingChanged(number=1), version=1)
    assert await deliver(database, subscribers, [older]) == ["applied"]
    assert [row.state for row in await rows("SELECT state FROM parked")] == ["parked"]
    newer = spoken(topics.thing, subject, ThingChanged(number=3), version=3)
    assert await deliver(database, subscribers, [newer]) == ["applied"]
    assert [row.state for row in await rows("SELECT state FROM parked")] == ["superseded"]
    assert [row.held for row in await rows("SELECT held FROM watermark")] == [None]


async def test_the_same_version_with_other_bytes_is_a_conflict(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    await deliver(database, subscribers, [spoken(topics.talk, subject, Asked(number=1))])
    assert await deliver(database, subscribers, [spoken(topics.talk, subject, Asked(number=2))]) == ["parked"]
    assert [row.reason for row in await rows("SELECT reason FROM parked")] == ["conflict"]


async def test_facts_after_a_restore_begin_where_their_writer_was_restored_to(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    await deliver(database, subscribers, [spoken(topics.talk, subject, Asked(number=n), version=n) for n in (1, 2, 3)])
    later = [spoken(topics.talk, subject, Asked(number=n * 10), version=n, epoch=2) for n in (2, 3, 4)]
    assert await deliver(database, subscribers, later) == ["applied"] * 3
    assert await effects(rows, subject) == [1, 2, 3, 20, 30, 40]


async def test_a_sealed_record_moved_to_another_subject_is_refused(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject, other = uuid4(), uuid4()
    own = spoken(topics.secret, subject, SecretChanged(number=1, name="x"))
    assert await deliver(database, subscribers, [own]) == ["applied"]
    sealed = database.wire.seal(topics.secret.name, subject, 1, 2, b'{"number": 2}')
    moved = spoken(topics.secret, other, SecretChanged(number=2), version=2, body=sealed)
    older = spoken(topics.secret, subject, SecretChanged(number=2), version=3, body=sealed)
    assert await deliver(database, subscribers, [moved, older]) == ["parked", "parked"]
    assert {row.reason for row in await rows("SELECT reason FROM parked")} == {"seal-broken"}


async def test_foreign_events_have_their_effect_once_by_their_id(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows
) -> None:
    subject = uuid4()
    said = [spoken(topics.report, subject, Reported(number=n), version=9) for n in (2, 1)]
    assert await deliver(database, subscribers, [*said, said[0]]) == ["applied", "applied", "seen"]
    assert await deliver(database, subscribers, said) == ["seen", "seen"]
    assert await effects(rows, subject) == [2, 1]


async def test_facts_of_a_subject_are_told_one_by_one_and_foreign_events_together(
    database: Database, topics: Topics
) -> None:
    heard: list[list[int]] = []
    listening = Subscribers("taker")

    async def note(tx: Tx, come: Sequence[Received[Asked | Reported]]) -> None:
        heard.append([received.event.number for received in come])

    listening.hear(topics.report, Reported)(note)
    listening.hear(topics.talk, Asked)(note)
    subject = uuid4()
    answers = [spoken(topics.report, subject, Reported(number=n), version=9) for n in (2, 1)]
    assert await deliver(database, listening, answers) == ["applied", "applied"]
    assert heard == [[2, 1]]
    heard.clear()
    facts = [spoken(topics.talk, subject, Asked(number=n), version=n) for n in (1, 2)]
    assert await deliver(database, listening, facts) == ["applied", "applied"]
    assert heard == [[1], [2]]


async def test_an_event_that_nobody_hears_still_counts(database: Database, topics: Topics, rows: Rows) -> None:
    deaf = Subscribers("taker")
    deaf.hear(topics.talk, Answered)(note_effects)
    subject = uuid4()
    said = [
        spoken(topics.talk, subject, Asked(number=1), version=1, body=b"not even JSON"),
        spoken(topics.talk, subject, Answered(number=2), version=2),
    ]
    assert await deliver(database, deaf, said) == ["applied", "applied"]
    assert await effects(rows, subject) == [2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_shuffled_and_repeated_facts_end_as_if_they_had_come_in_order(
    database: Database, subscribers: Subscribers, topics: Topics, rows: Rows, data: st.DataObject
) -> None:
    subjects = [uuid4() for _ in range(3)]
    said = [spoken(topics.talk, s, Asked(number=n), version=n) for s in subjects for n in range(1, 6)]
    come = data.draw(st.permutations(said)) + data.draw(st.lists(st.sampled_from(said), max_size=10))
    await deliver(database, subscribers, come, batch=data.draw(st.integers(1, 20)))
    for subject in subjects:
        assert await effects(rows, subject) == [1, 2, 3, 4, 5]
    async with database.transaction() as tx:
        await tx.execute(text("DELETE FROM effect"))


async def test_rows_are_written_in_sets(database: Database, rows: Rows) -> None:
    from sqlalchemy import Column, Integer, MetaData, Table
    from sqlalchemy.dialects.postgresql import ARRAY

    table = Table(
        "thing", MetaData(), Column("id", Uuid, primary_key=True), Column("number", Integer), Column("name", Text),
        Column("tags", ARRAY(Text)),
    )  # fmt: skip
    ids = [uuid4() for _ in range(3)]
    given_rows = [
        {"id": each, "number": n, "name": f"第{n}个", "tags": ['a"b', "c\\d", "{x,y}", ""] if n else None}
        for n, each in enumerate(ids)
    ]
    async with database.transaction() as tx:
        assert await tx.insert(table, given_rows) == 3
        assert await tx.insert(table, given_rows, skip_existing=True) == 0
        changed = [{"id": ids[0], "number": 10}, {"id": ids[0], "number": 11}]
        assert await tx.update(table, changed, key=["id"]) == 1
        assert await tx.upsert(table, [{"id": ids[1], "number": 12, "name": "新"}], key=["id"]) == 1
        assert await tx.insert(table, []) == 0
    found = {row.id: (row.number, row.name, row.tags) for row in await rows("SELECT * FROM thing")}
    assert found == {
        ids[0]: (11, "第0个", None),
        ids[1]: (12, "新", ['a"b', "c\\d", "{x,y}", ""]),
        ids[2]: (2, "第2个", ['a"b', "c\\d", "{x,y}", ""]),
    }
