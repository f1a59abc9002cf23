"""Classes, their seats, plans and signals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, case, func, select

from chassis.identity import Actor
from chassis.rows import among, listed
from chassis.sealing import Vault
from chassis.transaction import Tx
from contracts.event import Event
from contracts.registry import ClassChanged
from contracts.values import Schooling, Stage
from registry.classes import domain
from registry.classes.models import ClassPlanRow, ClassRow
from registry.organisation import queries as organisations


@dataclass(frozen=True, slots=True)
class Class:
    """A class as the other areas need it."""

    id: UUID
    school_id: UUID
    campus_id: UUID | None
    number: str
    name: str
    stage: Stage
    entry_year: int
    schooling: Schooling
    class_type: str
    size: int
    capacity: int
    closed_on: date | None

    @property
    def standard(self) -> int:
        """Pupils in a class of standard size."""
        return domain.STANDARD[self.stage]

    @property
    def seats_left(self) -> int:
        """Seats that may still be taken; 0 once closed."""
        return 0 if self.closed_on else max(0, self.capacity - self.size)


_COLUMNS = (
    ClassRow.id,
    ClassRow.school_id,
    ClassRow.campus_id,
    ClassRow.number,
    ClassRow.name,
    ClassRow.stage,
    ClassRow.entry_year,
    ClassRow.schooling,
    ClassRow.class_type,
    ClassRow.size,
    ClassRow.capacity,
    ClassRow.closed_on,
)
_BY_ID = select(*_COLUMNS).where(listed(ClassRow.id, "ids"))
_BY_NUMBER = select(*_COLUMNS).where(ClassRow.school_id == bindparam("school"), listed(ClassRow.number, "numbers"))


def _class(row: Row[Any]) -> Class:
    values = row._asdict()
    values["stage"] = Stage(row.stage)
    values["schooling"] = Schooling(row.schooling)
    return Class(**values)


async def classes(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Class]:
    """Classes by id, closed ones too; unknown ids are missing."""
    rows = await tx.rows(_BY_ID, {"ids": list(ids)})
    return {row.id: _class(row) for row in rows}


async def classes_by_number(tx: Tx, school_id: UUID, numbers: Iterable[str]) -> dict[str, Class]:
    """Classes of a school by 班号, closed ones too; unknown numbers are missing."""
    rows = await tx.rows(_BY_NUMBER, {"school": school_id, "numbers": list(numbers)})
    return {row.number: _class(row) for row in rows}


async def details(
    tx: Tx, school_id: UUID, *, campus_id: UUID | None, closed: bool, offset: int, limit: int
) -> tuple[Sequence[Row[Any]], int]:
    """A page of a school's classes as whole rows, in the order of their numbers, and how many there are."""
    where = [ClassRow.school_id == school_id]
    if campus_id is not None:
        where.append(ClassRow.campus_id == campus_id)
    if not closed:
        where.append(ClassRow.closed_on.is_(None))
    total = await tx.scalar(select(func.count()).select_from(ClassRow).where(*where))
    rows = await tx.rows(select(ClassRow).where(*where).order_by(ClassRow.number).offset(offset).limit(limit))
    return rows, int(total)


async def detail(tx: Tx, class_id: UUID) -> Row[Any] | None:
    """One class as a whole row."""
    return await tx.row(select(ClassRow).where(ClassRow.id == class_id))


def opened_name(vault: Vault, class_id: UUID, sealed: bytes | None) -> str | None:
    """The head teacher's name."""
    if sealed is None:
        return None
    return vault.open(sealed, table="class", column="head_teacher_sealed", row=class_id).decode()


async def plans(tx: Tx, school_id: UUID) -> Mapping[tuple[Stage, int], tuple[int, int]]:
    """(stage, entry year) → (classes approved, open classes), for every cohort with a plan. Source: art. 16."""
    existing = await open_counts(tx, school_id)
    rows = await tx.rows(select(ClassPlanRow).where(ClassPlanRow.school_id == school_id))
    return {
        (Stage(row.stage), row.entry_year): (row.classes, existing.get((Stage(row.stage), row.entry_year), 0))
        for row in rows
    }


async def open_counts(tx: Tx, school_id: UUID) -> Mapping[tuple[Stage, int], int]:
    """(stage, entry year) → classes that are open."""
    rows = await tx.rows(
        select(ClassRow.stage, ClassRow.entry_year, func.count().label("open"))
        .where(ClassRow.school_id == school_id, ClassRow.closed_on.is_(None))
        .group_by(ClassRow.stage, ClassRow.entry_year)
    )
    return {(Stage(row.stage), row.entry_year): row.open for row in rows}


async def open_totals(tx: Tx, school_ids: Iterable[UUID]) -> Mapping[UUID, int]:
    """School → classes that are open; a school without one is missing. One statement."""
    rows = await tx.rows(
        select(ClassRow.school_id, func.count().label("open"))
        .where(among(ClassRow.school_id, school_ids), ClassRow.closed_on.is_(None))
        .group_by(ClassRow.school_id)
    )
    return {row.school_id: row.open for row in rows}


async def signals(tx: Tx, school_ids: Iterable[UUID]) -> Mapping[UUID, tuple[domain.Signal, ...]]:
    """The signals of every open class of the schools 虚拟班级. Source: art. 16."""
    rows = await tx.rows(
        select(
            ClassRow.id,
            ClassRow.school_id,
            ClassRow.stage,
            ClassRow.entry_year,
            ClassRow.size,
            ClassRow.head_teacher_sealed.is_not(None).label("has_head_teacher"),
            ClassRow.created_at,
        ).where(among(ClassRow.school_id, school_ids), ClassRow.closed_on.is_(None))
    )
    zone = tx.now.tzinfo
    shapes = [
        domain.Shape(
            class_id=row.id,
            cohort=(row.school_id, Stage(row.stage), row.entry_year),
            size=row.size,
            has_head_teacher=row.has_head_teacher,
            created_on=row.created_at.astimezone(zone).date(),
        )
        for row in rows
    ]
    return domain.signals(shapes, tx.now.date())


async def changed(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, Event | None]:
    """What registry says of classes now: the builder of registry.class.v1."""
    return {
        each.id: ClassChanged(
            school_id=each.school_id,
            campus_id=each.campus_id,
            number=each.number,
            name=each.name,
            stage=each.stage,
            entry_year=each.entry_year,
            class_type=each.class_type,
            closed_on=each.closed_on,
        )
        for each in (await classes(tx, ids)).values()
    }


async def desk(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Open classes that the actor sees: all, above the standard size, and without a head teacher. One statement."""
    above = case({stage.value: size for stage, size in domain.STANDARD.items()}, value=ClassRow.stage)
    row = await tx.row(
        select(
            func.count().label("classes"),
            func.count().filter(ClassRow.size > above).label("classes_above_standard"),
            func.count().filter(ClassRow.head_teacher_sealed.is_(None)).label("classes_without_head_teacher"),
        ).where(
            ClassRow.school_id.in_(organisations.within(actor.organisation_id, tx.now.date())),
            ClassRow.closed_on.is_(None),
        )
    )
    assert row is not None
    return dict(row._mapping)
