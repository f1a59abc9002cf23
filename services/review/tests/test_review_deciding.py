"""Decisions on a real database: alone, in batches, and against one another."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.clock import now
from chassis.identity import Actor
from chassis.testing import spoken
from chassis.transaction import Database
from contracts import topics
from contracts.refusal import Refusal
from contracts.registry import WithdrawalAsked
from contracts.review import Reason
from contracts.values import Role
from review import commands
from services.review.tests.province import HASH, Province, all_of, an_actor, link, only
from tests.harness.plans import read_whole

PHOTO = [Reason(code="photo-unfit", field="photo", text="背景不是淡蓝色")]


DECIDE: dict[str, Callable[..., Coroutine[Any, Any, commands.Receipt]]] = {
    "approve": commands.approve,
    "return": lambda tx, seen: commands.send_back(tx, seen, PHOTO),
    "reject": lambda tx, seen: commands.reject(tx, seen, [Reason(code="not-attending")]),
}


async def approve(database: Database, actor: Actor, *cases: UUID, seen: str = HASH) -> commands.Receipt:
    async with database.transaction(actor) as tx:
        return await commands.approve(tx, [(case, seen) for case in cases])


async def code_of(deciding: Coroutine[Any, Any, commands.Receipt]) -> str:
    """ "decided", or the code of the refusal of the one case."""
    receipt = await deciding
    return next((refusal.code for refusal in receipt.refused.values()), "decided")


async def test_an_approved_case_is_closed_said_and_audited(
    database: Database, tree: Province, a_case: Any, row_of: Any, said: Any, audited: Any
) -> None:
    case_id = await a_case()
    receipt = await approve(database, tree.officer, case_id)
    assert (receipt.decided, receipt.refused) == ((case_id,), {})
    row = await row_of(case_id)
    assert (row.state, row.decision, row.decided_by_organisation) == ("decided", "approved", tree.county)
    ((subject, kind, body),) = await said()
    assert (subject, kind) == (case_id, "RequestApproved")
    assert (body["content_hash"], body["decided_by"]) == (HASH, str(tree.officer.person_id))
    assert body["student_id"] == str(row.student_id)
    assert await audited() == ["case.approved", "case.open"]


async def test_a_returned_and_a_rejected_case_say_why(
    database: Database, tree: Province, a_case: Any, row_of: Any, said: Any
) -> None:
    first, second = await a_case(), await a_case()
    async with database.transaction(tree.officer) as tx:
        await commands.send_back(tx, [(first, HASH)], PHOTO)
        await commands.reject(tx, [(second, HASH)], [Reason(code="already-enrolled")])
    assert [(kind, body["reasons"]) for _, kind, body in await said()] == [
        ("RequestReturned", [{"code": "photo-unfit", "field": "photo", "text": "照片不符合要求：背景不是淡蓝色"}]),
        ("RequestRejected", [{"code": "already-enrolled", "field": None, "text": "该生已有学籍，应办理转学"}]),
    ]
    assert [(await row_of(each)).decision for each in (first, second)] == ["returned", "rejected"]


@pytest.mark.parametrize("how", ["approve", "return", "reject"])
async def test_five_hundred_are_decided_in_three_statements(
    database: Database, tree: Province, hear: Any, a_request: Any, statements: Any, said: Any, how: str
) -> None:
    cases = [uuid4() for _ in range(500)]
    await hear(*(spoken(topics.REQUEST, case, a_request()) for case in cases))
    async with database.transaction(tree.officer) as tx:
        with statements(database) as seen:
            receipt = await DECIDE[how](tx, [(case, HASH) for case in cases])
    assert len(seen) <= 3  # what is copied in is not counted
    assert await read_whole(database, seen, {"review_case", "decision", "case_event"}) == []
    assert (len(receipt.decided), receipt.refused) == (500, {})
    assert len(await said()) == 500


async def test_a_batch_approves_what_it_can_and_says_of_each_other_why_not(
    database: Database, tree: Province, a_case: Any, hear: Any, a_request: Any, statements: Any, said: Any
) -> None:
    good, changed, gone = await a_case(), await a_case(), uuid4()
    own = await a_case(submitted_by=tree.officer.person_id)
    decided = await a_case()
    await approve(database, tree.colleague, decided)
    taken_back, request = uuid4(), a_request()
    asked = WithdrawalAsked(student_id=request.student_id, asked_by=uuid4())
    await hear(spoken(topics.REQUEST, taken_back, request), spoken(topics.REQUEST, taken_back, asked, version=2))
    elsewhere = await a_case(school_id=tree.other_school, authority_id=tree.other_county)
    rerouted = await a_case(authority_id=tree.city)
    asked_for = [(each, HASH) for each in (good, own, decided, taken_back, elsewhere, rerouted, gone)]
    async with database.transaction(tree.officer) as tx:
        with statements(database) as seen:
            receipt = await commands.approve(tx, [*asked_for, (changed, "d" * 64)])
    assert receipt.decided == (good,)
    assert {case: refusal.code for case, refusal in receipt.refused.items()} == {
        own: "own-submission",
        decided: "already-decided",
        taken_back: "request-withdrawn",
        elsewhere: "not-found",
        rerouted: "not-your-case",
        gone: "not-found",
        changed: "content-changed",
    }
    assert "合肥市教育局" in receipt.refused[rerouted].sentence
    assert "长丰县教育局" in receipt.refused[decided].sentence
    assert len(seen) <= 6
    assert sum(subject == good for subject, _, _ in await said()) == 1


async def test_a_case_named_twice_in_a_batch_refuses_the_batch(database: Database, tree: Province, a_case: Any) -> None:
    case_id = await a_case()
    with pytest.raises(Refusal) as refused:
        async with database.transaction(tree.officer) as tx:
            await commands.approve(tx, [(case_id, HASH), (case_id, "d" * 64)])
    assert refused.value.code == "case-twice"


async def test_a_person_does_not_decide_on_her_own_submission_with_another_account(
    database: Database, tree: Province, a_case: Any, row_of: Any
) -> None:
    case_id = await a_case(submitted_by=tree.registrar.person_id)
    second_account = an_actor(tree.county, Role.OFFICER, person=tree.registrar.person_id)
    assert await code_of(approve(database, second_account, case_id)) == "own-submission"
    assert (await row_of(case_id)).state == "open"


@pytest.mark.parametrize("who", ["other_officer", "city_officer", "admin"])
async def test_only_the_cases_authority_decides(
    database: Database, tree: Province, a_case: Any, row_of: Any, who: str
) -> None:
    case_id = await a_case()
    code = await code_of(approve(database, getattr(tree, who), case_id))
    assert code == ("not-found" if who == "other_officer" else "not-your-case")
    assert (await row_of(case_id)).state == "open"


async def test_the_province_decides_where_it_is_the_authority(
    database: Database, tree: Province, a_case: Any, row_of: Any
) -> None:
    case_id = await a_case(authority_id=tree.province)
    assert await code_of(approve(database, tree.admin, case_id)) == "decided"


async def test_of_many_reviewers_at_once_exactly_one_decides_and_the_others_are_told(
    database: Database, tree: Province, hear: Any, a_request: Any, said: Any
) -> None:
    cases = [uuid4() for _ in range(60)]
    await hear(*(spoken(topics.REQUEST, case, a_request()) for case in cases))
    officers = [tree.officer, tree.colleague, an_actor(tree.county, Role.OFFICER)]

    async def send_back(actor: Actor, case: UUID) -> commands.Receipt:
        async with database.transaction(actor) as tx:
            return await commands.send_back(tx, [(case, HASH)], PHOTO)

    attempts = [
        code_of(send_back(officer, case) if turn == 1 else approve(database, officer, case))
        for case in cases
        for turn, officer in enumerate(officers)
    ]
    random.Random(3).shuffle(attempts)
    outcomes = Counter(await all_of(attempts))
    assert outcomes == {"decided": 60, "already-decided": 120}
    said_of = Counter(subject for subject, _, _ in await said())
    assert said_of == dict.fromkeys(cases, 1)
    async with database.snapshot() as tx:
        assert await only(tx, "SELECT count(*) FROM decision WHERE final") == 60


async def test_batches_that_overlap_in_any_order_decide_each_case_once_and_never_lock_each_other(
    database: Database, tree: Province, hear: Any, a_request: Any
) -> None:
    cases = [uuid4() for _ in range(100)]
    await hear(*(spoken(topics.REQUEST, case, a_request()) for case in cases))
    batches = [random.Random(seed).sample(cases, 60) for seed in range(12)]
    receipts = await all_of(approve(database, tree.officer, *batch) for batch in batches)
    decided = [case for receipt in receipts for case in receipt.decided]
    assert len(decided) == len(set(decided)) == len({case for batch in batches for case in batch})
    told = Counter(refusal.code for receipt in receipts for refusal in receipt.refused.values())
    assert told == {"already-decided": 12 * 60 - len(decided)}


async def test_a_withdrawal_and_an_approval_at_once_leave_one_of_them(
    database: Database, tree: Province, hear: Any, a_request: Any, row_of: Any, said: Any
) -> None:
    requests = {uuid4(): a_request() for _ in range(50)}
    await hear(*(spoken(topics.REQUEST, case, request) for case, request in requests.items()))

    async def race(case: UUID) -> str:
        asked = WithdrawalAsked(student_id=requests[case].student_id, asked_by=uuid4())
        code, (heard,) = await asyncio.gather(
            code_of(approve(database, tree.officer, case)),
            hear(spoken(topics.REQUEST, case, asked, version=2)),
        )
        assert heard == "applied"
        return str(code)

    codes = dict(zip(requests, await all_of(map(race, requests), at_once=8), strict=True))
    kinds: dict[UUID, list[str]] = {}
    for subject, kind, _ in await said():
        kinds.setdefault(subject, []).append(kind)
    for case, code in codes.items():
        assert kinds[case] == (["RequestApproved"] if code == "decided" else ["RequestWithdrawn"])
        assert (await row_of(case)).state == ("decided" if code == "decided" else "withdrawn")
    assert set(codes.values()) <= {"decided", "request-withdrawn"}


async def test_a_withdrawal_of_a_decided_request_says_nothing(
    database: Database, tree: Province, hear: Any, a_request: Any, said: Any, row_of: Any
) -> None:
    case_id, request = uuid4(), a_request()
    await hear(spoken(topics.REQUEST, case_id, request))
    await approve(database, tree.officer, case_id)
    asked = WithdrawalAsked(student_id=request.student_id, asked_by=uuid4())
    assert await hear(spoken(topics.REQUEST, case_id, asked, version=2)) == ["applied"]
    assert [kind for _, kind, _ in await said()] == ["RequestApproved"]
    assert (await row_of(case_id)).state == "decided"


async def test_two_withdrawals_close_a_case_once(tree: Province, hear: Any, a_request: Any, said: Any) -> None:
    case_id, request = uuid4(), a_request()
    asked = WithdrawalAsked(student_id=request.student_id, asked_by=uuid4())
    await hear(
        spoken(topics.REQUEST, case_id, request),
        spoken(topics.REQUEST, case_id, asked, version=2),
        spoken(topics.REQUEST, case_id, asked, version=3),
    )
    assert [kind for _, kind, _ in await said()] == ["RequestWithdrawn"]


async def test_a_rerouted_case_is_decided_by_the_other_authority_alone(
    database: Database, tree: Province, a_case: Any, row_of: Any, said: Any
) -> None:
    case_id = await a_case()
    deadline = (await row_of(case_id)).deadline
    async with database.transaction(tree.officer) as tx:
        await commands.reroute(tx, case_id, tree.city, "市直管学校，请市局审核")
    assert await code_of(approve(database, tree.officer, case_id)) == "not-your-case"
    assert await said() == []
    assert await code_of(approve(database, tree.city_officer, case_id)) == "decided"
    assert (await row_of(case_id)).deadline == deadline


async def test_reroutings_that_are_refused(database: Database, tree: Province, a_case: Any) -> None:
    case_id = await a_case()

    async def code(actor: Actor, to: UUID, reason: str = "应由该单位审核") -> str:
        try:
            async with database.transaction(actor) as tx:
                await commands.reroute(tx, case_id, to, reason)
        except Refusal as refused:
            return refused.code
        return "rerouted"

    assert await code(tree.officer, tree.county) == "same-authority"
    assert await code(tree.officer, tree.school) == "not-an-authority"
    assert await code(tree.officer, uuid4()) == "not-an-authority"
    assert await code(tree.other_officer, tree.other_county) == "not-found"
    assert await code(tree.city_officer, tree.city) == "not-your-case"
    assert await code(tree.officer, tree.city, "家长电话13812345678") == "personal-data-in-text"
    assert await code(tree.officer, tree.other_county) == "out-of-reach"
    assert await code(tree.admin, tree.other_county) == "out-of-reach"
    assert await code(tree.admin, tree.city) == "rerouted"
    assert await code(tree.city_officer, tree.county) == "rerouted"


async def test_an_authority_that_does_not_reach_the_school_gets_no_case_and_the_others_are_named(
    database: Database, tree: Province, a_case: Any, row_of: Any
) -> None:
    for school in (tree.school, tree.campus):
        case_id = await a_case(school_id=school)
        with pytest.raises(Refusal) as refused:
            async with database.transaction(tree.officer) as tx:
                await commands.reroute(tx, case_id, tree.other_county, "应由该单位审核")
        assert refused.value.sentence.startswith("肥东县教育局不管理该学校，看不到学生信息，不能审核。可以改派到：")
        choice = refused.value.sentence.split("可以改派到：")[1].split("。")[0]
        assert set(choice.split("、")) == {"安徽省教育厅", "合肥市教育局"}
        assert (await row_of(case_id)).authority_id == tree.county


async def test_a_case_follows_its_school_to_another_authority_and_goes_back_to_the_first(
    database: Database, tree: Province, a_case: Any, hear: Any, organisations: Any, row_of: Any
) -> None:
    today = now().date()
    moved = (link(tree.county, until=today), link(tree.other_county, since=today))
    school = organisations["school"].model_copy(update={"parent_id": tree.province, "authorities": moved})
    await hear(spoken(topics.ORGANISATION, tree.school, school, version=2))
    for place in (tree.school, tree.campus):
        case_id = await a_case(school_id=place)
        async with database.transaction(tree.officer) as tx:
            await commands.reroute(tx, case_id, tree.other_county, "学校已划归肥东县")
        assert (await row_of(case_id)).authority_id == tree.other_county
        async with database.transaction(tree.other_officer) as tx:
            await commands.reroute(tx, case_id, tree.county, "划转前提交，仍由原单位审核")
        assert (await row_of(case_id)).authority_id == tree.county
        with pytest.raises(Refusal, match="合肥市教育局不管理该学校"):
            async with database.transaction(tree.officer) as tx:
                await commands.reroute(tx, case_id, tree.city, "应由该单位审核")


async def test_the_province_routes_a_case_that_nobody_has(
    database: Database, tree: Province, a_case: Any, row_of: Any
) -> None:
    case_id = await a_case(school_id=uuid4(), authority_id=None)
    async with database.transaction(tree.admin) as tx:
        await commands.reroute(tx, case_id, tree.county, "学校信息尚未登记，先由县局审核")
    assert (await row_of(case_id)).authority_id == tree.county


async def test_a_claim_shows_and_forbids_nothing(database: Database, tree: Province, a_case: Any, row_of: Any) -> None:
    case_id = await a_case()
    async with database.transaction(tree.officer) as tx:
        await commands.claim(tx, case_id)
    async with database.transaction(tree.colleague) as tx:
        await commands.claim(tx, case_id)
    row = await row_of(case_id)
    assert row.claimed_by == tree.officer.account_id
    async with database.transaction() as tx:
        assert await commands.release_expired(tx) == 0
        tx.now = row.claimed_until
        assert await commands.release_expired(tx) == 1
    async with database.transaction(tree.city_officer) as tx:
        await commands.claim(tx, case_id)
    assert (await row_of(case_id)).claimed_by is None
    async with database.transaction(tree.officer) as tx:
        await commands.claim(tx, case_id)
    assert await code_of(approve(database, tree.colleague, case_id)) == "decided"
    assert (await row_of(case_id)).claimed_by is None
