"""The calendar that holds for an organisation: the nearest one above it that is known."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import text

from chassis.transaction import Tx
from contracts.values import WindowKind

_NEAREST: Final = text("""
WITH RECURSIVE above AS (
    SELECT asked.id AS asked, asked.id AS at, 0 AS steps
    FROM unnest(CAST(:asked AS uuid[])) AS asked (id)
    UNION ALL
    SELECT above.asked, place.parent_id, above.steps + 1
    FROM above JOIN organisation_copy place ON place.id = above.at
    WHERE place.parent_id IS NOT NULL AND above.steps < 20
)
SELECT DISTINCT ON (above.asked) above.asked, calendar_copy.calendar
FROM above JOIN calendar_copy ON calendar_copy.organisation_id = above.at
ORDER BY above.asked, above.steps
""")


@dataclass(frozen=True, slots=True)
class Days:
    """Days from the first to the last, both included."""

    opens: date
    closes: date


@dataclass(frozen=True, slots=True)
class CalendarCopy:
    """A calendar as this service has heard of it."""

    active_school_year: int
    windows: Mapping[WindowKind, Days]
    """Without extensions."""
    extensions: tuple[tuple[WindowKind, date, str], ...]
    """(kind, the last day, document)."""
    holidays: frozenset[date]
    working_weekends: frozenset[date]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The calendar of an event's body."""
        day = date.fromisoformat
        return cls(
            active_school_year=said["active_school_year"],
            windows={
                WindowKind(each["kind"]): Days(day(each["opens"]), day(each["closes"])) for each in said["windows"]
            },
            extensions=tuple(
                (WindowKind(each["kind"]), day(each["until"]), each["document_number"])
                for each in said.get("extensions", ())
            ),
            holidays=frozenset(map(day, said.get("holidays", ()))),
            working_weekends=frozenset(map(day, said.get("working_weekends", ()))),
        )

    def closes(self, kind: WindowKind) -> date:
        """The last day of a window, extensions counted. Raises KeyError for a window that the calendar lacks."""
        return max([self.windows[kind].closes, *(until for each, until, _ in self.extensions if each is kind)])

    def is_working_day(self, day: date) -> bool:
        """Whether offices are open: Monday to Friday without holidays, and the weekends that are worked."""
        return day in self.working_weekends or (day.weekday() < 5 and day not in self.holidays)

    def after_working_days(self, start: date, days: int) -> date:
        """The `days`-th working day after the start, which is not counted itself."""
        day = start
        while days > 0:
            day += timedelta(days=1)
            days -= self.is_working_day(day)
        return day


async def calendars_of(tx: Tx, organisation_ids: Collection[UUID]) -> Mapping[UUID, CalendarCopy]:
    """Organisation → the calendar that holds for it; missing where none is known. One statement."""
    rows = await tx.rows(_NEAREST, {"asked": list(organisation_ids)})
    return {row.asked: CalendarCopy.of(row.calendar) for row in rows}


async def calendar_of(tx: Tx, organisation_id: UUID) -> CalendarCopy | None:
    """The calendar that holds for an organisation, or None where none is known."""
    return (await calendars_of(tx, [organisation_id])).get(organisation_id)
