"""The life of a case: open, then decided or withdrawn, once and for all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from contracts.refusal import NotAllowed, Refusal
from contracts.review import (
    Reason,
    RequestApproved,
    RequestRejected,
    RequestReturned,
    RequestWithdrawn,
    StepDecided,
)
from contracts.values import RequestKind
from review.errors import (
    AlreadyDecided,
    ContentChanged,
    NotRouted,
    NotYourCase,
    OutOfReach,
    OwnSubmission,
    RequestTakenBack,
    SameAuthority,
)

CLAIM = timedelta(minutes=10)
"""How long a case on a screen shows as somebody's (PROPOSED). A claim informs; it forbids nothing."""


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """How a case was decided."""

    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"


class Party(StrEnum):
    """Who decides a step of a route."""

    SCHOOL_AUTHORITY = "school-authority"
    """The school's 主管单位 on the day of submission."""


@dataclass(frozen=True, slots=True)
class Step:
    """One party that has to agree."""

    party: Party


ROUTES: Mapping[RequestKind, tuple[Step, ...]] = {
    RequestKind.ENROLMENT: (Step(Party.SCHOOL_AUTHORITY),),
}
"""Kind of request → who has to agree, in order. A new kind is a new line. Source: art. 15."""

KIND_NAMES: Mapping[RequestKind, str] = {RequestKind.ENROLMENT: "新生注册"}
OUTCOME_NAMES: Mapping[Outcome, str] = {
    Outcome.APPROVED: "审核通过",
    Outcome.RETURNED: "退回修改",
    Outcome.REJECTED: "不予通过",
}


class Case(NamedTuple):
    """A request in review's hands, at one step of its route. A tuple, for hundreds are made at once."""

    id: UUID
    kind: RequestKind
    student_id: UUID
    content_hash: str
    submitted_by: UUID
    """The person."""
    state: State = State.OPEN
    step: int = 1
    authority_id: UUID | None = None
    """Who decides this step; None as long as nobody knows."""
    authority_name: str = ""
    escalated_at: datetime | None = None
    escalated_to: UUID | None = None
    """The next level up, which may decide, too."""
    outcome: Outcome | None = None
    decided_by: str = ""
    """The name of the organisation."""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who wants to decide."""

    person_id: UUID
    organisation_id: UUID
    decides: bool = True
    """Whether the role allows it: officers and the province's administrators do, viewers and schools do not."""


def obstacle(case: Case, reviewer: Reviewer) -> Refusal | None:
    """Why the reviewer may not decide on the case now; None when she may.

    The case is decided by the organisation it is routed to, and since its deadline has passed by the next level up,
    too; never by the person who submitted it. Source: art. 15.
    """
    if case.state is State.DECIDED:
        assert case.outcome is not None
        assert case.closed_at is not None
        return AlreadyDecided(case.decided_by, OUTCOME_NAMES[case.outcome], case.closed_at)
    if case.state is State.WITHDRAWN:
        assert case.closed_at is not None
        return RequestTakenBack(case.closed_at)
    if not reviewer.decides:
        return NotAllowed("审核申请")
    if case.authority_id is None:
        return NotRouted()
    if reviewer.organisation_id not in (case.authority_id, case.escalated_to):
        return NotYourCase(case.authority_name)
    if reviewer.person_id == case.submitted_by:
        return OwnSubmission()
    return None


def approve(
    case: Case, reviewer: Reviewer, seen: str, now: datetime, route: Sequence[Step] | None = None
) -> tuple[Case, RequestApproved | StepDecided]:
    """The case approved at its present step: decided after the last one, else open for the next party.

    Raises AlreadyDecided, RequestTakenBack, NotRouted, NotYourCase, OwnSubmission, and ContentChanged when the
    submission is not the one seen. Source: art. 15.
    """
    _require(case, reviewer, seen)
    said = _words(case, reviewer, now)
    if case.step < len(ROUTES[case.kind] if route is None else route):
        onward = case._replace(step=case.step + 1, authority_id=None, escalated_at=None, escalated_to=None)
        return onward, StepDecided(**said, step=case.step)
    return _closed(case, Outcome.APPROVED, now), RequestApproved(**said)


def send_back(
    case: Case, reviewer: Reviewer, seen: str, reasons: Sequence[Reason], now: datetime
) -> tuple[Case, RequestReturned]:
    """The case returned to the school to be corrected. Raises what `approve` raises."""
    _require(case, reviewer, seen)
    said = RequestReturned(**_words(case, reviewer, now), reasons=tuple(reasons))
    return _closed(case, Outcome.RETURNED, now), said


def reject(
    case: Case, reviewer: Reviewer, seen: str, reasons: Sequence[Reason], now: datetime
) -> tuple[Case, RequestRejected]:
    """The case refused for good. Raises what `approve` raises."""
    _require(case, reviewer, seen)
    said = RequestRejected(**_words(case, reviewer, now), reasons=tuple(reasons))
    return _closed(case, Outcome.REJECTED, now), said


def withdraw(case: Case, now: datetime) -> tuple[Case, RequestWithdrawn] | None:
    """The case closed because the school took its request back; None, and nothing to say, when it is closed already."""
    if case.state is not State.OPEN:
        return None
    said = RequestWithdrawn(student_id=case.student_id, content_hash=case.content_hash, closed_at=now)
    return case._replace(state=State.WITHDRAWN, closed_at=now), said


def require_reroutable(case: Case, reviewer: Reviewer, to: UUID, *, anywhere: bool) -> None:
    """Raise unless the reviewer may hand the case to that authority; `anywhere`: the province may, whoever has it.

    Raises AlreadyDecided, RequestTakenBack, NotRouted, NotYourCase, SameAuthority.
    """
    if case.state is not State.OPEN or not anywhere:
        refused = obstacle(case, reviewer)
        if refused is not None and not isinstance(refused, OwnSubmission):
            raise refused
    if case.authority_id == to:
        raise SameAuthority(case.authority_name)


def require_reach(case: Case, to: UUID, name: str, reaching: Mapping[UUID, str]) -> None:
    """Raise OutOfReach unless the authority reaches the case's school; `reaching`: id → name of all that do.

    Who decides has to see whom she decides on, and registry and photo show a pupil to nobody else. Source: art. 15.
    """
    if to not in reaching:
        raise OutOfReach(name, [other for each, other in reaching.items() if each != case.authority_id])


def _require(case: Case, reviewer: Reviewer, seen: str) -> None:
    refused = obstacle(case, reviewer)
    if refused is not None:
        raise refused
    if seen != case.content_hash:
        raise ContentChanged


def _words(case: Case, reviewer: Reviewer, now: datetime) -> dict[str, object]:
    return {
        "student_id": case.student_id,
        "content_hash": case.content_hash,
        "decided_by": reviewer.person_id,
        "decided_at": now,
    }


def _closed(case: Case, outcome: Outcome, now: datetime) -> Case:
    return case._replace(state=State.DECIDED, outcome=outcome, closed_at=now)
