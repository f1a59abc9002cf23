"""The organisation tree over HTTP."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent
from chassis.transaction import Database, Tx
from contracts.values import OrganisationKind, Role, Schooling, Stage
from registry.organisation import commands, queries

router = APIRouter(prefix="/v1/organisations", tags=["organisations"])

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
EVERYONE = tuple(Role)

Name = Annotated[str, Field(min_length=1, max_length=100)]
Line = Annotated[str, Field(max_length=200)]


class NewOrganisation(BaseModel):
    """An authority, a school or a campus to be created. Source: art. 6 to art. 9."""

    model_config = ConfigDict(extra="forbid")

    kind: OrganisationKind
    name: Name
    code: str = ""
    parent_id: UUID | None = None
    region_code: str
    address: Line = ""
    phone: Line = ""
    area_type: str | None = None
    economy_type: str | None = None
    ethnic_type: str | None = None
    ownership: str | None = None
    setting: str | None = None
    category: str | None = None
    stages: tuple[Stage, ...] = ()
    schooling: Schooling | None = None
    school_number: str | None = None
    authority_id: UUID | None = None
    postal_code: str | None = Field(None, pattern=r"^\d{6}$")
    email: Line | None = None
    english_name: Line | None = None
    valid_from: date | None = None


class Edit(BaseModel):
    """What is to change; fields that are not sent stay."""

    model_config = ConfigDict(extra="forbid")

    version: int
    name: Name | None = None
    region_code: str | None = None
    address: Line | None = None
    phone: Line | None = None
    area_type: str | None = None
    economy_type: str | None = None
    ethnic_type: str | None = None
    ownership: str | None = None
    setting: str | None = None
    category: str | None = None
    stages: tuple[Stage, ...] | None = None
    postal_code: str | None = Field(None, pattern=r"^\d{6}$")
    email: Line | None = None
    english_name: Line | None = None
    valid_until: date | None = None


class HandOver(BaseModel):
    """Another 主管单位 from a day on."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    authority_id: UUID
    since: date = Field(alias="from")


class NewSchooling(BaseModel):
    """Another 学制 from a day on."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schooling: Schooling
    since: date = Field(alias="from")


class Link(BaseModel):
    """Who decides for the school, and when."""

    authority_id: UUID
    authority_name: str
    valid_from: date
    valid_until: date | None


class DatedSchooling(BaseModel):
    """学制 and the day from which it holds."""

    schooling: Schooling
    valid_from: date


class Organisation(BaseModel):
    """An organisation with all fields of arts 8 and 9."""

    id: UUID
    kind: OrganisationKind
    name: str
    code: str
    parent_id: UUID | None
    parent_name: str | None
    region_code: str
    region_name: str
    address: str
    phone: str
    area_type: str | None
    economy_type: str | None
    ethnic_type: str | None
    school_code: str | None
    """学校编码: county and three digits."""
    ownership: str | None
    setting: str | None
    category: str | None
    stages: tuple[Stage, ...]
    schooling: Schooling | None
    authority_id: UUID | None
    """主管单位 of today."""
    authority_name: str | None
    postal_code: str | None
    email: str | None
    english_name: str | None
    valid_from: date
    valid_until: date | None
    version: int


class OrganisationDetail(Organisation):
    """With its history."""

    authorities: tuple[Link, ...]
    schoolings: tuple[DatedSchooling, ...]


class Organisations(BaseModel):
    """A page of organisations."""

    items: list[Organisation]
    total: int


@router.get("", dependencies=[allow(*EVERYONE)])
async def find(
    db: Db,
    actor: Who,
    parent: UUID | None = None,
    kind: OrganisationKind | None = None,
    authority: UUID | None = None,
    q: Annotated[str, Query(max_length=50)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Organisations:
    """What the actor may see, by code; `q` is part of a name or the beginning of a code."""
    async with db.snapshot() as tx:
        wanted = queries.Wanted(parent=parent, kind=kind, authority=authority, words=q.strip())
        found, total = await queries.page(tx, actor.organisation_id, wanted, offset, limit)
        return Organisations(items=[Organisation(**each) for each in found], total=total)


@router.post("", status_code=201, dependencies=[allow(Role.PROVINCE_ADMIN, Role.REGISTRAR)])
async def create(body: NewOrganisation, db: Db, actor: Who, key: Key) -> OrganisationDetail:
    """The province creates authorities and schools, a school its campuses. Source: art. 6, art. 7."""

    async def act() -> OrganisationDetail:
        await queries.require_may_create(tx, actor, body.kind, body.parent_id)
        organisation_id = await commands.create(tx, commands.NewOrganisation(**body.model_dump()))
        return await _detail(tx, organisation_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.get("/{organisation_id}", dependencies=[allow(*EVERYONE)])
async def look(organisation_id: UUID, db: Db, actor: Who) -> OrganisationDetail:
    """One organisation with its history."""
    async with db.snapshot() as tx:
        await queries.require_sight(tx, actor, organisation_id)
        return await _detail(tx, organisation_id)


@router.patch("/{organisation_id}", dependencies=[allow(Role.PROVINCE_ADMIN, Role.REGISTRAR)])
async def edit(organisation_id: UUID, body: Edit, db: Db, actor: Who) -> OrganisationDetail:
    """The province changes everything but codes and place, a school its own contact data and its campuses."""
    changes = _sent(body)
    async with db.transaction(actor) as tx:
        await queries.require_may_edit(tx, actor, organisation_id, changes.keys() - commands.CONTACT_FIELDS)
        await commands.edit(tx, organisation_id, changes, body.version)
        return await _detail(tx, organisation_id)


@router.post("/{organisation_id}/authority", dependencies=[allow(Role.PROVINCE_ADMIN)])
async def hand_over(organisation_id: UUID, body: HandOver, db: Db, actor: Who, key: Key) -> OrganisationDetail:
    """The school gets another 主管单位 from a day on."""

    async def act() -> OrganisationDetail:
        await queries.require_sight(tx, actor, organisation_id)
        await commands.hand_over(tx, organisation_id, body.authority_id, body.since)
        return await _detail(tx, organisation_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.post("/{organisation_id}/schooling", dependencies=[allow(Role.PROVINCE_ADMIN)])
async def set_schooling(organisation_id: UUID, body: NewSchooling, db: Db, actor: Who, key: Key) -> OrganisationDetail:
    """The school has another 学制 from a day on."""

    async def act() -> OrganisationDetail:
        await queries.require_sight(tx, actor, organisation_id)
        await commands.set_schooling(tx, organisation_id, body.schooling, body.since)
        return await _detail(tx, organisation_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


def _sent(body: Edit) -> dict[str, Any]:
    """The fields that were sent; what every organisation has cannot be taken away."""
    sent = body.model_dump(exclude_unset=True, exclude={"version"})
    always = ("name", "region_code", "address", "phone", "stages", "category")
    return {field: value for field, value in sent.items() if value is not None or field not in always}


async def _detail(tx: Tx, organisation_id: UUID) -> OrganisationDetail:
    return OrganisationDetail(**await queries.detail(tx, organisation_id))
