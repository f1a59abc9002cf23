"""What photo says: whether a pupil's photo of the entry year is there."""

from uuid import UUID

from contracts.event import Event
from contracts.values import PhotoState


class PhotoChanged(Event):
    """The photo of an enrolment is required, accepted or refused. Source: art. 12."""

    student_id: UUID
    school_id: UUID
    school_year: int
    """学年 that the photo is of."""
    state: PhotoState
    sha256: str | None = None
    """Of the standard photo, once accepted; part of what the reviewer's content hash covers."""
    reason: str | None = None
    """Code of the refusal."""
