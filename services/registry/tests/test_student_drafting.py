import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from contracts import topics
from contracts.record import Family
from contracts.refusal import Refusal
from contracts.values import StudentStatus
from registry.classes.models import ClassRow
from registry.student import commands, queries
from registry.student.commands import Outcome, SheetMemory
from registry.student.domain import Change
from registry.student.models import ClaimRow, DuplicateRow, NumberRow, StudentRow, StudentVersionRow

pytestmark = pytest.mark.usefixtures("season")


async def drafted(database: Any, actor: Any, entries: Any, memory: SheetMemory | None = None) -> list[Any]:
    async with database.transaction(actor) as tx:
        return list(await commands.draft(tx, actor.organisation_id, entries, memory))


async def pupil(database: Any, student_id: UUID) -> queries.Pupil:
    async with database.snapshot() as tx:
        return (await queries.pupils(tx, [student_id]))[student_id]


async def count(database: Any, row: Any, *where: Any) -> int:
    async with database.snapshot() as tx:
        return int(await tx.scalar(select(func.count()).select_from(row).where(*where)))


async def test_a_new_pupil_gets_a_record_a_seat_and_two_numbers(
    database: Any, tree: Any, a_class: Any, an_entry: Any, spoken: Any
) -> None:
    class_id = await a_class()
    (made,) = await drafted(database, tree.registrar, [an_entry(1, class_number="2026101", reasons="单亲")])
    assert (made.row, made.outcome, made.problems) == (1, Outcome.CREATED, ())
    found = await pupil(database, made.student_id)
    assert (found.status, found.version, found.entry_year, found.first_grade) == (StudentStatus.DRAFT, 1, 2026, True)
    assert (found.class_id, found.school_id, found.documented) == (class_id, tree.school, True)
    assert (found.record, found.reasons) == (an_entry(1).pupil, "单亲")
    assert found.record.document_number is not None
    assert [(each.kind.value, each.value, each.status.value) for each in found.numbers] == [
        ("student", "G99990020200315001" + found.record.document_number[-1], "provisional"),
        ("regional", "340121260010001", "confirmed"),
    ]
    ((subject, said),) = await spoken(topics.STUDENT)
    assert subject == made.student_id
    assert (said["status"], said["class_id"], said["first_grade"]) == ("draft", str(class_id), True)
    assert said["match"]["document"]
    assert said["match"]["student_number"]
    assert said["match"]["school_class_name"]
    assert await spoken(topics.STUDENT_RECORD) == []
    async with database.snapshot() as tx:
        assert await tx.scalar(select(ClassRow.size).where(ClassRow.id == class_id)) == 1


async def test_the_number_of_statements_does_not_depend_on_the_number_of_pupils(
    database: Any, tree: Any, a_class: Any, an_entry: Any, statements: Any
) -> None:
    await a_class()
    counts = []
    for first, many in ((1, 1), (101, 40)):
        entries = [an_entry(first + n, class_number="2026101") for n in range(many)]
        async with database.transaction(tree.registrar) as tx:
            with statements(tx) as seen:
                await commands.draft(tx, tree.school, entries)
            counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[1] <= 22


async def test_the_same_sheet_again_changes_nothing(database: Any, tree: Any, an_entry: Any, spoken: Any) -> None:
    entries = [an_entry(n) for n in range(1, 6)]
    first = await drafted(database, tree.registrar, entries)
    second = await drafted(database, tree.registrar, entries)
    assert [each.outcome for each in second] == [Outcome.UNCHANGED] * 5
    assert [each.student_id for each in second] == [each.student_id for each in first]
    assert len(await spoken(topics.STUDENT)) == 5
    assert await count(database, StudentVersionRow) == 5
    assert await count(database, NumberRow) == 10


