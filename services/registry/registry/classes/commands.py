"""Every way in which classes can change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update

from chassis.rows import among
from chassis.sealing import Vault
from chassis.transaction import Tx
from contracts import topics
from contracts.refusal import NotFound
from contracts.values import OrganisationKind, Schooling, Stage
from registry.calendar import queries as calendars
from registry.classes import domain, queries
from registry.classes.errors import CampusNotOfSchool, ClassClosed, ClassFull, ClassNotEmpty
from registry.classes.models import ClassPlanRow, ClassRow, LimitOverrideRow
from registry.organisation import queries as organisations
from registry.organisation.errors import ChangedMeanwhile, NotASchool


@dataclass(frozen=True, slots=True)
class NewClass:
    """What a school says of a class that it forms. Source: art. 10."""

    stage: Stage
    entry_year: int
    campus_id: UUID | None = None
    name: str | None = None
    class_type: str | None = None
    head_teacher: str | None = None
    founded_on: date | None = None
    schooling: Schooling | None = None
    honours: tuple[str, ...] = ()


def _who(tx: Tx) -> UUID | None:
    return tx.actor.account_id if tx.actor else None


def sealed_name(vault: Vault, class_id: UUID, name: str | None) -> bytes | None:
    """The head teacher's name as it is stored; None for nobody."""
    return vault.seal(name.encode(), table="class", column="head_teacher_sealed", row=class_id) if name else None


async def create(tx: Tx, vault: Vault, school_id: UUID, new: NewClass) -> UUID:
    """The id of a new class with the next 班号 of its cohort.

    Raises NoPlan, PlanUsedUp, StageNotOfSchool, WrongClassType, EntryYearOutOfReach, CampusNotOfSchool, NoNumberLeft.
    Source: art. 10, art. 16.
    """
    school = await _school(tx, school_id)
    await _check_campus(tx, school_id, new.campus_id)
    class_type = new.class_type or domain.ORDINARY[new.stage]
    year = await calendars.active_school_year(tx)
    domain.check_new(new.stage, new.entry_year, class_type, school.stages, year)
    plan = await _lock_plan(tx, school_id, new.stage, new.entry_year)
    existing = (await queries.open_counts(tx, school_id)).get((new.stage, new.entry_year), 0)
    domain.check_plan(plan, existing, new.entry_year, new.stage)
    taken = await tx.rows(
        select(ClassRow.number).where(
            ClassRow.school_id == school_id,
            ClassRow.stage == new.stage.value,
            ClassRow.entry_year == new.entry_year,
        )
    )
    number = domain.next_number(new.entry_year, new.stage, (row.number for row in taken))
    class_id = tx.new_id()
    row = {
        "id": class_id,
        "school_id": school_id,
        "campus_id": new.campus_id,
        "number": number,
        "name": new.name or domain.default_name(new.entry_year, int(number[-2:])),
        "stage": new.stage.value,
        "entry_year": new.entry_year,
        "schooling": (new.schooling or school.schooling).value,
        "class_type": class_type,
        "founded_on": (new.founded_on or tx.now.date()).replace(day=1),
        "head_teacher_sealed": sealed_name(vault, class_id, new.head_teacher),
        "honours": list(new.honours),
        "size": 0,
        "capacity": domain.SCHOOL_LIMIT,
        "closed_on": None,
        "version": 1,
        "created_by": _who(tx),
        "created_at": tx.now,
    }
    await tx.execute(insert(ClassRow).values(**row))
    tx.touch(topics.CLASS, [class_id])
    tx.note("class.create", [("class", class_id)], organisation=school_id, detail={"number": number})
    return class_id


async def edit(tx: Tx, vault: Vault, class_id: UUID, changes: Mapping[str, Any], version: int) -> None:
    """The class with other contents: name, campus_id, class_type, head_teacher, founded_on, schooling, honours.

    班号, stage and entry year never change. Raises ChangedMeanwhile unless `version` is the one that is stored,
    ClassClosed, WrongClassType, CampusNotOfSchool.
    """
    row = await _lock(tx, class_id)
    if row.version != version:
        raise ChangedMeanwhile("班级")
    if row.closed_on is not None:
        raise ClassClosed(row.name)
    stage = Stage(row.stage)
    if "class_type" in changes:
        domain.check_new(stage, row.entry_year, changes["class_type"], [stage], row.entry_year)
    if changes.get("campus_id") is not None:
        await _check_campus(tx, row.school_id, changes["campus_id"])
    stored = {key: value for key, value in changes.items() if key != "head_teacher"}
    if "head_teacher" in changes:
        stored["head_teacher_sealed"] = sealed_name(vault, class_id, changes["head_teacher"])
    if stored.get("founded_on"):
        stored["founded_on"] = stored["founded_on"].replace(day=1)
    await tx.execute(update(ClassRow).where(ClassRow.id == class_id).values(version=version + 1, **stored))
    tx.touch(topics.CLASS, [class_id])
    tx.note("class.edit", [("class", class_id)], organisation=row.school_id, detail={"fields": sorted(changes)})


async def close(tx: Tx, class_id: UUID) -> None:
    """The class ends today. Raises ClassNotEmpty, ClassClosed. Source: art. 16."""
    row = await _lock(tx, class_id)
    if row.closed_on is not None:
        raise ClassClosed(row.name)
    if row.size > 0:
        raise ClassNotEmpty(row.name, row.size)
    await tx.update(ClassRow, [{"id": class_id, "closed_on": tx.now.date(), "version": row.version + 1}], key=["id"])
    tx.touch(topics.CLASS, [class_id])
    tx.note("class.close", [("class", class_id)], organisation=row.school_id)


