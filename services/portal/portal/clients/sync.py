"""国家对接: where pupils stand with the nation."""

from datetime import datetime
from typing import Any
from uuid import UUID

from portal.clients.calling import Answer, Caller


class OpenProblem(Answer):
    type: str
    name: str = ""
    note: str | None = None
    found_at: datetime | None = None


class Rejection(Answer):
    field: str | None = None
    reason: str


class Standing(Answer):
    """How the nation has last answered for a pupil."""

    student_id: UUID
    school_id: UUID | None = None
    standing: str
    accepted_version: int | None = None
    spoken_version: int | None = None
    problems: tuple[OpenProblem, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    number_issued: bool = False
    changed_at: datetime | None = None


class Standings(Answer):
    items: list[Standing]
    total: int


class SchoolSummary(Answer):
    school_id: UUID
    school_name: str = ""
    waiting: int = 0
    accepted: int = 0
    rejected: int = 0
    problem: int = 0


class Summary(Answer):
    waiting: int = 0
    accepted: int = 0
    rejected: int = 0
    problem: int = 0
    lag_seconds: float | None = None
    oldest_waiting_at: datetime | None = None
    conflicts: int = 0
    schools: tuple[SchoolSummary, ...] = ()


class Sync:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def desk(self) -> dict[str, int]:
        """Counts for the work desk."""
        return await self._caller.get(dict[str, int], "/v1/desk")

    async def standings(self, wanted: dict[str, Any], offset: int, limit: int) -> Standings:
        """Standings by `school`, `standing`, `students`."""
        return await self._caller.get(Standings, "/v1/standings", **{**wanted, "offset": offset, "limit": limit})

    async def summary(self, under: str | None) -> Summary:
        """Counts below an organisation."""
        return await self._caller.get(Summary, "/v1/summary", under=under)

    async def respeak(self, student: UUID, key: str | None) -> None:
        """Send the record again."""
        await self._caller.post(object, f"/v1/students/{student}/respeak", key=key)
