"""What pages and the worker ask about imports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, or_, select

from chassis.identity import Actor
from chassis.transaction import Tx
from registry.importing.domain import OUTCOMES, WORKED_ON
from registry.importing.errors import NotFound
from registry.importing.models import ImportChunkRow, ImportOutcomeRow, ImportRow
from registry.organisation import queries as organisations

_ONE = select(ImportRow).where(ImportRow.id == bindparam("import"))
_REASONS = (
    select(
        ImportOutcomeRow.outcome,
        ImportOutcomeRow.code,
        func.min(ImportOutcomeRow.problems[0]["text"].astext).label("text"),
        func.count().label("rows"),
    )
    .where(ImportOutcomeRow.import_id == bindparam("import"), ImportOutcomeRow.outcome.in_(["refused", "duplicate"]))
    .group_by(ImportOutcomeRow.outcome, ImportOutcomeRow.code)
    .order_by(func.count().desc(), ImportOutcomeRow.code)
)


async def one(tx: Tx, import_id: UUID) -> Row[Any]:
    """The import. Raises NotFound."""
    row = await tx.row(_ONE, {"import": import_id})
    if row is None:
        raise NotFound("导入记录")
    return row


async def history(tx: Tx, school_id: UUID, offset: int, limit: int) -> tuple[Sequence[Row[Any]], int]:
    """Imports of a school, newest first, and how many there are."""
    rows = await tx.rows(
        select(ImportRow)
        .where(ImportRow.school_id == school_id)
        .order_by(ImportRow.uploaded_at.desc(), ImportRow.id)
        .offset(offset)
        .limit(limit)
    )
    total = await tx.scalar(select(func.count()).select_from(ImportRow).where(ImportRow.school_id == school_id))
    return rows, int(total or 0)


async def waiting(tx: Tx) -> Sequence[UUID]:
    """Imports with work to do that no living worker holds, oldest first."""
    rows = await tx.rows(
        select(ImportRow.id)
        .where(
            ImportRow.state.in_([state.value for state in WORKED_ON]),
            or_(ImportRow.leased_until.is_(None), ImportRow.leased_until < tx.now),
        )
        .order_by(ImportRow.uploaded_at)
        .limit(20)
    )
    return [row.id for row in rows]


async def unfinished(tx: Tx, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of the imports may still need their files."""
    needed = [state.value for state in WORKED_ON] + ["checked"]
    rows = await tx.rows(select(ImportRow.id).where(ImportRow.id.in_(list(ids)), ImportRow.state.in_(needed)))
    return frozenset(row.id for row in rows)


async def chunk(tx: Tx, import_id: UUID, number: int) -> bytes | None:
    """The sealed rows of a chunk; None when it is not there yet."""
    found: bytes | None = await tx.scalar(
        select(ImportChunkRow.rows_sealed).where(ImportChunkRow.import_id == import_id, ImportChunkRow.number == number)
    )
    return found


async def staged(tx: Tx, import_id: UUID) -> int:
    """How many chunks are staged."""
    count = await tx.scalar(
        select(func.count()).select_from(ImportChunkRow).where(ImportChunkRow.import_id == import_id)
    )
    return int(count or 0)


async def identities(tx: Tx, import_id: UUID) -> list[bytes]:
    """What the chunks that are drafted already have noted of their children."""
    rows = await tx.rows(
        select(ImportChunkRow.identities).where(
            ImportChunkRow.import_id == import_id, ImportChunkRow.identities.is_not(None)
        )
    )
    return [row.identities for row in rows]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows failed, by their first problem."""

    outcome: str
    code: str
    text: str
    rows: int


async def reasons(tx: Tx, import_id: UUID) -> list[Reason]:
    """Why rows were refused or found double, most frequent first; their rows add up to all that failed."""
    rows = await tx.rows(_REASONS, {"import": import_id})
    return [Reason(row.outcome, row.code or "", row.text or "", row.rows) for row in rows]


async def outcomes(
    tx: Tx, import_id: UUID, wanted: Sequence[str], *, after: int = 0, offset: int = 0, limit: int = 200
) -> tuple[Sequence[Row[Any]], int]:
    """What became of rows, in their order, and how many there are of the wanted outcomes (all when none is named)."""
    which = [ImportOutcomeRow.import_id == import_id, ImportOutcomeRow.outcome.in_(list(wanted) or list(OUTCOMES))]
    rows = await tx.rows(
        select(ImportOutcomeRow)
        .where(*which, ImportOutcomeRow.row > after)
        .order_by(ImportOutcomeRow.row)
        .offset(offset)
        .limit(limit)
    )
    total = await tx.scalar(select(func.count()).select_from(ImportOutcomeRow).where(*which))
    return rows, int(total or 0)


async def to_undo(tx: Tx, import_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """Rows whose effect an undo has not gone through yet."""
    return await tx.rows(
        select(ImportOutcomeRow.row, ImportOutcomeRow.student_id, ImportOutcomeRow.previous_version)
        .where(
            ImportOutcomeRow.import_id == import_id,
            ImportOutcomeRow.outcome.in_(["created", "updated"]),
            ImportOutcomeRow.undone.is_(False),
        )
        .order_by(ImportOutcomeRow.row.desc())
        .limit(limit)
    )


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Dry runs that wait for their clerk."""
    count = await tx.scalar(
        select(func.count())
        .select_from(ImportRow)
        .where(
            ImportRow.school_id.in_(organisations.within(actor.organisation_id, tx.now.date())),
            ImportRow.state == "checked",
        )
    )
    return {"imports_checked": int(count or 0)}
