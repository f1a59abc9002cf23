"""The calendar as it holds for organisations."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from chassis.identity import Actor
from chassis.rows import listed
from chassis.transaction import Tx
from contracts.event import Event
from contracts.registry import CalendarChanged, Extension, Window
from contracts.values import WindowKind
from registry.calendar import domain
from registry.calendar.errors import NoSchoolYear
from registry.calendar.models import CalendarDayRow, ExtensionRow, SchoolYearRow, WindowRow
from registry.organisation import queries as organisations

DAYS_AROUND = timedelta(days=400)
"""Holidays that a calendar knows lie within this of the school year's first day."""
_ACTIVE = select(SchoolYearRow.active)
_WINDOWS = select(WindowRow).where(
    listed(WindowRow.organisation_id, "above"), WindowRow.school_year == bindparam("year")
)
_EXTENSIONS = (
    select(ExtensionRow)
    .where(listed(ExtensionRow.organisation_id, "above"), ExtensionRow.school_year == bindparam("year"))
    .order_by(ExtensionRow.granted_at, ExtensionRow.id)
)
_DAYS = select(CalendarDayRow).where(CalendarDayRow.day.between(bindparam("first"), bindparam("last")))


async def active_school_year(tx: Tx) -> int:
    """The active school year of the province, as the year in which it began. Raises NoSchoolYear."""
    found = await tx.scalar(_ACTIVE)
    if found is None:
        raise NoSchoolYear
    return int(found)


async def calendar_of(tx: Tx, organisation_id: UUID) -> domain.Calendar:
    """The calendar that holds for one organisation. Raises NoSchoolYear."""
    return (await calendars(tx, [organisation_id]))[organisation_id]


async def calendars(tx: Tx, organisation_ids: Iterable[UUID]) -> Mapping[UUID, domain.Calendar]:
    """The calendar that holds for each: the nearest window above it, the extensions of all above it, the holidays.

    Five statements, however many organisations. Raises NoSchoolYear.
    """
    wanted = list(organisation_ids)
    year = await active_school_year(tx)
    paths = {place.id: place.path for place in (await organisations.places(tx, wanted)).values()}
    around = {"above": list({each for path in paths.values() for each in path}), "year": year}
    windows = {
        (row.organisation_id, row.kind): domain.Span(row.opens, row.closes) for row in await tx.rows(_WINDOWS, around)
    }
    extensions: dict[UUID, list[domain.Extended]] = {}
    for row in await tx.rows(_EXTENSIONS, around):
        extensions.setdefault(row.organisation_id, []).append(
            domain.Extended(WindowKind(row.kind), row.until, row.document_number)
        )
    first = domain.year_span(year).opens
    days = await tx.rows(_DAYS, {"first": first - DAYS_AROUND, "last": first + 2 * DAYS_AROUND})
    holidays = frozenset(row.day for row in days if not row.working)
    worked = frozenset(row.day for row in days if row.working)
    found: dict[UUID, domain.Calendar] = {}
    for organisation_id in wanted:
        path = paths.get(organisation_id, ())
        spans = {}
        for kind, season in domain.DEFAULT_SEASONS.items():
            nearest = [windows[each, kind.value] for each in reversed(path) if (each, kind.value) in windows]
            spans[kind] = nearest[0] if nearest else season.span(year)
        found[organisation_id] = domain.Calendar(
            school_year=year,
            windows=spans,
            extensions=tuple(extended for each in path for extended in extensions.get(each, ())),
            holidays=holidays,
            working_weekends=worked,
        )
    return found


async def granted(tx: Tx, organisation_id: UUID) -> Sequence[Row[Any]]:
    """The extensions of the active school year that hold for an organisation, with who granted them, oldest first."""
    place = (await organisations.places(tx, [organisation_id])).get(organisation_id)
    above = list(place.path) if place else []
    return await tx.rows(_EXTENSIONS, {"above": above, "year": await active_school_year(tx)})


async def speakers_below(tx: Tx, organisation_id: UUID) -> frozenset[UUID]:
    """Organisations at or below it whose calendar is said: those with the school year or something of their own."""
    reached = organisations.below(organisation_id)
    rows = await tx.rows(
        select(SchoolYearRow.organisation_id)
        .where(SchoolYearRow.organisation_id.in_(reached))
        .union(
            select(WindowRow.organisation_id).where(WindowRow.organisation_id.in_(reached)),
            select(ExtensionRow.organisation_id).where(ExtensionRow.organisation_id.in_(reached)),
        )
    )
    return frozenset(row.organisation_id for row in rows)


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of calendars now: the builder of registry.calendar.v1."""
    return {
        organisation_id: CalendarChanged(
            active_school_year=calendar.school_year,
            windows=tuple(
                Window(kind=kind, opens=span.opens, closes=span.closes) for kind, span in calendar.windows.items()
            ),
            extensions=tuple(
                Extension(kind=each.kind, until=each.until, document_number=each.document_number)
                for each in calendar.extensions
            ),
            holidays=tuple(sorted(calendar.holidays)),
            working_weekends=tuple(sorted(calendar.working_weekends)),
        )
        for organisation_id, calendar in (await calendars(tx, ids)).items()
    }


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Days until the entry window closes, today not counted; negative once it has closed."""
    calendar = await calendar_of(tx, actor.organisation_id)
    return {"entry_days_left": (calendar.closes(WindowKind.ENTRY) - tx.now.date()).days}
