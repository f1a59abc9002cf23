"""Pupils as other areas and pages need them, their content opened."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from chassis.rows import among, listed
from chassis.transaction import Tx
from contracts.record import StudentRecord
from contracts.registry import PupilNumber
from contracts.sync import OpenProblem, Standing
from contracts.values import NumberKind, NumberStatus, PhotoState, Stage, StudentStatus
from registry.student import content
from registry.student.models import ClaimRow, EnrolmentRow, NumberRow, StudentRow, StudentVersionRow

# Looking a value up is five times as quick as calling the enumeration, and it is done a dozen times a pupil.
_STATUSES = {each.value: each for each in StudentStatus}
_STAGES = {each.value: each for each in Stage}
_PHOTOS: dict[str | None, PhotoState | None] = {None: None, **{each.value: each for each in PhotoState}}
_STANDINGS: dict[str | None, Standing | None] = {None: None, **{each.value: each for each in Standing}}
_KINDS = {each.value: each for each in NumberKind}
_NUMBER_STATUSES = {each.value: each for each in NumberStatus}

CARRIED = (NumberStatus.PROVISIONAL.value, NumberStatus.CONFIRMED.value)
"""Statuses of the numbers that a pupil carries now."""


class Pupil(NamedTuple):
    """A pupil and the present enrolment, in full. Whoever shows this to a person masks it or audits the read.

    A tuple, for thousands are made at once (chassis decision 19).
    """

    id: UUID
    school_id: UUID
    campus_id: UUID | None
    enrolment_id: UUID
    status: StudentStatus
    version: int
    """Rises with every change; what `advance` and edits compare."""
    record_version: int
    """The version in which the content last changed."""
    stage: Stage
    entry_year: int
    first_grade: bool
    class_id: UUID | None
    record: StudentRecord
    reasons: str | None
    """情况说明: reasons given with the sheet or the form; they answer every warning that asks for one."""
    digest: bytes
    """Keyed hash of record and reasons."""
    documented: bool
    """Has a document of its own."""
    numbers: tuple[PupilNumber, ...]
    """Those carried now: 学籍号 first, then 地区学号; empty where `parts` has read the pupil."""
    photo_state: PhotoState | None
    """None until photo has spoken of this enrolment, and where none is due."""
    photo_hash: str | None
    """SHA-256 of the accepted standard photo."""
    photo_year: int | None
    photo_reason: str | None
    standing: Standing | None
    problems: tuple[OpenProblem, ...]
    """Open problem records of the nation."""
    rejections: tuple[str, ...]
    problem_count: int
    registered_on: date | None
    created_at: datetime
    changed_at: datetime

    def number(self, kind: NumberKind) -> PupilNumber | None:
        """The number of this kind that the pupil carries now."""
        return next((each for each in self.numbers if each.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pupils a list asks for; what is None or empty asks nothing."""

    schools: Collection[UUID] | Select[Any] = ()
    """Ids, or a selection of ids such as `organisations.within(…)`; a list without schools is empty."""
    ids: Collection[UUID] = ()
    """Of pupils."""
    class_id: UUID | None = None
    unplaced: bool = False
    statuses: Collection[StudentStatus] = ()
    stage: Stage | None = None
    entry_year: int | None = None
    photo: PhotoState | None = None
    standing: Standing | None = None
    names: Collection[bytes] = ()
    """Indexes of folded names, any of which fits."""
    numbers: Collection[bytes] = ()
    """Indexes of documents or numbers, any of which fits."""


