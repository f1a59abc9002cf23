"""Tables of review. No personal data in any of them: ids, codes and hashes."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Date, DateTime, Index, Integer, MetaData, Row, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.clock import ZONE
from contracts.values import RequestKind
from review.domain import Case, Outcome, State

UNNAMED = "主管单位"
"""What an organisation is called whose state has not arrived."""


class Base(DeclarativeBase):
    """Tables as classes named …Row; rows come out through SQLAlchemy Core, never through a session."""

    metadata = MetaData()
    type_annotation_map = {  # noqa: RUF012 - the form SQLAlchemy asks for
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        date: Date,
        str: Text,
        int: Integer,
        bool: Boolean,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class CaseRow(Base):
    """A request in review's hands 审核件. Its id is the request's."""

    __tablename__ = "review_case"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    student_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    school_id: Mapped[UUID]
    class_id: Mapped[UUID | None]
    stage: Mapped[str]
    submission_number: Mapped[int]
    content_hash: Mapped[str]
    submitted_by: Mapped[UUID]
    """The person."""
    submitted_at: Mapped[datetime]
    submitted_on: Mapped[date]
    """The day in China."""
    school_year: Mapped[int]
    warnings: Mapped[list[str]]
    asked_authority_id: Mapped[UUID | None]
    """Whom the request named as the school's 主管单位."""
    authority_id: Mapped[UUID | None]
    """Who decides the present step; nothing as long as it is not known."""
    step: Mapped[int]
    state: Mapped[str]
    deadline: Mapped[date]
    """The last day on which it is in time."""
    escalated_at: Mapped[datetime | None]
    escalated_to: Mapped[UUID | None]
    """The next level up, which may decide, too, since the deadline has passed."""
    claimed_by: Mapped[UUID | None]
    """The account on whose screen it is."""
    claimed_until: Mapped[datetime | None]
    decision: Mapped[str | None]
    decided_by_organisation: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="review_case_closed"),
        CheckConstraint("(state = 'decided') = (decision IS NOT NULL)", name="review_case_decided"),
        Index("review_case_authority", "authority_id", "state", "deadline", "submitted_at", "id"),
        Index("review_case_school", "school_id", "state", "deadline", "submitted_at", "id"),
        Index("review_case_state", "state", "deadline", "submitted_at", "id"),
        Index("review_case_student", "student_id"),
        Index("review_case_unrouted", "id", postgresql_where="authority_id IS NULL AND state = 'open'"),
        Index("review_case_escalated", "escalated_to", "state", postgresql_where="escalated_to IS NOT NULL"),
        Index("review_case_claimed", "claimed_until", postgresql_where="claimed_until IS NOT NULL"),
    )


class DecisionRow(Base):
    """What was decided on a step of a case, by which person, on what content. At most one is final."""

    __tablename__ = "decision"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    """approved, returned, rejected."""
    final: Mapped[bool]
    content_hash: Mapped[str]
    reasons: Mapped[list[dict[str, Any]]]
    decided_by: Mapped[UUID]
    """The person."""
    account_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    decided_at: Mapped[datetime]

    __table_args__ = (Index("decision_final", "case_id", unique=True, postgresql_where="final"),)


class CaseEventRow(Base):
    """What else happened to a case: rerouted, escalated, withdrawn."""

    __tablename__ = "case_event"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    what: Mapped[str]
    at: Mapped[datetime]
    account_id: Mapped[UUID | None]
    organisation_id: Mapped[UUID | None]
    """Who did it; nobody when a deadline did."""
    to_organisation_id: Mapped[UUID | None]
    text: Mapped[str | None]

    __table_args__ = (Index("case_event_case", "case_id", "at"),)


def case_of(row: Row[Any], names: Mapping[UUID, str]) -> Case:
    """The domain's case of a stored one; `names`: organisation → name."""

    def name(organisation: UUID | None) -> str:
        return names.get(organisation, UNNAMED) if organisation else UNNAMED

    return Case(
        id=row.id,
        kind=RequestKind(row.kind),
        student_id=row.student_id,
        content_hash=row.content_hash,
        submitted_by=row.submitted_by,
        state=State(row.state),
        step=row.step,
        authority_id=row.authority_id,
        authority_name=name(row.authority_id),
        escalated_at=row.escalated_at,
        escalated_to=row.escalated_to,
        outcome=Outcome(row.decision) if row.decision else None,
        decided_by=name(row.decided_by_organisation),
        closed_at=row.closed_at.astimezone(ZONE) if row.closed_at else None,
    )