async def override_limit(tx: Tx, class_id: UUID, limit: int, document_number: str, *, province: bool) -> None:
    """The class may grow to `limit`, by a document of an authority.

    Raises ClassClosed, LimitNotRaised, LimitOfTheProvince. Source: art. 16.
    """
    row = await _lock(tx, class_id)
    if row.closed_on is not None:
        raise ClassClosed(row.name)
    domain.check_limit(limit, row.size, Stage(row.stage), province=province)
    override = {
        "id": tx.new_id(),
        "class_id": class_id,
        "capacity": limit,
        "document_number": document_number,
        "granted_by": _who(tx),
        "granted_at": tx.now,
    }
    await tx.insert(LimitOverrideRow, [override])
    await tx.update(ClassRow, [{"id": class_id, "capacity": limit, "version": row.version + 1}], key=["id"])
    tx.note(
        "class.override-limit",
        [("class", class_id)],
        organisation=row.school_id,
        detail={"limit": limit, "document_number": document_number},
    )


async def set_plan(tx: Tx, school_id: UUID, stage: Stage, entry_year: int, classes: int) -> None:
    """The number of classes that a cohort of a school may form, as its authority approved it.

    Raises StageNotOfSchool, EntryYearOutOfReach, PlanBelowClasses. Source: art. 16.
    """
    school = await _school(tx, school_id)
    year = await calendars.active_school_year(tx)
    domain.check_new(stage, entry_year, domain.ORDINARY[stage], school.stages, year)
    await _lock_plan(tx, school_id, stage, entry_year)
    existing = (await queries.open_counts(tx, school_id)).get((stage, entry_year), 0)
    domain.check_new_plan(classes, existing)
    row = {
        "school_id": school_id,
        "stage": stage.value,
        "entry_year": entry_year,
        "classes": classes,
        "set_by": _who(tx),
        "set_at": tx.now,
    }
    await tx.upsert(ClassPlanRow, [row], key=["school_id", "stage", "entry_year"])
    tx.note(
        "class.set-plan",
        [("organisation", school_id)],
        organisation=school_id,
        detail={"stage": stage.value, "entry_year": entry_year, "classes": classes},
    )


async def take_seats(tx: Tx, wanted: Mapping[UUID, int], *, partly: bool = False) -> Mapping[UUID, domain.Seats]:
    """Seats in classes, so many as asked for; with `partly`, as many as are left. Two statements, however many classes.

    The classes are locked in the order of their ids and updated only while the seats are there, so that clerks and
    imports at the same time cannot over-enrol. Raises ClassFull or ClassClosed for the first class that cannot give
    what was asked (with `partly` it grants 0), NotFound for a class that is not there. Source: art. 16.
    """
    asked = {class_id: seats for class_id, seats in wanted.items() if seats > 0}
    rows = await _lock_all(tx, asked)
    found: dict[UUID, domain.Seats] = {}
    for row in rows:
        left = max(0, row.capacity - row.size) if row.closed_on is None else 0
        if left < asked[row.id] and not partly:
            if row.closed_on is not None:
                raise ClassClosed(row.name)
            raise ClassFull(row.name, row.size, row.capacity)
        granted = min(asked[row.id], left)
        found[row.id] = domain.Seats(granted, row.size + granted, row.capacity)
    await _store_sizes(tx, {class_id: seats.size for class_id, seats in found.items() if seats.granted})
    return found


async def release_seats(tx: Tx, given_up: Mapping[UUID, int]) -> None:
    """Seats given back. Two statements, however many classes. Raises NotFound for a class that is not there."""
    back = {class_id: seats for class_id, seats in given_up.items() if seats > 0}
    rows = await _lock_all(tx, back)
    await _store_sizes(tx, {row.id: row.size - back[row.id] for row in rows})


async def _lock_all(tx: Tx, wanted: Mapping[UUID, int]) -> Sequence[Row[Any]]:
    if not wanted:
        return []
    rows = await tx.rows(
        select(ClassRow.id, ClassRow.name, ClassRow.stage, ClassRow.size, ClassRow.capacity, ClassRow.closed_on)
        .where(among(ClassRow.id, wanted))
        .order_by(ClassRow.id)
        .with_for_update()
    )
    if len(rows) != len(wanted):
        raise NotFound("班级")
    return rows


async def _store_sizes(tx: Tx, sizes: Mapping[UUID, int]) -> None:
    if sizes:
        await tx.update(ClassRow, [{"id": class_id, "size": size} for class_id, size in sizes.items()], key=["id"])


async def _lock(tx: Tx, class_id: UUID) -> Row[Any]:
    row = await tx.row(select(ClassRow).where(ClassRow.id == class_id).with_for_update())
    if row is None:
        raise NotFound("班级")
    return row


async def _lock_plan(tx: Tx, school_id: UUID, stage: Stage, entry_year: int) -> int | None:
    """The classes approved for a cohort; whoever forms classes in it waits here for the others."""
    planned = await tx.scalar(
        select(ClassPlanRow.classes)
        .where(
            ClassPlanRow.school_id == school_id,
            ClassPlanRow.stage == stage.value,
            ClassPlanRow.entry_year == entry_year,
        )
        .with_for_update()
    )
    return None if planned is None else int(planned)


async def _school(tx: Tx, school_id: UUID) -> organisations.School:
    school = (await organisations.schools(tx, [school_id])).get(school_id)
    if school is None or school.kind is not OrganisationKind.SCHOOL:
        raise NotASchool
    school.require_open(tx.now.date())
    return school


async def _check_campus(tx: Tx, school_id: UUID, campus_id: UUID | None) -> None:
    if campus_id is None:
        return
    campus = (await organisations.schools(tx, [campus_id])).get(campus_id)
    if campus is None or campus.centre_id != school_id or campus.id == school_id or not campus.exists(tx.now.date()):
        raise CampusNotOfSchool
