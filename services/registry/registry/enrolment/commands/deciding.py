"""What becomes of pupils when review has decided, and the nation has answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.consuming import Received
from chassis.transaction import Tx
from contracts.review import RequestWithdrawn
from contracts.sync import NationalStandingChanged
from registry.enrolment import domain, queries
from registry.enrolment.domain import Effect, Ending, State
from registry.enrolment.errors import UnknownRequest
from registry.enrolment.models import SubmissionRow
from registry.student import commands as pupils


async def apply_decisions(tx: Tx, decisions: Sequence[Received[Ending]]) -> None:
    """Register, reopen or reject the pupils, each by the final decision on its open request.

    A decision on other contents than the submitted ones reopens the pupil, with the reason, whatever it says. What was
    already done is not done again. About eight statements, however many decisions. Raises UnknownRequest, OtherPupil,
    OtherDecision: such a decision is parked, for nobody can act on it. Source: art. 15.
    """
    held = await pupils.lock(tx, {received.event.student_id for received in decisions})
    known = await queries.measured_by(tx, [received.subject for received in decisions])
    effects: list[tuple[Received[Ending], Effect]] = []
    for received in decisions:
        submission = known.get(received.subject)
        if submission is None:
            raise UnknownRequest
        found = domain.effect(submission, received.event)
        if found is not None:
            effects.append((received, found))
    if not effects:
        return
    await tx.update(SubmissionRow, [_row(received, effect) for received, effect in effects], key=["request_id"])
    await pupils.advance(tx, {received.event.student_id: effect.change for received, effect in effects}, held)
    for state in State:
        students = [("student", received.event.student_id) for received, effect in effects if effect.state is state]
        if students:
            tx.note(f"enrolment.{state.value}", students)


def _row(received: Received[Ending], effect: Effect) -> dict[str, Any]:
    by, at = _decided(received.event)
    return {
        "request_id": received.subject,
        "state": effect.state.value,
        "decided_by": by,
        "decided_at": at,
        "reasons": [reason.model_dump(mode="json", exclude_none=True) for reason in effect.reasons] or None,
    }


def _decided(decision: Ending) -> tuple[UUID | None, datetime]:
    if isinstance(decision, RequestWithdrawn):
        return None, decision.closed_at
    return decision.decided_by, decision.decided_at


async def note_outcomes(tx: Tx, said: Mapping[UUID, NationalStandingChanged]) -> None:
    """Where pupils stand with the nation, and the numbers that it issued. Source: art. 5, art. 13."""
    await pupils.lock(tx, said)
    await pupils.note_standings(tx, said)
    issued = {student_id: event.number for student_id, event in said.items() if event.number is not None}
    if issued:
        await pupils.issue_numbers(tx, issued)
