"""Tables of photo."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 - the form SQLAlchemy asks for
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        str: Text,
        bytes: LargeBinary,
        int: Integer,
    }


class PupilRow(Base):
    """Photo's copy of registry.student.v1: no personal data, and the hashes by which file names find a pupil."""

    __tablename__ = "pupil"

    student_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID]
    school_id: Mapped[UUID]
    class_id: Mapped[UUID | None]
    stage: Mapped[str]
    entry_year: Mapped[int]
    first_grade: Mapped[bool]
    status: Mapped[str]
    match_document: Mapped[str | None]
    match_number: Mapped[str | None]
    match_name: Mapped[str | None]

    __table_args__ = (
        Index("pupil_by_enrolment", "enrolment_id"),
        Index("pupil_by_school", "school_id", "class_id"),
        Index("pupil_by_document", "match_document"),
        Index("pupil_by_number", "match_number"),
        Index("pupil_by_name", "match_name"),
    )


class RequirementRow(Base):
    """A photo of the entry year that is due, and what has come of it. Source: art. 12."""

    __tablename__ = "requirement"

    enrolment_id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    school_id: Mapped[UUID]
    school_year: Mapped[int]
    state: Mapped[str]
    sha256: Mapped[str | None]
    reason: Mapped[str | None]
    changed_at: Mapped[datetime]

    __table_args__ = (
        Index("requirement_by_school", "school_id", "state"),
        Index("requirement_by_student", "student_id"),
    )


class PhotoRow(Base):
    """Every photo ever taken, with its school year; never overwritten. An enrolment's newest is the current one."""

    __tablename__ = "photo"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID]
    student_id: Mapped[UUID]
    school_year: Mapped[int]
    sha256: Mapped[str]
    object_key: Mapped[str]
    remarks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime]

    __table_args__ = (
        Index("photo_once", "enrolment_id", "sha256", unique=True),
        Index("photo_by_student", "student_id", "taken_at"),
        Index("photo_by_content", "sha256"),
    )


class ArchiveRow(Base):
    """A ZIP of photos as a durable job."""

    __tablename__ = "archive"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID]
    uploaded_by: Mapped[UUID]
    person_id: Mapped[UUID]
    uploaded_at: Mapped[datetime]
    sha256: Mapped[str]
    object_key: Mapped[str]
    state: Mapped[str]
    """waiting, running, done."""
    files: Mapped[int]
    done: Mapped[int]
    """Files with a result; the job goes on behind them after a crash."""
    lease_until: Mapped[datetime | None]
    bytes: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("archive_by_school", "school_id", "uploaded_at"), Index("archive_open", "state"))


class ArchiveFileRow(Base):
    """What became of one file of an archive."""

    __tablename__ = "archive_file"

    archive_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name_sealed: Mapped[bytes]
    """File names are citizen IDs or names of children."""
    result: Mapped[str]
    """accepted, ambiguous, unmatched, refused."""
    reason: Mapped[str | None]
    student_id: Mapped[UUID | None]
