"""Pupils."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from portal.clients.calling import Answer, Caller, Download, Said


class Line(Answer):
    """A pupil on a list, masked."""

    id: UUID
    name: str
    sex: str | None = None
    status: str
    status_name: str = ""
    stage: str | None = None
    entry_year: int | None = None
    grade: int | None = None
    grade_name: str | None = None
    class_id: UUID | None = None
    class_name: str | None = None
    class_number: str | None = None
    student_number: str | None = None
    regional_number: str | None = None
    photo_state: str | None = None
    standing: str | None = None
    problem_count: int = 0
    school_id: UUID | None = None
    school_name: str | None = None
    version: int = 0


class Lines(Answer):
    items: list[Line]
    total: int


class Number(Answer):
    kind: str
    value: str
    status: str
    issuer: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class Placement(Answer):
    class_id: UUID | None = None
    class_name: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class Evidence(Answer):
    id: UUID
    kind: str = ""
    name: str = ""
    content_type: str = ""
    size: int = 0
    added_at: datetime | None = None


class Change(Answer):
    version: int
    change: str = ""
    change_name: str | None = None
    status_name: str | None = None
    at: datetime
    by: str | None = None


class Pupil(Line):
    """One pupil with all that is kept of her."""

    reasons: str | None = None
    record: dict[str, str | None] = Field(default_factory=dict)
    names: dict[str, str | None] = Field(default_factory=dict)
    numbers: tuple[Number, ...] = ()
    placements: tuple[Placement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    history: tuple[Change, ...] = ()


class Existing(Answer):
    """Somebody who has this identity already."""

    kind: str
    text: str
    student_id: UUID | None = None


class Derived(Answer):
    birth_date: str | None = None
    sex: str | None = None
    age: int | None = None
    student_number_preview: str | None = None


class Verdict(Answer):
    """What saving would say."""

    problems: tuple[Said, ...] = ()
    warnings: tuple[Said, ...] = ()
    existing: Existing | None = None
    derived: Derived | None = None


class NotPlaced(Answer):
    student_id: UUID
    code: str = ""
    text: str


class Placed(Answer):
    placed: tuple[UUID, ...] = ()
    refused: tuple[NotPlaced, ...] = ()


class Duplicate(Answer):
    """Two records that may be one child."""

    id: UUID
    kind: str
    school_name: str
    holder_school: str | None = None
    name: str
    opened_at: datetime
    closed_at: datetime | None = None


class Compared(Answer):
    label: str
    entered: str
    held: str
    same: bool


class Comparison(Answer):
    """A case, item by item, masked."""

    id: UUID
    kind: str
    school_name: str
    holder_school: str
    holder_status: str
    opened_at: datetime
    closed_at: datetime | None = None
    settled_by: str | None = None
    reason: str | None = None
    items: tuple[Compared, ...] = ()


class Duplicates(Answer):
    items: list[Duplicate]
    total: int


class Students:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def check(self, fields: dict[str, str]) -> Verdict:
        """What saving would say; nothing is stored."""
        return await self._caller.post(Verdict, "/v1/students/check", {"fields": fields})

    async def create(self, fields: dict[str, str], key: str | None) -> Pupil:
        """A draft."""
        return await self._caller.post(Pupil, "/v1/students", {"fields": fields}, key=key)

    async def find(self, wanted: dict[str, Any], offset: int, limit: int) -> Lines:
        """A list by filters."""
        return await self._caller.get(Lines, "/v1/students", **{**wanted, "offset": offset, "limit": limit})

    async def search(self, words: str, wanted: dict[str, Any], offset: int, limit: int) -> Lines:
        """A list by name or full number, which no URL carries."""
        filters = {name: value for name, value in wanted.items() if value}
        body = {"q": words, **filters, "offset": offset, "limit": limit}
        return await self._caller.post(Lines, "/v1/students/search", body)

    async def one(self, student: UUID) -> Pupil:
        """One pupil, masked."""
        return await self._caller.get(Pupil, f"/v1/students/{student}")

    async def unmask(self, student: UUID, reason: str) -> Pupil:
        """One pupil in full; the read is kept with its reason."""
        return await self._caller.post(Pupil, f"/v1/students/{student}/unmask", {"reason": reason})

    async def edit(self, student: UUID, version: int, fields: dict[str, str]) -> None:
        """Replace the record of a draft or a returned pupil."""
        body = {"version": version, "fields": fields}
        await self._caller.ask(object, "PATCH", f"/v1/students/{student}", body=body, brief=True)

    async def remove(self, student: UUID, version: int) -> None:
        """未报到."""
        path = f"/v1/students/{student}/remove"
        await self._caller.ask(object, "POST", path, body={"version": version}, brief=True)

    async def place(self, class_id: str, students: list[str], key: str | None) -> Placed:
        """Seats in a class for many."""
        body = {"class_id": class_id, "students": students}
        return await self._caller.post(Placed, "/v1/students/place", body, key=key)

    async def export(self, wanted: dict[str, Any]) -> Download:
        """The list as a workbook; the read is audited."""
        return await self._caller.download("/v1/students/export.xlsx", **wanted)

    async def add_evidence(self, student: UUID, body: AsyncIterator[bytes], kind: str, length: str | None) -> None:
        """Hand a file on."""
        path = f"/v1/students/{student}/evidence"
        await self._caller.upload(object, "POST", path, body, kind, length=length)

    async def evidence(self, evidence: UUID) -> Download:
        """A file; the read is audited."""
        return await self._caller.download(f"/v1/evidence/{evidence}")

    async def drop_evidence(self, evidence: UUID) -> None:
        """Take a file away."""
        await self._caller.ask(object, "DELETE", f"/v1/evidence/{evidence}")

    async def duplicates(self, state: str, offset: int, limit: int) -> Duplicates:
        """The open ones or all, newest first."""
        return await self._caller.get(Duplicates, "/v1/duplicates", state=state, offset=offset, limit=limit)

    async def compare(self, case: UUID) -> Comparison:
        """Both records of a case, masked."""
        return await self._caller.get(Comparison, f"/v1/duplicates/{case}")

    async def settle(self, case: UUID, reason: str, key: str | None) -> Comparison:
        """Close a case for a reason."""
        return await self._caller.post(Comparison, f"/v1/duplicates/{case}/settle", {"reason": reason}, key=key)
