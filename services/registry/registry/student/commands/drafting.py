"""Drafts of new pupils, a thousand at a time."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, SmallInteger, Uuid, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from chassis.rows import among, values_of
from chassis.transaction import Tx
from contracts import topics
from contracts.values import StudentStatus
from registry.classes import commands as classes
from registry.student import content
from registry.student.commands.advancing import Held, version_row
from registry.student.commands.entries import Drafted, Entry, SheetMemory
from registry.student.commands.keys import match_name, match_number
from registry.student.commands.numbers import Given, give_numbers
from registry.student.commands.planning import Plan, Planned, plan, refuse_foreign, seat
from registry.student.domain import MOST_CHILDREN, Change, Problem
from registry.student.models import (
    ClaimRow,
    DuplicateRow,
    EnrolmentRow,
    NumberRow,
    PlacementRow,
    StudentRow,
    StudentVersionRow,
)
from registry.student.queries.claims import Holder, alike, holders


async def draft(
    tx: Tx, school_id: UUID, entries: Sequence[Entry], memory: SheetMemory | None = None
) -> Sequence[Drafted]:
    """What became of the entries, one Drafted each, in their order; at most 1,000 in a call.

    New pupils get their claim, seat and numbers; the school's own drafts are updated where the entry says something
    else. About twenty statements, however many entries. Two schools that enter one identity at once meet at its claim:
    one gets it, the other is told what to do and a case is opened. Locks are taken in the order school, pupils by id,
    claims by index, classes by id, serials by pool. Raises TooMany, NotFound, WindowClosed, WindowNotYetOpen,
    NumbersExhausted. Source: art. 12, art. 13, art. 14.
    """
    if not entries:
        return []
    planned = await plan(tx, school_id, entries, memory or SheetMemory(), locking=True)
    for each in planned.new:
        each.drafted.student_id = each.prepared.record_id
    await claim(tx, planned)
    await take_seats(tx, planned)
    given = await give_numbers(tx, planned.setting.school, planned.new)
    await _create(tx, planned, given)
    await store_updates(tx, planned)
    await _open_cases(tx, planned)
    changed = [each.drafted.student_id for each in (*planned.new, *planned.updated) if each.drafted.student_id]
    if changed:
        tx.touch(topics.STUDENT, changed)
        tx.note("student.draft", [("student", each) for each in changed], organisation=school_id)
    return planned.drafted


async def rehearse(
    tx: Tx, school_id: UUID, entries: Sequence[Entry], memory: SheetMemory | None = None
) -> Sequence[Drafted]:
    """What `draft` would answer now, without storing anything (a snapshot is enough): the dry run of an import.

    Created entries have no student id. `memory` tells what earlier calls of the same sheet would have taken.
    """
    if not entries:
        return []
    remembered = memory or SheetMemory()
    planned = await plan(tx, school_id, entries, remembered, locking=False)
    seat(planned, {each: left - remembered.seats[each] for each, left in planned.seats.items()})
    return planned.drafted


async def claim(tx: Tx, planned: Planned) -> None:
    """Take the identities of new pupils; who comes second is refused, or takes a guardian's next place."""
    asking = planned.new
    for _ in range(MOST_CHILDREN):
        lost = await _insert_claims(tx, asking)
        if not lost:
            return
        found = await holders(tx, {each.who.claim for each in lost})
        asking = []
        foreign: list[tuple[Plan, Holder]] = []
        for each in lost:
            among_them = found.get(each.who.claim, [])
            same = [one for one in among_them if each.who.documented or one.person_index == each.who.person]
            used = {one.sequence for one in among_them} | planned.taken.get(each.who.claim, set())
            free = next((number for number in range(1, MOST_CHILDREN + 1) if number not in used), None)
            if same:
                foreign.append((each, same[0]))
            elif each.who.documented or free is None:
                text = "该号码刚刚被其他人录入。请稍后重新录入一次；仍不行的，请联系主管单位。"
                each.refuse(Problem("claim-moved", "document_number", text))
            else:
                planned.taken[each.who.claim].add(free)
                each.sequence = free
                asking.append(each)
        await refuse_foreign(tx, foreign)
        planned.foreign.extend(foreign)


