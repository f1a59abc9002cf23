"""Fixtures: the real servers and databases that tests stand on.

Two forms behind one interface: embedded (default), or containers with `STACK=containers`. One PostgreSQL and one broker
serve a whole run, whatever the number of xdist workers; nothing starts before a test asks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path

import pytest

from local_stack.kafka import KafkaServer
from local_stack.postgres import Address, PostgresServer
from tests.harness.databases import Databases, Migrate
from tests.harness.run import Run

_RUN = pytest.StashKey[Run]()
_LEADS = pytest.StashKey[bool]()


class _Scopes:
    """Who asks for a database: a test (dropped when it ends) or a fixture that lives longer (kept to the end)."""

    def __init__(self) -> None:
        self.being_set_up: list[str] = []
        self.of_this_test: list[str] = []
        self.databases: Databases | None = None

    def note(self, database: str) -> str:
        if all(scope == "function" for scope in self.being_set_up):
            self.of_this_test.append(database)
        return database


_SCOPES = _Scopes()


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run, or join the one whose worker this is."""
    is_worker = hasattr(config, "workerinput")
    config.stash[_RUN] = Run.join() if is_worker else Run.begin()
    config.stash[_LEADS] = not is_worker


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the run's servers."""
    if _RUN in config.stash and config.stash[_LEADS]:
        config.stash[_RUN].end()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """Know the scope of the fixture that is being set up."""
    _SCOPES.being_set_up.append(fixturedef.scope)
    try:
        return (yield)
    finally:
        _SCOPES.being_set_up.pop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Drop what this test had, after its fixtures have let go."""
    try:
        return (yield)
    finally:
        while _SCOPES.of_this_test and _SCOPES.databases is not None:
            _SCOPES.databases.drop(_SCOPES.of_this_test.pop())


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Address:
    """The run's PostgreSQL 18, as superuser."""
    about = pytestconfig.stash[_RUN].server("postgres")
    return Address(str(about["host"]), int(about["port"]), str(about["password"]), str(about["user"]))


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config, postgres_server: Address) -> Iterator[Databases]:
    """Creates and drops databases on the run's PostgreSQL."""
    run = pytestconfig.stash[_RUN]
    found = Databases(postgres_server, str(run.server("postgres")["owner_password"]), run.folder)
    _SCOPES.databases = found
    yield found
    _SCOPES.databases = None
    found.close()


@pytest.fixture(scope="session")
def fresh_database(databases: Databases) -> Callable[[str], str]:
    """`fresh_database("review")` → `postgresql+asyncpg://…`, new and empty; dropped after the test that asked."""
    return lambda name: databases.dsn(_SCOPES.note(databases.fresh(name)))


@pytest.fixture(scope="session")
def template_database(databases: Databases) -> Callable[[str, Migrate], str]:
    """`template_database("review", migrate)` → a new copy of a database that `migrate(dsn)` made once in this run."""
    return lambda key, migrate: databases.dsn(_SCOPES.note(databases.cloned(key, migrate)))


@pytest.fixture(scope="session")
def kafka_server(pytestconfig: pytest.Config) -> str:
    """The bootstrap address of the run's broker. It is shared: give your topics names of your own."""
    return str(pytestconfig.stash[_RUN].server("kafka")["bootstrap"])


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[KafkaServer]]]:
    """`await own_kafka()` → a started broker of the test's own, to be killed and started again."""
    started: list[KafkaServer] = []

    async def begin() -> KafkaServer:
        server = KafkaServer(tmp_path / f"kafka-{len(started)}")
        started.append(server)
        await server.start()
        return server

    yield begin
    for server in started:
        await server.kill()


@pytest.fixture
async def own_postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Callable[[], Awaitable[PostgresServer]]]:
    """`await own_postgres()` → a started, durable PostgreSQL of the test's own, to be killed and started again."""
    started: list[PostgresServer] = []

    async def begin() -> PostgresServer:
        server = PostgresServer(tmp_path_factory.mktemp("postgres"))
        started.append(server)
        await server.start()
        return server

    yield begin
    for server in started:
        await server.kill()
