"""A service's database, read in one snapshot that changes nothing."""

import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg

from chassis.sealing import SealBroken, Vault
from tests.chaos.check import places
from tests.chaos.check.tables import DELIVERY, OWN, OWN_SEALED, READABLE, SEALED

_PAGE = 2000
_WORDS = f"{places.WORDS.pattern}|{places.ESCAPED}"
"""What may be a number of a person, or holds a name, or is written so that only a program can read it."""
_NAME = re.compile(r"[a-z_0-9]+")


class Row(asyncpg.Record):  # type: ignore[misc]
    """A row whose columns are its attributes."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


Opened = Callable[[str, str, UUID, bytes], None]
"""(table, column, row, plain) → None: sees everything that was sealed."""


@dataclass(slots=True)
class Service:
    """One service's database as it was at one moment."""

    name: str
    vault: Vault
    tables: dict[str, Sequence[Any]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """Sealed values that do not open where they stand."""
    repeated: list[str] = field(default_factory=list)
    """Sealed values that were made with a nonce that was used before."""
    words: dict[str, str] = field(default_factory=dict)
    """What a person can read in the database and that may be a name or a number → the column where it stands."""

    def __getitem__(self, table: str) -> Sequence[Any]:
        return self.tables[table]


@dataclass(slots=True)
class Snapshot:
    """A connection in its transaction."""

    service: Service
    connection: Any
    opened: Opened
    _nonces: set[bytes] = field(default_factory=set)

    async def read(self) -> None:
        """Everything of the service."""
        for name, statement in {**DELIVERY, **OWN[self.service.name]}.items():
            self.service.tables[name] = await self.connection.fetch(statement)
        for table, statement in {**SEALED, **OWN_SEALED.get(self.service.name, {})}.items():
            async for row in self.connection.cursor(statement, prefetch=_PAGE):
                self._open(table, _sealed_for(row), row["column"], bytes(row["sealed"]))
        await self._read_words()

    def _open(self, table: str, row: UUID, column: str, sealed: bytes) -> None:
        where = f"{self.service.name}.{table}.{column} of {row}"
        nonce = sealed[: 2 + sealed[1] + 12] if len(sealed) > 2 else sealed
        if nonce in self._nonces:
            self.service.repeated.append(where)
        self._nonces.add(nonce)
        try:
            plain = self.service.vault.open(sealed, table=table, column=column, row=row)
        except SealBroken:
            self.service.broken.append(where)
            return
        self.opened(table, column, row, plain)

    async def _read_words(self) -> None:
        columns: dict[str, list[str]] = {}
        for table, column in await self.connection.fetch(READABLE):
            columns.setdefault(table, []).append(column)
        for table, names in columns.items():
            # Names come from the catalogue and not from anybody's hand; still nothing else may pass.
            assert all(map(_NAME.fullmatch, (table, *names))), (table, names)
            text = ", ".join(f'"{name}"::text' for name in names)
            statement = f"SELECT DISTINCT (regexp_matches(concat_ws(' ', {text}), $1, 'g'))[1] FROM \"{table}\""
            async for row in self.connection.cursor(statement, _WORDS, prefetch=_PAGE):
                for word in places.words(row[0].encode()):
                    self.service.words.setdefault(word, f"{self.service.name}.{table}")


def _sealed_for(row: Any) -> UUID:
    """The row that the associated data names; of a kept answer it is made of account and key."""
    if "row" in row:
        return UUID(bytes=row["row"].bytes)
    return UUID(bytes=sha256(row["a"].bytes + row["b"].encode()).digest()[:16])


async def snapshots(dsns: Sequence[tuple[Service, str, Opened]], stack: AsyncExitStack) -> list[Snapshot]:
    """A snapshot of each database, all taken before anything is read; they end with the stack."""
    found = []
    for service, dsn, opened in dsns:
        connection = await asyncpg.connect(
            dsn, record_class=Row, server_settings={"jit": "off", "application_name": "chaos-check"}
        )
        stack.push_async_callback(connection.close)
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        stack.push_async_callback(transaction.rollback)
        await connection.fetchval("SELECT 1")  # the snapshot is taken by the first statement
        found.append(Snapshot(service, connection, opened))
    return found
