"""The database of a service, and the only place where transactions begin and end."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult, Executable, Row, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis import crash
from chassis.clock import ZONE
from chassis.sealing import Vault, WireKeys
from chassis.transaction import connecting
from chassis.transaction.connecting import answering, let_go, whole
from chassis.transaction.flush import flush
from chassis.transaction.tx import Builder, Tx
from contracts.event import Event
from contracts.topics import TOPICS, Topic

if TYPE_CHECKING:
    from chassis.identity import Actor
    from chassis.settings import ServiceSettings

_BEGIN = text("SELECT now(), (SELECT epoch FROM epoch)")
_LIMITS = {
    # A hot row is waited for, a hung one is not; what is forgotten open is closed by the server.
    "lock_timeout": "5000",
    "statement_timeout": "60000",
    "idle_in_transaction_session_timeout": "60000",
    "application_name": "chassis",
    # Statements over whole batches look expensive to the planner; compiling them would be.
    "jit": "off",
}


class Database:
    """Opens transactions and snapshots. One per process."""

    def __init__(
        self,
        settings: "ServiceSettings",
        builders: Mapping[Topic, Builder] | None = None,
        *,
        topics: Sequence[Topic] = TOPICS,
    ) -> None:
        """`builders` read the state that this service says; `topics` are the contracts', unless a test says so."""
        self.settings = settings
        self.topics: Mapping[str, Topic] = {topic.name: topic for topic in topics}
        self.engine = create_async_engine(
            settings.database,
            pool_size=settings.pool,
            max_overflow=0,
            # One by one in turn, each would prepare, plan and keep near what another has ready.
            pool_use_lifo=True,
            pool_timeout=10,
            hide_parameters=True,  # an error's text goes to logs; values may be personal
            connect_args={"server_settings": _LIMITS, "timeout": 10, "command_timeout": connecting.ANSWER_WITHIN},
        )
        self._builders = dict(builders or {})
        self._events: dict[type[Event], Topic] = {event: topic for topic in topics for event in topic.events}

    @property
    def spoken_states(self) -> Sequence[Topic]:
        """The state topics that this service says."""
        return list(self._builders)

    @cached_property
    def wire(self) -> WireKeys:
        """The keys of the sealed topics that this service may read or write."""
        return WireKeys.read(self.settings.keys)

    @cached_property
    def vault(self) -> Vault:
        """The keys of personal data at rest."""
        return Vault.read(self.settings.keys)

    @asynccontextmanager
    async def transaction(self, actor: "Actor | None" = None, *, consuming: bool = False) -> AsyncIterator[Tx]:
        """A transaction that commits at the end of the block and rolls back when an exception leaves it.

        Just before the commit, what was said and noted is flushed. An exception of the commit itself leaves its fate
        unknown: whoever repeats it needs a key or a watermark.
        """
        connection, now, epoch = await self._begin()
        failed: BaseException | None = None
        try:
            tx = Tx(connection, actor, now, epoch, self._events, self._builders, vault=lambda: self.vault)
            yield tx
            if tx.noted:
                await flush(tx, self)
            if not consuming:
                crash.point("cmd.before_commit")
            await whole(connection.commit())
            if not consuming:
                crash.point("cmd.after_commit_before_reply")
        except BaseException as error:
            failed = error
            raise
        finally:
            await let_go(connection, failed)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Tx]:
        """A transaction that sees one moment and can change nothing; saying or noting in it is an error."""
        connection, now, epoch = await self._begin(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        failed: BaseException | None = None
        try:
            yield Tx(
                connection, None, now, epoch, self._events, self._builders, reads_only=True, vault=lambda: self.vault
            )
        except BaseException as error:
            failed = error
            raise
        finally:
            await let_go(connection, failed)

    async def glance(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """The first row of one reading statement that stands for itself, or None: one round trip, no transaction."""
        connection, result = await self._first(statement, params, isolation_level="AUTOCOMMIT")
        try:
            return result.first()
        finally:
            await let_go(connection, None)

    async def build(self, tx: Tx, topic: Topic, ids: Sequence[Any]) -> Mapping[Any, Event | None]:
        """What the topic says of these subjects now."""
        return await self._builders[topic](tx, ids)

    async def close(self) -> None:
        """Let go of all connections."""
        await self.engine.dispose()

    async def _begin(self, **options: Any) -> tuple[AsyncConnection, datetime, int]:
        """A connection in a transaction, the database's clock, the epoch."""
        connection, result = await self._first(_BEGIN, None, **options)
        now, epoch = tuple(result.one())
        return connection, now.astimezone(ZONE), epoch

    async def _first(
        self, statement: Executable, params: Mapping[str, Any] | None, **options: Any
    ) -> tuple[AsyncConnection, CursorResult[Any]]:
        """A connection, and the result of the first statement on it.

        Connections that died in the pool (a restarted server, or one that is gone without a word) are found out here,
        where nothing is lost yet.
        """
        tries = 2
        while True:
            tries -= 1
            connection = await self.engine.connect()
            try:
                with answering(connection, connecting.FIRST_ANSWER_WITHIN):
                    if options:
                        await connection.execution_options(**options)
                    result = await connection.execute(statement, params)
            except DBAPIError as error:
                await let_go(connection, error)
                if tries == 0 or not error.connection_invalidated:
                    raise
            except BaseException as error:
                await let_go(connection, error)
                raise
            else:
                return connection, result
