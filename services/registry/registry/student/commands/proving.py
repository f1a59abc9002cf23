"""Evidence of a pupil's record."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update

from chassis.transaction import Tx
from registry.student.commands.advancing import lock, not_now
from registry.student.domain import EDITABLE
from registry.student.errors import EvidenceRefused, NotFound
from registry.student.models import EvidenceRow
from registry.student.settings import student_settings


@dataclass(frozen=True, slots=True)
class Proof:
    """A file that is kept already."""

    id: UUID
    kind: str
    name: str
    content_type: str
    size: int
    sha256: bytes


async def add_evidence(tx: Tx, student_id: UUID, proof: Proof) -> UUID:
    """The file belongs to a draft or a returned pupil; answers the id under which it is there.

    The same file of the same kind, sent twice, is there once: under its first id. Raises NotFound, NotEditable,
    EvidenceRefused for too many.
    """
    held = (await lock(tx, [student_id])).get(student_id)
    if held is None:
        raise NotFound("学生")
    if held.status not in EDITABLE:
        raise not_now(held.status)
    most = student_settings().evidence_per_student
    there = await tx.rows(
        select(EvidenceRow.id, EvidenceRow.kind, EvidenceRow.sha256).where(
            EvidenceRow.student_id == student_id, EvidenceRow.removed_at.is_(None)
        )
    )
    same = (proof.kind, proof.sha256)
    twin: UUID | None = next((each.id for each in there if (each.kind, each.sha256) == same), None)
    if twin is not None:
        return twin
    if len(there) >= most:
        raise EvidenceRefused("evidence-too-many", f"每名学生最多{most}份佐证材料。请先删除不需要的。")
    row = {
        "id": proof.id,
        "student_id": student_id,
        "kind": proof.kind,
        "name_sealed": tx.vault.seal(proof.name.encode(), table="evidence", column="name_sealed", row=proof.id),
        "content_type": proof.content_type,
        "size": proof.size,
        "sha256": proof.sha256,
        "added_by": tx.actor.account_id if tx.actor else None,
        "added_at": tx.now,
        "removed_at": None,
    }
    await tx.insert(EvidenceRow, [row])
    objects = [("student", student_id), ("evidence", proof.id)]
    tx.note("evidence.add", objects, organisation=held.school_id, detail={"kind": proof.kind})
    return proof.id


async def remove_evidence(tx: Tx, evidence_id: UUID, student_id: UUID) -> None:
    """The file is no longer shown with the pupil; a submission that has it keeps it. Raises NotFound, NotEditable."""
    held = (await lock(tx, [student_id])).get(student_id)
    if held is None:
        raise NotFound("学生")
    if held.status not in EDITABLE:
        raise not_now(held.status)
    await tx.execute(update(EvidenceRow).where(EvidenceRow.id == evidence_id).values(removed_at=tx.now))
    tx.note("evidence.remove", [("student", student_id), ("evidence", evidence_id)], organisation=held.school_id)
