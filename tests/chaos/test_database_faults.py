"""The database loses connections, has none left, is locked, full, or killed within a COMMIT: 503, and no harm."""

import asyncio
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from sqlalchemy.engine import make_url

from chassis.faults import Verdict, verdict
from local_stack.postgres import Address, PostgresServer
from local_stack.system_user import system_user
from services.chassis.tests.child import open_database
from services.chassis.tests.conftest import make_topics, migrate, write_keys
from services.chassis.tests.test_service_processes import CHILDREN, Nursery
from services.chassis.tests.web import write_key_file
from tests.chaos.conftest import MakeRig
from tests.chaos.network.pair import Pair, last, pair
from tests.chaos.test_network import made_once, things
from tests.harness.eventually import eventually

CONNECTIONS = 20
VOLUME = 64
"""MiB of the volume that gets full."""


class Served:
    """The chassis's small service, answering HTTP on a database of a server of its own."""

    def __init__(self, server: Address, database: str, client: httpx2.AsyncClient) -> None:
        self.server, self.database, self.client = server, database, client
        self.answers: list[httpx2.Response] = []

    async def wish(self) -> int:
        """The status of one request to change something."""
        answer = await self.client.post("/v1/wishes")
        self.answers.append(answer)
        return answer.status_code

    async def is_back(self) -> bool:
        return await self.wish() == 201

    async def keeps_what_it_answered(self) -> None:
        """Every 201 is a row, everything else is none; and a 503 says when to come again."""
        assert {each.status_code for each in self.answers} <= {201, 503}
        for each in self.answers:
            if each.status_code == 503:
                assert int(each.headers["Retry-After"]) > 0
                assert "稍后" in each.text
        answered = {UUID(each.json()) for each in self.answers if each.status_code == 201}
        connection = await self.server.connect(self.database)
        try:
            stored = {row[0] for row in await connection.fetch("SELECT id FROM wish")}
            said = {row[0] for row in await connection.fetch("SELECT subject FROM outbox")}
        finally:
            await connection.close()
        assert answered <= stored
        assert stored == said
        # A 503 after a commit whose answer was lost may have been done; nothing else may.
        unknown = sum(each.status_code == 503 for each in self.answers)
        assert len(stored - answered) <= unknown


@asynccontextmanager
async def serving(server: Address, database: str, folder: Path) -> AsyncIterator[Served]:
    """The small service on this database, which is migrated and ready."""
    keys = str(write_key_file(folder))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(CHILDREN), os.environ.get("PYTHONPATH", "")]),
        "SMALL_DATABASE": server.dsn(database, user="small", password="small"),
        "SMALL_KAFKA": "127.0.0.1:9", "SMALL_KEYS": keys, "SMALL_TOKEN_PUBLIC_KEYS": keys,
        "SMALL_DATA": str(folder / "data"), "SMALL_POOL": "5",
    }  # fmt: skip
    nursery = Nursery(folder, environment)
    try:
        assert (await nursery.run("migrate"))[0] == 0
        child = await nursery.start("api")
        await eventually(child.is_ready, within=60)
        async with httpx2.AsyncClient(trust_env=False, base_url=child.url, timeout=60) as client:
            served = Served(server, database, client)
            yield served
            await served.keeps_what_it_answered()
            assert child.process.returncode is None
    finally:
        for each in nursery.children:
            if each.process.returncode is None:
                each.process.kill()
                await each.process.wait()


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    """A durable PostgreSQL of these tests' own, with few connections."""
    own = PostgresServer(tmp_path_factory.mktemp("postgres"), connections=CONNECTIONS)
    address = await own.start()
    await address.create_role("small", "small")
    yield own
    await own.kill()


