"""Tables of sync, and how their rows become values."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.sealing import Vault
from contracts.values import ProblemType
from sync.domain import Answer, Number, Problem, Pupil, Refused, Spoken, Version
from sync.national import Projection

COUNTER: Final = table("counter", column("topic", Text), column("subject", Uuid), column("version", BigInteger))
"""The chassis's table, read to know under which version a record is about to be said."""


class Base(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 - the form SQLAlchemy asks for
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        date: Date,
        str: Text,
        bytes: LargeBinary,
        int: Integer,
    }


class NationalPupilRow(Base):
    """What the nation was told of a pupil, and where the pupil stands there."""

    __tablename__ = "national_pupil"

    student_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID]
    school_id: Mapped[UUID]
    class_number: Mapped[str]
    operation: Mapped[str]
    effective_on: Mapped[date]
    projection_sealed: Mapped[bytes | None]
    """None once the pupil's record has ended."""
    content_hash: Mapped[str]
    """Of the projection that was said last."""
    spoken: Mapped[list[list[Any]]] = mapped_column(JSONB)
    """[epoch, version, content hash, answer or null] of every version that was said, oldest first."""
    spoken_at: Mapped[datetime]
    standing: Mapped[str]
    accepted_version: Mapped[int | None] = mapped_column(BigInteger)
    problem_count: Mapped[int]
    answers_sealed: Mapped[bytes | None]
    """Problems and rejections in the nation's own words, which may name a child."""
    number_sealed: Mapped[bytes | None]
    number_blind: Mapped[bytes | None]
    """So that one number never stands for two pupils."""
    number_epoch: Mapped[int | None]
    number_version: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]
    """When the standing last changed."""
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("national_pupil_by_school", "school_id", "standing"),
        Index("national_pupil_by_enrolment", "enrolment_id"),
        Index("national_pupil_waiting", "spoken_at", postgresql_where=text("standing = 'waiting'")),
        Index("national_pupil_one_number", "number_blind", unique=True),
    )


class EnrolmentPhotoRow(Base):
    """The hash of an enrolment's photo; a row without one holds the place against whoever comes at the same time."""

    __tablename__ = "enrolment_photo"

    enrolment_id: Mapped[UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str | None]


class ClassCopyRow(Base):
    """Sync's copy of registry.class.v1, by which a class's pupils are listed."""

    __tablename__ = "class_copy"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID]
    number: Mapped[str]


class ConflictRow(Base):
    """Two answers of the nation that cannot both be true; the first stands, a person looks at it."""

    __tablename__ = "conflict"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    school_id: Mapped[UUID]
    epoch: Mapped[int]
    version: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str]
    """contradicts-final-answer, second-number, number-of-another-pupil."""
    heard: Mapped[str]
    """Type of the receipt that was not followed."""
    receipt_id: Mapped[UUID]
    answered_at: Mapped[datetime]
    recorded_at: Mapped[datetime]

    __table_args__ = (
        Index("conflict_once", "student_id", "epoch", "version", "code", "heard", unique=True),
        Index("conflict_by_school", "school_id", "recorded_at"),
    )


TABLE: Final = NationalPupilRow.__tablename__


def seal_projection(vault: Vault, student: UUID, projection: Projection) -> bytes:
    """The projection as it is stored."""
    return vault.seal(projection.as_json, table=TABLE, column="projection_sealed", row=student)


def open_projection(vault: Vault, row: Any) -> Projection:
    """The projection of a row that has one."""
    return Projection.from_json(
        vault.open(row.projection_sealed, table=TABLE, column="projection_sealed", row=row.student_id)
    )


def spoken_json(spoken: Sequence[Spoken]) -> list[list[Any]]:
    """Versions as they are stored."""
    return [[one.at.epoch, one.at.number, one.content_hash, one.answer] for one in spoken]


def pupil_of(vault: Vault, row: Any) -> Pupil:
    """The value of a row."""
    problems: tuple[Problem, ...] = ()
    rejections: tuple[Refused, ...] = ()
    if row.answers_sealed is not None:
        said = json.loads(vault.open(row.answers_sealed, table=TABLE, column="answers_sealed", row=row.student_id))
        problems = tuple(
            Problem(ProblemType(kind), note, datetime.fromisoformat(found_at))
            for kind, note, found_at in said["problems"]
        )
        rejections = tuple(Refused(column, reason) for column, reason in said["rejections"])
    number = None
    if row.number_sealed is not None:
        value = vault.open(row.number_sealed, table=TABLE, column="number_sealed", row=row.student_id).decode()
        number = Number(value, Version(row.number_epoch, row.number_version))
    return Pupil(
        spoken=tuple(
            Spoken(Version(epoch, version), content_hash, Answer(answer) if answer else None)
            for epoch, version, content_hash, answer in row.spoken
        ),
        problems=problems,
        rejections=rejections,
        number=number,
    )


def answers_of(vault: Vault, student: UUID, pupil: Pupil) -> dict[str, Any]:
    """The columns that receipts change."""
    taken = pupil.taken
    return {
        "student_id": student,
        "spoken": spoken_json(pupil.spoken),
        "standing": pupil.standing.value,
        "accepted_version": taken.at.number if taken else None,
        "problem_count": len(pupil.problems),
        "answers_sealed": _answers_sealed(vault, student, pupil),
        "number_sealed": vault.seal(pupil.number.value.encode(), table=TABLE, column="number_sealed", row=student)
        if pupil.number
        else None,
        "number_blind": blind_number(vault, pupil.number.value) if pupil.number else None,
        "number_epoch": pupil.number.at.epoch if pupil.number else None,
        "number_version": pupil.number.at.number if pupil.number else None,
    }


def blind_number(vault: Vault, number: str) -> bytes:
    """The keyed hash under which a 学籍号 is unique."""
    return vault.blind("national-number", number)


def _answers_sealed(vault: Vault, student: UUID, pupil: Pupil) -> bytes | None:
    if not pupil.problems and not pupil.rejections:
        return None
    said = {
        "problems": [[one.kind, one.note, one.found_at.isoformat()] for one in pupil.problems],
        "rejections": [[one.column, one.reason] for one in pupil.rejections],
    }
    return vault.seal(json.dumps(said).encode(), table=TABLE, column="answers_sealed", row=student)
