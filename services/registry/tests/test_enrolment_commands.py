import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.identity import Actor
from chassis.transaction import Database
from contracts import topics
from contracts.refusal import Refusal
from contracts.values import StudentStatus, WindowKind
from registry.calendar.models import ExtensionRow
from registry.enrolment import commands, queries
from registry.enrolment.domain import Colour
from registry.student import commands as student_commands
from registry.student import settings
from registry.student.commands import Entry
from tests.harness.people import a_guardian, a_record
from tests.harness.pupils import Pupils


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


async def explain(pupils: Pupils, ids: list[UUID] | None, code: str | None, reason: str) -> int:
    async with pupils.database.transaction(pupils.registrar) as tx:
        return await commands.explain(tx, pupils.school_id, ids, code, reason)


async def listing(pupils: Pupils, colour: Colour | None = None, offset: int = 0, limit: int = 200) -> queries.Listing:
    async with pupils.database.snapshot() as tx:
        return await queries.listing(tx, pupils.school_id, None, colour, offset, limit)


async def test_a_ready_pupil_is_frozen_and_the_authority_is_asked(pupils: Pupils, tree: Any, spoken: Any) -> None:
    (pupil,) = await pupils.draft()
    receipt = await pupils.submit([pupil])
    (done,) = receipt.submitted
    assert (done.student_id, done.submission_number, receipt.refused) == (pupil, 1, ())
    ((subject, said),) = await spoken(topics.REQUEST)
    assert subject == done.request_id
    (submission,) = await pupils.submissions([done.request_id])
    assert said == {
        "kind": "enrolment",
        "student_id": str(pupil),
        "enrolment_id": str(submission.enrolment_id),
        "school_id": str(tree.school),
        "class_id": str(submission.frozen.class_id),
        "stage": "primary",
        "authority_id": str(tree.county),
        "submission_number": 1,
        "content_hash": submission.content_hash,
        "submitted_by": str(tree.registrar.person_id),
        "submitted_at": said["submitted_at"],
        "school_year": 2026,
        "warnings": [],
    }
    frozen = submission.frozen
    assert frozen.record == a_record(0)
    assert (frozen.photo_hash, frozen.class_name, frozen.grade_name) == ("ab" * 32, "2026级(1)班", "一年级")
    assert [each.kind.value for each in frozen.numbers] == ["student", "regional"]
    assert await pupils.status(pupil) is StudentStatus.SUBMITTED


async def test_nothing_of_a_pupil_can_be_read_in_tables_or_on_topics(pupils: Pupils) -> None:
    ids = await pupils.draft_all([a_record(0, family=(a_guardian(1),))], reasons="独一无二的说明")
    await explain(pupils, ids, "one-guardian", "另一个独一无二的说明")
    await pupils.submit(ids)
    record = a_record(0)
    secrets = [record.name, record.document_number, record.phone, record.family[0].name, "独一无二"]
    async with pupils.database.snapshot() as tx:
        for table in ("submission", "explanation", "outbox", "audit", "student", "student_version"):
            kept = "".join(row.line for row in await tx.rows(text("SELECT t::text AS line FROM " + table + " AS t")))
            found = [word for word in secrets if word and (word in kept or word.encode().hex() in kept)]
            assert (table, found) == (table, [])
            assert table == "outbox" or kept


async def test_who_is_not_ready_is_refused_with_every_problem_and_keeps_nobody_waiting(pupils: Pupils) -> None:
    (ready,) = await pupils.draft()
    (without_photo,) = await pupils.draft(start=1, photo=False)
    (unplaced,) = await pupils.draft(start=2, placed=False)
    nobody = uuid4()
    receipt = await pupils.submit([unplaced, without_photo, nobody, ready, ready])
    assert [each.student_id for each in receipt.submitted] == [ready]
    assert [(each.student_id, each.code, [problem.code for problem in each.problems]) for each in receipt.refused] == [
        (unplaced, "has-problems", ["class-missing"]),
        (without_photo, "has-problems", ["photo-missing"]),
        (nobody, "not-found", []),
    ]
    assert receipt.refused[1].problems[0].text == "缺少2026年入学当年的照片。请先采集或导入照片，检查通过后再提交。"


