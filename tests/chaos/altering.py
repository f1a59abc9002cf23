"""One row of a database that is another, is gone or stands there twice: by chance, and put back afterwards.

Every value becomes another one of its kind, that no type and no constraint tells: another of those that stand in the
same column, the next number, a moment a second later. What a constraint refuses all the same is tried otherwise.
"""

import json
import random
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from contracts.values import Role, Schooling, Stage, WindowKind
from registry.importing.domain import Mode as ImportMode
from registry.importing.domain import State as ImportState
from tests.chaos.planting import Garden

_NAME: Final = re.compile(r"[a-z_0-9]+")
_FEW: Final = 12
"""Where no more than so many words stand in a column, they are a vocabulary; another word would be no word of it."""
_OTHERS: Final = 40
"""Values of other rows from which one is taken."""
_WORDS: Final[Sequence[type[StrEnum]]] = (Role, Schooling, Stage, WindowKind, ImportMode, ImportState)
"""Vocabularies of which a small stack says but one word in a column."""
_UNSEARCHED: Final = frozenset({"alembic_version"})
"""What belongs to a tool, and not to the registry."""

_COLUMNS: Final = """
SELECT c.table_name, c.column_name, c.udt_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = format('%I', c.table_name)::regclass)
ORDER BY c.table_name, c.ordinal_position
"""
_UNIQUE: Final = """
SELECT DISTINCT a.attname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = format('%I', $1::text)::regclass AND i.indisunique AND i.indpred IS NULL
"""


class How(StrEnum):
    """What becomes of a row."""

    CHANGED = "changed"
    GONE = "gone"
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is to be altered: a column of one row of a table, or the row."""

    service: str
    table: str
    how: How
    column: str = ""

    def __str__(self) -> str:
        """As the list of what stands alone names it."""
        return f"{self.service}.{self.table}" + (f".{self.column}" if self.column else f" {self.how}")


Schema = Mapping[str, Mapping[str, str]]
"""Table → column → type."""


async def schema_of(garden: Garden, service: str) -> Schema:
    """Every table of a service that is its own."""
    found: dict[str, dict[str, str]] = {}
    async with garden.superuser(service) as connection:
        for row in await connection.fetch(_COLUMNS):
            assert all(map(_NAME.fullmatch, row)), row
            if row["table_name"] not in _UNSEARCHED:
                found.setdefault(row["table_name"], {})[row["column_name"]] = row["udt_name"]
    return found


def alterations(service: str, schema: Schema) -> Iterator[Alteration]:
    """Each column once, and each table's row gone once and doubled once."""
    for table, columns in schema.items():
        for column in columns:
            yield Alteration(service, table, How.CHANGED, column)
        yield Alteration(service, table, How.GONE)
        yield Alteration(service, table, How.DOUBLED)


_OF_ROWS: Final = 0.2
"""How often a row is gone or doubled, and not changed."""


def drawn(service: str, schema: Schema, chance: random.Random, left_out: Collection[str]) -> Alteration:
    """One of a random table, but none of those that are left out. Small tables are asked as often as large ones."""
    while True:
        table = chance.choice(sorted(schema))
        if chance.random() < _OF_ROWS:
            what = Alteration(service, table, chance.choice((How.GONE, How.DOUBLED)))
        else:
            what = Alteration(service, table, How.CHANGED, chance.choice(sorted(schema[table])))
        if str(what) not in left_out:
            return what


