"""What a command holds in its hand."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import JSON, CursorResult, Executable, Row, Table, Update, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase

from chassis.ids import new_id
from chassis.rows import as_columns, as_given, given, last_by, to_json
from contracts.event import Event
from contracts.topics import Kind, Topic

if TYPE_CHECKING:
    from chassis.identity import Actor
    from chassis.sealing import Vault

Builder = Callable[["Tx", Sequence[UUID]], Awaitable[Mapping[UUID, Event | None]]]
"""Reads what a state topic says of its subjects now. A subject that is missing in the answer: nothing to say; None:
the end of the subject."""
Rows = Sequence[Mapping[str, Any]]
COPY_FROM = 100
"""Rows from which an insert goes by COPY."""


class Cause(NamedTuple):
    """What made the transaction say something of a subject: the received event, and the account behind it."""

    event: UUID | None = None
    actor: UUID | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the audit entry."""

    action: str
    objects: Sequence[tuple[str, UUID]]
    organisation: UUID | None
    detail: Mapping[str, Any] | None


@dataclass(slots=True)
class Noted:
    """What is to be said at the end of the transaction, in the order in which it was noted."""

    facts: list[tuple[Topic, UUID, Event, Cause]] = field(default_factory=list)
    touched: dict[Topic, dict[UUID, Cause]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.facts or self.touched or self.notes)


