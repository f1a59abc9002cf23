"""A school with pupils to be submitted, on registry's own database."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import update

from chassis.identity import Actor
from chassis.rows import among
from chassis.testing import Spoken, spoken
from chassis.transaction import Database
from contracts import topics
from contracts.photo import PhotoChanged
from contracts.record import StudentRecord
from contracts.review import Reason, RequestApproved, RequestWithdrawn, StepDecided
from contracts.values import PhotoState, StudentStatus, WindowKind
from registry.calendar.models import SchoolYearRow, WindowRow
from registry.classes import queries as classes
from registry.enrolment import commands
from registry.enrolment.commands import Receipt
from registry.enrolment.models import SubmissionRow
from registry.enrolment.queries import Submission, submissions
from registry.student import commands as students
from registry.student.commands import Entry
from registry.student.queries import Pupil, pupils
from tests.harness.people import a_record

NEVER: Final = date(2199, 9, 30)
A_PHOTO: Final = "ab" * 32
REVIEWER: Final = UUID(int=77)
DECIDED: Final = datetime(2026, 9, 20, 8, 30, tzinfo=UTC)
REASONS: Final = (Reason(code="incomplete", field="address", text="住址缺门牌号"),)


async def close_entry(database: Database, province_id: UUID, closes: date) -> None:
    """The school year is 2026, whatever today is, and its entry closes on that day for the whole province."""
    async with database.transaction() as tx:
        await tx.execute(update(SchoolYearRow).values(active=2026))
        row = {
            "organisation_id": province_id,
            "school_year": 2026,
            "kind": WindowKind.ENTRY.value,
            "opens": date(2026, 8, 1),
            "closes": closes,
            "set_by": None,
            "set_at": tx.now,
        }
        await tx.upsert(WindowRow, [row], key=["organisation_id", "school_year", "kind"])


@dataclass
class Pupils:
    """Drafts pupils of one school and follows them."""

    database: Database
    school_id: UUID
    province_id: UUID
    registrar: Actor
    a_class: Callable[..., Awaitable[UUID]]

    @classmethod
    async def of(cls, database: Database, tree: Any, a_class: Callable[..., Awaitable[UUID]]) -> Self:
        """The pupils of the tree's centre school; the entry of 2026 is open, whatever today is."""
        found = cls(database, tree.school, tree.province, tree.registrar, a_class)
        await found.close_entry(NEVER)
        return found

    async def close_entry(self, closes: date) -> None:
        """The entry of 2026 closes on that day for the whole province."""
        await close_entry(self.database, self.province_id, closes)

    async def draft(self, count: int = 1, *, start: int = 0, **how: Any) -> list[UUID]:
        """So many complete pupils; `how` as for `draft_all`."""
        return await self.draft_all([a_record(number) for number in range(start, start + count)], **how)

    async def draft_all(
        self,
        records: Sequence[StudentRecord],
        *,
        placed: bool = True,
        photo: bool = True,
        per_class: int = 45,
        reasons: str | None = None,
    ) -> list[UUID]:
        """A draft of each record, in new classes and with an accepted photo unless it is said otherwise."""
        numbers = [await self._class() for _ in range(-(-len(records) // per_class))] if placed else []
        entries = [
            Entry(row, record, numbers[row // per_class] if placed else None, grade=1, reasons=reasons)
            for row, record in enumerate(records)
        ]
        async with self.database.transaction(self.registrar) as tx:
            done = await students.draft(tx, self.school_id, entries)
        assert [each.problems for each in done if each.student_id is None] == []
        ids = [each.student_id for each in done if each.student_id]
        if photo:
            await self.photograph(ids)
        return ids

    async def _class(self) -> str:
        class_id = await self.a_class()
        async with self.database.snapshot() as tx:
            return (await classes.classes(tx, [class_id]))[class_id].number

    async def photograph(self, ids: Sequence[UUID], sha256: str = A_PHOTO) -> None:
        """Photo has accepted a photo of each pupil, one like the other."""
        async with self.database.transaction() as tx:
            said = {each.enrolment_id: photo_of(each, sha256=sha256) for each in (await pupils(tx, ids)).values()}
            await students.note_photos(tx, said)

    async def submit(self, ids: Sequence[UUID], actor: Actor | None = None) -> Receipt:
        """The receipt of a submission."""
        async with self.database.transaction(actor or self.registrar) as tx:
            return await commands.submit(tx, self.school_id, ids)

    async def submitted(self, count: int = 1, *, start: int = 0) -> list[Submission]:
        """The submissions of so many new pupils."""
        receipt = await self.submit(await self.draft(count, start=start))
        assert receipt.refused == ()
        return await self.submissions([each.request_id for each in receipt.submitted])

    async def submissions(self, request_ids: Sequence[UUID]) -> list[Submission]:
        """Submissions as they stand, in this order."""
        async with self.database.snapshot() as tx:
            found = await submissions(tx, request_ids)
        return [found[each] for each in request_ids]

    async def last_submission(self, student_id: UUID) -> Submission:
        """The pupil's last submission."""
        async with self.database.snapshot() as tx:
            row = await tx.row(
                SubmissionRow.__table__.select()
                .where(among(SubmissionRow.student_id, [student_id]))
                .order_by(SubmissionRow.number.desc())
            )
        assert row is not None
        return (await self.submissions([row.request_id]))[0]

    async def pupil(self, student_id: UUID) -> Pupil:
        """The pupil as it stands."""
        async with self.database.snapshot() as tx:
            return (await pupils(tx, [student_id]))[student_id]

    async def status(self, student_id: UUID) -> StudentStatus:
        """Where the pupil stands."""
        return (await self.pupil(student_id)).status


def photo_of(pupil: Pupil, *, state: PhotoState = PhotoState.ACCEPTED, sha256: str | None = A_PHOTO) -> PhotoChanged:
    """What photo says of the pupil's enrolment."""
    return PhotoChanged(
        student_id=pupil.id, school_id=pupil.school_id, school_year=pupil.entry_year, state=state, sha256=sha256
    )


def decision(
    kind: type[Any], submission: Submission, *, version: int = 1, content_hash: str | None = None, **how: Any
) -> Spoken:
    """What review says of the submission: returned and rejected with a reason, on the submitted contents by default."""
    about: dict[str, Any] = {
        "student_id": submission.student_id,
        "content_hash": content_hash or submission.content_hash,
    }
    if kind is RequestWithdrawn:
        about["closed_at"] = DECIDED
    else:
        about |= {"decided_by": REVIEWER, "decided_at": DECIDED}
    if kind is StepDecided:
        about["step"] = 1
    elif kind not in (RequestApproved, RequestWithdrawn):
        about["reasons"] = REASONS
    return spoken(topics.DECISION, submission.request_id, kind(**about), version=version, **how)
