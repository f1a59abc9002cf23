"""The tree of organisations."""

from datetime import date
from typing import Any
from uuid import UUID

from portal.clients.calling import Answer, Caller


class Link(Answer):
    """Who decides for a school, and when."""

    authority_id: UUID
    authority_name: str
    valid_from: date
    valid_until: date | None = None


class DatedSchooling(Answer):
    schooling: str
    valid_from: date


class Organisation(Answer):
    """An organisation with all fields of arts 8 and 9."""

    id: UUID
    kind: str
    name: str
    code: str
    parent_id: UUID | None = None
    parent_name: str | None = None
    region_code: str = ""
    region_name: str = ""
    address: str = ""
    phone: str = ""
    area_type: str | None = None
    economy_type: str | None = None
    ethnic_type: str | None = None
    school_code: str | None = None
    ownership: str | None = None
    setting: str | None = None
    category: str | None = None
    stages: tuple[str, ...] = ()
    schooling: str | None = None
    authority_id: UUID | None = None
    authority_name: str | None = None
    postal_code: str | None = None
    email: str | None = None
    english_name: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    version: int
    authorities: tuple[Link, ...] = ()
    schoolings: tuple[DatedSchooling, ...] = ()


class OrganisationPage(Answer):
    items: list[Organisation]
    total: int


class Organisations:
    """What the asker sees of the tree."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **wanted: Any) -> OrganisationPage:
        """Organisations by code: `parent`, `kind`, `authority`, `q`, `offset`, `limit`."""
        return await self._caller.get(OrganisationPage, "/v1/organisations", **wanted)

    async def one(self, organisation: UUID) -> Organisation:
        """One with its history."""
        return await self._caller.get(Organisation, f"/v1/organisations/{organisation}")

    async def create(self, body: dict[str, object], key: str | None) -> Organisation:
        """A new one."""
        return await self._caller.post(Organisation, "/v1/organisations", body, key=key)

    async def edit(self, organisation: UUID, body: dict[str, object]) -> Organisation:
        """Change what is sent."""
        return await self._caller.ask(Organisation, "PATCH", f"/v1/organisations/{organisation}", body=body)

    async def hand_over(self, organisation: UUID, authority: str, since: str, key: str | None) -> Organisation:
        """Another 主管单位 from a day on."""
        body = {"authority_id": authority, "from": since}
        return await self._caller.post(Organisation, f"/v1/organisations/{organisation}/authority", body, key=key)

    async def set_schooling(self, organisation: UUID, schooling: str, since: str, key: str | None) -> Organisation:
        """Another 学制 from a day on."""
        body = {"schooling": schooling, "from": since}
        return await self._caller.post(Organisation, f"/v1/organisations/{organisation}/schooling", body, key=key)