async def _insert_claims(tx: Tx, asking: Sequence[Plan]) -> list[Plan]:
    """Those whose claim somebody else has. One statement; claims are waited for in the order of their indexes."""
    if not asking:
        return []
    asked = values_of(
        "asked",
        index=(LargeBinary, [each.who.claim for each in asking]),
        sequence=(SmallInteger, [each.sequence for each in asking]),
        student_id=(Uuid, [each.drafted.student_id for each in asking]),
        person_index=(LargeBinary, [each.who.person for each in asking]),
    )
    rows = await tx.rows(
        insert(ClaimRow)
        .from_select(
            ["index", "sequence", "student_id", "person_index"],
            select(asked.c.index, asked.c.sequence, asked.c.student_id, asked.c.person_index).order_by(
                asked.c.index, asked.c.sequence
            ),
        )
        .on_conflict_do_nothing()
        .returning(ClaimRow.student_id)
    )
    won = {row.student_id for row in rows}
    return [each for each in asking if each.drafted.student_id not in won]


async def take_seats(tx: Tx, planned: Planned) -> None:
    """Seats for all who want one; who finds none is refused, and a new pupil's claim given back."""
    wanted = Counter(each.wants_seat for each in (*planned.new, *planned.updated) if each.wants_seat is not None)
    before = {id(each): each.drafted.student_id for each in planned.new}
    granted = await classes.take_seats(tx, wanted, partly=True) if wanted else {}
    seat(planned, {class_id: seats.granted for class_id, seats in granted.items()})
    refused = [
        student_id
        for each in planned.plans
        if (student_id := before.get(id(each))) is not None and each.drafted.student_id is None
    ]
    if refused:
        await tx.execute(delete(ClaimRow).where(among(ClaimRow.student_id, refused)))


async def _create(tx: Tx, planned: Planned, given: Sequence[Given]) -> None:
    """Six inserts, however many pupils."""
    new = planned.new
    if not new:
        return
    vault, today, school = tx.vault, tx.now.date(), planned.setting.school
    students, versions, enrolments, placements = [], [], [], []
    values = {number.student_id: number.value for number in given if number.is_student_number}
    for each in new:
        student_id = each.drafted.student_id
        assert student_id is not None
        enrolment_id = tx.new_id()
        digest = each.prepared.digest
        held = Held(student_id, school.id, enrolment_id, StudentStatus.DRAFT, 1, 1, digest, each.class_id)
        each.held = held
        students.append(
            {
                "id": student_id,
                "school_id": school.id,
                "enrolment_id": enrolment_id,
                "status": StudentStatus.DRAFT.value,
                "version": 1,
                "record_version": 1,
                "registered_on": None,
                "created_at": tx.now,
                "changed_at": tx.now,
                **_described(tx, each, school.code),
                "match_number": match_number(vault, values[student_id]),
            }
        )
        # The first content goes by the pupil's own id, later ones by ids of their own.
        versions.append(version_row(tx, held, Change.DRAFTED, record_id=student_id, sealed=each.prepared.sealed))
        enrolments.append(_enrolment(each, held))
        if held.class_id is not None:
            placements.append(_placement(tx, enrolment_id, held.class_id))
    await tx.insert(StudentRow, students)
    await tx.insert(StudentVersionRow, versions)
    await tx.insert(EnrolmentRow, enrolments)
    if placements:
        await tx.insert(PlacementRow, placements)
    by_student = {each.held.id: each.held for each in new if each.held}
    await tx.insert(NumberRow, [number.row(tx, by_student[number.student_id].enrolment_id, today) for number in given])


def _described(tx: Tx, each: Plan, school_code: str) -> dict[str, Any]:
    school_class = each.place.school_class
    return {
        **each.prepared.described(),
        "match_name": match_name(
            tx.vault, school_code, school_class.number if school_class else each.keeps_class, each.prepared.name
        ),
    }


def _enrolment(each: Plan, held: Held) -> dict[str, Any]:
    return {
        "id": held.enrolment_id,
        "student_id": held.id,
        "school_id": held.school_id,
        "campus_id": each.campus_id,
        "class_id": held.class_id,
        "stage": each.place.stage.value,
        "entry_year": each.place.entry_year,
        "first_grade": each.place.first_grade,
        "problem_count": 0,
    }


