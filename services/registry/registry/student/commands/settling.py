"""An authority settles a case of duplicates."""

from uuid import UUID

from sqlalchemy import select, update

from chassis.transaction import Tx
from contracts.refusal import NotFound
from registry.organisation import queries as organisations
from registry.student.errors import SettledAlready
from registry.student.models import DuplicateRow
from registry.student.queries.duplicates import require_both


async def settle(tx: Tx, case_id: UUID, reason: str) -> None:
    """The case is closed, for a reason: two children who are alike, or an identity whose matter is cleared.

    Only an officer above both schools may say so; a suspicion that was settled is no warning any more. Raises
    NotFound, NotAllowed, NotYours, SettledAlready. Source: national problem records, kind e.
    """
    assert tx.actor is not None
    row = await tx.row(select(DuplicateRow).where(DuplicateRow.id == case_id).with_for_update())
    if row is None:
        raise NotFound("疑似重复")
    await require_both(tx, tx.actor, [row.school_id, row.holder_school_id])
    await organisations.require_authority_over(tx, tx.actor, row.school_id, "处理疑似重复")
    if row.closed_at is not None:
        raise SettledAlready
    sealed = tx.vault.seal(reason.encode(), table="duplicate_case", column="reason_sealed", row=case_id)
    await tx.execute(
        update(DuplicateRow)
        .where(DuplicateRow.id == case_id)
        .values(closed_at=tx.now, settled_by=tx.actor.account_id, reason_sealed=sealed)
    )
    concerned = [("student", each) for each in (row.student_id, row.holder_id) if each is not None]
    tx.note("duplicate.settle", [("duplicate", case_id), *concerned], organisation=row.school_id)
