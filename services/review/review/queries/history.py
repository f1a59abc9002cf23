"""What has happened to a case, without anybody's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from chassis.identity import Actor
from chassis.rows import among
from chassis.transaction import Tx
from contracts.review import Reason
from review.domain import Outcome, State
from review.models import CaseEventRow, DecisionRow


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened to a case."""

    what: str
    """submitted, rerouted, escalated, approved, returned, rejected, withdrawn."""
    at: datetime
    by_me: bool
    organisation_id: UUID | None
    to_organisation_id: UUID | None = None
    text: str | None = None


async def history(tx: Tx, row: Row[Any], actor: Actor) -> tuple[list[Happened], list[Reason]]:
    """What happened to a case, oldest first, and the reasons of its last decision. Two statements."""
    found = [Happened("submitted", row.submitted_at, row.submitted_by == actor.person_id, row.school_id)]
    events = await tx.rows(
        select(CaseEventRow).where(CaseEventRow.case_id == row.id).order_by(CaseEventRow.at, CaseEventRow.id)
    )
    found += [
        Happened(
            each.what,
            each.at,
            each.account_id == actor.account_id,
            each.organisation_id,
            each.to_organisation_id,
            each.text,
        )
        for each in events
    ]
    decisions = await tx.rows(select(DecisionRow).where(DecisionRow.case_id == row.id).order_by(DecisionRow.step))
    found += [
        Happened(Outcome(each.outcome).value, each.decided_at, each.decided_by == actor.person_id, each.organisation_id)
        for each in decisions
    ]
    if row.state == State.WITHDRAWN.value:
        found.append(Happened("withdrawn", row.closed_at, False, row.school_id))
    reasons = [Reason.model_validate(reason) for reason in decisions[-1].reasons] if decisions else []
    return sorted(found, key=lambda each: each.at), reasons


async def reasons_of(tx: Tx, case_ids: Sequence[UUID]) -> dict[UUID, list[Reason]]:
    """Case → the reasons of its final decision, of those that have any. One statement."""
    rows = await tx.rows(
        select(DecisionRow.case_id, DecisionRow.reasons).where(among(DecisionRow.case_id, case_ids), DecisionRow.final)
    )
    return {row.case_id: [Reason.model_validate(reason) for reason in row.reasons] for row in rows if row.reasons}
