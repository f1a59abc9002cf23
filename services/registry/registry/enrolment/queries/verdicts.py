"""The verdict of pre-review on pupils, many at a time."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from uuid import UUID

from sqlalchemy import select

from chassis.rows import among
from chassis.transaction import Tx
from contracts.values import Stage
from registry.classes import queries as classes
from registry.classes.queries import Class
from registry.enrolment import domain
from registry.enrolment.domain import Photo, Verdict
from registry.enrolment.models import ExplanationRow
from registry.student import domain as rules
from registry.student.domain import Caution, Circumstances, Problem
from registry.student.queries import Pupil
from registry.student.queries.duplicates import suspicions
from registry.student.settings import StudentSettings, student_settings

EXPLANATION = "explanation"


@dataclass(frozen=True, slots=True)
class Judged:
    """Pupils with their verdicts, and what was read to reach them."""

    pupils: Mapping[UUID, Pupil]
    verdicts: Mapping[UUID, Verdict]
    classes: Mapping[UUID, Class]


async def judged(tx: Tx, pupils: Mapping[UUID, Pupil]) -> Judged:
    """The verdict on each of the pupils. Three statements, however many. Source: art. 12, art. 15, art. 16."""
    seats = await classes.classes(tx, {each.class_id for each in pupils.values() if each.class_id})
    reasons = await explanations(tx, pupils.keys())
    suspected = await suspicions(tx, pupils.keys())
    switches = student_settings()
    about = cache(partial(_about, switches, tx.now.date()))
    verdicts = {}
    for each in pupils.values():
        seat = seats.get(each.class_id) if each.class_id else None
        around = about(each.stage, each.entry_year, each.first_grade, seat, len(suspected.get(each.id, ())))
        found = _found(each, seat, around, required=switches.photo_required)
        verdicts[each.id] = domain.verdict(found, reasons.get(each.id, {}), each.reasons)
    return Judged(pupils, verdicts, seats)


def _about(
    switches: StudentSettings, today: date, stage: Stage, entry_year: int, first_grade: bool, seat: Class | None,
    suspicions: int,
) -> Circumstances:  # fmt: skip
    return Circumstances(
        stage=stage,
        entry_year=entry_year,
        first_grade=first_grade,
        age=switches.age_rule,
        today=today,
        class_size=seat.size if seat else 0,
        class_standard=seat.standard if seat else 0,
        suspicions=suspicions,
    )


def _found(pupil: Pupil, seat: Class | None, about: Circumstances, *, required: bool) -> Iterator[Problem | Caution]:
    yield from rules.complete(pupil.record, entry_year=pupil.entry_year, placed=seat is not None)
    yield from rules.warnings(pupil.record, about)
    photo = Photo(pupil.first_grade, pupil.entry_year, pupil.photo_state, pupil.photo_year, pupil.photo_hash)
    missing = domain.of_photo(photo, required=required)
    if missing:
        yield missing
    if seat and seat.closed_on is not None:
        yield domain.of_closed_class(seat.name)


async def explanations(tx: Tx, ids: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """Pupil → code of a warning → the school's reason."""
    rows = await tx.rows(
        select(ExplanationRow.student_id, ExplanationRow.code, ExplanationRow.reason_sealed).where(
            among(ExplanationRow.student_id, ids)
        )
    )
    found: dict[UUID, dict[str, str]] = {}
    for row in rows:
        opened = tx.vault.open(row.reason_sealed, table=EXPLANATION, column=row.code, row=row.student_id)
        found.setdefault(row.student_id, {})[row.code] = opened.decode()
    return found


def sealed_reason(tx: Tx, student_id: UUID, code: str, reason: str) -> bytes:
    """A school's reason as it is stored."""
    return tx.vault.seal(reason.encode(), table=EXPLANATION, column=code, row=student_id)