async def test_a_corrected_sheet_updates_the_drafts_that_it_created(
    database: Any, tree: Any, a_class: Any, an_entry: Any
) -> None:
    await a_class()
    second = await a_class()
    (made,) = await drafted(database, tree.registrar, [an_entry(1, class_number="2026101")])
    (again,) = await drafted(database, tree.registrar, [an_entry(1, class_number="2026102", name="张弌")])
    assert (again.outcome, again.student_id, again.previous_version) == (Outcome.UPDATED, made.student_id, 1)
    found = await pupil(database, made.student_id)
    assert (found.record.name, found.version, found.record_version, found.class_id) == ("张弌", 2, 2, second)
    assert found.numbers[0].value.startswith("G99990020200315001")
    async with database.snapshot() as tx:
        sizes = {row.number: row.size for row in await tx.rows(select(ClassRow.number, ClassRow.size))}
    assert sizes == {"2026101": 0, "2026102": 1}


async def test_only_a_move_to_another_class_keeps_the_content(
    database: Any, tree: Any, a_class: Any, an_entry: Any
) -> None:
    await a_class()
    (made,) = await drafted(database, tree.registrar, [an_entry(1)])
    (again,) = await drafted(database, tree.registrar, [an_entry(1, class_number="2026101")])
    assert again.outcome is Outcome.UPDATED
    found = await pupil(database, made.student_id)
    assert (found.version, found.record_version) == (2, 1)
    (third,) = await drafted(database, tree.registrar, [an_entry(1)])
    assert third.outcome is Outcome.UNCHANGED


async def test_an_identity_of_another_school_is_refused_with_what_to_do(
    database: Any, tree: Any, an_entry: Any
) -> None:
    await drafted(database, tree.other_registrar, [an_entry(1)])
    (refused,) = await drafted(database, tree.registrar, [an_entry(1)])
    assert (refused.outcome, refused.student_id) == (Outcome.DUPLICATE, None)
    assert refused.problems[0].code == "duplicate"
    assert "请办理转学" in refused.problems[0].text
    assert "肥东县教育局" in refused.problems[0].text
    assert "店埠" not in refused.problems[0].text
    await drafted(database, tree.registrar, [an_entry(1)])
    assert await count(database, DuplicateRow, DuplicateRow.kind == "claim") == 1
    assert await count(database, StudentRow) == 1


async def test_two_schools_race_for_the_same_children_and_each_child_is_had_once(
    database: Any, tree: Any, an_entry: Any
) -> None:
    entries = [an_entry(n) for n in range(1, 31)]
    answers = await asyncio.gather(
        drafted(database, tree.registrar, entries),
        drafted(database, tree.other_registrar, list(reversed(entries))),
        drafted(database, tree.registrar, entries),
    )
    outcomes = Counter(each.outcome for answer in answers for each in answer)
    assert outcomes[Outcome.CREATED] == 30
    assert outcomes[Outcome.UPDATED] == 0
    assert await count(database, StudentRow) == 30
    assert await count(database, ClaimRow) == 30
    mine = Counter(each.outcome for answer in (answers[0], answers[2]) for each in answer)
    theirs = Counter(each.outcome for each in answers[1])
    assert mine[Outcome.CREATED] + theirs[Outcome.CREATED] == 30
    assert theirs[Outcome.CREATED] + theirs[Outcome.DUPLICATE] == 30


def without_document(name: str, guardian: str, **changed: Any) -> dict[str, Any]:
    mother = Family(
        name="陈静", relation="2", address="水湖镇1号", residence="340121000000", phone="13900000002", guardian="1",
        document_type="1", document_number=guardian,
    )  # fmt: skip
    return {"name": name, "document_type": "Z", "document_number": None, "family": (mother,), **changed}


MOTHER, FATHER = "999998199202020023", "999998199001010016"