_COLUMNS = (
    StudentRow.id,
    StudentRow.school_id,
    EnrolmentRow.campus_id,
    StudentRow.enrolment_id,
    StudentRow.status,
    StudentRow.version,
    StudentRow.record_version,
    EnrolmentRow.stage,
    EnrolmentRow.entry_year,
    EnrolmentRow.first_grade,
    EnrolmentRow.class_id,
    StudentRow.digest,
    StudentRow.documented,
    EnrolmentRow.photo_state,
    EnrolmentRow.photo_hash,
    EnrolmentRow.photo_year,
    EnrolmentRow.photo_reason,
    EnrolmentRow.standing,
    EnrolmentRow.standing_sealed,
    EnrolmentRow.problem_count,
    StudentRow.registered_on,
    StudentRow.created_at,
    StudentRow.changed_at,
    StudentVersionRow.record_id,
    StudentVersionRow.record_sealed,
)
_PUPILS = (
    select(*_COLUMNS)
    .select_from(StudentRow)
    .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
    .join(
        StudentVersionRow,
        and_(StudentVersionRow.student_id == StudentRow.id, StudentVersionRow.version == StudentRow.record_version),
    )
)

_PUPILS_BY_ID = _PUPILS.where(listed(StudentRow.id, "ids"))
_CARRIED = (
    select(NumberRow.id, NumberRow.student_id, NumberRow.kind, NumberRow.value_sealed, NumberRow.status)
    .where(listed(NumberRow.student_id, "students"), NumberRow.status.in_(CARRIED))
    .order_by(NumberRow.kind.desc())
)
_ORDER = (EnrolmentRow.school_id, EnrolmentRow.class_id, EnrolmentRow.student_id)
"""By class, who has none last, and in the order in which they came, for ids rise with time: as an index has them."""


async def pupils(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Pupil]:
    """Pupils by id with everything opened, whoever asks; unknown ids are missing. Two statements."""
    if not ids:
        return {}
    return await _opened(tx, await tx.rows(_PUPILS_BY_ID, {"ids": list(ids)}))


async def pupil_page(tx: Tx, wanted: Wanted, offset: int, limit: int) -> tuple[list[Pupil], int]:
    """The pupils that are wanted, by class and the order in which they came, and how many there are.

    Four statements. Only of schools that the caller has found visible.
    """
    counted = select(func.count()).select_from(StudentRow)
    if of_enrolment := _of_enrolment(wanted):
        counted = counted.join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
    total = int(await tx.scalar(counted.where(*_of_student(wanted), *of_enrolment)) or 0)
    if offset >= total:
        return [], total
    # Sorted without their content: a list of a school would otherwise read every record to show fifty.
    # The size of a first page stands in the statement: to read so few in order is cheaper than to sort them all.
    every = _in_order(wanted)
    asked = every.offset(offset).limit(limit) if offset else every.limit(literal_column(str(limit)))
    ids = [row[0] for row in await tx.rows(asked)]
    found = await pupils(tx, ids)
    return [found[each] for each in ids], total


async def parts(tx: Tx, wanted: Wanted, at_once: int) -> AsyncIterator[Sequence[Pupil]]:
    """All pupils that are wanted, in the order of a list, so many at a time and without their numbers.

    One statement, and one more a part: what is to be judged as a whole is sorted once. Pupils that change meanwhile
    are missed only by a caller without a snapshot.
    """
    ids = [row[0] for row in await tx.rows(_in_order(wanted))]
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        found = {row[0]: row for row in await tx.rows(_PUPILS_BY_ID, {"ids": some})}
        yield [_pupil(tx, found[each], ()) for each in some if each in found]


def _in_order(wanted: Wanted) -> Select[Any]:
    """Ids of the pupils that are wanted, in the order of a list."""
    joined = select(StudentRow.id).join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
    here = _in_schools(EnrolmentRow.school_id, wanted.schools)
    return joined.where(here, *_of_student(wanted), *_of_enrolment(wanted)).order_by(*_ORDER)


def _in_schools(column: InstrumentedAttribute[UUID], schools: Collection[UUID] | Select[Any]) -> ColumnElement[bool]:
    if isinstance(schools, Select):
        return column.in_(schools)
    if len(schools) == 1:
        # Of one school the database knows that an index has the list in order; an array may hold any number of them.
        return column == next(iter(schools))
    return among(column, schools)


