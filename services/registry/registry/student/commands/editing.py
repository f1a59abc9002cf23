"""How a school changes its drafts: one by form, a class in bulk, one who did not come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from chassis.transaction import Tx
from contracts import topics
from contracts.values import NumberKind, NumberStatus
from registry.classes import commands as classes
from registry.organisation import queries as organisations
from registry.student.commands.advancing import Held, advance, lock, not_now, version_row
from registry.student.commands.drafting import claim, move, store_updates, take_seats
from registry.student.commands.entries import MOST_AT_ONCE, Drafted, Entry, Outcome, SheetMemory
from registry.student.commands.keys import match_name, match_number
from registry.student.commands.numbers import give_numbers
from registry.student.commands.planning import Plan, Planned, plan, stand_in_line
from registry.student.domain import EDITABLE, Change, Problem, first_grade, misplaced
from registry.student.errors import Duplicate, NotFound, PupilRefused, TooMany, VersionChanged
from registry.student.models import ClaimRow, NumberRow, StudentRow, StudentVersionRow
from registry.student.queries.details import school_of
from registry.student.queries.pupils import CARRIED, pupils
from registry.student.queries.schools import school_class, setting


def taken(drafted: Drafted) -> UUID:
    """The pupil that the entry made or changed. Raises Duplicate or PupilRefused with every problem.

    Whoever enters by form asks this after the commit, so that the case of a refused duplicate stays.
    """
    if drafted.student_id is None:
        problem = drafted.problems[0]
        if drafted.outcome is Outcome.DUPLICATE:
            raise Duplicate(problem.text)
        raise PupilRefused(problem.text, [{"code": p.code, "field": p.field, "text": p.text} for p in drafted.problems])
    return drafted.student_id


async def edit(tx: Tx, student_id: UUID, version: int, entry: Entry) -> None:
    """The content of a draft or of a returned pupil is replaced; without a class in the entry the class stays.

    A changed identity takes the new claim, gives the old one back, and gets another 学籍号. Raises NotFound,
    VersionChanged, NotEditable, Duplicate, PupilRefused.
    """
    school_id = await _school_of(tx, student_id)
    await stand_in_line(tx, school_id)
    held = await _held(tx, student_id, version)
    if entry.grade is None and entry.class_number is None:
        entry = await _with_grade(tx, school_id, student_id, entry)
    planned = await plan(tx, school_id, [entry], SheetMemory(), locking=True, in_season=False)
    if not planned.plans or planned.plans[0].drafted.outcome not in (
        Outcome.CREATED,
        Outcome.UPDATED,
        Outcome.UNCHANGED,
    ):
        taken(planned.drafted[0])
    (changed,) = planned.plans
    if changed.held is not None and changed.held.id != student_id:
        raise Duplicate("本校已有同一证件号码的另一名学生。请核对证件号码；确为同一人的，请撤销多余的一条。")
    if changed.drafted.outcome is Outcome.UNCHANGED:
        return
    if changed.held is None:
        await _change_identity(tx, planned, changed, held)
    await take_seats(tx, planned)
    taken(changed.drafted)
    await store_updates(tx, planned)
    tx.touch(topics.STUDENT, [student_id])
    tx.note("student.edit", [("student", student_id)], organisation=school_id)


async def _with_grade(tx: Tx, school_id: UUID, student_id: UUID, entry: Entry) -> Entry:
    """The entry with the grade that the pupil is in: a form that says nothing of it changes nothing of it."""
    stage = (await pupils(tx, [student_id]))[student_id].stage
    about = await setting(tx, school_id)
    return replace(entry, grade=first_grade(stage, about.school.schooling))


async def _school_of(tx: Tx, student_id: UUID) -> UUID:
    school_id = await school_of(tx, student_id)
    if school_id is None:
        raise NotFound("学生")
    return school_id


async def _held(tx: Tx, student_id: UUID, version: int) -> Held:
    held = (await lock(tx, [student_id])).get(student_id)
    if held is None:
        raise NotFound("学生")
    if held.status not in EDITABLE:
        raise not_now(held.status)
    if held.version != version:
        raise VersionChanged
    return held


async def _change_identity(tx: Tx, planned: Planned, changed: Plan, held: Held) -> None:
    """The new claim is taken before the old one is given back, so that nobody comes between."""
    old = list(await tx.rows(select(ClaimRow.index, ClaimRow.sequence).where(ClaimRow.student_id == held.id)))
    changed.drafted.student_id = held.id
    await claim(tx, planned)
    taken(changed.drafted)
    for row in old:
        await tx.execute(
            delete(ClaimRow).where(
                ClaimRow.student_id == held.id, ClaimRow.index == row.index, ClaimRow.sequence == row.sequence
            )
        )
    today = tx.now.date()
    await tx.execute(
        update(NumberRow)
        .where(
            NumberRow.student_id == held.id,
            NumberRow.kind == NumberKind.STUDENT.value,
            NumberRow.status.in_(CARRIED),
        )
        .values(status=NumberStatus.VOID.value, valid_until=today)
    )
    given = await give_numbers(tx, planned.setting.school, [changed], regional_too=False)
    await tx.insert(NumberRow, [each.row(tx, held.enrolment_id, today) for each in given])
    rows = [{"id": held.id, "match_number": match_number(tx.vault, each.value)} for each in given]
    await tx.update(StudentRow, rows, key=["id"])
    changed.held = held
    changed.drafted.outcome = Outcome.UPDATED
    if held.class_id is not None:
        found = await school_class(tx, held.class_id)
        changed.keeps_class = found.number if found else None


async def remove(tx: Tx, student_id: UUID, version: int) -> None:
    """A draft is taken back 未报到: identity and seat are free again. Raises NotFound, NotEditable, VersionChanged."""
    school_id = await _school_of(tx, student_id)
    await stand_in_line(tx, school_id)
    await _held(tx, student_id, version)
    await advance(tx, {student_id: Change.REMOVED})
    tx.note("student.remove", [("student", student_id)], organisation=school_id)


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of pupils who were to be placed in a class."""

    placed: list[UUID]
    refused: list[tuple[UUID, Problem]]


