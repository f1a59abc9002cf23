"""Tables of student. Whatever names a person is sealed or a keyed hash; clear columns are what queries need."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class StudentRow(Base):
    """A person, once in the province, and where the person stands now."""

    __tablename__ = "student"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    status: Mapped[str]
    version: Mapped[int]
    record_version: Mapped[int]
    """The version whose row holds the present content."""
    digest: Mapped[bytes]
    """Keyed hash of the record and its reasons, by which the same row uploaded again is seen to change nothing."""
    name_index: Mapped[bytes]
    person_index: Mapped[bytes]
    """Name, sex and birth date: the suspicion that two records are one child."""
    documented: Mapped[bool]
    """Has a document of its own."""
    match_document: Mapped[bytes | None]
    match_number: Mapped[bytes | None]
    match_name: Mapped[bytes | None]
    """Hashes by which photo finds the pupil of a file name."""
    registered_on: Mapped[date | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class StudentVersionRow(Base):
    """Every version of every pupil: 1..n without a gap. The content is stored where it changed."""

    __tablename__ = "student_version"

    student_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[str]
    status: Mapped[str]
    school_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    class_id: Mapped[UUID | None]
    record_id: Mapped[UUID | None]
    """Names the content in the associated data of its seal; None where this version left the content as it was."""
    record_sealed: Mapped[bytes | None]
    account_id: Mapped[UUID | None]
    at: Mapped[datetime]


class EnrolmentRow(Base):
    """学籍: a pupil at one school in one stage, with its cohort; what photo and the nation have said of it."""

    __tablename__ = "enrolment"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    school_id: Mapped[UUID]
    campus_id: Mapped[UUID | None]
    class_id: Mapped[UUID | None]
    stage: Mapped[str]
    entry_year: Mapped[int]
    first_grade: Mapped[bool]
    ended_on: Mapped[date | None]
    photo_state: Mapped[str | None]
    photo_hash: Mapped[str | None]
    photo_year: Mapped[int | None]
    photo_reason: Mapped[str | None]
    standing: Mapped[str | None]
    standing_sealed: Mapped[bytes | None]
    """Problems and rejections in the nation's words."""
    problem_count: Mapped[int]


class PlacementRow(Base):
    """Which class an enrolment was in, from when until when (exclusive)."""

    __tablename__ = "class_placement"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID]
    class_id: Mapped[UUID]
    placed_on: Mapped[date]
    left_on: Mapped[date | None]


class NumberRow(Base):
    """Every number ever given out; none is ever used twice. Source: art. 12, art. 13."""

    __tablename__ = "student_number"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    enrolment_id: Mapped[UUID | None]
    kind: Mapped[str]
    value_sealed: Mapped[bytes]
    value_index: Mapped[bytes]
    status: Mapped[str]
    issuer: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class SerialRow(Base):
    """The last serial given out in a pool."""

    __tablename__ = "number_serial"

    kind: Mapped[str] = mapped_column(primary_key=True)
    pool: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


class ClaimRow(Base):
    """Who holds an identity: at most one pupil in the province. Source: art. 13, art. 14."""

    __tablename__ = "identity_claim"

    index: Mapped[bytes] = mapped_column(primary_key=True)
    """Keyed hash of the own document, or of the guardian's number."""
    sequence: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """0 for an own document, 1 to 9 for the guardian's children."""
    student_id: Mapped[UUID]
    person_index: Mapped[bytes]


class DuplicateRow(Base):
    """Two records that may be one child: a case for an authority to compare and settle."""

    __tablename__ = "duplicate_case"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """"claim": somebody tried to enter an identity that is held. "suspicion": both records exist."""
    index: Mapped[bytes]
    student_id: Mapped[UUID | None]
    """The later pupil of a suspicion; nobody was created by a refused attempt."""
    school_id: Mapped[UUID]
    """Who tried."""
    holder_id: Mapped[UUID]
    holder_school_id: Mapped[UUID]
    record_sealed: Mapped[bytes]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    settled_by: Mapped[UUID | None]
    """The account that has settled it; None where it ended with one of the pupils."""
    reason_sealed: Mapped[bytes | None]


class EvidenceRow(Base):
    """A file that proves an item; the object is sealed and named by its id alone."""

    __tablename__ = "evidence"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    kind: Mapped[str]
    name_sealed: Mapped[bytes]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[bytes]
    added_by: Mapped[UUID | None]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