@pytest.fixture(scope="module")
async def served(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The small service."""
    await server.address.create_database("small", "small")
    async with serving(server.address, "small", tmp_path_factory.mktemp("small")) as found:
        yield found


async def hammer(served: Served, ended: asyncio.Event) -> None:
    while not ended.is_set():
        await served.wish()


@asynccontextmanager
async def under_load(served: Served) -> AsyncIterator[None]:
    """Four people ask all the time."""
    ended = asyncio.Event()
    people = [asyncio.create_task(hammer(served, ended)) for _ in range(4)]
    try:
        yield
    finally:
        ended.set()
        await asyncio.gather(*people)


async def end_sessions(server: Address, database: str) -> int:
    connection = await server.connect()
    try:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = 'small'", database
        )
    finally:
        await connection.close()
    return len(ended)


async def test_all_connections_are_ended_again_and_again(served: Served) -> None:
    async with under_load(served):
        for _ in range(6):
            await eventually(served.is_back)
            assert await end_sessions(served.server, served.database) > 0
    assert await eventually(served.is_back, within=10)
    await served.keeps_what_it_answered()


async def test_no_connection_is_left_and_then_there_is(served: Served) -> None:
    await served.wish()
    taken: list[asyncpg.Connection[asyncpg.Record]] = []

    async def all_taken() -> bool:
        try:
            taken.append(await served.server.connect())
        except asyncpg.TooManyConnectionsError:
            return True
        # Whatever the service lets go of is taken at once, by somebody who may have the reserved ones too.
        await taken[0].execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'small'")
        return False

    await eventually(all_taken, within=30)
    assert [await served.wish() for _ in range(3)] == [503, 503, 503]
    await asyncio.gather(*(each.close() for each in taken))
    assert await eventually(served.is_back, within=10)
    await served.keeps_what_it_answered()


async def test_the_server_is_killed_again_and_again(served: Served, server: PostgresServer) -> None:
    async with under_load(served):
        for _ in range(3):
            await eventually(served.is_back, within=30)
            await server.kill()
            await server.start()
    assert await eventually(served.is_back, within=10)
    await served.keeps_what_it_answered()


@contextmanager
def a_small_volume() -> Iterator[Path]:
    """A file system of its own for a tablespace. Skips the test where it cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("A full volume needs root, to mount a small file system; run the tests as root to have it.")
    folder = Path(tempfile.mkdtemp(prefix="volume-", dir="/tmp"))  # another user's server must reach it
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={VOLUME}m,mode=755", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"A full volume needs a tmpfs and none can be mounted here: {mounted.stderr.decode()[-200:]}")
    try:
        system_user().owns(folder)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        folder.rmdir()


def fill(ballast: Path) -> None:
    """Write until nothing more goes in."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 8192)


async def test_the_volume_of_the_database_is_full_and_then_is_not(server: PostgresServer, tmp_path: Path) -> None:
    with a_small_volume() as volume:
        administrator = await server.address.connect()
        name = f"full_{uuid4().hex[:8]}"
        await administrator.execute(f"CREATE TABLESPACE {name} OWNER small LOCATION '{volume}'")
        await administrator.execute(f"CREATE DATABASE {name} OWNER small TABLESPACE {name} TEMPLATE template0")
        try:
            async with serving(server.address, name, tmp_path) as served:
                assert await served.wish() == 201
                ballast = volume / "ballast"
                fill(ballast)

                async def is_full() -> bool:
                    return await served.wish() == 503

                # Pages that are there already still take rows; then nothing does.
                await eventually(is_full, within=60, every=0)
                assert [await served.wish() for _ in range(3)] == [503, 503, 503]
                ballast.unlink()
                assert await eventually(served.is_back, within=10)
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await administrator.execute(f"DROP TABLESPACE {name}")
            await administrator.close()


SLOW_COMMIT = """
CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION linger()
"""
"""A commit that takes long before it is one."""


@pytest.mark.parametrize("is_done", [True, False])
async def test_one_backend_is_killed_within_its_commit(server: PostgresServer, tmp_path: Path, is_done: bool) -> None:
    """Before the commit is on disk, or after, while it still waits: who asked cannot tell, and repeats with a key."""
    name = f"commit_{uuid4().hex[:8]}"
    await server.address.create_database(name, "small")
    dsn, suffix = server.address.dsn(name, user="small", password="small"), uuid4().hex[:8]
    await migrate(dsn)
    topics = make_topics(suffix)
    keys = write_keys(tmp_path, [topics.secret.name])
    database = open_database({"dsn": dsn, "kafka": "127.0.0.1:9", "keys": str(keys)}, topics)
    key, administrator = uuid4(), await server.address.connect(name)
    # A replica that never confirms holds a commit that is on disk already.
    await administrator.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'" if is_done else SLOW_COMMIT)
    await administrator.execute("SELECT pg_reload_conf()")
    asked = asyncio.create_task(made_once(database, key))

    async def committing() -> list[asyncpg.Record]:
        return list(
            await administrator.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND query = 'COMMIT;' AND state = 'active'"
                " AND wait_event IN ('SyncRep', 'PgSleep')",
                name,
            )
        )

    [row] = await eventually(committing, within=30)
    os.kill(row["pid"], signal.SIGKILL)
    with pytest.raises(Exception) as lost:
        await asked
    assert verdict(lost.value) is Verdict.LATER
    administrator.terminate()
    await eventually(server.address.answers, within=30)
    administrator = await server.address.connect(name)
    await administrator.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await administrator.execute("SELECT pg_reload_conf()")
    await administrator.execute("DROP FUNCTION IF EXISTS linger CASCADE")
    assert len(await things(database, key)) == int(is_done)
    await made_once(database, key)
    await made_once(database, key)
    assert [row.number for row in await things(database, key)] == [1]
    assert await administrator.fetchval("SELECT count(*) FROM outbox WHERE subject = $1", key) == 1
    await administrator.close()
    await database.close()


@asynccontextmanager
async def a_stranger(made: Pair) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A session in the taker's database that is none of its own."""
    connection = await asyncpg.connect(re.sub(r"\+asyncpg", "", made.rig.taker_dsn))
    try:
        yield connection
    finally:
        connection.terminate()


_HOLD = "SELECT 1 FROM watermark WHERE subject = ANY($1::uuid[]) FOR UPDATE"


async def test_hot_rows_are_locked_for_longer_than_anybody_waits(make_rig: MakeRig) -> None:
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        async with a_stranger(made) as stranger, made.speaking():
            async with stranger.transaction():
                await stranger.execute(_HOLD, made.subjects[:2])
                await last(6)  # a lock is waited for five seconds
        await made.everything_arrives()
        await made.topic_is_in_order()


async def test_a_deadlock_costs_a_try_and_nothing_else(make_rig: MakeRig, postgres_server: Address) -> None:
    async with pair(await make_rig()) as made:
        await made.speak()
        await made.everything_arrives()
        low, high = min(made.subjects), max(made.subjects)
        name = make_url(made.rig.taker_dsn).database
        stranger = await postgres_server.connect(str(name))
        await stranger.execute("SET deadlock_timeout = '60s'")  # it is the taker who finds it, and loses
        before = await deadlocks(stranger)
        async with stranger.transaction():
            await stranger.execute(_HOLD, [high])
            await made.speak()

            async def waits() -> bool:
                return bool(
                    await stranger.fetchval(
                        "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
                        " WHERE NOT granted AND datname = current_database()"
                    )
                )

            await eventually(waits, within=20)
            await stranger.execute(_HOLD, [low])
        assert await eventually(partial(_more_than, stranger, before), within=20)
        await stranger.close()
        await made.everything_arrives()


async def deadlocks(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    return int(await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


async def _more_than(connection: "asyncpg.Connection[asyncpg.Record]", before: int) -> bool:
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return await deadlocks(connection) > before
