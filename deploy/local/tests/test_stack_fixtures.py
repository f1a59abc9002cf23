"""The ground that every other test stands on."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from local_stack.kafka import KafkaServer
from local_stack.postgres import Address, PostgresServer
from tests.harness.eventually import eventually


def plain(dsn: str) -> str:
    return dsn.replace("+asyncpg", "")


async def migrate(dsn: str) -> None:
    connection = await asyncpg.connect(plain(dsn))
    await connection.execute("CREATE TABLE pupil (name text)")
    await connection.close()


async def test_a_fresh_database_is_empty_and_owned_by_a_role_without_powers(
    fresh_database: Callable[[str], str],
) -> None:
    connection = await asyncpg.connect(plain(fresh_database("review")))
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        await connection.execute("CREATE TABLE mine (id int)")
    finally:
        await connection.close()


async def test_each_clone_of_a_template_begins_where_the_migration_ended(template_database: Callable[..., str]) -> None:
    first, second = template_database("clones", migrate), template_database("clones", migrate)
    one = await asyncpg.connect(plain(first))
    await one.execute("INSERT INTO pupil VALUES ('𠮷')")
    other = await asyncpg.connect(plain(second))
    assert await other.fetchval("SELECT count(*) FROM pupil") == 0
    assert await one.fetchval("SELECT name FROM pupil") == "𠮷"
    await one.close()
    await other.close()


async def test_the_server_is_the_version_that_production_runs(postgres_server: Address) -> None:
    connection = await postgres_server.connect()
    assert (await connection.fetchval("SHOW server_version")).startswith("18.")
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await connection.close()


async def test_a_role_enters_its_own_database_alone_and_has_no_powers(
    own_postgres: Callable[[], Awaitable[PostgresServer]],
) -> None:
    address = (await own_postgres()).address
    for name in ("review", "photo"):
        await address.create_role(name, name)
        await address.create_database(name, name)

    async def enter(database: str, password: str = "photo") -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(address.dsn(database, user="photo", password=password, driver="postgresql"))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await enter("review")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await enter("photo", password="review")
    connection = await enter("photo")
    powers = "rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    assert not any(await connection.fetchrow(f"SELECT {powers} FROM pg_roles WHERE rolname = current_user"))
    for statement in (
        "CREATE ROLE helper",
        "CREATE DATABASE more",
        "SET ROLE review",
        "SELECT rolpassword FROM pg_authid",
        "COPY pg_class TO PROGRAM 'cat'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_a_wrong_password_is_refused(postgres_server: Address) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            Address(postgres_server.host, postgres_server.port, "guessed").dsn("postgres", driver="postgresql")
        )


async def test_the_broker_stores_a_record_and_creates_no_topic_by_chance(kafka_server: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server)
    await admin.start()
    await admin.create_topics([NewTopic("fixtures.try.v1", num_partitions=2, replication_factor=1)])
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server, acks="all", enable_idempotence=True)
    await producer.start()
    assert (await producer.send_and_wait("fixtures.try.v1", b"1", partition=0)).offset == 0
    await producer.stop()
    hasty = AIOKafkaProducer(bootstrap_servers=kafka_server, request_timeout_ms=1000)
    await hasty.start()
    with pytest.raises(KafkaError):
        await hasty.send_and_wait("never.created.v1", b"1")
    await hasty.stop()
    assert "never.created.v1" not in await admin.list_topics()
    await admin.delete_topics(["fixtures.try.v1"])
    await admin.close()


async def test_postgres_that_was_killed_starts_again_on_its_folder(
    own_postgres: Callable[[], Awaitable[PostgresServer]],
) -> None:
    server = await own_postgres()
    await server.address.create_role("review", "it's a 'word'")
    assert await server.address.create_database("review", "review") is True
    await server.kill()
    await server.start()
    assert await server.address.create_database("review", "review") is False
    connection = await server.address.connect()
    # File by file it would take seconds on a busy disk, and a killed server has to be back within two.
    assert await connection.fetchval("SHOW recovery_init_sync_method") == "syncfs"
    await connection.close()


async def test_a_broker_that_was_killed_keeps_what_it_had_acknowledged(
    own_kafka: Callable[[], Awaitable[KafkaServer]],
) -> None:
    server = await own_kafka()
    admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept.v1", num_partitions=1, replication_factor=1)])
    producer = AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait("kept.v1", b"first", partition=0)
    await server.kill()
    await server.start()
    assert (await producer.send_and_wait("kept.v1", b"second", partition=0)).offset == 1
    await producer.stop()
    await admin.close()


async def test_eventually_gives_the_answer_or_says_what_the_last_one_was() -> None:
    answers = iter([0, None, 7])
    assert await eventually(lambda: next(answers)) == 7
    with pytest.raises(AssertionError, match="the last answer was 0"):
        await eventually(lambda: 0, within=0.05)