async def test_a_missing_photo_only_warns_where_the_province_says_so(
    pupils: Pupils, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PHOTO_REQUIRED", "false")
    settings.student_settings.cache_clear()
    try:
        ids = await pupils.draft(photo=False)
        (refused,) = (await pupils.submit(ids)).refused
        assert (refused.code, [each.code for each in refused.problems]) == ("reasons-missing", ["photo-missing"])
        await explain(pupils, ids, "photo-missing", "学生住院，出院后补拍")
        assert len((await pupils.submit(ids)).submitted) == 1
    finally:
        monkeypatch.undo()
        settings.student_settings.cache_clear()


async def test_a_reason_in_bulk_turns_amber_to_green_and_is_frozen(pupils: Pupils, spoken: Any) -> None:
    ids = await pupils.draft_all([a_record(n, family=(a_guardian(n),)) for n in range(3)])
    assert (await listing(pupils)).counts == {Colour.GREEN: 0, Colour.AMBER: 3, Colour.RED: 0}
    found = await listing(pupils)
    assert found.to_explain == {"one-guardian": 3}
    assert found.examples == {"one-guardian": "只填写了一位家庭成员。原则上填写两位；确为单亲等情况的，请说明。"}
    assert await explain(pupils, ids[:1], "one-guardian", "母亲已故") == 1
    assert await explain(pupils, None, "one-guardian", "单亲家庭，已核对户口簿") == 2
    assert (await listing(pupils)).counts[Colour.GREEN] == 3
    receipt = await pupils.submit(ids)
    reasons = [
        [(each.code, each.reason) for each in submission.frozen.warnings if each.reason]
        for submission in await pupils.submissions([each.request_id for each in receipt.submitted])
    ]
    assert reasons == [
        [("one-guardian", "母亲已故")],
        [("one-guardian", "单亲家庭，已核对户口簿")],
        [("one-guardian", "单亲家庭，已核对户口簿")],
    ]
    assert [said["warnings"] for _, said in await spoken(topics.REQUEST)] == [["one-guardian"]] * 3


async def test_a_general_reason_never_takes_the_place_of_one_that_was_given(pupils: Pupils) -> None:
    ids = await pupils.draft_all([a_record(n, family=(a_guardian(n),)) for n in range(2)])
    await explain(pupils, ids[:1], "one-guardian", "母亲已故")
    assert await explain(pupils, ids, None, "已核对") == 1
    assert [line.verdict.warnings[0].reason for line in (await listing(pupils)).lines] == ["母亲已故", "已核对"]
    assert await explain(pupils, ids[:1], "one-guardian", "父亲已故") == 1
    assert (await listing(pupils)).lines[0].verdict.warnings[0].reason == "父亲已故"


async def test_the_remark_of_the_sheet_is_a_reason(pupils: Pupils) -> None:
    ids = await pupils.draft_all([a_record(0, family=(a_guardian(1),))], reasons="单亲家庭")
    (done,) = (await pupils.submit(ids)).submitted
    (submission,) = await pupils.submissions([done.request_id])
    assert [(each.code, each.reason) for each in submission.frozen.warnings] == [
        ("one-guardian", "单亲家庭"),
        ("id-region-unknown", None),
    ]


@pytest.mark.parametrize(
    ("code", "refusal"), [("class-above-standard", "nothing-to-explain"), (None, "name-the-warning")]
)
async def test_a_reason_answers_a_warning_that_is_there(pupils: Pupils, code: str | None, refusal: str) -> None:
    await pupils.draft()
    with pytest.raises(Refusal) as refused:
        await explain(pupils, None, code, "原因")
    assert refused.value.code == refusal


async def test_a_reason_for_another_schools_pupil_is_not_taken(pupils: Pupils, tree: Any) -> None:
    ids = await pupils.draft_all([a_record(0, family=(a_guardian(1),))])
    async with pupils.database.transaction(tree.other_registrar) as tx:
        with pytest.raises(Refusal) as refused:
            await commands.explain(tx, tree.other_school, ids, None, "原因")
    assert refused.value.code == "nothing-to-explain"


async def test_a_double_click_submits_once(pupils: Pupils, spoken: Any) -> None:
    ids = await pupils.draft(2)
    await pupils.submit(ids)
    again = await pupils.submit(ids)
    assert again.submitted == ()
    assert [each.code for each in again.refused] == ["already-submitted"] * 2
    assert len(await spoken(topics.REQUEST)) == 2


async def test_two_clerks_at_once_submit_every_pupil_once(pupils: Pupils, spoken: Any) -> None:
    ids = await pupils.draft(6)
    receipts = await asyncio.gather(*(pupils.submit(ids if n % 2 else ids[::-1]) for n in range(4)))
    done = [each.student_id for receipt in receipts for each in receipt.submitted]
    assert sorted(done) == sorted(ids)
    assert sum(len(receipt.refused) for receipt in receipts) == 18
    assert len(await spoken(topics.REQUEST)) == 6


async def test_nothing_is_submitted_outside_the_window(pupils: Pupils) -> None:
    ids = await pupils.draft()
    await pupils.close_entry(date(2026, 8, 2))
    with pytest.raises(Refusal) as refused:
        await pupils.submit(ids)
    assert (refused.value.code, refused.value.sentence) == (
        "window-closed",
        "新生注册已于2026年8月2日截止。确需办理的，请由主管单位凭文号申请延期后再办。",
    )
    assert await pupils.status(ids[0]) is StudentStatus.DRAFT


async def test_an_extension_lets_the_school_submit(pupils: Pupils, tree: Any) -> None:
    ids = await pupils.draft()
    await pupils.close_entry(date(2026, 8, 2))
    async with pupils.database.transaction(tree.officer) as tx:
        extension = {
            "id": uuid4(),
            "organisation_id": tree.county,
            "school_year": 2026,
            "kind": WindowKind.ENTRY.value,
            "until": date(2199, 1, 1),
            "reason": "台风推迟开学",
            "document_number": "长教〔2026〕31号",
            "granted_by": None,
            "granted_at": tx.now,
        }
        await tx.insert(ExtensionRow, [extension])
    assert len((await pupils.submit(ids)).submitted) == 1


async def test_what_was_submitted_cannot_be_changed_or_placed(pupils: Pupils, tree: Any) -> None:
    (pupil,) = await pupils.draft()
    await pupils.submit([pupil])
    async with pupils.database.transaction(tree.registrar) as tx:
        entry = Entry(1, a_record(0, address="改过的地址"), "2026101", grade=1)
        (again,) = await student_commands.draft(tx, tree.school, [entry])
    assert again.outcome.value in ("duplicate", "refused")
    assert (await pupils.pupil(pupil)).record.address == a_record(0).address


async def test_a_photo_that_comes_later_leaves_the_submission_as_it_was(pupils: Pupils) -> None:
    (submission,) = await pupils.submitted()
    await pupils.photograph([submission.student_id], "cd" * 32)
    assert (await pupils.pupil(submission.student_id)).photo_hash == "cd" * 32
    assert await pupils.submissions([submission.request_id]) == [submission]


async def test_another_school_cannot_submit_the_pupil(pupils: Pupils, tree: Any) -> None:
    ids = await pupils.draft()
    async with pupils.database.transaction(tree.other_registrar) as tx:
        receipt = await commands.submit(tx, tree.other_school, ids)
    assert [each.code for each in receipt.refused] == ["not-found"]


async def test_the_submitters_person_is_recorded(pupils: Pupils, tree: Any) -> None:
    (submission,) = await pupils.submitted()
    async with pupils.database.snapshot() as tx:
        row = await tx.row(text("SELECT submitted_by, account_id, authority_id FROM submission"))
        audit = await tx.rows(text("SELECT actions, account_id FROM audit ORDER BY at DESC LIMIT 1"))
    assert row is not None
    assert tuple(row) == (tree.registrar.person_id, tree.registrar.account_id, tree.county)
    assert [tuple(each) for each in audit] == [(["enrolment.submit"], tree.registrar.account_id)]
    assert submission.account_id == tree.registrar.account_id


async def test_a_withdrawal_is_asked_once_and_on_the_same_request(pupils: Pupils, tree: Any, spoken: Any) -> None:
    (submission,) = await pupils.submitted()
    (draft,) = await pupils.draft(start=9)

    async def ask(actor: Actor, ids: list[UUID]) -> commands.Asked:
        async with pupils.database.transaction(actor) as tx:
            return await commands.ask_withdrawal(tx, actor.organisation_id, ids)

    first = await ask(tree.registrar, [submission.student_id, draft])
    assert first.asked == (submission.student_id,)
    assert [(each.student_id, each.code) for each in first.refused] == [(draft, "nothing-to-withdraw")]
    second = await ask(tree.registrar, [submission.student_id])
    assert [each.code for each in second.refused] == ["already-asked"]
    assert [each.code for each in (await ask(tree.other_registrar, [draft])).refused] == ["not-found"]
    assert (await spoken(topics.REQUEST))[1:] == [
        (
            submission.request_id,
            {"student_id": str(submission.student_id), "asked_by": str(tree.registrar.person_id)},
        )
    ]
    async with pupils.database.snapshot() as tx:
        versions = await tx.rows(text("SELECT version FROM outbox WHERE topic = 'registry.request.v1' ORDER BY id"))
    assert [row.version for row in versions] == [1, 2]
    assert await pupils.status(submission.student_id) is StudentStatus.SUBMITTED


async def test_the_list_pages_through_a_colour_and_counts_all(pupils: Pupils) -> None:
    green = await pupils.draft(3)
    red = await pupils.draft(2, start=10, photo=False)
    found = await listing(pupils, Colour.RED, offset=1, limit=5)
    assert [line.pupil.id for line in found.lines] == [red[1]]
    assert (found.total, found.counts) == (2, {Colour.GREEN: 3, Colour.AMBER: 0, Colour.RED: 2})
    assert [line.pupil.id for line in (await listing(pupils)).lines] == [*green, *red]


async def test_a_whole_school_is_submitted_in_parts(pupils: Pupils, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.enrolment.commands.submitting.MOST", 2)
    ids = await pupils.draft(3)
    (red,) = await pupils.draft(start=10, photo=False)
    parts: list[commands.Swept] = []
    after = None
    while not parts or after is not None:
        async with pupils.database.transaction(pupils.registrar) as tx:
            parts.append(await commands.sweep(tx, pupils.school_id, None, after))
        after = parts[-1].after
    assert [each.student_id for part in parts for each in part.receipt.submitted] == ids
    assert [each.student_id for part in parts for each in part.receipt.refused] == [red]


async def test_a_thousand_are_the_most(pupils: Pupils) -> None:
    with pytest.raises(Refusal) as refused:
        await pupils.submit([uuid4() for _ in range(1_001)])
    assert refused.value.code == "too-many"


async def test_statements_do_not_grow_with_pupils(pupils: Pupils, statements: Any) -> None:
    few, many = await pupils.draft(2), await pupils.draft(40, start=50)
    counts = []
    for ids in (few, many):
        async with pupils.database.transaction(pupils.registrar) as tx:
            with statements(tx) as count:
                receipt = await commands.submit(tx, pupils.school_id, ids)
            assert len(receipt.submitted) == len(ids)
            counts.append(len(count))
    assert counts[0] == counts[1] <= 22
