"""Files that prove an item of a pupil's record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from chassis.rows import among, listed
from chassis.transaction import Tx
from registry.student.models import EvidenceRow

_KEPT = (
    select(EvidenceRow)
    .where(listed(EvidenceRow.student_id, "students"), EvidenceRow.removed_at.is_(None))
    .order_by(EvidenceRow.added_at, EvidenceRow.id)
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file as the pupil's page lists it."""

    id: UUID
    student_id: UUID
    kind: str
    name: str
    content_type: str
    size: int
    sha256: bytes
    added_at: datetime
    removed: bool


async def evidence_of(tx: Tx, student_ids: Collection[UUID]) -> dict[UUID, list[Evidence]]:
    """Pupil → the files that are there, in the order in which they were added. One statement."""
    found: dict[UUID, list[Evidence]] = {}
    for row in await tx.rows(_KEPT, {"students": list(student_ids)}):
        found.setdefault(row.student_id, []).append(_evidence(tx, row))
    return found


async def evidence(tx: Tx, ids: Collection[UUID]) -> dict[UUID, Evidence]:
    """Files by id, removed ones too; unknown ids are missing. One statement."""
    rows = await tx.rows(select(EvidenceRow).where(among(EvidenceRow.id, ids)))
    return {row.id: _evidence(tx, row) for row in rows}


async def noted(tx: Tx, ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that a row has, removed ones too. One statement."""
    return {row.id for row in await tx.rows(select(EvidenceRow.id).where(among(EvidenceRow.id, ids)))}


def _evidence(tx: Tx, row: Any) -> Evidence:
    name = tx.vault.open(row.name_sealed, table="evidence", column="name_sealed", row=row.id)
    return Evidence(
        id=row.id,
        student_id=row.student_id,
        kind=row.kind,
        name=name.decode(),
        content_type=row.content_type,
        size=row.size,
        sha256=row.sha256,
        added_at=row.added_at,
        removed=row.removed_at is not None,
    )
