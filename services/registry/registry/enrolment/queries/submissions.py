"""Submissions, frozen as they were."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from chassis.rows import among
from chassis.transaction import Tx
from registry.enrolment import domain
from registry.enrolment.domain import SALT_BYTES, Frozen, State
from registry.enrolment.models import SubmissionRow

TABLE: Final = "submission"
COLUMN: Final = "content_sealed"


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission in full. Whoever shows this to a person masks it or audits the read."""

    request_id: UUID
    student_id: UUID
    enrolment_id: UUID
    school_id: UUID
    authority_id: UUID | None
    number: int
    state: State
    content_hash: str
    account_id: UUID
    submitted_at: datetime
    withdrawal_asked_at: datetime | None
    decided_at: datetime | None
    reasons: tuple[Mapping[str, Any], ...]
    frozen: Frozen
    before: Frozen | None
    """What was submitted the time before; None for the first."""

    @property
    def is_changed(self) -> bool:
        """Whether something differs from the submission before."""
        return self.before is not None and self.before != self.frozen


def sealed(tx: Tx, request_id: UUID, salt: bytes, packed: bytes) -> bytes:
    """The salt and the content as they are stored."""
    return tx.vault.seal(salt + packed, table=TABLE, column=COLUMN, row=request_id)


def _opened(tx: Tx, request_id: UUID, content: bytes) -> Frozen:
    return domain.unpacked(tx.vault.open(content, table=TABLE, column=COLUMN, row=request_id)[SALT_BYTES:])


async def submissions(tx: Tx, request_ids: Collection[UUID]) -> dict[UUID, Submission]:
    """Submissions by request, opened, with the one before; unknown ids are missing. One statement."""
    before = aliased(SubmissionRow)
    rows = await tx.rows(
        select(SubmissionRow, before.request_id.label("before_id"), before.content_sealed.label("before_sealed"))
        .outerjoin(
            before, and_(before.student_id == SubmissionRow.student_id, before.number == SubmissionRow.number - 1)
        )
        .where(among(SubmissionRow.request_id, request_ids))
    )
    return {row.request_id: _submission(tx, row) for row in rows}


def _submission(tx: Tx, row: Row[Any]) -> Submission:
    return Submission(
        request_id=row.request_id,
        student_id=row.student_id,
        enrolment_id=row.enrolment_id,
        school_id=row.school_id,
        authority_id=row.authority_id,
        number=row.number,
        state=State(row.state),
        content_hash=row.content_hash,
        account_id=row.account_id,
        submitted_at=row.submitted_at,
        withdrawal_asked_at=row.withdrawal_asked_at,
        decided_at=row.decided_at,
        reasons=tuple(row.reasons or ()),
        frozen=_opened(tx, row.request_id, row.content_sealed),
        before=_opened(tx, row.before_id, row.before_sealed) if row.before_id else None,
    )


async def last_numbers(tx: Tx, student_ids: Collection[UUID]) -> dict[UUID, int]:
    """Pupil → number of the last submission; pupils that were never submitted are missing."""
    rows = await tx.rows(
        select(SubmissionRow.student_id, SubmissionRow.number)
        .where(among(SubmissionRow.student_id, student_ids))
        .ext(distinct_on(SubmissionRow.student_id))
        .order_by(SubmissionRow.student_id, SubmissionRow.number.desc())
    )
    return {row.student_id: row.number for row in rows}


async def open_of(tx: Tx, student_ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
    """Pupil → request_id, submitted_at and withdrawal_asked_at of the open request."""
    rows = await tx.rows(
        select(
            SubmissionRow.student_id,
            SubmissionRow.request_id,
            SubmissionRow.submitted_at,
            SubmissionRow.withdrawal_asked_at,
        ).where(among(SubmissionRow.student_id, student_ids), SubmissionRow.state == State.OPEN.value)
    )
    return {row.student_id: row for row in rows}


async def measured_by(tx: Tx, request_ids: Sequence[UUID]) -> dict[UUID, domain.Submission]:
    """Request → what a decision on it is measured by; unknown ids are missing."""
    rows = await tx.rows(
        select(
            SubmissionRow.request_id, SubmissionRow.student_id, SubmissionRow.content_hash, SubmissionRow.state
        ).where(among(SubmissionRow.request_id, request_ids))
    )
    return {
        row.request_id: domain.Submission(row.request_id, row.student_id, row.content_hash, State(row.state))
        for row in rows
    }
