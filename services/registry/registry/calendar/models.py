"""Tables of the calendar."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class SchoolYearRow(Base):
    """The active school year of the province: one row. The year change updates it, and nothing else."""

    __tablename__ = "school_year"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    active: Mapped[int]
    """学年, as the year in which it began."""
    changed_by: Mapped[UUID | None]
    changed_at: Mapped[datetime]


class WindowRow(Base):
    """A season that differs from the default, for an organisation and all below it that have none of their own."""

    __tablename__ = "calendar_window"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    school_year: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    opens: Mapped[date]
    closes: Mapped[date]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]


class ExtensionRow(Base):
    """A window that stays open longer for one organisation and all below it: who, why, until when, which document."""

    __tablename__ = "calendar_extension"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID]
    school_year: Mapped[int]
    kind: Mapped[str]
    until: Mapped[date]
    reason: Mapped[str]
    document_number: Mapped[str]
    granted_by: Mapped[UUID | None]
    granted_at: Mapped[datetime]

    __table_args__ = (Index("calendar_extension_organisation", "organisation_id", "school_year"),)


class CalendarDayRow(Base):
    """A day that is not what its weekday says: a holiday, or a weekend that is worked."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    name: Mapped[str]
