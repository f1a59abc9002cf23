"""Decisions, singly and many at once. Whoever is second is told who was first."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, any_, literal, select
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.consuming import Received
from chassis.identity.copies import organisations
from chassis.transaction import Tx
from contracts.refusal import NotFound, Refusal
from contracts.registry import WithdrawalAsked
from contracts.review import Decision, Reason, StepDecided
from review import domain, queries
from review.commands.noting import note
from review.domain import Case, Outcome, Reviewer
from review.errors import CaseTwice
from review.models import CaseRow, DecisionRow, case_of

Rule = Callable[[Case, Reviewer, str], tuple[Case, Decision]]
"""Case, who decides, the content hash that she saw → the case afterwards and what is said."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of each case of a batch."""

    decided: tuple[UUID, ...]
    refused: Mapping[UUID, Refusal]


async def approve(tx: Tx, seen: Sequence[tuple[UUID, str]]) -> Receipt:
    """The cases approved, each if its content is still the one seen; the others with the reason why not.

    Three statements, however many cases. Raises CaseTwice. Source: art. 15.
    """
    return await _decide(tx, seen, lambda case, reviewer, saw: domain.approve(case, reviewer, saw, tx.now))


async def send_back(tx: Tx, seen: Sequence[tuple[UUID, str]], reasons: Sequence[Reason]) -> Receipt:
    """The cases returned to their schools to be corrected, as `approve` does it; all of them for the same reasons.

    Raises CaseTwice and what `check_reasons` raises.
    """
    checked = domain.check_reasons(reasons, Outcome.RETURNED)
    said = [domain.worded(reason) for reason in checked]
    return await _decide(
        tx, seen, lambda case, reviewer, saw: domain.send_back(case, reviewer, saw, said, tx.now), checked
    )


async def reject(tx: Tx, seen: Sequence[tuple[UUID, str]], reasons: Sequence[Reason]) -> Receipt:
    """The cases refused for good, as `approve` does it; all of them for the same reasons.

    Raises CaseTwice and what `check_reasons` raises.
    """
    checked = domain.check_reasons(reasons, Outcome.REJECTED)
    said = [domain.worded(reason) for reason in checked]
    return await _decide(
        tx, seen, lambda case, reviewer, saw: domain.reject(case, reviewer, saw, said, tx.now), checked
    )


async def _decide(tx: Tx, seen: Sequence[tuple[UUID, str]], rule: Rule, reasons: Sequence[Reason] = ()) -> Receipt:
    hashes = dict(seen)
    if len(hashes) != len(seen):
        raise CaseTwice
    assert tx.actor is not None
    reviewer = queries.reviewer_of(tx.actor)
    cases = await locked(tx, hashes)
    decided: list[tuple[Row[Any], Case, Decision]] = []
    refused: dict[UUID, Refusal] = {}
    for case_id, saw in hashes.items():
        if case_id not in cases:
            refused[case_id] = NotFound("申请")
            continue
        row, case = cases[case_id]
        try:
            decided.append((row, *rule(case, reviewer, saw)))
        except Refusal as refusal:
            refused[case_id] = refusal
    if decided:
        await _store(tx, decided, reasons)
    return Receipt(tuple(case.id for _, case, _ in decided), refused)


async def locked(tx: Tx, ids: Collection[UUID]) -> dict[UUID, tuple[Row[Any], Case]]:
    """The cases that the actor may see, locked in the order of their ids, so that two batches never lock each other."""
    assert tx.actor is not None
    rows = await tx.rows(
        select(*CaseRow.__table__.c)
        .where(CaseRow.id == any_(literal(list(ids), ARRAY(UuidType))))
        .order_by(CaseRow.id)
        .with_for_update()
    )
    own = tx.actor.organisation_id
    foreign = [row for row in rows if own not in (row.authority_id, row.escalated_to)]
    if foreign:
        sight = await queries.sight(tx, tx.actor)
        hidden = {row.id for row in foreign if not sight.reaches(row.school_id, row.authority_id)}
        rows = [row for row in rows if row.id not in hidden]
    told = {row.authority_id for row in foreign} | {row.decided_by_organisation for row in rows}
    named = await organisations(tx, {each for each in told if each}) if told - {None} else {}
    names = {each: place.name for each, place in named.items()}
    return {row.id: (row, case_of(row, names)) for row in rows}


async def _store(tx: Tx, decided: Sequence[tuple[Row[Any], Case, Decision]], reasons: Sequence[Reason]) -> None:
    assert tx.actor is not None
    await tx.update(
        CaseRow,
        [
            {
                "id": case.id,
                "state": case.state.value,
                "step": case.step,
                "authority_id": case.authority_id,
                "escalated_at": case.escalated_at,
                "escalated_to": case.escalated_to,
                "claimed_by": None,
                "claimed_until": None,
                "decision": case.outcome.value if case.outcome else None,
                "decided_by_organisation": tx.actor.organisation_id if case.outcome else None,
                "closed_at": case.closed_at,
            }
            for _, case, _ in decided
        ],
        key=("id",),
    )
    as_typed = [reason.model_dump() for reason in reasons]
    await tx.insert(
        DecisionRow,
        [
            {
                "case_id": case.id,
                "step": row.step,
                "outcome": (case.outcome or Outcome.APPROVED).value,
                "final": case.outcome is not None,
                "content_hash": said.content_hash,
                "reasons": as_typed,
                "decided_by": said.decided_by,
                "account_id": tx.actor.account_id,
                "organisation_id": tx.actor.organisation_id,
                "decided_at": said.decided_at,
            }
            for row, case, said in decided
        ],
    )
    for _, case, said in decided:
        tx.say(case.id, said)
    action = "case.step" if isinstance(decided[0][2], StepDecided) else f"case.{decided[0][1].outcome}"
    note(tx, action, {row.id: row.school_id for row, _, _ in decided})


async def withdraw(tx: Tx, asked: Sequence[Received[WithdrawalAsked]]) -> None:
    """The cases closed whose schools want them back, and so said; of a decided one nothing is said.

    Two statements, however many cases.
    """
    rows = await tx.rows(
        select(*CaseRow.__table__.c)
        .where(CaseRow.id == any_(literal([received.subject for received in asked], ARRAY(UuidType))))
        .order_by(CaseRow.id)
        .with_for_update()
    )
    closed = [(row, done) for row in rows if (done := domain.withdraw(case_of(row, {}), tx.now))]
    if not closed:
        return
    await tx.update(
        CaseRow,
        [
            {
                "id": case.id,
                "state": case.state.value,
                "closed_at": case.closed_at,
                "claimed_by": None,
                "claimed_until": None,
            }
            for _, (case, _) in closed
        ],
        key=("id",),
    )
    for _, (case, said) in closed:
        tx.say(case.id, said)
    note(tx, "case.withdraw", {row.id: row.school_id for row, _ in closed})
