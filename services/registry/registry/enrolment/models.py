"""Tables of enrolment. What a submission says is sealed; clear columns are what queries and the law's clock need."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class SubmissionRow(Base):
    """What a school submitted of a pupil: frozen, never changed afterwards but for what became of it."""

    __tablename__ = "submission"

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    student_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    school_id: Mapped[UUID]
    authority_id: Mapped[UUID | None]
    """主管单位 on the day of submission."""
    number: Mapped[int]
    """1..n of the pupil."""
    state: Mapped[str]
    content_hash: Mapped[str]
    content_sealed: Mapped[bytes]
    """The salt, then the packed content."""
    warnings: Mapped[list[str]]
    """Codes of the warnings for which the school gave a reason."""
    submitted_by: Mapped[UUID]
    """The person."""
    account_id: Mapped[UUID]
    submitted_at: Mapped[datetime]
    withdrawal_asked_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """The person; None for a withdrawal."""
    decided_at: Mapped[datetime | None]
    reasons: Mapped[list[Any] | None] = mapped_column(JSONB)
    """Coded reasons of a return, a rejection or a conflict."""

    __table_args__ = (
        Index("submission_student", "student_id", "number", unique=True),
        Index("submission_open", "student_id", unique=True, postgresql_where="state = 'open'"),
    )


class ExplanationRow(Base):
    """Why the school enters a pupil despite a warning."""

    __tablename__ = "explanation"

    student_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    reason_sealed: Mapped[bytes]
    account_id: Mapped[UUID]
    given_at: Mapped[datetime]
