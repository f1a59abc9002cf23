"""What review says: decisions on requests."""

from datetime import datetime
from uuid import UUID

from contracts.event import Event, Words


class Reason(Words):
    """Why something is sent back: a coded reason, the field it is about, and words that name no person."""

    code: str
    field: str | None = None
    text: str = ""


class Decision(Event):
    """What all final decisions say."""

    student_id: UUID
    content_hash: str
    decided_by: UUID
    """The person."""
    decided_at: datetime


class RequestApproved(Decision):
    """The authority agrees; registry registers the pupil. Source: art. 15."""


class RequestReturned(Decision):
    """The authority sends the request back to be corrected; registry reopens the pupil."""

    reasons: tuple[Reason, ...]


class RequestRejected(Decision):
    """The authority refuses for good."""

    reasons: tuple[Reason, ...]


class RequestWithdrawn(Event):
    """The school took its request back before it was decided; registry reopens the pupil."""

    student_id: UUID
    content_hash: str
    closed_at: datetime


class StepDecided(Decision):
    """One step of a route with several is done; the request goes on to the next."""

    step: int
