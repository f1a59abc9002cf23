"""By when a case is to be decided."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from contracts.values import WindowKind

REVIEW_DAYS = 10
"""Working days that an authority has at least, from the submission on (PROPOSED; ten is what the nation gives each side
of a transfer)."""
SOON = 3
"""Working days before its deadline from which on a case counts as due soon (PROPOSED)."""


class Calendar(Protocol):
    """What deadlines depend on: the calendar that holds for a school."""

    @property
    def active_school_year(self) -> int:
        """学年, as the year in which it began."""

    @property
    def windows(self) -> Mapping[WindowKind, object]:
        """The seasons of the active school year."""

    def closes(self, kind: WindowKind) -> date:
        """The last day of a window, extensions counted."""

    def after_working_days(self, start: date, days: int) -> date:
        """The `days`-th working day after the start, which is not counted itself."""


def deadline(calendar: Calendar, school_year: int, submitted_on: date) -> date:
    """The last day on which a decision is in time: the close of the school's entry window, extensions counted.

    Never less than ten working days after the submission, so that what came on the last day can still be read.

    Where the calendar is of another school year, or says nothing of entry, the window closes on 30 September.
    Source: art. 15.
    """
    heard = calendar.active_school_year == school_year and WindowKind.ENTRY in calendar.windows
    closes = calendar.closes(WindowKind.ENTRY) if heard else date(school_year, 9, 30)
    return max(closes, calendar.after_working_days(submitted_on, REVIEW_DAYS))


def soon(calendar: Calendar, today: date) -> date:
    """What is due between today and this day is due soon."""
    return calendar.after_working_days(today, SOON)