@dataclass(slots=True)
class Alterer:
    """Alters one database, one thing at a time."""

    garden: Garden
    service: str
    schema: Schema
    random: random.Random

    @asynccontextmanager
    async def altered(self, what: Alteration) -> AsyncIterator[bool]:
        """The database with it; afterwards as before. False where no row can be altered so, and none was."""
        async with self.garden.superuser(self.service) as connection:
            await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
            place = await self._row(connection, what)
            if place is None:
                yield False
                return
            await connection.execute(f'CREATE TEMP TABLE before (LIKE public."{what.table}")')
            await connection.execute(
                f'INSERT INTO before SELECT * FROM public."{what.table}" WHERE tableoid = $1 AND ctid = $2', *place
            )
            after = await self._alter(connection, what, place)
            try:
                yield after is not None
            finally:
                async with connection.transaction():
                    if after is not None and what.how is not How.GONE:
                        await connection.execute(
                            f'DELETE FROM public."{what.table}" WHERE tableoid = $1 AND ctid = $2', *after
                        )
                    if after is not None and what.how is not How.DOUBLED:
                        await connection.execute(f'INSERT INTO public."{what.table}" SELECT * FROM before')

    async def _row(self, connection: Any, what: Alteration) -> Any:
        """(table, place) of one row; of a column one in which something stands, if there is any."""
        first = f'"{what.column}" IS NULL, ' if what.column else ""
        rows = await connection.fetch(
            f'SELECT tableoid, ctid{f", {first[:-2]}" if first else ""} FROM public."{what.table}"'
            f" ORDER BY {first}tableoid, ctid"
        )
        if what.column:
            rows = [row for row in rows if row[2] == rows[0][2]]
        return tuple(self.random.choice(rows))[:2] if rows else None

    async def _alter(self, connection: Any, what: Alteration, place: Any) -> Any:
        """The place of the row afterwards; None where every change was refused."""
        match what.how:
            case How.GONE:
                await connection.execute(f'DELETE FROM public."{what.table}" WHERE tableoid = $1 AND ctid = $2', *place)
                return place
            case How.CHANGED:
                statement = (
                    f'UPDATE public."{what.table}" SET "{what.column}" = $3 WHERE tableoid = $1 AND ctid = $2'
                    " RETURNING tableoid, ctid"
                )
                for value in await self._values(connection, what.table, what.column, place):
                    if (after := await _tried(connection, statement, *place, value)) is not None:
                        return after
            case How.DOUBLED:
                return await self._double(connection, what.table, place)
        return None

    async def _double(self, connection: Any, table: str, place: Any) -> Any:
        """The row once more, under another key."""
        columns = ", ".join(f'"{name}"' for name in self.schema[table])
        keys = sorted(row[0] for row in await connection.fetch(_UNIQUE, table))
        for key in keys:  # the first that can be another is enough, where the others may repeat
            for names in ([key], keys):
                values = {}
                for name in names:
                    values[name] = (await self._values(connection, table, name, place, made=True))[0]
                parts = [
                    f"${3 + list(values).index(name)}" if name in values else f'"{name}"' for name in self.schema[table]
                ]
                statement = (
                    f'INSERT INTO public."{table}" ({columns}) SELECT {", ".join(parts)} FROM public."{table}"'
                    " WHERE tableoid = $1 AND ctid = $2 RETURNING tableoid, ctid"
                )
                if (after := await _tried(connection, statement, *place, *values.values())) is not None:
                    return after
        if keys:
            return None
        again = f'INSERT INTO public."{table}" SELECT * FROM before RETURNING tableoid, ctid'
        return await _tried(connection, again)

    async def _values(self, connection: Any, table: str, column: str, place: Any, made: bool = False) -> Sequence[Any]:
        """Other values for a column of a row, the likeliest to be overlooked first; `made`: those no other row has."""
        kind = self.schema[table][column]
        value = await connection.fetchval(
            f'SELECT "{column}" FROM public."{table}" WHERE tableoid = $1 AND ctid = $2', *place
        )
        others = [
            row[0]
            for row in await connection.fetch(
                f'SELECT DISTINCT "{column}" FROM public."{table}" WHERE "{column}" IS NOT NULL'
                f' AND "{column}" IS DISTINCT FROM $1 ORDER BY 1 LIMIT {_OTHERS}',
                value,
            )
        ]
        self.random.shuffle(others)
        new = [each for each in _MADE[kind](self.random, value) if each != value]
        if made:
            return new + others
        if kind == "text" and len(others) < _FEW:
            return [*others, *_words(value), *new]
        return others[:3] + new if kind in ("text", "uuid", "_text", "_uuid", "jsonb") else new + others[:3]


async def _tried(connection: Any, statement: str, *values: Any) -> Any:
    """The row that a statement returns; None where a constraint refuses it."""
    try:
        async with connection.transaction():
            row = await connection.fetchrow(statement, *values)
            return tuple(row) if row is not None else None
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
        return None


def _words(value: Any) -> Iterator[str]:
    """Other words of the vocabulary that has this one."""
    for vocabulary in _WORDS:
        if value in set(vocabulary):
            yield from (each.value for each in vocabulary if each != value)


def _numbers(chance: random.Random, value: int | None) -> list[int]:
    return [1] if value is None else [value + 1, value - 1, value + chance.randrange(2, 100)]


def _texts(chance: random.Random, value: str | None) -> list[str]:
    """With another last letter, so that a number stays one, and a hash; or longer."""
    if not value:
        return ["x"]
    last = value[-1]
    alphabet = "0123456789" if last.isdigit() else "abcdef" if last in "abcdef" else "abcdefghijklmnopqrstuvwxyz"
    return [value[:-1] + chance.choice([each for each in alphabet if each != last]), value + "x"]


def _moments(chance: random.Random, value: datetime | None) -> list[datetime]:
    shift = timedelta(seconds=chance.choice((1, 60, 86_400)))
    return [datetime.now().astimezone()] if value is None else [value + shift, value - shift]


def _days(chance: random.Random, value: date | None) -> list[date]:
    shift = timedelta(days=chance.choice((1, 30)))
    return [datetime.now().astimezone().date()] if value is None else [value + shift, value - shift]


def _flipped(chance: random.Random, value: bytes | None) -> list[bytes]:
    if not value:
        return [bytes(32)]
    place = chance.randrange(len(value))
    return [value[:place] + bytes([value[place] ^ 1 << chance.randrange(8)]) + value[place + 1 :]]


def _id(chance: random.Random, _: UUID | None) -> list[UUID]:
    return [UUID(int=chance.getrandbits(128), version=4)]


def _lists(chance: random.Random, value: list[Any] | None) -> list[list[Any]]:
    """Shorter, or with a word of the same vocabulary in it."""
    if not value:
        return [["x"]]
    return [[*value[:-1], word] for word in _words(value[-1]) if word not in value] + [value[:-1], [*value, value[0]]]


def _documents(chance: random.Random, value: Any) -> list[Any]:
    """With one value within that is another."""
    if isinstance(value, dict) and value:
        name = chance.choice(sorted(value))
        return [{**value, name: each} for each in _documents(chance, value[name])]
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        return [[*value[:place], each, *value[place + 1 :]] for each in _documents(chance, value[place])]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return list(_words(value)) + _texts(chance, value)
    return ["x"] if value is None else [None]


_MADE: Final[Mapping[str, Callable[[random.Random, Any], Sequence[Any]]]] = {
    "bool": lambda _, value: [not value],
    "int2": _numbers,
    "int4": _numbers,
    "int8": _numbers,
    "text": _texts,
    "uuid": _id,
    "bytea": _flipped,
    "date": _days,
    "timestamptz": _moments,
    "jsonb": _documents,
    "_text": _lists,
    "_uuid": lambda chance, value: [[*(value or [])[:-1], *_id(chance, None)]],
}
"""Type → other values of it than the one that stands there."""
