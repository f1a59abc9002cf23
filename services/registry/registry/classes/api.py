"""Classes over HTTP."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent, resource
from chassis.sealing import Vault
from chassis.transaction import Database, Tx
from contracts import codes
from contracts.refusal import NotFound
from contracts.values import Role, Schooling, Stage
from registry.calendar import domain as calendar
from registry.calendar import queries as calendars
from registry.classes import commands, domain, queries
from registry.organisation import queries as organisations

router = APIRouter(prefix="/v1", tags=["classes"])

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]
Safe = Annotated[Vault, Depends(resource(Vault))]
Name = Annotated[str, Field(min_length=1, max_length=50)]
Honours = Annotated[tuple[Name, ...], Field(max_length=50)]


class NewClass(BaseModel):
    """A class to be formed. Source: art. 10."""

    model_config = ConfigDict(extra="forbid")

    school_id: UUID | None = None
    """The actor's own school when nothing is said."""
    stage: Stage
    entry_year: int
    campus_id: UUID | None = None
    name: Name | None = None
    class_type: str | None = None
    head_teacher: Name | None = None
    founded_on: date | None = None
    schooling: Schooling | None = None
    honours: Honours = ()


class Edit(BaseModel):
    """What is to change; fields that are not sent stay. 班号, stage and entry year never change."""

    model_config = ConfigDict(extra="forbid")

    version: int
    campus_id: UUID | None = None
    name: Name | None = None
    class_type: str | None = None
    head_teacher: Name | None = None
    founded_on: date | None = None
    schooling: Schooling | None = None
    honours: Honours | None = None


class LimitOverride(BaseModel):
    """A class may grow beyond its limit, by a document."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(ge=1, le=120)
    document_number: str = Field(min_length=2, max_length=100)


class NewPlan(BaseModel):
    """How many classes a cohort may form."""

    model_config = ConfigDict(extra="forbid")

    entry_year: int
    stage: Stage
    classes: int = Field(ge=0, le=99)


class Signal(BaseModel):
    """Why a class may be a virtual one."""

    code: domain.Signal
    text: str


class Class(BaseModel):
    """A class with all fields of art. 10, its size and its signals."""

    id: UUID
    school_id: UUID
    campus_id: UUID | None
    campus_name: str | None
    number: str
    name: str
    stage: Stage
    entry_year: int
    grade: int
    """1 to 12 in the active school year; 0 for a cohort that has not begun."""
    grade_name: str
    overdue: bool
    schooling: Schooling
    class_type: str
    class_type_name: str
    founded_on: date
    head_teacher: str | None
    honours: tuple[str, ...]
    size: int
    standard: int
    capacity: int
    seats_left: int
    band: domain.Band
    signals: tuple[Signal, ...]
    closed_on: date | None
    version: int


class Classes(BaseModel):
    """A page of classes."""

    items: list[Class]
    total: int


class Plan(BaseModel):
    """Classes approved for a cohort, and classes that exist."""

    stage: Stage
    entry_year: int
    approved: int
    existing: int


class Plans(BaseModel):
    """The approved plans of a school."""

    items: list[Plan]
    total: int


@router.get("/classes", dependencies=[allow(*Role)])
async def find(
    db: Db,
    actor: Who,
    vault: Safe,
    school: UUID | None = None,
    campus: UUID | None = None,
    closed: bool = False,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
) -> Classes:
    """The classes of a school, the actor's own when nothing is said, by 班号."""
    async with db.snapshot() as tx:
        school_id = school or await organisations.own_school(tx, actor)
        await organisations.require_sight(tx, actor, school_id, "学校")
        rows, total = await queries.details(tx, school_id, campus_id=campus, closed=closed, offset=offset, limit=limit)
        return Classes(items=await _shown(tx, vault, rows), total=total)


@router.get("/classes/{class_id}", dependencies=[allow(*Role)])
async def look(class_id: UUID, db: Db, actor: Who, vault: Safe) -> Class:
    """One class."""
    async with db.snapshot() as tx:
        await _school_of(tx, actor, class_id)
        return await _one(tx, vault, class_id)


@router.post("/classes", status_code=201, dependencies=[allow(Role.REGISTRAR)])
async def create(body: NewClass, db: Db, actor: Who, vault: Safe, key: Key) -> Class:
    """A school forms a class within its plan. Source: art. 10, art. 16."""

    async def act() -> Class:
        school_id = body.school_id or await organisations.own_school(tx, actor)
        await organisations.require_own_school(tx, actor, school_id, "在该学校建班")
        new = commands.NewClass(**body.model_dump(exclude={"school_id"}))
        return await _one(tx, vault, await commands.create(tx, vault, school_id, new))

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.patch("/classes/{class_id}", dependencies=[allow(Role.REGISTRAR)])
async def edit(class_id: UUID, body: Edit, db: Db, actor: Who, vault: Safe) -> Class:
    """A school changes its class."""
    async with db.transaction(actor) as tx:
        school_id = await _school_of(tx, actor, class_id)
        await organisations.require_own_school(tx, actor, school_id, "修改该班级")
        await commands.edit(tx, vault, class_id, _sent(body), body.version)
        return await _one(tx, vault, class_id)


