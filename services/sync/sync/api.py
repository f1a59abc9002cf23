"""Sync over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from chassis.http import Actor, allow, current_actor, database, idempotency_key, idempotent
from chassis.identity.copies import may_see, organisations, subtree
from chassis.transaction import Database, Tx
from contracts.refusal import NotFound
from contracts.sync import Standing
from contracts.values import PROBLEM_NAMES, ProblemType, Role
from sync import commands, queries
from sync.queries import Stand

router = APIRouter(prefix="/v1")

ABOVE = (Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN)
INSIDE = (Role.REGISTRAR, Role.TEACHER, *ABOVE)

Db = Annotated[Database, Depends(database)]
Who = Annotated[Actor, Depends(current_actor)]
Key = Annotated[str | None, Depends(idempotency_key)]


class ProblemLine(BaseModel):
    """A problem record 问题学籍 that is open."""

    type: ProblemType
    name: str
    note: str
    found_at: datetime


class RejectionLine(BaseModel):
    """A field that the nation did not take, and why."""

    field: str
    reason: str


class StandingLine(BaseModel):
    """Where a pupil stands with the nation. No personal data, but the nation's own reasons."""

    student_id: UUID
    school_id: UUID
    standing: Standing
    accepted_version: int | None
    spoken_version: int | None
    problems: list[ProblemLine]
    rejections: list[RejectionLine]
    number_issued: bool
    changed_at: datetime


class Standings(BaseModel):
    items: list[StandingLine]
    total: int


class Counts(BaseModel):
    """Pupils by standing."""

    waiting: int
    accepted: int
    rejected: int
    problem: int


class SchoolSummary(Counts):
    """Of one school."""

    school_id: UUID
    school_name: str


class Summary(Counts):
    """Of everything below an organisation."""

    lag_seconds: int
    """Since the record that has waited longest for an answer was said; 0 when none waits."""
    oldest_waiting_at: datetime | None
    conflicts: int
    schools: list[SchoolSummary]


class ConflictLine(BaseModel):
    """Two answers of the nation that cannot both be true. The first one stands."""

    student_id: UUID
    school_id: UUID
    version: int
    code: str
    text: str
    answered_at: datetime
    recorded_at: datetime


class Conflicts(BaseModel):
    items: list[ConflictLine]


class Respoken(BaseModel):
    student_id: UUID


CONFLICTS = {
    "contradicts-final-answer": "国家对同一版本先后给出相反答复，已保留先到的答复。请向国家系统核实。",
    "second-number": "国家对同一版本下发了两个学籍号，已保留先到的学籍号。请向国家系统核实。",
    "number-of-another-pupil": "国家下发的学籍号已属于另一名学生，未采用。请向国家系统核实。",
}


async def _schools(tx: Tx, actor: Actor, asked: UUID | None) -> frozenset[UUID]:
    organisation = asked or actor.organisation_id
    if not await may_see(tx, actor, organisation):
        raise NotFound("单位")
    return await subtree(tx, organisation, tx.now.date())


@router.get("/standings", dependencies=[allow(*INSIDE)])
async def standings(
    db: Db,
    actor: Who,
    students: Annotated[list[UUID] | None, Query(max_length=200)] = None,
    school: UUID | None = None,
    class_id: Annotated[UUID | None, Query(alias="class")] = None,
    standing: Standing | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Standings:
    """Where the pupils of a school stand with the nation, those that changed last first."""
    async with db.snapshot() as tx:
        page = await queries.standings_page(
            tx,
            await _schools(tx, actor, school),
            students=students or (),
            class_id=class_id,
            standing=standing,
            offset=offset,
            limit=limit,
        )
    return Standings(items=[_line(stand) for stand in page.items], total=page.total)


def _line(stand: Stand) -> StandingLine:
    pupil = stand.pupil
    return StandingLine(
        student_id=stand.row.student_id,
        school_id=stand.row.school_id,
        standing=pupil.standing,
        accepted_version=stand.row.accepted_version,
        spoken_version=pupil.newest.at.number if pupil.newest else None,
        problems=[
            ProblemLine(type=one.kind, name=PROBLEM_NAMES[one.kind], note=one.note, found_at=one.found_at)
            for one in pupil.problems
        ],
        rejections=[RejectionLine(field=one.label, reason=one.reason) for one in pupil.rejections],
        number_issued=pupil.number is not None,
        changed_at=stand.row.changed_at,
    )


@router.get("/summary", dependencies=[allow(*INSIDE)])
async def summary(db: Db, actor: Who, under: UUID | None = None) -> Summary:
    """How many pupils wait, stand and have problems, in sum and by school; how long the nation has been silent."""
    async with db.snapshot() as tx:
        schools = await _schools(tx, actor, under)
        by_school = await queries.counts_by_school(tx, schools)
        named = await organisations(tx, by_school.keys())
        oldest = await queries.oldest_waiting(tx, schools)
        conflicts = await queries.conflict_count(tx, schools)
        lag = int((tx.now - oldest).total_seconds()) if oldest else 0
    lines = [
        SchoolSummary(school_id=school, school_name=named[school].name if school in named else "", **counts)
        for school, counts in by_school.items()
    ]
    return Summary(
        waiting=sum(line.waiting for line in lines),
        accepted=sum(line.accepted for line in lines),
        rejected=sum(line.rejected for line in lines),
        problem=sum(line.problem for line in lines),
        lag_seconds=max(lag, 0),
        oldest_waiting_at=oldest,
        conflicts=conflicts,
        schools=sorted(lines, key=lambda line: (-line.problem, -line.rejected, line.school_name)),
    )


@router.get("/conflicts", dependencies=[allow(*ABOVE)])
async def conflicts(db: Db, actor: Who, under: UUID | None = None) -> Conflicts:
    """The last 200 contradictions of the nation, for a person to settle with it."""
    async with db.snapshot() as tx:
        rows = await queries.conflicts(tx, await _schools(tx, actor, under))
    return Conflicts(
        items=[
            ConflictLine(
                student_id=row.student_id,
                school_id=row.school_id,
                version=row.version,
                code=row.code,
                text=CONFLICTS[row.code],
                answered_at=row.answered_at,
                recorded_at=row.recorded_at,
            )
            for row in rows
        ]
    )


@router.get("/desk", dependencies=[allow(*INSIDE)])
async def desk(db: Db, actor: Who) -> Counts:
    """Counts for the work desk."""
    async with db.snapshot() as tx:
        return Counts(**await queries.counts(tx, await _schools(tx, actor, None)))


@router.post("/students/{student_id}/respeak", dependencies=[allow(Role.PROVINCE_ADMIN)], status_code=202)
async def respeak(student_id: UUID, db: Db, actor: Who, key: Key) -> Respoken:
    """The nation is told once more of a pupil, for when it says that it has lost one."""
    async with db.transaction(actor) as tx:

        async def act() -> Respoken:
            school = await queries.school_of(tx, student_id)
            if school is None or not await may_see(tx, actor, school):
                raise NotFound("学生")
            await commands.respeak(tx, student_id, school)
            return Respoken(student_id=student_id)

        return await idempotent(tx, key, None, act)
