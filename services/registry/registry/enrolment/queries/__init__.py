"""What pages, and enrolment's own commands, ask about pre-review and submissions."""

from registry.enrolment.queries.pre_review import (
    AT_ONCE,
    Line,
    Listing,
    Season,
    grade_names,
    listing,
    season,
    sent_back,
)
from registry.enrolment.queries.progress import Progress, desk, progress
from registry.enrolment.queries.requests import Likeness, likenesses, looked_up, request, visible
from registry.enrolment.queries.submissions import (
    Submission,
    last_numbers,
    measured_by,
    open_of,
    sealed,
    submissions,
)
from registry.enrolment.queries.verdicts import Judged, explanations, judged, sealed_reason

__all__ = [
    "AT_ONCE",
    "Judged",
    "Likeness",
    "Line",
    "Listing",
    "Progress",
    "Season",
    "Submission",
    "desk",
    "explanations",
    "grade_names",
    "judged",
    "last_numbers",
    "likenesses",
    "listing",
    "looked_up",
    "measured_by",
    "open_of",
    "progress",
    "request",
    "sealed",
    "sealed_reason",
    "season",
    "sent_back",
    "submissions",
    "visible",
]
