"""What pages, and enrolment's own commands, ask about pre-review and submissions."""

from registry.enrolment.queries.pre_review import Line, Listing, Season, listing, season, sent_back
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
    "Judged",
    "Line",
    "Listing",
    "Season",
    "Submission",
    "explanations",
    "judged",
    "last_numbers",
    "listing",
    "measured_by",
    "open_of",
    "sealed",
    "sealed_reason",
    "season",
    "sent_back",
    "submissions",
]