def _of_student(wanted: Wanted) -> list[ColumnElement[bool]]:
    where = [_in_schools(StudentRow.school_id, wanted.schools)]
    if wanted.ids:
        where.append(among(StudentRow.id, wanted.ids))
    if wanted.statuses:
        where.append(among(StudentRow.status, [status.value for status in wanted.statuses]))
    if wanted.names:
        where.append(among(StudentRow.name_index, wanted.names))
    if wanted.numbers:
        by_number = select(NumberRow.student_id).where(among(NumberRow.value_index, wanted.numbers))
        by_claim = select(ClaimRow.student_id).where(among(ClaimRow.index, wanted.numbers))
        where.append(StudentRow.id.in_(by_number.union(by_claim)))
    return where


def _of_enrolment(wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.class_id is not None:
        where.append(EnrolmentRow.class_id == wanted.class_id)
    if wanted.unplaced:
        where.append(EnrolmentRow.class_id.is_(None))
    if wanted.stage is not None:
        where.append(EnrolmentRow.stage == wanted.stage.value)
    if wanted.entry_year is not None:
        where.append(EnrolmentRow.entry_year == wanted.entry_year)
    if wanted.photo is not None:
        where.append(EnrolmentRow.photo_state == wanted.photo.value)
    if wanted.standing is not None:
        where.append(EnrolmentRow.standing == wanted.standing.value)
    return where


async def _opened(tx: Tx, rows: Sequence[Row[Any]]) -> dict[UUID, Pupil]:
    numbers = await carried(tx, [row[0] for row in rows])
    return {row[0]: _pupil(tx, row, numbers.get(row[0], ())) for row in rows}


def _pupil(tx: Tx, row: Row[Any], numbers: tuple[PupilNumber, ...]) -> Pupil:
    # Unpacked at once: a row's attributes would be looked up by name, one by one.
    (
        student_id, school_id, campus_id, enrolment_id, status, version, record_version, stage, entry_year, first_grade,
        class_id, digest, documented, photo_state, photo_hash, photo_year, photo_reason, standing, standing_sealed,
        problem_count, registered_on, created_at, changed_at, record_id, record_sealed,
    ) = tuple(row)  # fmt: skip
    opened = content.unseal(tx.vault, record_sealed, record_id)
    said = content.unseal_words(tx.vault, standing_sealed, enrolment_id)
    return Pupil(
        id=student_id,
        school_id=school_id,
        campus_id=campus_id,
        enrolment_id=enrolment_id,
        status=_STATUSES[status],
        version=version,
        record_version=record_version,
        stage=_STAGES[stage],
        entry_year=entry_year,
        first_grade=first_grade,
        class_id=class_id,
        record=opened.record,
        reasons=opened.reasons,
        digest=digest,
        documented=documented,
        numbers=numbers,
        photo_state=_PHOTOS[photo_state],
        photo_hash=photo_hash,
        photo_year=photo_year,
        photo_reason=photo_reason,
        standing=_STANDINGS[standing],
        problems=said.problems,
        rejections=said.rejections,
        problem_count=problem_count,
        registered_on=registered_on,
        created_at=created_at,
        changed_at=changed_at,
    )


async def carried(tx: Tx, ids: Collection[UUID]) -> dict[UUID, tuple[PupilNumber, ...]]:
    """Pupil → the numbers carried now, 学籍号 first."""
    if not ids:
        return {}
    rows = await tx.rows(_CARRIED, {"students": list(ids)})
    found: dict[UUID, tuple[PupilNumber, ...]] = {}
    for number_id, student_id, kind, sealed, status in map(tuple, rows):
        number = PupilNumber(
            kind=_KINDS[kind],
            value=content.unseal_number(tx.vault, sealed, number_id),
            status=_NUMBER_STATUSES[status],
        )
        found[student_id] = (*found.get(student_id, ()), number)
    return found
