"""What is over its time goes, and nothing else."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import text

from chassis.retention import FACTS_IN_OUTBOX, FACTS_IN_TOPIC, housekeep, of_topic
from chassis.transaction import Database
from services.chassis.tests.conftest import Asked, Rows, Topics

PUT = text("INSERT INTO thing (id, number) VALUES (:id, :n) ON CONFLICT (id) DO UPDATE SET number = :n")


async def until_done(database: Database) -> None:
    while await housekeep(database):
        pass


async def test_superseded_states_go_and_the_newest_stays(database: Database, topics: Topics, rows: Rows) -> None:
    first, second = uuid4(), uuid4()
    for number in (1, 2, 3):
        for each in (first, second):
            async with database.transaction() as tx:
                await tx.execute(PUT, {"id": each, "n": number})
                tx.touch(topics.thing, [each])
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "UPDATE saying SET sent_at = now() - interval '2 hours'"
                " WHERE id IN (SELECT saying FROM outbox WHERE subject = :s)"
            ),
            {"s": first},
        )
    await until_done(database)
    assert [row.version for row in await rows("SELECT version FROM outbox WHERE subject = :s", s=first)] == [3]
    # What was never sent is kept, whatever is newer.
    assert len(await rows("SELECT 1 FROM outbox WHERE subject = :s", s=second)) == 3


async def test_months_of_facts_are_made_ahead_and_dropped_when_they_are_old(database: Database, rows: Rows) -> None:
    months = "SELECT relname FROM pg_class WHERE relname ~ '^outbox_fact_[0-9]{4}_[0-9]{2}$' AND relkind = 'r'"
    assert len(await rows(months)) == 3
    async with database.transaction() as tx:
        for month, until in (("2020_01", "2020-02-01"), ("2020_02", "2020-03-01")):
            begins = f"{month[:4]}-{month[5:]}-01"
            await tx.execute(
                text(
                    f"CREATE TABLE outbox_fact_{month} PARTITION OF outbox_fact FOR VALUES FROM ('{begins} 00:00+00')"
                    f" TO ('{until} 00:00+00')"
                )
            )
        for day, sent in (("2020-01-05", True), ("2020-02-05", False)):
            await tx.execute(
                text(
                    "INSERT INTO outbox (kind, topic, subject, epoch, version, event_id, type, time, saying)"
                    " VALUES ('fact', 't', :s, 1, 1, :s, 'Asked', cast(:d AS text)::timestamptz,"
                    " CASE WHEN :sent THEN 0 ELSE say_alone() END)"
                ),
                {"s": uuid4(), "d": day, "sent": sent},
            )
    async with database.transaction() as tx:
        tx.say(uuid4(), Asked(number=1))
    await until_done(database)
    # The month with something that was never sent stays.
    assert "outbox_fact_2020_02" in {row.relname for row in await rows(months)}
    assert "outbox_fact_2020_01" not in {row.relname for row in await rows(months)}
    assert len(await rows("SELECT 1 FROM outbox WHERE kind = 'fact'")) == 2


async def test_sayings_are_forgotten_a_day_after_they_were_sent(database: Database, rows: Rows) -> None:
    subjects = [uuid4() for _ in range(3)]
    for subject, hours in zip(subjects, (25, 23, None), strict=True):
        async with database.transaction() as tx:
            tx.say(subject, Asked(number=1))
        async with database.transaction() as tx:
            await tx.execute(
                text(
                    "UPDATE saying SET sent_at = now() - make_interval(hours => cast(:hours AS integer))"
                    " WHERE id = (SELECT max(id) FROM saying)"
                ),
                {"hours": hours},
            )
    await until_done(database)
    assert len(await rows("SELECT 1 FROM saying")) == 2
    # What is forgotten was sent, and what was not is kept.
    assert [row.subject for row in await rows("SELECT subject FROM spoken WHERE sent_at IS NULL")] == subjects[2:]


async def test_answers_and_settled_records_are_forgotten(database: Database, rows: Rows) -> None:
    async with database.transaction() as tx:
        for days in (1, 8):
            await tx.execute(
                text(
                    "INSERT INTO idempotency (account_id, key, body_hash, created_at)"
                    " VALUES (:a, 'k', '', now() - make_interval(days => :d))"
                ),
                {"a": uuid4(), "d": days},
            )
        for days in (100, 181):
            await tx.execute(
                text("INSERT INTO inbox VALUES ('t', :a, now() - make_interval(days => :d))"),
                {"a": uuid4(), "d": days},
            )
    await until_done(database)
    assert len(await rows("SELECT 1 FROM idempotency")) == 1
    assert len(await rows("SELECT 1 FROM inbox")) == 1


def test_topics_keep_what_their_kind_says(topics: Topics) -> None:
    assert of_topic(topics.thing)["cleanup.policy"] == "compact"
    assert of_topic(topics.talk) == {"cleanup.policy": "delete", "retention.ms": "7776000000"}


def test_the_outbox_keeps_facts_longer_than_kafka_does() -> None:
    roll = timedelta(days=7)  # Kafka's own: a segment is closed after a week, and goes when its last record is too old
    assert FACTS_IN_TOPIC + roll < FACTS_IN_OUTBOX