async def test_twins_without_documents_are_two_children_of_one_guardian(
    database: Any, tree: Any, an_entry: Any, spoken: Any
) -> None:
    mother = an_entry(1).pupil.family[1].document_number
    twins = [an_entry(1, **without_document("张大", mother)), an_entry(2, **without_document("张小", mother))]
    made = await drafted(database, tree.registrar, twins)
    assert [each.outcome for each in made] == [Outcome.CREATED, Outcome.CREATED]
    numbers = [(await pupil(database, each.student_id)).numbers[0].value for each in made]
    assert numbers == ["L340121202003150001", "L340121202003150002"]
    async with database.snapshot() as tx:
        rows = await tx.rows(select(ClaimRow.sequence).order_by(ClaimRow.sequence))
    assert [row.sequence for row in rows] == [1, 2]
    again = await drafted(database, tree.registrar, twins)
    assert [each.outcome for each in again] == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    (third,) = await drafted(database, tree.other_registrar, [an_entry(3, **without_document("张幺", mother))])
    assert third.outcome is Outcome.CREATED
    (same,) = await drafted(database, tree.other_registrar, [an_entry(3, **without_document("张大", mother))])
    assert same.outcome is Outcome.DUPLICATE


async def test_a_child_without_document_entered_through_the_other_parent_is_suspected(
    database: Any, tree: Any, an_entry: Any
) -> None:
    family = an_entry(1).pupil.family
    (first,) = await drafted(
        database, tree.registrar, [an_entry(1, **without_document("张大", family[1].document_number))]
    )
    (second,) = await drafted(
        database, tree.other_registrar, [an_entry(1, **without_document("张 大", family[0].document_number))]
    )
    assert second.outcome is Outcome.CREATED
    assert [problem.code for problem in second.problems] == ["suspected-duplicate"]
    assert await count(database, DuplicateRow, DuplicateRow.kind == "suspicion") == 1
    async with database.snapshot() as tx:
        found = await queries.suspicions(tx, [first.student_id, second.student_id])
    assert [each.student_id for each in found[first.student_id]] == [second.student_id]


async def test_two_schools_enter_two_children_of_one_guardian_at_once(database: Any, tree: Any, an_entry: Any) -> None:
    mother = an_entry(1).pupil.family[1].document_number
    answers = await asyncio.gather(
        drafted(database, tree.registrar, [an_entry(1, **without_document("张大", mother))]),
        drafted(database, tree.other_registrar, [an_entry(1, **without_document("张小", mother))]),
    )
    assert [each.outcome for answer in answers for each in answer] == [Outcome.CREATED, Outcome.CREATED]
    assert await count(database, ClaimRow) == 2


async def test_rows_of_one_sheet_that_are_one_child_are_found_across_calls(
    database: Any, tree: Any, an_entry: Any
) -> None:
    memory = SheetMemory()
    first = await drafted(database, tree.registrar, [an_entry(1), an_entry(1, row=2, name="张弌")], memory)
    assert [each.outcome for each in first] == [Outcome.CREATED, Outcome.DUPLICATE]
    assert "第1行" in first[1].problems[0].text
    memory.note(first, rehearsed=False)
    (later,) = await drafted(database, tree.registrar, [an_entry(1, row=1001)], memory)
    assert (later.outcome, later.problems[0].code) == (Outcome.DUPLICATE, "same-sheet")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grade": 0}, "preschool"),
        ({"grade": 3}, "not-first-grade"),
        ({"grade": 7}, "stage-not-here"),
        ({"class_number": "2026177"}, "unknown-class"),
        ({"school_code": "2134000002"}, "other-school"),
        ({"continuation": "G340121201001010011"}, "continuation-later"),
    ],
)
async def test_what_cannot_be_entered_is_refused_by_reason_and_the_others_go_on(
    database: Any, tree: Any, an_entry: Any, changes: dict[str, Any], code: str
) -> None:
    bad, good = await drafted(database, tree.registrar, [an_entry(1, **changes), an_entry(2)])
    assert (bad.outcome, [problem.code for problem in bad.problems]) == (Outcome.REFUSED, [code])
    assert good.outcome is Outcome.CREATED


async def test_a_child_below_the_age_is_refused(database: Any, tree: Any, an_entry: Any) -> None:
    from datetime import date

    young = an_entry(1, birth_date=date(2020, 9, 1), document_number="999999202009010018")
    (refused,) = await drafted(database, tree.registrar, [young])
    assert [problem.code for problem in refused.problems] == ["too-young"]
    assert "2026年8月31日未满6周岁" in refused.problems[0].text


