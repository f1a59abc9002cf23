"""Numbers that the nation confirms or replaces."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from chassis.rows import among
from chassis.transaction import Tx
from contracts import topics
from contracts.sync import OpenProblem
from contracts.values import NumberKind, NumberStatus, ProblemType, StudentStatus
from registry.student import content
from registry.student.commands.advancing import Held, lock, version_row
from registry.student.commands.keys import match_number, number_index
from registry.student.domain import Change, after
from registry.student.models import EnrolmentRow, NumberRow, StudentRow, StudentVersionRow
from registry.student.queries.pupils import CARRIED

NATION = "nation"
_HELD = "国家下发的学籍号已由其他学生持有，未予更换"


async def issue_numbers(tx: Tx, issued: Mapping[UUID, str]) -> frozenset[UUID]:
    """The nation's 学籍号 of each pupil are taken: the present number is confirmed, or replaced and kept in history.

    Pupils who carry the confirmed number already change nothing. A number that somebody else holds or held before is
    not taken: it becomes an open problem of the pupil whom it was issued to. Returns those pupils. Eleven statements at
    most, however many pupils. Source: art. 12, art. 13.
    """
    held = await lock(tx, issued)
    if not held:
        return frozenset()
    indexes = {student_id: number_index(tx.vault, issued[student_id]) for student_id in held}
    rows = await tx.rows(
        select(NumberRow.id, NumberRow.student_id, NumberRow.status, NumberRow.value_index).where(
            among(NumberRow.student_id, held),
            NumberRow.kind == NumberKind.STUDENT.value,
            NumberRow.status.in_(CARRIED),
        )
    )
    present = {row.student_id: row for row in rows}
    elsewhere = await _held_by_others(tx, indexes)
    foreign: set[UUID] = set()
    confirmed, replaced, new = [], [], []
    changed: dict[UUID, Held] = {}
    for student_id, each in held.items():
        row = present.get(student_id)
        if row is not None and row.value_index == indexes[student_id]:
            if row.status == NumberStatus.PROVISIONAL.value:
                confirmed.append({"id": row.id, "status": NumberStatus.CONFIRMED.value, "issuer": NATION})
                changed[student_id] = each
            continue
        if student_id in elsewhere:
            foreign.add(student_id)
            continue
        if row is not None:
            replaced.append({"id": row.id, "status": NumberStatus.REPLACED.value, "valid_until": tx.now.date()})
        new.append(_number(tx, each, issued[student_id], indexes[student_id]))
        changed[student_id] = each
    if confirmed:
        await tx.update(NumberRow, confirmed, key=["id"])
    if replaced:
        await tx.update(NumberRow, replaced, key=["id"])
    if new:
        await tx.insert(NumberRow, new)
    await _note_versions(tx, changed, {row["student_id"]: issued[row["student_id"]] for row in new})
    if foreign:
        await _note_problems(tx, [held[student_id] for student_id in foreign])
    return frozenset(foreign)


async def _held_by_others(tx: Tx, indexes: Mapping[UUID, bytes]) -> set[UUID]:
    rows = await tx.rows(
        select(NumberRow.value_index, NumberRow.student_id).where(
            among(NumberRow.value_index, set(indexes.values())), NumberRow.status != NumberStatus.VOID.value
        )
    )
    holders: dict[bytes, set[UUID]] = {}
    for index, student_id in map(tuple, rows):
        holders.setdefault(index, set()).add(student_id)
    seen: dict[bytes, UUID] = {}
    found = set()
    for student_id, index in sorted(indexes.items()):
        if holders.get(index, set()) - {student_id} or seen.setdefault(index, student_id) != student_id:
            found.add(student_id)
    return found


def _number(tx: Tx, each: Held, value: str, index: bytes) -> dict[str, Any]:
    number_id = tx.new_id()
    return {
        "id": number_id,
        "student_id": each.id,
        "enrolment_id": each.enrolment_id,
        "kind": NumberKind.STUDENT.value,
        "value_sealed": content.seal_number(tx.vault, value, number_id),
        "value_index": index,
        "status": NumberStatus.CONFIRMED.value,
        "issuer": NATION,
        "valid_from": tx.now.date(),
        "valid_until": None,
    }


async def _note_versions(tx: Tx, changed: Mapping[UUID, Held], values: Mapping[UUID, str]) -> None:
    """The next version of who is registered; who is not yet is only found by the new number."""
    following = {
        each.id: Held(
            each.id, each.school_id, each.enrolment_id, each.status, each.version + 1, each.record_version,
            each.digest, each.class_id,
        )
        for each in changed.values()
        if after(each.status, Change.RENUMBERED) is not None
    }  # fmt: skip
    if following:
        rows = [{"id": each.id, "version": each.version, "changed_at": tx.now} for each in following.values()]
        await tx.update(StudentRow, rows, key=["id"])
        await tx.insert(StudentVersionRow, [version_row(tx, each, Change.RENUMBERED) for each in following.values()])
        tx.note("student.renumber", [("student", each) for each in following])
        # A number that was only confirmed is the same number: sync, which brought the answer, is told of others alone.
        told = [each.id for each in following.values() if each.status is StudentStatus.REGISTERED and each.id in values]
        tx.touch(topics.STUDENT_RECORD, told)
    if values:
        matches = [
            {"id": student_id, "match_number": match_number(tx.vault, value)} for student_id, value in values.items()
        ]
        await tx.update(StudentRow, matches, key=["id"])
        tx.touch(topics.STUDENT, list(values))


async def _note_problems(tx: Tx, holders: list[Held]) -> None:
    rows = await tx.rows(
        select(EnrolmentRow.id, EnrolmentRow.standing_sealed).where(
            among(EnrolmentRow.id, [each.enrolment_id for each in holders])
        )
    )
    versions = {each.enrolment_id: each.version for each in holders}
    updates = []
    for enrolment_id, sealed in map(tuple, rows):
        said = content.unseal_words(tx.vault, sealed, enrolment_id)
        if any(each.note == _HELD for each in said.problems):
            continue
        problem = OpenProblem(problem=ProblemType.DUPLICATE_NUMBER, found_at_version=versions[enrolment_id], note=_HELD)
        words = content.NationalWords(problems=(*said.problems, problem), rejections=said.rejections)
        updates.append(
            {
                "id": enrolment_id,
                "standing_sealed": content.seal_words(tx.vault, words, enrolment_id),
                "problem_count": len(words.problems),
            }
        )
    if updates:
        await tx.update(EnrolmentRow, updates, key=["id"])
