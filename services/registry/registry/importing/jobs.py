"""The worker's side of an import: read, draft in chunks, undo; begins again wherever a killed worker stopped."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Row

from chassis import crash
from chassis.identity import Actor
from chassis.outages import is_outage
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.refusal import Refusal
from contracts.values import Role
from registry.importing import commands, queries, rows
from registry.importing.commands import LeaseLost
from registry.importing.domain import State
from registry.importing.preparer.chunks import ReadChunk
from registry.importing.preparing import Preparing, preparing
from registry.importing.reader.verdict import FileRefused
from registry.importing.reading import Chunk, Sheet, read
from registry.importing.storage import Inbox
from registry.student.commands import SheetMemory
from registry.student.domain import Problem

log = structlog.get_logger()
HEARTBEAT: Final = 4.0
UNDO_AT_ONCE: Final = 500


class ImportJob:
    """Works imports through, one chunk and one transaction after the other."""

    def __init__(self, database: Database, vault: Vault, inbox: Inbox, keys: Path) -> None:
        """`keys` is the file that the vault was read from."""
        self._database = database
        self._vault = vault
        self._inbox = inbox
        self._keys = keys

    async def work(self, import_id: UUID) -> bool:
        """Whether this worker got the import, and worked it to its end or to a failure that another try may mend."""
        async with self._database.transaction() as tx:
            held = await commands.lease(tx, import_id)
        if held is None:
            return False
        heartbeat = asyncio.create_task(self._hold_on(held))
        try:
            if held.attempts > commands.MOST_ATTEMPTS:
                await self._give_up(held)
            elif held.state == State.UNDOING:
                await self._undo(held)
            else:
                await self._run(held)
        except LeaseLost:
            log.info("import.lease-lost", import_id=str(import_id))
        except Exception as error:
            log.exception("import.failed", import_id=str(import_id), attempt=held.attempts)
            # A database or a storage that is away says nothing against the file.
            await self._let_go(held, counts=not is_outage(error))
        finally:
            heartbeat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heartbeat
        return True

    async def _hold_on(self, held: Row[Any]) -> None:
        """Prolong the lease now and then. A beat that fails is none; whoever drafts finds out by himself."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            try:
                async with self._database.transaction() as tx:
                    await commands.keep_lease(tx, held.id, held.lease)
            except Exception as error:  # noqa: BLE001 - the database may be away; the next beat tries again
                log.warning("import.beat-missed", import_id=str(held.id), error=type(error).__name__)

    async def _let_go(self, held: Row[Any], *, counts: bool) -> None:
        async with self._database.transaction() as tx:
            until = tx.now + timedelta(seconds=2**held.attempts)
            await commands.release(tx, held.id, held.lease, until, counts=counts)

    async def _give_up(self, held: Row[Any]) -> None:
        if held.state == State.UNDOING:
            async with self._database.transaction(uploader(held)) as tx:
                await commands.give_up_undo(tx, held.id, held.lease)
            return
        sentence = "系统多次尝试仍未能完成该导入，已停止。已导入的行不受影响。请重新上传；如仍不行，请联系系统管理员。"
        async with self._database.transaction(uploader(held)) as tx:
            await commands.refuse(tx, held.id, held.lease, "interrupted", sentence)
        await self._inbox.drop(held.id)

    async def _run(self, held: Row[Any]) -> None:
        news = asyncio.Event()
        reading = asyncio.create_task(self._read(held, news))
        try:
            async with preparing(self._vault, self._keys, held.size) as prepared:
                await self._draft_all(held, reading, news, prepared)
        except FileRefused as refused:
            async with self._database.transaction(uploader(held)) as tx:
                await commands.refuse(tx, held.id, held.lease, refused.code, refused.text)
            await self._inbox.drop(held.id)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, FileRefused, LeaseLost):
                await reading

    async def _read(self, held: Row[Any], news: asyncio.Event) -> None:
        """Stage what is not staged yet. Raises FileRefused."""
        try:
            if held.chunks is None:
                await self._stage(held, news)
        finally:
            news.set()

    async def _stage(self, held: Row[Any], news: asyncio.Event) -> None:
        async with self._database.snapshot() as tx:
            staged = await queries.staged(tx, held.id)
        name = self._vault.open(held.name_sealed, table="import", column="name", row=held.id).decode()
        descriptor = os.memfd_create("import", os.MFD_CLOEXEC)
        try:
            if not await self._inbox.open_into(held.id, descriptor):
                raise FileRefused("gone", "上传的文件已不在系统中。请重新上传。")
            async with contextlib.aclosing(read(descriptor, name)) as found:
                async for each in found:
                    async with self._database.transaction() as tx:
                        if isinstance(each, Sheet):
                            await commands.note_sheet(tx, held.id, held.lease, each.unknown)
                        elif each.number >= staged:
                            await commands.stage(tx, self._vault, held.id, [each])
                    if isinstance(each, Chunk):
                        news.set()
        finally:
            os.close(descriptor)
        async with self._database.transaction() as tx:
            await commands.note_read(tx, held.id, held.lease)

    async def _draft_all(
        self, held: Row[Any], reading: "asyncio.Task[None]", news: asyncio.Event, prepared: Preparing
    ) -> None:
        number = held.next_chunk
        if number and held.state == State.CHECKING:
            async with self._database.transaction(uploader(held)) as tx:
                await commands.begin_again(tx, held.id, held.lease)
            number = 0
        async with self._database.snapshot() as tx:
            memory = rows.remembered(await queries.identities(tx, held.id) if number else ())
        ahead: asyncio.Task[ReadChunk | None] | None = None
        while True:
            ended = reading.done()
            chunk = await (ahead or self._chunk(held, number, prepared))
            ahead = None
            if chunk is not None:
                # The next chunk is prepared while the database works on this one.
                ahead = asyncio.create_task(self._chunk(held, number + 1, prepared))
                try:
                    await self._draft(held, number, chunk, memory)
                except BaseException:
                    ahead.cancel()
                    raise
                number += 1
                continue
            if ended:
                await reading  # raises what reading raised
                break
            await news.wait()
            news.clear()
        async with self._database.transaction(uploader(held)) as tx:
            state = await commands.finish(tx, held.id, held.lease)
        if state is not State.CHECKED:
            await self._inbox.drop(held.id)

    async def _chunk(self, held: Row[Any], number: int, prepared: Preparing) -> ReadChunk | None:
        """The rows of a chunk, read; None when it is not there yet."""
        async with self._database.snapshot() as tx:
            sealed = await queries.chunk(tx, held.id, number)
        if sealed is None:
            return None
        return await prepared.read(self._vault.open(sealed, table="import_chunk", column=str(number), row=held.id))

    async def _draft(self, held: Row[Any], number: int, chunk: ReadChunk, memory: SheetMemory) -> None:
        try:
            done, rehearsed = await self._draft_chunk(held, number, chunk, memory)
        except Refusal as refusal:
            # Something is refused for all alike (a closed window): every row says so.
            problem = Problem(refusal.code, "", refusal.sentence)
            refused = ReadChunk(chunk.packed, [each.refused(problem) for each in chunk.rows])
            done, rehearsed = await self._draft_chunk(held, number, refused, memory)
        memory.note(done.drafted, rehearsed=rehearsed)
        crash.point("import.after_chunk")
        await asyncio.sleep(0)

    async def _draft_chunk(
        self, held: Row[Any], number: int, chunk: ReadChunk, memory: SheetMemory
    ) -> tuple[rows.Done, bool]:
        async with self._database.transaction(uploader(held)) as tx:
            row = await commands.hold(tx, held.id, held.lease)
            if row.next_chunk != number:
                raise LeaseLost
            done = await rows.draft(tx, self._vault, row, chunk, memory)
            crash.point("import.mid_chunk")
            await commands.record(tx, held.id, done.results, number, done.identities)
        return done, row.state == State.CHECKING

    async def _undo(self, held: Row[Any]) -> None:
        while True:
            async with self._database.transaction(uploader(held)) as tx:
                row = await commands.hold(tx, held.id, held.lease)
                if not await self._undo_some(tx, row):
                    await commands.finish_undo(tx, held.id, held.lease)
                    return

    async def _undo_some(self, tx: Tx, job: Row[Any]) -> bool:
        found: Sequence[Row[Any]] = await queries.to_undo(tx, job.id, UNDO_AT_ONCE)
        if found:
            undone = await rows.undo(tx, job, found)
            await commands.note_undone(tx, job.id, [row.row for row in found], undone)
        return bool(found)


def uploader(row: Row[Any]) -> Actor:
    """Who uploaded a file; what is done with it later is done in her name."""
    return Actor(
        account_id=row.uploaded_by,
        person_id=row.person_id,
        organisation_id=row.organisation_id,
        roles=frozenset(Role(role) for role in row.roles),
        version=0,
        session_id=None,
    )
