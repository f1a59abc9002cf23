"""Tables of classes."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class ClassRow(Base):
    """A class 班级 with the fields of art. 10, and its seats."""

    __tablename__ = "class"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    school_id: Mapped[UUID]
    """Always the school, never the campus."""
    campus_id: Mapped[UUID | None]
    number: Mapped[str]
    """班号, unique in the school and frozen."""
    name: Mapped[str]
    stage: Mapped[str]
    entry_year: Mapped[int]
    schooling: Mapped[str]
    class_type: Mapped[str]
    founded_on: Mapped[date]
    """建班年月, as the first of the month."""
    head_teacher_sealed: Mapped[bytes | None]
    honours: Mapped[list[str]]
    size: Mapped[int]
    """Seats taken; changed only by take_seats and release_seats."""
    capacity: Mapped[int]
    """Seats that may be taken."""
    closed_on: Mapped[date | None]
    version: Mapped[int]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("size >= 0", name="class_size_not_negative"),
        Index("class_number", "school_id", "number", unique=True),
        Index("class_cohort", "school_id", "stage", "entry_year"),
    )


class LimitOverrideRow(Base):
    """An authority let a class grow beyond its limit, and named the document."""

    __tablename__ = "class_limit_override"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    class_id: Mapped[UUID]
    capacity: Mapped[int]
    document_number: Mapped[str]
    granted_by: Mapped[UUID | None]
    granted_at: Mapped[datetime]

    __table_args__ = (Index("class_limit_override_class", "class_id"),)


class ClassPlanRow(Base):
    """How many classes a school may form for an entry year of a stage. Source: art. 16."""

    __tablename__ = "class_plan"

    school_id: Mapped[UUID] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    entry_year: Mapped[int] = mapped_column(primary_key=True)
    classes: Mapped[int]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]
