"""Windows and extensions."""

from datetime import date, datetime
from uuid import UUID

from portal.clients.calling import Answer, Caller


class Window(Answer):
    kind: str
    name: str
    opens: date
    closes: date
    closes_here: date
    is_open: bool


class Extension(Answer):
    id: UUID
    organisation_id: UUID
    organisation_name: str
    kind: str
    until: date
    reason: str
    document_number: str
    granted_by: str | None = None
    granted_at: datetime


class EffectiveCalendar(Answer):
    """The calendar that holds for an organisation."""

    organisation_id: UUID
    today: date
    active_school_year: int
    windows: tuple[Window, ...]
    extensions: tuple[Extension, ...] = ()


class Calendar:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def look(self, organisation: str | None = None) -> EffectiveCalendar:
        """What holds for an organisation, the asker's own when nothing is said."""
        return await self._caller.get(EffectiveCalendar, "/v1/calendar", organisation=organisation)

    async def set_window(self, body: dict[str, object]) -> EffectiveCalendar:
        """Another season."""
        return await self._caller.ask(EffectiveCalendar, "PUT", "/v1/calendar/windows", body=body)

    async def extend(self, body: dict[str, object], key: str | None) -> EffectiveCalendar:
        """A window stays open longer."""
        return await self._caller.post(EffectiveCalendar, "/v1/calendar/extensions", body, key=key)