class Tx:
    """A transaction. Only the chassis begins and ends it."""

    def __init__(
        self,
        connection: AsyncConnection,
        actor: "Actor | None",
        now: datetime,
        epoch: int,
        topics: Mapping[type[Event], Topic],
        builders: Mapping[Topic, Builder],
        vault: Callable[[], "Vault"],
        *,
        reads_only: bool = False,
    ) -> None:
        self.connection = connection
        self._vault = vault
        self.actor = actor
        self.now = now
        """The database's clock at the beginning of the transaction, in Asia/Shanghai."""
        self.epoch = epoch
        self.noted = Noted()
        self.closed = reads_only
        self._topics = topics
        self._builders = builders
        self._causes: Mapping[UUID, Cause] = {}
        self._cause = Cause(actor=actor.account_id if actor else None)

    @property
    def vault(self) -> "Vault":
        """The service's keys of personal data at rest."""
        return self._vault()

    def new_id(self) -> UUID:
        """A new identifier, rising with time."""
        return new_id()

    async def execute(self, statement: Executable, params: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        """The statement's result."""
        result: CursorResult[Any] = await self.connection.execute(statement, params)
        return result

    async def rows(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """All rows."""
        return (await self.execute(statement, params)).all()

    async def row(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row, or None."""
        return (await self.execute(statement, params)).first()

    async def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, params)).scalar()

    async def insert(self, into: type[DeclarativeBase] | Table, rows: Rows, *, skip_existing: bool = False) -> int:
        """How many rows were written. One statement, however many; none for no rows.

        The rows share their keys. `skip_existing` leaves rows alone that violate any unique index. JSON and arrays of
        any type are allowed. Many rows go by COPY, which costs half the CPU of `unnest` here and less than that on the
        server.
        """
        if not rows:
            return 0
        table = _table(into)
        if len(rows) >= COPY_FROM and not skip_existing:
            return await self._copy(table, rows)
        columns = as_columns(rows)
        statement = _inserting(table, tuple(columns), skip_existing=skip_existing)
        return (await self.execute(statement, as_given(table, columns))).rowcount

    async def upsert(self, into: type[DeclarativeBase] | Table, rows: Rows, *, key: Sequence[str]) -> int:
        """How many rows were written or overwritten, by their key. One statement; the last of equal keys counts."""
        if not rows:
            return 0
        table, columns = _table(into), as_columns(last_by(rows, key))
        statement = _upserting(table, tuple(columns), tuple(key))
        return (await self.execute(statement, as_given(table, columns))).rowcount

    async def update(self, table: type[DeclarativeBase] | Table, rows: Rows, *, key: Sequence[str]) -> int:
        """How many rows were changed, found by their key. One statement; the last of equal keys counts."""
        if not rows:
            return 0
        target, columns = _table(table), as_columns(last_by(rows, key))
        statement = _updating(target, tuple(columns), tuple(key))
        return (await self.execute(statement, as_given(target, columns))).rowcount

    def say(self, subject: UUID, *events: Event) -> None:
        """Note facts about the subject; they are said in this order at the end of the transaction.

        Raises LookupError for an event that no topic carries, ValueError for one of a state topic.
        """
        self._ask_open()
        cause = self._cause_of(subject)
        for event in events:
            topic = self._topics.get(type(event))
            if topic is None:
                raise LookupError(f"No topic carries {type(event).__name__}; declare it in contracts.topics.")
            if topic.kind is not Kind.FACT:
                raise ValueError(f"{topic.name} is no topic of facts; touch its subject instead.")
            self.noted.facts.append((topic, subject, event, cause))

    def touch(self, topic: Topic, ids: Iterable[UUID]) -> None:
        """Note that the state of these subjects has changed; the builder reads it once, at the end of the transaction.

        Raises LookupError for a topic without a builder, ValueError for one that does not carry state.
        """
        self._ask_open()
        if topic.kind is not Kind.STATE:
            raise ValueError(f"{topic.name} carries no state; say facts on it instead.")
        if topic not in self._builders:
            raise LookupError(f"{topic.name} has no builder in this service.")
        for subject in ids:
            self.noted.touched.setdefault(topic, {}).setdefault(subject, self._cause_of(subject))

    def note(
        self,
        action: str,
        objects: Iterable[tuple[str, UUID]],
        *,
        organisation: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what was done or seen, for the one audit entry of this transaction. No personal data in `detail`."""
        self._ask_open()
        self.noted.notes.append(Note(action, tuple(objects), organisation, detail))

    def caused_by(self, causes: Mapping[UUID, Cause]) -> None:
        """From now on what is said of these subjects was caused so; for a single cause, whatever is said."""
        self._causes = causes
        self._cause = next(iter(causes.values())) if len(causes) == 1 else Cause()

    async def fetch(self, statement: str, *values: Any) -> Sequence[Any]:
        """Records of one of the chassis's own fixed statements, with `$1`, …, past SQLAlchemy: it runs per batch.

        Raises DBAPIError, as `execute` does.
        """
        raw: Any = (await self.connection.get_raw_connection()).driver_connection
        try:
            records: Sequence[Any] = await raw.fetch(statement, *values)
        except (PostgresError, InterfaceError, OSError) as error:
            gone = raw.is_closed()
            raise DBAPIError(statement, None, error, hide_parameters=True, connection_invalidated=gone) from error
        return records

    async def copy(
        self, table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]], *, schema: str | None = None
    ) -> None:
        """Write the records by COPY. Raises DBAPIError, as `execute` does."""
        raw: Any = (await self.connection.get_raw_connection()).driver_connection
        try:
            await raw.copy_records_to_table(table, columns=columns, records=records, schema_name=schema)
        except (PostgresError, InterfaceError, OSError) as error:
            gone = raw.is_closed()
            raise DBAPIError(f"COPY {table}", None, error, hide_parameters=True, connection_invalidated=gone) from error

    async def _copy(self, table: Table, rows: Rows) -> int:
        columns = as_columns(rows)
        values = [
            [None if value is None else to_json(value) for value in found]
            if isinstance(table.c[name].type, JSON)
            else found
            for name, found in columns.items()
        ]
        await self.copy(table.name, list(columns), list(zip(*values, strict=True)), schema=table.schema)
        return len(rows)

    def _cause_of(self, subject: UUID) -> Cause:
        return self._causes.get(subject, self._cause)

    def _ask_open(self) -> None:
        if self.closed:
            raise RuntimeError("Nothing can be said or noted here: a snapshot only reads, and a builder comes last.")


def _table(row: type[DeclarativeBase] | Table) -> Table:
    table = row if isinstance(row, Table) else row.__table__
    assert isinstance(table, Table)
    return table


# Built once for each table and choice of columns: building one and its key takes 0.3 ms, finding it again nothing.
@lru_cache(maxsize=256)
def _inserting(table: Table, columns: tuple[str, ...], *, skip_existing: bool) -> Insert:
    statement = insert(table).from_select(list(columns), given(table, columns).select(), include_defaults=False)
    return statement.on_conflict_do_nothing() if skip_existing else statement


@lru_cache(maxsize=256)
def _upserting(table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Insert:
    statement = _inserting(table, columns, skip_existing=False)
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    elements = [table.c[name] for name in key]
    if changed:
        return statement.on_conflict_do_update(index_elements=elements, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=elements)


@lru_cache(maxsize=256)
def _updating(table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Update:
    values = given(table, columns)
    statement = update(table).values({name: values.c[name] for name in columns if name not in key})
    return statement.where(*(table.c[name] == values.c[name] for name in key))
