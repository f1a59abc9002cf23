"""How records move through their life, many at once; and what photo and the nation say of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, LargeBinary, Text, Uuid, delete, or_, select, update

from chassis.rows import among, listed, values_of
from chassis.transaction import Tx
from contracts import topics
from contracts.photo import PhotoChanged
from contracts.sync import NationalStandingChanged
from contracts.values import STATUS_NAMES, NumberStatus, StudentStatus
from registry.classes import commands as classes
from registry.student import content
from registry.student.domain import GONE, RECORD_IS_SAID, Change, after
from registry.student.errors import NotEditable, NotFound
from registry.student.models import (
    ClaimRow,
    DuplicateRow,
    EnrolmentRow,
    NumberRow,
    PlacementRow,
    StudentRow,
    StudentVersionRow,
)
from registry.student.queries.pupils import CARRIED

_STATUSES = {each.value: each for each in StudentStatus}
_LOCKED = (
    select(
        StudentRow.id,
        StudentRow.school_id,
        StudentRow.enrolment_id,
        StudentRow.status,
        StudentRow.version,
        StudentRow.record_version,
        StudentRow.digest,
        EnrolmentRow.class_id,
    )
    .join(EnrolmentRow, EnrolmentRow.id == StudentRow.enrolment_id)
    .where(listed(StudentRow.id, "ids"))
    .order_by(StudentRow.id)
    .with_for_update(of=StudentRow.__table__)
)


@dataclass(frozen=True, slots=True)
class Held:
    """A pupil whose row is locked until the transaction ends."""

    id: UUID
    school_id: UUID
    enrolment_id: UUID
    status: StudentStatus
    version: int
    record_version: int
    digest: bytes
    class_id: UUID | None


async def lock(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Held]:
    """The pupils as they stand, locked in the order of their ids; unknown ids are missing. One statement.

    Lock before deciding: what was read before may have changed.
    """
    if not ids:
        return {}
    rows = await tx.rows(_LOCKED, {"ids": list(ids)})
    return {
        student_id: Held(
            student_id, school_id, enrolment_id, _STATUSES[status], version, record_version, digest, class_id
        )
        for student_id, school_id, enrolment_id, status, version, record_version, digest, class_id in map(tuple, rows)
    }


async def advance(
    tx: Tx, changes: Mapping[UUID, Change], held: Mapping[UUID, Held] | None = None
) -> Mapping[UUID, Held]:
    """Each pupil after the change: status by the table of `domain.status`, the next version written and said.

    `held`: the pupils as `lock` gave them in this transaction, so that they are not locked again. Three statements,
    however many pupils; seven more where some end (未报到, refused for good): seat and claim become free, numbers void,
    cases of duplicates closed. The row of a version keeps no content unless the content changed. Raises NotFound for a
    pupil who is not there, NotEditable where the table has no such step. Source: art. 15.
    """
    if held is None:
        held = await lock(tx, changes)
    following: dict[UUID, Held] = {}
    for student_id, change in changes.items():
        found = held.get(student_id)
        if found is None:
            raise NotFound("学生")
        status = after(found.status, change)
        if status is None:
            raise not_now(found.status)
        following[student_id] = Held(
            found.id, found.school_id, found.enrolment_id, status, found.version + 1, found.record_version,
            found.digest, found.class_id,
        )  # fmt: skip
    if not following:
        return following
    await _store(tx, changes, following.values())
    ended = [each for each in following.values() if each.status in GONE]
    if ended:
        await _end(tx, ended)
    tx.touch(topics.STUDENT, list(following))
    tx.touch(topics.STUDENT_RECORD, [each.id for each in following.values() if each.status in RECORD_IS_SAID])
    return following


def not_now(status: StudentStatus) -> NotEditable:
    """The refusal of a step that the table of statuses does not have."""
    return NotEditable("wrong-status", f"该学生目前{STATUS_NAMES[status]}，不能进行此操作。请刷新页面查看最新状态。")


async def _store(tx: Tx, changes: Mapping[UUID, Change], following: Collection[Held]) -> None:
    rows: list[dict[str, Any]] = []
    registered: list[dict[str, Any]] = []
    for each in following:
        row: dict[str, Any] = {
            "id": each.id,
            "status": each.status.value,
            "version": each.version,
            "changed_at": tx.now,
        }
        if changes[each.id] is Change.REGISTERED:
            registered.append({**row, "registered_on": tx.now.date()})
        else:
            rows.append(row)
    await tx.update(StudentRow, rows, key=["id"])
    await tx.update(StudentRow, registered, key=["id"])
    await tx.insert(StudentVersionRow, [version_row(tx, each, changes[each.id]) for each in following])


def version_row(
    tx: Tx, each: Held, change: Change, *, record_id: UUID | None = None, sealed: bytes | None = None
) -> dict[str, Any]:
    """The row of the pupil's version; with the content where it changed."""
    return {
        "student_id": each.id,
        "version": each.version,
        "change": change.value,
        "status": each.status.value,
        "school_id": each.school_id,
        "enrolment_id": each.enrolment_id,
        "class_id": each.class_id,
        "record_id": record_id,
        "record_sealed": sealed,
        "account_id": tx.actor.account_id if tx.actor else None,
        "at": tx.now,
    }


