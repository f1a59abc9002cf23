"""Every way in which the calendar can change."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from chassis.transaction import Tx
from contracts import topics
from contracts.values import WindowKind
from registry.calendar import domain, queries
from registry.calendar.models import CalendarDayRow, ExtensionRow, SchoolYearRow, WindowRow


def _who(tx: Tx) -> UUID | None:
    return tx.actor.account_id if tx.actor else None


async def found(tx: Tx, province_id: UUID) -> int:
    """The active school year of a new province: the one that today falls into."""
    year = domain.school_year_of(tx.now.date())
    await tx.insert(
        SchoolYearRow,
        [{"organisation_id": province_id, "active": year, "changed_by": _who(tx), "changed_at": tx.now}],
    )
    tx.touch(topics.CALENDAR, [province_id])
    return year


async def set_window(tx: Tx, organisation_id: UUID, kind: WindowKind, opens: date, closes: date) -> None:
    """The season of a kind of business in the active school year, for the organisation and all below it.

    Raises WindowBackwards, WindowOutsideYear, NoSchoolYear.
    """
    year = await queries.active_school_year(tx)
    domain.check_window(domain.Span(opens, closes), year)
    row = {
        "organisation_id": organisation_id,
        "school_year": year,
        "kind": kind.value,
        "opens": opens,
        "closes": closes,
        "set_by": _who(tx),
        "set_at": tx.now,
    }
    await tx.upsert(WindowRow, [row], key=["organisation_id", "school_year", "kind"])
    await _say(tx, organisation_id)
    tx.note(
        "calendar.set-window",
        [("organisation", organisation_id)],
        organisation=organisation_id,
        detail={"kind": kind.value, "opens": opens.isoformat(), "closes": closes.isoformat()},
    )


async def extend(
    tx: Tx, organisation_id: UUID, kind: WindowKind, until: date, reason: str, document_number: str
) -> UUID:
    """The id of an extension: a window stays open longer for the organisation and all below it.

    Raises ExtensionTooShort, WindowOutsideYear, NoSchoolYear.
    """
    calendar = await queries.calendar_of(tx, organisation_id)
    domain.check_extension(calendar, kind, until)
    extension_id = tx.new_id()
    row = {
        "id": extension_id,
        "organisation_id": organisation_id,
        "school_year": calendar.school_year,
        "kind": kind.value,
        "until": until,
        "reason": reason,
        "document_number": document_number,
        "granted_by": _who(tx),
        "granted_at": tx.now,
    }
    await tx.insert(ExtensionRow, [row])
    await _say(tx, organisation_id)
    tx.note(
        "calendar.extend",
        [("organisation", organisation_id)],
        organisation=organisation_id,
        detail={"kind": kind.value, "until": until.isoformat(), "document_number": document_number},
    )
    return extension_id


async def set_days(tx: Tx, province_id: UUID, days: Mapping[date, tuple[bool, str]]) -> None:
    """Holidays and worked weekends of the province: day → (whether it is worked, what it is called)."""
    rows = [{"day": day, "working": working, "name": name} for day, (working, name) in sorted(days.items())]
    await tx.upsert(CalendarDayRow, rows, key=["day"])
    await _say(tx, province_id)
    tx.note("calendar.set-days", [("organisation", province_id)], organisation=province_id, detail={"days": len(rows)})


async def _say(tx: Tx, organisation_id: UUID) -> None:
    """Touch the organisation and all below it that speak for themselves, for what they say contains what is above."""
    tx.touch(topics.CALENDAR, {organisation_id, *await queries.speakers_below(tx, organisation_id)})
