"""Tables of the organisation tree."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class OrganisationRow(Base):
    """A 主管单位, a school or a campus, with the fields of arts 8 and 9."""

    __tablename__ = "organisation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    code: Mapped[str]
    """单位代码 (12 digits) of an authority, 学校标识码 (10 digits) of a school; "" for a campus without one."""
    parent_id: Mapped[UUID | None]
    path: Mapped[list[UUID]]
    """Ids from the province down to the organisation itself: who is in here may see it."""
    region_code: Mapped[str]
    """所在地行政区划码, 12 digits."""
    address: Mapped[str]
    phone: Mapped[str]
    area_type: Mapped[str | None]
    economy_type: Mapped[str | None]
    ethnic_type: Mapped[str | None]
    school_number: Mapped[str | None]
    """The last three digits of 学校编码; the first six are `county_code`. Stored, never recomputed, never reused."""
    county_code: Mapped[str | None]
    """Of schools and campuses: six digits."""
    ownership: Mapped[str | None]
    setting: Mapped[str | None]
    category: Mapped[str | None]
    stages: Mapped[list[str]]
    postal_code: Mapped[str | None]
    email: Mapped[str | None]
    english_name: Mapped[str | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    version: Mapped[int]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        Index("organisation_code", "code", unique=True, postgresql_where=text("code <> ''")),
        Index(
            "organisation_school_number",
            "county_code",
            "school_number",
            unique=True,
            postgresql_where=text("school_number IS NOT NULL"),
        ),
        Index("organisation_path", "path", postgresql_using="gin"),
        Index("organisation_parent", "parent_id"),
    )


class AuthorityLinkRow(Base):
    """Which 主管单位 decides for a school, and when. `valid_until` is the first day on which it no longer does."""

    __tablename__ = "authority_link"

    school_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_until: Mapped[date | None]
    authority_id: Mapped[UUID]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]

    __table_args__ = (Index("authority_link_authority", "authority_id"),)


class SchoolingRow(Base):
    """The 学制 of a school from a date on, until the next row."""

    __tablename__ = "schooling"

    school_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    schooling: Mapped[str]
    set_by: Mapped[UUID | None]
    set_at: Mapped[datetime]


class SchoolNumberPoolRow(Base):
    """The last three-digit number given in a county; numbers of closed schools are never given again."""

    __tablename__ = "school_number_pool"

    county_code: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