async def _end(tx: Tx, ended: Sequence[Held]) -> None:
    """Seats, claims, numbers and open cases of duplicates of pupils who are pupils no longer."""
    today = tx.now.date()
    ids = [each.id for each in ended]
    enrolments = [each.enrolment_id for each in ended]
    await tx.execute(delete(ClaimRow).where(among(ClaimRow.student_id, ids)))
    await tx.execute(
        update(DuplicateRow)
        .where(
            or_(among(DuplicateRow.student_id, ids), among(DuplicateRow.holder_id, ids)),
            DuplicateRow.closed_at.is_(None),
        )
        .values(closed_at=tx.now)
    )
    await classes.release_seats(tx, Counter(each.class_id for each in ended if each.class_id))
    await tx.execute(update(EnrolmentRow).where(among(EnrolmentRow.id, enrolments)).values(ended_on=today))
    await tx.execute(
        update(PlacementRow)
        .where(among(PlacementRow.enrolment_id, enrolments), PlacementRow.left_on.is_(None))
        .values(left_on=today)
    )
    await tx.execute(
        update(NumberRow)
        .where(among(NumberRow.student_id, ids), NumberRow.status.in_(CARRIED))
        .values(status=NumberStatus.VOID.value, valid_until=today)
    )


async def note_photos(tx: Tx, said: Mapping[UUID, PhotoChanged | None]) -> None:
    """What photo has said of enrolments, None where it has ended. One statement; nothing is said of it in turn."""
    if not said:
        return
    items = list(said.items())
    known = values_of(
        "said",
        id=(Uuid, [enrolment_id for enrolment_id, _ in items]),
        state=(Text, [event.state.value if event else None for _, event in items]),
        hash=(Text, [event.sha256 if event else None for _, event in items]),
        year=(Integer, [event.school_year if event else None for _, event in items]),
        reason=(Text, [event.reason if event else None for _, event in items]),
    )
    await tx.execute(
        update(EnrolmentRow)
        .where(EnrolmentRow.id == known.c.id)
        .values(
            photo_state=known.c.state,
            photo_hash=known.c.hash,
            photo_year=known.c.year,
            photo_reason=known.c.reason,
        )
    )


async def note_standings(tx: Tx, said: Mapping[UUID, NationalStandingChanged]) -> None:
    """What the nation has answered, by student id; its problems and reasons are sealed. One statement.

    The number that it issues is `issue_numbers`'s to take.
    """
    events = list(said.values())
    if not events:
        return
    known = values_of(
        "said",
        id=(Uuid, [event.enrolment_id for event in events]),
        standing=(Text, [event.standing.value for event in events]),
        words=(
            LargeBinary,
            [
                content.seal_words(
                    tx.vault,
                    content.NationalWords(problems=event.problems, rejections=event.rejections),
                    event.enrolment_id,
                )
                for event in events
            ],
        ),
        problems=(Integer, [len(event.problems) for event in events]),
    )
    await tx.execute(
        update(EnrolmentRow)
        .where(EnrolmentRow.id == known.c.id)
        .values(standing=known.c.standing, standing_sealed=known.c.words, problem_count=known.c.problems)
    )