def _placement(tx: Tx, enrolment_id: UUID, class_id: UUID) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "enrolment_id": enrolment_id,
        "class_id": class_id,
        "placed_on": tx.now.date(),
        "left_on": None,
    }


async def store_updates(tx: Tx, planned: Planned) -> None:
    """Own drafts that the sheet says otherwise; numbers stay as they were given."""
    changed = planned.updated
    if not changed:
        return
    students, versions, claims, moves = [], [], [], []
    for each in changed:
        before = each.held
        assert before is not None
        digest = each.prepared.digest
        content_changes = before.digest != digest
        version = before.version + 1
        after = Held(
            before.id, before.school_id, before.enrolment_id, before.status, version,
            version if content_changes else before.record_version, digest, each.class_id or before.class_id,
        )  # fmt: skip
        record_id, sealed = (each.prepared.record_id, each.prepared.sealed) if content_changes else (None, None)
        change = Change.EDITED if content_changes else Change.PLACED
        versions.append(version_row(tx, after, change, record_id=record_id, sealed=sealed))
        row = {
            "id": before.id,
            "version": version,
            "record_version": after.record_version,
            "changed_at": tx.now,
            **_described(tx, each, planned.setting.school.code),
        }
        students.append(row)
        claims.append({"index": each.who.claim, "sequence": each.sequence, "person_index": each.who.person})
        if each.class_id is not None and each.class_id != before.class_id:
            moves.append((each, before))
    await tx.update(StudentRow, students, key=["id"])
    await tx.update(ClaimRow, claims, key=["index", "sequence"])
    await tx.insert(StudentVersionRow, versions)
    await move(tx, [(before.enrolment_id, before.class_id, each.class_id, each.campus_id) for each, before in moves])


async def move(tx: Tx, moves: Sequence[tuple[UUID, UUID | None, UUID | None, UUID | None]]) -> None:
    """Enrolments from one class to another, whose seats are taken already: (enrolment, from, to, campus).

    Five statements, however many.
    """
    if not moves:
        return
    rows = [{"id": enrolment, "class_id": to, "campus_id": campus} for enrolment, _, to, campus in moves]
    await tx.update(EnrolmentRow, rows, key=["id"])
    await _leave(tx, [enrolment for enrolment, _, _, _ in moves])
    placed = [_placement(tx, enrolment, to) for enrolment, _, to, _ in moves if to is not None]
    await tx.insert(PlacementRow, placed)
    await classes.release_seats(tx, Counter(left for _, left, _, _ in moves if left is not None))


async def _leave(tx: Tx, enrolments: Collection[UUID]) -> None:
    await tx.execute(
        update(PlacementRow)
        .where(among(PlacementRow.enrolment_id, enrolments), PlacementRow.left_on.is_(None))
        .values(left_on=tx.now.date())
    )


async def _open_cases(tx: Tx, planned: Planned) -> None:
    """A case for every attempt on an identity that another school holds, and for every new suspicion."""
    school_id = planned.setting.school.id
    rows = [
        _case(tx, "claim", each, holder.student_id, holder.school_id, school_id) for each, holder in planned.foreign
    ]
    suspected = [each for each in planned.new if each.drafted.problems]
    if suspected:
        found = await alike(tx, {each.who.person for each in suspected})
        for each in suspected:
            rows += [
                _case(tx, "suspicion", each, other.student_id, other.school_id, school_id)
                for other in found.get(each.who.person, ())
                if other.student_id != each.drafted.student_id
            ]
    await tx.insert(DuplicateRow, rows, skip_existing=True)


def _case(tx: Tx, kind: str, each: Plan, holder: UUID, holder_school: UUID, school_id: UUID) -> dict[str, Any]:
    case_id = tx.new_id()
    body = content.opened(tx.vault, each.prepared.sealed, each.prepared.record_id)
    return {
        "id": case_id,
        "kind": kind,
        "index": each.who.claim if kind == "claim" else each.who.person,
        "student_id": each.drafted.student_id if kind == "suspicion" else None,
        "school_id": school_id,
        "holder_id": holder,
        "holder_school_id": holder_school,
        "record_sealed": tx.vault.seal(body, table="duplicate_case", column="record_sealed", row=case_id),
        "opened_at": tx.now,
        "closed_at": None,
        "settled_by": None,
        "reason_sealed": None,
    }