@router.post("/classes/{class_id}/close", dependencies=[allow(Role.REGISTRAR)])
async def close(class_id: UUID, db: Db, actor: Who, vault: Safe) -> Class:
    """A school ends an empty class."""
    async with db.transaction(actor) as tx:
        school_id = await _school_of(tx, actor, class_id)
        await organisations.require_own_school(tx, actor, school_id, "撤销该班级")
        await commands.close(tx, class_id)
        return await _one(tx, vault, class_id)


@router.post("/classes/{class_id}/limit-override", dependencies=[allow(Role.OFFICER, Role.PROVINCE_ADMIN)])
async def override_limit(class_id: UUID, body: LimitOverride, db: Db, actor: Who, vault: Safe, key: Key) -> Class:
    """An authority lets a class grow beyond its limit. Source: art. 16."""

    async def act() -> Class:
        school_id = await _school_of(tx, actor, class_id)
        await organisations.require_authority_over(tx, actor, school_id, "放宽该班级的班额")
        province = Role.PROVINCE_ADMIN in actor.roles
        await commands.override_limit(tx, class_id, body.limit, body.document_number, province=province)
        return await _one(tx, vault, class_id)

    async with db.transaction(actor) as tx:
        return await idempotent(tx, key, body, act)


@router.get("/schools/{school_id}/plans", dependencies=[allow(*Role)])
async def plans(school_id: UUID, db: Db, actor: Who) -> Plans:
    """The plans of a school, newest cohort first."""
    async with db.snapshot() as tx:
        await organisations.require_sight(tx, actor, school_id, "学校")
        return await _plans(tx, school_id)


@router.put("/schools/{school_id}/plans", dependencies=[allow(Role.OFFICER, Role.PROVINCE_ADMIN)])
async def set_plan(school_id: UUID, body: NewPlan, db: Db, actor: Who) -> Plans:
    """An authority approves the number of classes of a cohort. Source: art. 16."""
    async with db.transaction(actor) as tx:
        await organisations.require_authority_over(tx, actor, school_id, "批准该学校的班级数")
        await commands.set_plan(tx, school_id, body.stage, body.entry_year, body.classes)
        return await _plans(tx, school_id)


async def _school_of(tx: Tx, actor: Actor, class_id: UUID) -> UUID:
    """The school of a class that the actor may see. Raises NotFound."""
    found = (await queries.classes(tx, [class_id])).get(class_id)
    if found is None or not await organisations.may_see(tx, actor, found.school_id):
        raise NotFound("班级")
    return found.school_id


def _sent(body: Edit) -> dict[str, Any]:
    """The fields that were sent; only the campus and the head teacher can be taken away."""
    sent = body.model_dump(exclude_unset=True, exclude={"version"})
    return {key: value for key, value in sent.items() if value is not None or key in ("campus_id", "head_teacher")}


async def _one(tx: Tx, vault: Vault, class_id: UUID) -> Class:
    row = await queries.detail(tx, class_id)
    (shown,) = await _shown(tx, vault, [row])
    return shown


async def _shown(tx: Tx, vault: Vault, rows: Any) -> list[Class]:
    signals = await queries.signals(tx, {row.school_id for row in rows})
    campuses = await organisations.places(tx, {row.campus_id for row in rows if row.campus_id})
    year = await calendars.active_school_year(tx)
    shown = []
    for row in rows:
        stage, schooling = Stage(row.stage), Schooling(row.schooling)
        grade = calendar.grade(year, row.entry_year, stage, schooling)
        shown.append(
            Class(
                **{field: getattr(row, field) for field in _AS_STORED},
                campus_name=campuses[row.campus_id].name if row.campus_id else None,
                grade=grade.number,
                grade_name=grade.name,
                overdue=grade.overdue,
                class_type_name=codes.SETS["班级类型"].name_of(row.class_type),
                head_teacher=queries.opened_name(vault, row.id, row.head_teacher_sealed),
                standard=domain.STANDARD[stage],
                seats_left=0 if row.closed_on else max(0, row.capacity - row.size),
                band=domain.band(stage, row.size),
                signals=tuple(Signal(code=each, text=domain.SIGNAL_TEXTS[each]) for each in signals.get(row.id, ())),
            )
        )
    return shown


_AS_STORED = (
    "id", "school_id", "campus_id", "number", "name", "stage", "entry_year", "schooling", "class_type", "founded_on",
    "honours", "size", "capacity", "closed_on", "version",
)  # fmt: skip


async def _plans(tx: Tx, school_id: UUID) -> Plans:
    found = await queries.plans(tx, school_id)
    items = [
        Plan(stage=stage, entry_year=year, approved=approved, existing=existing)
        for (stage, year), (approved, existing) in sorted(found.items(), key=lambda each: (-each[0][1], each[0][0]))
    ]
    return Plans(items=items, total=len(items))
