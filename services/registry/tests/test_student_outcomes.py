"""What photo and the nation say of pupils, and how records advance."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from contracts import topics
from contracts.photo import PhotoChanged
from contracts.refusal import Refusal
from contracts.sync import NationalStandingChanged, OpenProblem, Standing
from contracts.values import NumberKind, PhotoState, ProblemType, StudentStatus
from registry.student import commands, queries
from registry.student.domain import Change
from registry.student.models import NumberRow

pytestmark = pytest.mark.usefixtures("season")


@pytest.fixture
def pupils(database: Any, tree: Any, an_entry: Any) -> Any:
    """`await pupils(3, registered=True)` → ids of drafted, or registered, pupils."""

    async def make(count: int, *, registered: bool = False, start: int = 1) -> list[UUID]:
        async with database.transaction(tree.registrar) as tx:
            entries = [an_entry(start + n) for n in range(count)]
            made = await commands.draft(tx, tree.school, entries)
            ids = [each.student_id for each in made if each.student_id is not None]
        assert len(ids) == count
        if registered:
            for change in (Change.SUBMITTED, Change.REGISTERED):
                async with database.transaction(tree.officer) as tx:
                    await commands.advance(tx, dict.fromkeys(ids, change))
        return ids

    return make


async def look(database: Any, student_id: UUID) -> queries.Pupil:
    async with database.snapshot() as tx:
        return (await queries.pupils(tx, [student_id]))[student_id]


async def test_a_record_is_said_in_full_from_registration_on_and_never_before(
    database: Any, tree: Any, pupils: Any
) -> None:
    (student_id,) = await pupils(1)
    async with database.snapshot() as tx:
        assert await queries.records_changed(tx, [student_id]) == {}
    for change in (Change.SUBMITTED, Change.REOPENED, Change.SUBMITTED, Change.REGISTERED):
        async with database.transaction(tree.officer) as tx:
            (after,) = (await commands.advance(tx, {student_id: change})).values()
    assert (after.status, after.version) == (StudentStatus.REGISTERED, 5)
    found = await look(database, student_id)
    async with database.snapshot() as tx:
        assert found.registered_on == tx.now.date()
        said: Any = (await queries.records_changed(tx, [student_id]))[student_id]
    assert (said.school_code, said.class_number, said.status) == ("2134000001", "", StudentStatus.REGISTERED)
    assert (said.record, said.numbers) == (found.record, found.numbers)
    async with database.snapshot() as tx:
        steps = await queries.steps_of(tx, student_id)
    assert [each.change for each in steps] == ["registered", "submitted", "reopened", "submitted", "drafted"]


async def test_steps_that_the_table_does_not_have_are_refused(database: Any, pupils: Any) -> None:
    (student_id,) = await pupils(1)
    with pytest.raises(Refusal) as refused:
        async with database.transaction() as tx:
            await commands.advance(tx, {student_id: Change.REGISTERED})
    assert refused.value.code == "wrong-status"
    with pytest.raises(Refusal) as unknown:
        async with database.transaction() as tx:
            await commands.advance(tx, {uuid4(): Change.SUBMITTED})
    assert unknown.value.code == "not-found"


async def test_advancing_costs_the_same_statements_for_one_and_for_many(
    database: Any, pupils: Any, statements: Any
) -> None:
    counts = []
    for ids in (await pupils(1), await pupils(30, start=10)):
        async with database.transaction() as tx:
            with statements(tx) as seen:
                await commands.advance(tx, dict.fromkeys(ids, Change.SUBMITTED))
            counts.append(len(seen))
    assert counts == [3, 3]


async def test_what_photo_says_is_kept_with_the_enrolment_and_not_said_again(
    database: Any, tree: Any, pupils: Any, spoken: Any
) -> None:
    (student_id,) = await pupils(1)
    before = len(await spoken(topics.STUDENT))
    enrolment = (await look(database, student_id)).enrolment_id
    said = PhotoChanged(
        student_id=student_id, school_id=tree.school, school_year=2026, state=PhotoState.ACCEPTED, sha256="ab" * 32
    )
    async with database.transaction() as tx:
        await commands.note_photos(tx, {enrolment: said, uuid4(): said})
    found = await look(database, student_id)
    assert (found.photo_state, found.photo_hash, found.photo_year) == (PhotoState.ACCEPTED, "ab" * 32, 2026)
    assert found.version == 1
    async with database.transaction() as tx:
        await commands.note_photos(tx, {enrolment: None})
    assert (await look(database, student_id)).photo_state is None
    assert len(await spoken(topics.STUDENT)) == before


def standing(enrolment: UUID, **changes: Any) -> NationalStandingChanged:
    return NationalStandingChanged(**{"standing": Standing.ACCEPTED, "enrolment_id": enrolment, **changes})


async def test_the_nations_words_are_kept_sealed_and_counted(database: Any, pupils: Any) -> None:
    (student_id,) = await pupils(1, registered=True)
    enrolment = (await look(database, student_id)).enrolment_id
    problem = OpenProblem(problem=ProblemType.NAME_MISMATCH, found_at_version=1, note="姓名不符")
    said = standing(enrolment, standing=Standing.PROBLEM, problems=(problem,), rejections=("民族代码不存在",))
    async with database.transaction() as tx:
        await commands.note_standings(tx, {student_id: said})
    found = await look(database, student_id)
    assert (found.standing, found.problem_count, found.problems) == (Standing.PROBLEM, 1, (problem,))
    assert found.rejections == ("民族代码不存在",)


async def test_the_nation_confirms_a_number_once(database: Any, pupils: Any, spoken: Any) -> None:
    (student_id,) = await pupils(1, registered=True)
    number = (await look(database, student_id)).number(NumberKind.STUDENT)
    assert number is not None
    for _ in range(2):
        async with database.transaction() as tx:
            assert await commands.issue_numbers(tx, {student_id: number.value}) == frozenset()
    found = await look(database, student_id)
    assert next((each.value, each.status.value) for each in found.numbers) == (number.value, "confirmed")
    assert found.version == 4
    assert len(await spoken(topics.STUDENT)) == 3
    async with database.snapshot() as tx:
        noted = await tx.rows(text("SELECT objects FROM audit WHERE 'student.renumber' = ANY(actions)"))
    assert [row.objects for row in noted] == [[student_id]]  # nothing else is said of it, and yet a version was made


async def test_the_nation_replaces_a_number_and_the_old_one_stays_in_history(
    database: Any, pupils: Any, spoken: Any, vault: Any
) -> None:
    (student_id,) = await pupils(1, registered=True)
    old = (await look(database, student_id)).number(NumberKind.STUDENT)
    assert old is not None
    issued = "J34012120200315001X"
    async with database.transaction() as tx:
        await commands.issue_numbers(tx, {student_id: issued})
    found = await look(database, student_id)
    assert next(each.value for each in found.numbers) == issued
    async with database.snapshot() as tx:
        kept = await queries.numbers_of(tx, student_id)
    assert {(each.value, each.status) for each in kept if each.kind == "student"} == {
        (issued, "confirmed"),
        (old.value, "replaced"),
    }
    said = (await spoken(topics.STUDENT))[-1][1]
    assert said["match"]["student_number"] == vault.blind("match", "number", issued).hex()


async def test_a_number_that_somebody_else_holds_becomes_a_problem(database: Any, pupils: Any) -> None:
    first, second = await pupils(2, registered=True)
    number = (await look(database, first)).number(NumberKind.STUDENT)
    own = (await look(database, second)).number(NumberKind.STUDENT)
    assert number is not None
    assert own is not None
    for _ in range(2):
        async with database.transaction() as tx:
            assert await commands.issue_numbers(tx, {second: number.value}) == {second}
    found = await look(database, second)
    assert found.number(NumberKind.STUDENT) == own
    assert [each.problem for each in found.problems] == [ProblemType.DUPLICATE_NUMBER]
    assert found.problem_count == 1


async def test_one_number_issued_to_two_pupils_at_once_goes_to_one(database: Any, pupils: Any) -> None:
    ids = await pupils(2, registered=True)
    async with database.transaction() as tx:
        held = await commands.issue_numbers(tx, dict.fromkeys(ids, "J34012120200315001X"))
    assert len(held) == 1
    async with database.snapshot() as tx:
        rows = await tx.rows(select(NumberRow.student_id).where(NumberRow.issuer == "nation"))
    assert [row.student_id for row in rows] == [next(each for each in ids if each not in held)]


async def test_a_rejected_pupil_frees_the_identity_for_another_school(
    database: Any, tree: Any, pupils: Any, an_entry: Any
) -> None:
    (student_id,) = await pupils(1)
    for change in (Change.SUBMITTED, Change.REJECTED):
        async with database.transaction() as tx:
            await commands.advance(tx, {student_id: change})
    async with database.transaction(tree.other_registrar) as tx:
        (made,) = await commands.draft(tx, tree.other_school, [an_entry(1)])
    assert made.outcome is commands.Outcome.CREATED
    assert (await look(database, student_id)).numbers == ()
