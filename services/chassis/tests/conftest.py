"""A small service of the tests' own: topics of three kinds, one table, real servers."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from chassis.settings import ServiceSettings
from chassis.tables import (
    Operations,
    create_delivery_tables,
    forget_when_rows_were_sent,
    keep_sayings,
    leave_room,
)
from chassis.transaction import Builder, Database, Tx
from contracts.event import Event
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from services.chassis.tests.rig import Rig


class ThingChanged(Event):
    """The state of a thing."""

    number: int
    name: str = ""


class SecretChanged(ThingChanged):
    """The state of a thing that only its hearers may read."""


class Asked(Event):
    """A first fact."""

    number: int


class Answered(Event):
    """Another fact."""

    number: int


class Reported(Event):
    """Something a stranger says."""

    number: int


@dataclass(frozen=True)
class Topics:
    """Topics with names of one test's own, as the broker is shared."""

    thing: Topic
    secret: Topic
    talk: Topic
    report: Topic

    @property
    def all(self) -> tuple[Topic, ...]:
        return (self.thing, self.secret, self.talk, self.report)


def make_topics(suffix: str) -> Topics:
    def topic(name: str, kind: Kind, *events: type[Event], sealed: bool = False) -> Topic:
        writer = "nation" if kind is Kind.FOREIGN else "maker"
        return Topic(f"{writer}.{name}{suffix}.v1", kind, writer, frozenset({"taker"}), events, "id", 3, sealed)

    return Topics(
        thing=topic("thing", Kind.STATE, ThingChanged),
        secret=topic("secret", Kind.STATE, SecretChanged, sealed=True),
        talk=topic("talk", Kind.FACT, Asked, Answered),
        report=topic("report", Kind.FOREIGN, Reported),
    )


THING_TABLE = (
    "CREATE TABLE thing (id uuid PRIMARY KEY, number integer NOT NULL, name text NOT NULL DEFAULT '', tags text[])",
    """CREATE TABLE effect (
        n bigserial PRIMARY KEY, subject uuid NOT NULL, number integer NOT NULL, event_id uuid NOT NULL,
        version bigint NOT NULL)""",
)


class _Operations:
    """What of alembic's operations is used: they are written down."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sqltext: Any) -> None:
        self.statements.append(str(sqltext))


async def run_steps(dsn: str, *steps: Callable[[Operations], None], also: Sequence[str] = ()) -> None:
    """What these steps of migrations do, and these statements, on the database."""
    operations = _Operations()
    for step in steps:
        step(operations)
    connection = await asyncpg.connect(dsn.replace("+asyncpg", ""))
    try:
        for statement in (*operations.statements, *also):
            await connection.execute(statement)
    finally:
        await connection.close()


DELIVERY = (create_delivery_tables, keep_sayings, forget_when_rows_were_sent, leave_room)
"""The steps that make the tables of the delivery promise what they are now."""


async def migrate(dsn: str) -> None:
    """Bring an empty database to what a service has after its first migrations."""
    await run_steps(dsn, *DELIVERY, also=THING_TABLE)


@pytest.fixture
def topics() -> Topics:
    return make_topics(uuid4().hex[:8])


def write_keys(folder: Path, names: Sequence[str]) -> Path:
    key = base64.b64encode(b"k" * 32).decode()
    path = folder / "keys.json"
    path.write_text(
        json.dumps(
            {
                "vault": {"current": "k1", "keys": {"k1": key}},
                "wire": {name: {"current": "w1", "keys": {"w1": key}} for name in names},
            }
        )
    )
    return path


SettingsOf = Callable[[str], ServiceSettings]


@pytest.fixture
def settings_of(topics: Topics, tmp_path: Path) -> SettingsOf:
    """`settings_of(dsn)` → settings with keys for this test's topics."""
    keys = write_keys(tmp_path, [topics.secret.name])

    def make(dsn: str, kafka: str = "127.0.0.1:9", **more: Any) -> ServiceSettings:
        return ServiceSettings(
            database=dsn, kafka=kafka, keys=keys, token_public_keys=keys, data=tmp_path, pool=20, **more
        )

    return make


@pytest.fixture
def dsn(template_database: Callable[..., str]) -> str:
    return template_database("chassis-delivery", migrate)


async def build_things(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    rows = await tx.rows(text("SELECT id, number, name FROM thing WHERE id = ANY(:ids)"), {"ids": list(ids)})
    return {row.id: None if row.number < 0 else ThingChanged(number=row.number, name=row.name) for row in rows}


def builders_of(topics: Topics) -> Mapping[Topic, Builder]:
    async def build_secrets(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
        found = await build_things(tx, ids)
        return {key: SecretChanged(**event.model_dump()) if event else None for key, event in found.items()}

    return {topics.thing: build_things, topics.secret: build_secrets}


@pytest.fixture
async def database(dsn: str, topics: Topics, settings_of: SettingsOf) -> AsyncIterator[Database]:
    opened = Database(settings_of(dsn), builders_of(topics), topics=topics.all)
    yield opened
    await opened.close()


Rows = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def rows(database: Database) -> Rows:
    """`await rows("SELECT …", name=value)` → what stands in the database."""

    async def read(statement: str, **values: Any) -> list[Any]:
        async with database.snapshot() as tx:
            return list(await tx.rows(text(statement), values))

    return read


@pytest.fixture
async def rig(template_database: Callable[..., str], kafka_server: str, tmp_path: Path) -> AsyncIterator["Rig"]:
    """A maker and a taker on fresh databases, with topics of their own on the run's broker."""
    from services.chassis.tests.rig import Rig

    suffix = uuid4().hex[:8]
    topics = make_topics(suffix)
    made = Rig(
        suffix,
        topics,
        write_keys(tmp_path, [topics.secret.name]),
        kafka_server,
        template_database("chassis-delivery", migrate),
        template_database("chassis-delivery", migrate),
    )
    await made.begin()
    yield made
    await made.end()
