"""Classes and plans."""

from datetime import date
from uuid import UUID

from portal.clients.calling import Answer, Caller


class Signal(Answer):
    code: str
    text: str


class Class(Answer):
    """A class, its size and its signals."""

    id: UUID
    school_id: UUID
    campus_id: UUID | None = None
    campus_name: str | None = None
    number: str
    name: str
    stage: str
    entry_year: int
    grade: int
    grade_name: str
    overdue: bool = False
    class_type: str = ""
    class_type_name: str = ""
    founded_on: date | None = None
    head_teacher: str | None = None
    size: int
    standard: int
    capacity: int
    seats_left: int
    band: str
    signals: tuple[Signal, ...] = ()
    closed_on: date | None = None
    version: int


class ClassPage(Answer):
    items: list[Class]
    total: int


class Plan(Answer):
    stage: str
    entry_year: int
    approved: int
    existing: int


class Plans(Answer):
    items: list[Plan]
    total: int


class Classes:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, school: str | None, *, closed: bool = False) -> ClassPage:
        """The classes of a school by 班号, the asker's own when nothing is said."""
        return await self._caller.get(ClassPage, "/v1/classes", school=school, closed=str(closed).lower(), limit=200)

    async def one(self, class_id: UUID) -> Class:
        """One class."""
        return await self._caller.get(Class, f"/v1/classes/{class_id}")

    async def create(self, body: dict[str, object], key: str | None) -> Class:
        """A new class."""
        return await self._caller.post(Class, "/v1/classes", body, key=key)

    async def edit(self, class_id: UUID, body: dict[str, object]) -> Class:
        """Change what is sent."""
        return await self._caller.ask(Class, "PATCH", f"/v1/classes/{class_id}", body=body)

    async def close(self, class_id: UUID) -> Class:
        """End an empty class."""
        return await self._caller.post(Class, f"/v1/classes/{class_id}/close")

    async def raise_limit(self, class_id: UUID, limit: int, document: str, key: str | None) -> Class:
        """The class may grow beyond its limit."""
        body = {"limit": limit, "document_number": document}
        return await self._caller.post(Class, f"/v1/classes/{class_id}/limit-override", body, key=key)

    async def plans(self, school: UUID) -> Plans:
        """Classes approved for each cohort, newest first."""
        return await self._caller.get(Plans, f"/v1/schools/{school}/plans")

    async def set_plan(self, school: str, stage: str, entry_year: int, classes: int) -> Plans:
        """Approve a number of classes."""
        body = {"stage": stage, "entry_year": entry_year, "classes": classes}
        return await self._caller.ask(Plans, "PUT", f"/v1/schools/{school}/plans", body=body)