async def place(tx: Tx, school_id: UUID, class_id: UUID, students: Sequence[UUID]) -> Placed:
    """Drafts and returned pupils of the school are placed in the class 分班, as many as find a seat, in this order.

    Fourteen statements, however many pupils. Raises TooMany, NotFound for a class of another school.
    """
    wanted = list(dict.fromkeys(students))
    if len(wanted) > MOST_AT_ONCE:
        raise TooMany(MOST_AT_ONCE)
    await stand_in_line(tx, school_id)
    chosen = await school_class(tx, class_id)
    if chosen is None or chosen.school_id != school_id:
        raise NotFound("班级")
    held = await lock(tx, wanted)
    known = await pupils(tx, wanted)
    result = Placed([], [])
    moving: list[Held] = []
    for student_id in wanted:
        each = held.get(student_id)
        if each is None or each.school_id != school_id:
            result.refused.append((student_id, Problem("not-found", "", "本校没有这名学生。请刷新页面后再试。")))
        elif each.status not in EDITABLE:
            text = "该学生已提交审核或已注册，不能在此调整班级。请先撤回申请，或待退回后再办理。"
            result.refused.append((student_id, Problem("wrong-status", "", text)))
        elif problem := misplaced(known[student_id].stage, known[student_id].entry_year, chosen, tx.now.date()):
            result.refused.append((student_id, problem))
        elif each.class_id == class_id:
            result.placed.append(student_id)
        else:
            moving.append(each)
    granted = (await classes.take_seats(tx, {class_id: len(moving)}, partly=True))[class_id].granted if moving else 0
    for each in moving[granted:]:
        text = f"{chosen.name}已达到班额上限，没有空余名额。请选择其他班级，或由县级主管单位凭文号放宽。"
        result.refused.append((each.id, Problem("class-full", "class_number", text)))
    moved = moving[:granted]
    if moved:
        code = (await organisations.schools(tx, [school_id]))[school_id].code
        names = {each.id: match_name(tx.vault, code, chosen.number, known[each.id].record.name) for each in moved}
        await _store_placed(tx, moved, class_id, names)
        await move(
            tx,
            [
                (each.enrolment_id, each.class_id, class_id, chosen.campus_id or known[each.id].campus_id)
                for each in moved
            ],
        )
        result.placed.extend(each.id for each in moved)
        tx.touch(topics.STUDENT, [each.id for each in moved])
        objects = [("class", class_id), *(("student", each.id) for each in moved)]
        tx.note("student.place", objects, organisation=school_id)
    return result


async def _store_placed(tx: Tx, moved: Sequence[Held], class_id: UUID, names: dict[UUID, bytes | None]) -> None:
    rows: list[dict[str, Any]] = []
    versions = []
    for each in moved:
        after = Held(
            each.id, each.school_id, each.enrolment_id, each.status, each.version + 1, each.record_version,
            each.digest, class_id,
        )  # fmt: skip
        rows.append({"id": each.id, "version": after.version, "changed_at": tx.now, "match_name": names[each.id]})
        versions.append(version_row(tx, after, Change.PLACED))
    await tx.update(StudentRow, rows, key=["id"])
    await tx.insert(StudentVersionRow, versions)
