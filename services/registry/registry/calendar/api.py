"""The calendar over HTTP."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent, resource
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts.values import Role, WindowKind
from registry.account import queries as accounts
from registry.calendar import commands, domain, queries
from registry.organisation import queries as organisations

router = APIRouter(prefix="/v1/calendar", tags=["calendar"])

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
Safe = Annotated[Vault, Depends(resource(Vault))]


class Window(BaseModel):
    """A season of one kind of business."""

    kind: WindowKind
    name: str
    opens: date
    closes: date
    """Without extensions."""
    closes_here: date
    """With the extensions that hold here."""
    is_open: bool


class Extension(BaseModel):
    """Who let a window stay open longer, why, until when and by which document."""

    id: UUID
    organisation_id: UUID
    organisation_name: str
    kind: WindowKind
    until: date
    reason: str
    document_number: str
    granted_by: str | None
    granted_at: datetime


class Day(BaseModel):
    """A day that is not what its weekday says."""

    model_config = ConfigDict(extra="forbid")

    day: date
    working: bool
    name: str = Field(min_length=1, max_length=50)


class EffectiveCalendar(BaseModel):
    """The calendar that holds for an organisation."""

    organisation_id: UUID
    today: date
    active_school_year: int
    windows: tuple[Window, ...]
    extensions: tuple[Extension, ...]
    holidays: tuple[date, ...]
    working_weekends: tuple[date, ...]


class SetWindow(BaseModel):
    """A season that differs from the default."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID | None = None
    """The actor's own when nothing is said."""
    kind: WindowKind
    opens: date
    closes: date


class Extend(BaseModel):
    """A window that is to stay open longer for an organisation and all below it."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID
    kind: WindowKind
    until: date
    reason: str = Field(min_length=2, max_length=500)
    document_number: str = Field(min_length=2, max_length=100)


class Days(BaseModel):
    """Holidays and worked weekends."""

    model_config = ConfigDict(extra="forbid")

    days: list[Day] = Field(min_length=1, max_length=400)


@router.get("", dependencies=[allow(*Role)])
async def look(db: Db, actor: Who, vault: Safe, organisation: UUID | None = None) -> EffectiveCalendar:
    """The calendar that holds for an organisation, the actor's own when nothing is said."""
    asked = organisation or actor.organisation_id
    async with db.snapshot() as tx:
        await organisations.require_sight(tx, actor, asked)
        return await _effective(tx, vault, asked)


@router.put("/windows", dependencies=[allow(Role.PROVINCE_ADMIN)])
async def set_window(body: SetWindow, db: Db, actor: Who, vault: Safe) -> EffectiveCalendar:
    """A season of the active school year, for an organisation and all below it."""
    where = body.organisation_id or actor.organisation_id
    async with db.transaction(actor) as tx:
        await organisations.require_sight(tx, actor, where)
        await commands.set_window(tx, where, body.kind, body.opens, body.closes)
        return await _effective(tx, vault, where)


@router.put("/days", dependencies=[allow(Role.PROVINCE_ADMIN)])
async def set_days(body: Days, db: Db, actor: Who, vault: Safe) -> EffectiveCalendar:
    """Holidays and worked weekends of the whole province."""
    async with db.transaction(actor) as tx:
        await commands.set_days(tx, actor.organisation_id, {each.day: (each.working, each.name) for each in body.days})
        return await _effective(tx, vault, actor.organisation_id)


@router.post("/extensions", status_code=201, dependencies=[allow(Role.PROVINCE_ADMIN, Role.OFFICER)])
async def extend(body: Extend, db: Db, actor: Who, vault: Safe, key: Key) -> EffectiveCalendar:
    """The province, or an authority above the organisation, lets a window stay open longer."""

    async def act() -> EffectiveCalendar:
        await organisations.require_authority_over(tx, actor, body.organisation_id, "为该单位延期")
        await commands.extend(tx, body.organisation_id, body.kind, body.until, body.reason, body.document_number)
        return await _effective(tx, vault, body.organisation_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


async def _effective(tx: Tx, vault: Vault, organisation_id: UUID) -> EffectiveCalendar:
    calendar = await queries.calendar_of(tx, organisation_id)
    rows = await queries.granted(tx, organisation_id)
    places = await organisations.places(tx, {row.organisation_id for row in rows})
    names = await accounts.names_of(tx, vault, {row.granted_by for row in rows if row.granted_by})
    today = tx.now.date()
    return EffectiveCalendar(
        organisation_id=organisation_id,
        today=today,
        active_school_year=calendar.school_year,
        windows=tuple(
            Window(
                kind=kind,
                name=domain.WINDOW_NAMES[kind],
                opens=span.opens,
                closes=span.closes,
                closes_here=calendar.closes(kind),
                is_open=calendar.is_open(kind, today),
            )
            for kind, span in calendar.windows.items()
        ),
        extensions=tuple(
            Extension(
                id=row.id,
                organisation_id=row.organisation_id,
                organisation_name=places[row.organisation_id].name,
                kind=WindowKind(row.kind),
                until=row.until,
                reason=row.reason,
                document_number=row.document_number,
                granted_by=names.get(row.granted_by) if row.granted_by else None,
                granted_at=row.granted_at,
            )
            for row in rows
        ),
        holidays=tuple(sorted(calendar.holidays)),
        working_weekends=tuple(sorted(calendar.working_weekends)),
    )
