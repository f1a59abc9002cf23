"""Every way in which an import can change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, case, delete, or_, select, text, update

from chassis.rows import among
from chassis.sealing import Vault
from chassis.transaction import Tx
from registry.importing import domain, queries
from registry.importing.domain import OPEN, OUTCOMES, WORKED_ON, Mode, State, Wish
from registry.importing.models import ImportChunkRow, ImportOutcomeRow, ImportRow
from registry.importing.reading import Chunk
from registry.student.domain import Problem

LEASE: Final = timedelta(seconds=15)
"""How long a worker may be silent before another takes its import."""
MOST_ATTEMPTS: Final = 5
FAILED_CELLS_KEPT: Final = timedelta(days=30)
CHECKED_KEPT: Final = timedelta(days=7)


class LeaseLost(Exception):  # noqa: N818 - no error: another worker has the import now
    """Another worker holds the import."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that was taken in."""

    id: UUID
    school_id: UUID
    mode: Mode
    sha256: bytes
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row of the sheet."""

    row: int
    outcome: str
    student_id: UUID | None = None
    previous_version: int | None = None
    problems: tuple[Problem, ...] = ()
    cells_sealed: bytes | None = None


async def take_in(tx: Tx, vault: Vault, uploaded: Uploaded) -> UUID:
    """The id of the import of this file: a new one, or the one that is under way for the same file of the same school.

    The same file twice at once, or again while its dry run waits, is one import. A checked one starts again: to run
    when that is asked for, else to be checked anew, for a class may have been opened since.
    """
    assert tx.actor is not None
    row = {
        "id": uploaded.id,
        "school_id": uploaded.school_id,
        "mode": uploaded.mode.value,
        "state": State.WAITING.value,
        "sha256": uploaded.sha256,
        "size": uploaded.size,
        "name_sealed": vault.seal(uploaded.name.encode(), table="import", column="name", row=uploaded.id),
        "uploaded_by": tx.actor.account_id,
        "person_id": tx.actor.person_id,
        "organisation_id": tx.actor.organisation_id,
        "roles": sorted(role.value for role in tx.actor.roles),
        "uploaded_at": tx.now,
        "attempts": 0,
        "next_chunk": 0,
        **dict.fromkeys(OUTCOMES, 0),
        "undone": 0,
        "unknown_columns": [],
    }
    if await tx.insert(ImportRow, [row], skip_existing=True):
        tx.note("import.upload", [("import", uploaded.id)], organisation=uploaded.school_id)
        return uploaded.id
    existing = await tx.row(
        select(ImportRow)
        .where(
            ImportRow.school_id == uploaded.school_id,
            ImportRow.sha256 == uploaded.sha256,
            ImportRow.state.in_([state.value for state in OPEN]),
        )
        .with_for_update()
    )
    if existing is None:  # ended in this very moment: then the file may be uploaded anew
        return await take_in(tx, vault, uploaded)
    if existing.state == State.CHECKED:
        await _start(tx, existing, uploaded.mode)
    return UUID(str(existing.id))


async def run(tx: Tx, import_id: UUID) -> None:
    """A checked import is carried out. Raises NotNow, NotFound."""
    row = await _lock(tx, import_id)
    domain.after(State(row.state), Wish.RUN)
    await _start(tx, row, Mode.RUN)


async def undo(tx: Tx, import_id: UUID) -> None:
    """What an import created is to be taken back where it is still a draft. Raises NotNow, NotFound."""
    row = await _lock(tx, import_id)
    await _set(tx, row.id, state=domain.after(State(row.state), Wish.UNDO).value, attempts=0, leased_until=None)
    tx.note("import.undo", [("import", import_id)], organisation=row.school_id)


async def _start(tx: Tx, row: Row[Any], mode: Mode) -> None:
    await tx.execute(delete(ImportOutcomeRow).where(ImportOutcomeRow.import_id == row.id))
    await _set(
        tx,
        row.id,
        state=(State.RUNNING if mode is Mode.RUN else State.CHECKING).value,
        mode=mode.value,
        next_chunk=0,
        attempts=0,
        leased_until=None,
        ended_at=None,
        **dict.fromkeys(OUTCOMES, 0),
    )
    await tx.execute(update(ImportChunkRow).where(ImportChunkRow.import_id == row.id).values(identities=None))
    tx.note(f"import.{mode.value}", [("import", row.id)], organisation=row.school_id)


async def _lock(tx: Tx, import_id: UUID) -> Row[Any]:
    await queries.one(tx, import_id)
    row = await tx.row(select(ImportRow).where(ImportRow.id == import_id).with_for_update())
    assert row is not None
    return row


async def _set(tx: Tx, import_id: UUID, **values: Any) -> None:
    await tx.execute(update(ImportRow).where(ImportRow.id == import_id).values(**values))


async def lease(tx: Tx, import_id: UUID) -> Row[Any] | None:
    """The import, held by a new lease; None when another worker holds it or nothing is to be done."""
    result = await tx.execute(
        update(ImportRow)
        .where(
            ImportRow.id == import_id,
            ImportRow.state.in_([state.value for state in WORKED_ON]),
            or_(ImportRow.leased_until.is_(None), ImportRow.leased_until < tx.now),
        )
        .values(
            lease=tx.new_id(),
            leased_until=tx.now + LEASE,
            attempts=ImportRow.attempts + 1,
            state=case((ImportRow.state == State.WAITING.value, State.READING.value), else_=ImportRow.state),
            started_at=tx.now,
        )
        .returning(ImportRow)
    )
    return result.first()


async def hold(tx: Tx, import_id: UUID, lease_id: UUID) -> Row[Any]:
    """The import, locked and held a while longer. Raises LeaseLost."""
    result = await tx.execute(
        update(ImportRow)
        .where(ImportRow.id == import_id, ImportRow.lease == lease_id)
        .values(leased_until=tx.now + LEASE)
        .returning(ImportRow)
    )
    row = result.first()
    if row is None:
        raise LeaseLost
    return row


async def keep_lease(tx: Tx, import_id: UUID, lease_id: UUID) -> None:
    """The lease lasts longer, unless a chunk holds the row at this moment: then that chunk prolongs it itself."""
    mine = (
        select(ImportRow.id)
        .where(ImportRow.id == import_id, ImportRow.lease == lease_id)
        .with_for_update(skip_locked=True)
    )
    await tx.execute(
        update(ImportRow).where(ImportRow.id.in_(mine.scalar_subquery())).values(leased_until=tx.now + LEASE)
    )


async def wait_for_chunks(tx: Tx) -> None:
    """This transaction may wait as long as a lease for the chunk that holds the import."""
    await tx.execute(text("SELECT set_config('lock_timeout', '45s', true)"))


async def release(tx: Tx, import_id: UUID, lease_id: UUID, until: datetime | None, *, counts: bool = True) -> None:
    """Nobody holds the import; nobody takes it before that moment. `counts=False`: the attempt was none."""
    await tx.execute(
        update(ImportRow)
        .where(ImportRow.id == import_id, ImportRow.lease == lease_id)
        .values(lease=None, leased_until=until, attempts=ImportRow.attempts - (0 if counts else 1))
    )


async def note_sheet(tx: Tx, import_id: UUID, lease_id: UUID, unknown: Sequence[str]) -> None:
    """The file is a sheet of pupils; reading goes on."""
    await wait_for_chunks(tx)
    row = await hold(tx, import_id, lease_id)
    following = State.RUNNING if row.mode == Mode.RUN else State.CHECKING
    state = following.value if row.state in (State.WAITING, State.READING) else row.state
    await _set(tx, import_id, state=state, unknown_columns=list(unknown))


async def stage(tx: Tx, vault: Vault, import_id: UUID, chunks: Sequence[Chunk]) -> None:
    """Chunks wait to be drafted, by COPY. Chunks must not be staged yet."""
    raw = await tx.connection.get_raw_connection()
    assert raw.driver_connection is not None
    await raw.driver_connection.copy_records_to_table(
        ImportChunkRow.__tablename__,
        columns=["import_id", "number", "rows", "rows_sealed"],
        records=[
            (
                import_id,
                each.number,
                each.rows,
                vault.seal(each.packed, table="import_chunk", column=str(each.number), row=import_id),
            )
            for each in chunks
        ],
    )


async def note_read(tx: Tx, import_id: UUID, lease_id: UUID) -> None:
    """The file is read to its end: how many rows there are is known."""
    await wait_for_chunks(tx)
    await hold(tx, import_id, lease_id)
    await tx.execute(
        text(
            "UPDATE import SET chunks = staged.chunks, rows = staged.rows FROM (SELECT count(*) AS chunks,"
            " coalesce(sum(rows), 0) AS rows FROM import_chunk WHERE import_id = :id) AS staged WHERE import.id = :id"
        ),
        {"id": import_id},
    )


async def refuse(tx: Tx, import_id: UUID, lease_id: UUID, code: str, sentence: str) -> None:
    """The file as a whole is refused; nothing of it stays."""
    row = await hold(tx, import_id, lease_id)
    done = sum(getattr(row, outcome) for outcome in OUTCOMES)
    await _set(tx, import_id, refusal_code=code, refusal_text=sentence, rows=done)
    await _end(tx, row, State.REFUSED)


async def record(tx: Tx, import_id: UUID, results: Sequence[Result], number: int, identities: bytes) -> None:
    """What became of the rows of a chunk, in the transaction that drafted them."""
    await tx.insert(
        ImportOutcomeRow,
        [
            {
                "import_id": import_id,
                "row": each.row,
                "outcome": each.outcome,
                "student_id": each.student_id,
                "previous_version": each.previous_version,
                "undone": False,
                "code": each.problems[0].code if each.problems else None,
                "problems": [{"code": p.code, "field": p.field, "text": p.text} for p in each.problems],
                "cells_sealed": each.cells_sealed,
            }
            for each in results
        ],
    )
    counts: Mapping[str, int] = {outcome: sum(each.outcome == outcome for each in results) for outcome in OUTCOMES}
    added = {outcome: getattr(ImportRow, outcome) + count for outcome, count in counts.items() if count}
    await _set(tx, import_id, next_chunk=number + 1, attempts=0, **added)
    await tx.execute(
        update(ImportChunkRow)
        .where(ImportChunkRow.import_id == import_id, ImportChunkRow.number == number)
        .values(identities=identities)
    )


async def begin_again(tx: Tx, import_id: UUID, lease_id: UUID) -> None:
    """A dry run that was cut off starts from its first row: what it had counted in classes is gone."""
    await hold(tx, import_id, lease_id)
    await tx.execute(delete(ImportOutcomeRow).where(ImportOutcomeRow.import_id == import_id))
    await _set(tx, import_id, next_chunk=0, **dict.fromkeys(OUTCOMES, 0))


async def finish(tx: Tx, import_id: UUID, lease_id: UUID) -> State:
    """The state after the last chunk. A dry run keeps its rows until the clerk decides."""
    row = await hold(tx, import_id, lease_id)
    state = State.CHECKED if row.state == State.CHECKING else State.DONE
    await _end(tx, row, state)
    return state


async def note_undone(tx: Tx, import_id: UUID, rows: Sequence[int], undone: int) -> None:
    """Rows were gone through by an undo, and so many pupils taken back."""
    await tx.execute(
        update(ImportOutcomeRow)
        .where(ImportOutcomeRow.import_id == import_id, among(ImportOutcomeRow.row, rows))
        .values(undone=True)
    )
    await _set(tx, import_id, undone=ImportRow.undone + undone, attempts=0)


async def finish_undo(tx: Tx, import_id: UUID, lease_id: UUID) -> None:
    """Everything that could be taken back was."""
    row = await hold(tx, import_id, lease_id)
    await _end(tx, row, State.UNDONE)


async def give_up_undo(tx: Tx, import_id: UUID, lease_id: UUID) -> None:
    """The import is done again, less what was taken back; another undo goes on where this one ended."""
    row = await hold(tx, import_id, lease_id)
    await _set(tx, import_id, state=State.DONE.value, lease=None, leased_until=None)
    tx.note("import.undo-given-up", [("import", import_id)], organisation=row.school_id)


async def _end(tx: Tx, row: Row[Any], state: State) -> None:
    if state is not State.CHECKED:
        await tx.execute(delete(ImportChunkRow).where(ImportChunkRow.import_id == row.id))
    await _set(tx, row.id, state=state.value, lease=None, leased_until=None, ended_at=tx.now)
    tx.note(f"import.{state.value}", [("import", row.id)], organisation=row.school_id)


async def expire(tx: Tx) -> Sequence[UUID]:
    """Dry runs that nobody carried out end; cells of failed rows are forgotten after a month. The ids that ended."""
    rows = await tx.rows(
        select(ImportRow)
        .where(ImportRow.state == State.CHECKED.value, ImportRow.ended_at < tx.now - CHECKED_KEPT)
        .order_by(ImportRow.id)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    for row in rows:
        await _end(tx, row, State.EXPIRED)
    old = select(ImportRow.id).where(ImportRow.ended_at < tx.now - FAILED_CELLS_KEPT)
    await tx.execute(
        update(ImportOutcomeRow)
        .where(ImportOutcomeRow.import_id.in_(old), ImportOutcomeRow.cells_sealed.is_not(None))
        .values(cells_sealed=None)
    )
    return [row.id for row in rows]
