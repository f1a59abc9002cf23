"""A school says why it enters pupils despite a warning."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from chassis.transaction import Tx
from registry.enrolment import queries
from registry.enrolment.commands.receipts import MOST
from registry.enrolment.errors import NothingToExplain, TooMany
from registry.enrolment.models import ExplanationRow
from registry.student import commands as pupils
from registry.student import queries as students
from registry.student.domain import EDITABLE


async def explain(tx: Tx, school_id: UUID, ids: Collection[UUID], code: str | None, reason: str) -> int:
    """How many of the pupils have the reason now: for one kind of warning, or for all that they have.

    Only warnings that pre-review shows are explained, and only of drafts and returned pupils of the school; a later
    reason takes the place of an earlier one. Raises TooMany, NothingToExplain. A few statements, however many pupils.
    """
    if len(ids) > MOST:
        raise TooMany(MOST)
    held = await pupils.lock(tx, list(dict.fromkeys(ids)))
    mine = [each.id for each in held.values() if each.school_id == school_id and each.status in EDITABLE]
    judged = await queries.judged(tx, await students.pupils(tx, mine))
    rows: list[dict[str, Any]] = [
        {
            "student_id": student_id,
            "code": warned,
            "reason_sealed": queries.sealed_reason(tx, student_id, warned, reason),
            "account_id": tx.actor.account_id if tx.actor else None,
            "given_at": tx.now,
        }
        for student_id, verdict in judged.verdicts.items()
        for warned in dict.fromkeys(warning.code for warning in verdict.warnings if warning.asks)
        if code is None or warned == code
    ]
    if not rows:
        raise NothingToExplain
    await tx.upsert(ExplanationRow, rows, key=["student_id", "code"])
    explained = list(dict.fromkeys(row["student_id"] for row in rows))
    tx.note(
        "enrolment.explain",
        [("student", each) for each in explained],
        organisation=school_id,
        detail={"code": code or "all"},
    )
    return len(explained)
