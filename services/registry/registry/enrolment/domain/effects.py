"""What comes of a decision, as a table: what is not in it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from contracts.review import Reason, RequestApproved, RequestRejected, RequestReturned, RequestWithdrawn
from registry.enrolment.errors import OtherDecision, OtherPupil
from registry.student.domain import Change

Ending = RequestApproved | RequestReturned | RequestRejected | RequestWithdrawn
"""The decisions that end a request."""


class State(StrEnum):
    """Where a submission stands."""

    OPEN = "open"
    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CONFLICT = "conflict"
    """The decision was on other contents than the ones submitted; the pupil was reopened."""


STATE_NAMES: Final[Mapping[State, str]] = {
    State.OPEN: "待审核",
    State.APPROVED: "已通过",
    State.RETURNED: "已退回",
    State.REJECTED: "不予通过",
    State.WITHDRAWN: "已撤回",
    State.CONFLICT: "结论不符",
}

EFFECTS: Final[Mapping[type[Ending], tuple[State, Change]]] = {
    RequestApproved: (State.APPROVED, Change.REGISTERED),
    RequestReturned: (State.RETURNED, Change.REOPENED),
    RequestRejected: (State.REJECTED, Change.REJECTED),
    RequestWithdrawn: (State.WITHDRAWN, Change.REOPENED),
}
"""Decision → what becomes of the submission, and of the pupil. Source: art. 15."""

CONFLICT: Final = Reason(
    code="content-conflict",
    text="主管单位的审核结论与本校提交的内容不一致，结论未生效。请核对学生信息后重新提交。",
)
"""Why a pupil is reopened whose decision names other contents."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a decision is measured by."""

    request_id: UUID
    student_id: UUID
    content_hash: str
    state: State


@dataclass(frozen=True, slots=True)
class Effect:
    """What a decision does."""

    state: State
    change: Change
    reasons: tuple[Reason, ...]


def effect(submission: Submission, decision: Ending) -> Effect | None:
    """What the decision does to the submission and its pupil; None when it was already done.

    A decision on other contents than the submitted ones reopens the pupil, whatever it says. Raises OtherPupil when it
    names another pupil, OtherDecision when the submission was already decided otherwise.
    """
    if decision.student_id != submission.student_id:
        raise OtherPupil
    state, change = EFFECTS[type(decision)]
    reasons: tuple[Reason, ...] = getattr(decision, "reasons", ())
    if decision.content_hash != submission.content_hash:
        state, change, reasons = State.CONFLICT, Change.REOPENED, (CONFLICT, *reasons)
    if submission.state is state:
        return None
    if submission.state is not State.OPEN:
        raise OtherDecision
    return Effect(state, change, reasons)
