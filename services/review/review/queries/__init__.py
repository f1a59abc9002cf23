"""What review can tell. Nothing here changes anything."""

from review.queries.calendars import UNHEARD, open_days
from review.queries.cases import Filters, Page, Sort, authorities, case, neighbours, page
from review.queries.counts import Progress, desk, progress
from review.queries.history import Happened, history, reasons_of
from review.queries.sight import Sight, names_of, reaching, reviewer_of, sight

__all__ = [
    "UNHEARD",
    "Filters",
    "Happened",
    "Page",
    "Progress",
    "Sight",
    "Sort",
    "authorities",
    "case",
    "desk",
    "history",
    "names_of",
    "neighbours",
    "open_days",
    "page",
    "progress",
    "reaching",
    "reasons_of",
    "reviewer_of",
    "sight",
]