async def test_the_schools_own_code_and_its_campus_stand_for_the_school(
    database: Any, tree: Any, an_entry: Any
) -> None:
    (made,) = await drafted(database, tree.registrar, [an_entry(1, school_code="2134000001")])
    assert made.outcome is Outcome.CREATED


async def test_seats_are_given_in_the_order_of_rows_and_never_beyond_the_limit(
    database: Any, tree: Any, a_class: Any, an_entry: Any
) -> None:
    await a_class(capacity=3)
    entries = [an_entry(n, class_number="2026101") for n in range(1, 6)]
    made = await drafted(database, tree.registrar, entries)
    assert [each.outcome for each in made] == [Outcome.CREATED] * 3 + [Outcome.REFUSED] * 2
    assert made[3].problems[0].code == "class-full"
    assert await count(database, ClaimRow) == 3
    assert await count(database, NumberRow) == 6
    async with database.snapshot() as tx:
        assert await tx.scalar(select(ClassRow.size)) == 3


async def test_outside_the_season_nobody_is_entered(database: Any, tree: Any, an_entry: Any) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE calendar_window SET opens = current_date + 10, closes = current_date + 20"))
    with pytest.raises(Refusal) as refused:
        await drafted(database, tree.registrar, [an_entry(1)])
    assert refused.value.code == "window-not-yet-open"


async def test_a_rehearsal_tells_the_same_and_stores_nothing(
    database: Any, tree: Any, a_class: Any, an_entry: Any
) -> None:
    await a_class(capacity=2)
    await drafted(database, tree.other_registrar, [an_entry(9)])
    await drafted(database, tree.registrar, [an_entry(1)])
    entries = [
        an_entry(1), an_entry(2, class_number="2026101"), an_entry(9), an_entry(3, grade=3),
        an_entry(4, class_number="2026101"), an_entry(5, class_number="2026101"),
    ]  # fmt: skip
    expected = [
        Outcome.UNCHANGED, Outcome.CREATED, Outcome.DUPLICATE, Outcome.REFUSED, Outcome.CREATED, Outcome.REFUSED,
    ]  # fmt: skip
    async with database.snapshot() as tx:
        rehearsed = await commands.rehearse(tx, tree.school, entries)
    assert [each.outcome for each in rehearsed] == expected
    assert await count(database, StudentRow) == 2
    done = await drafted(database, tree.registrar, entries)
    assert [each.outcome for each in done] == expected


async def test_a_removed_draft_frees_its_identity_and_its_seat(
    database: Any, tree: Any, a_class: Any, an_entry: Any, spoken: Any
) -> None:
    await a_class()
    (made,) = await drafted(database, tree.registrar, [an_entry(1, class_number="2026101")])
    async with database.transaction(tree.registrar) as tx:
        await commands.advance(tx, {made.student_id: Change.REMOVED})
    (elsewhere,) = await drafted(database, tree.other_registrar, [an_entry(1)])
    assert elsewhere.outcome is Outcome.CREATED
    assert (await pupil(database, elsewhere.student_id)).numbers[0].value.startswith("G999900")
    async with database.snapshot() as tx:
        assert await tx.scalar(select(ClassRow.size)) == 0
    assert [body["status"] for _, body in await spoken(topics.STUDENT)] == ["draft", "removed", "draft"]


async def test_a_submitted_pupil_is_not_changed_by_a_sheet(database: Any, tree: Any, an_entry: Any) -> None:
    (made,) = await drafted(database, tree.registrar, [an_entry(1)])
    async with database.transaction(tree.registrar) as tx:
        await commands.advance(tx, {made.student_id: Change.SUBMITTED})
    same, changed = (
        (await drafted(database, tree.registrar, [an_entry(1)]))[0],
        (await drafted(database, tree.registrar, [an_entry(1, name="张弌")]))[0],
    )
    assert same.outcome is Outcome.UNCHANGED
    assert (changed.outcome, changed.problems[0].code) == (Outcome.REFUSED, "not-editable")
    assert (changed.student_id, changed.previous_version) == (None, None), "there is nothing that an undo goes back to"
