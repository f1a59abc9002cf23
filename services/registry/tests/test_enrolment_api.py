from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from chassis.testing import deliver
from chassis.transaction import Database
from contracts.review import RequestApproved, RequestReturned
from contracts.values import OrganisationKind
from registry.main import subscribers
from registry.organisation import commands as organisation_commands
from registry.student import commands as student_commands
from registry.student.commands import Entry
from tests.harness.people import a_guardian, a_record, undocumented
from tests.harness.pupils import Pupils, decision


@pytest.fixture
async def pupils(database: Database, tree: Any, a_class: Any) -> Pupils:
    return await Pupils.of(database, tree, a_class)


async def test_pre_review_says_what_is_wrong_in_words(pupils: Pupils, as_: Any, tree: Any) -> None:
    (green,) = await pupils.draft()
    (amber,) = await pupils.draft_all([a_record(1, family=(a_guardian(3),))])
    (red,) = await pupils.draft_all([a_record(2, address=None)], photo=False)
    answer = await as_(tree.registrar).get("/v1/pre-review")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["total"], found["counts"]) == (3, {"green": 1, "amber": 1, "red": 1})
    assert found["to_explain"] == {"one-guardian": 1}
    assert found["window"]["closes"] == "2199-09-30"
    first, second, third = found["items"]
    assert [each["student_id"] for each in found["items"]] == [str(green), str(amber), str(red)]
    assert (first["name"], first["class_name"], first["grade_name"], first["verdict"], first["returned"]) == (
        "赵**", "2026级(1)班", "一年级", "green", None,
    )  # fmt: skip
    assert (first["status"], first["status_name"], first["version"]) == ("draft", "待提交", 1)
    assert [(each["code"], each["asks"], each["reason"]) for each in second["warnings"]] == [
        ("one-guardian", True, None),
        ("id-region-unknown", False, None),
    ]
    assert [(each["code"], each["field"], each["text"]) for each in third["problems"]] == [
        ("missing", "address", "“现住址”没有填写。请补填。"),
        ("photo-missing", "photo", "缺少2026年入学当年的照片。请先采集或导入照片，检查通过后再提交。"),
    ]
    assert a_record(0).document_number not in answer.text
    only = (await as_(tree.teacher).get("/v1/pre-review", params={"verdict": "red"})).json()
    assert ([each["student_id"] for each in only["items"]], only["total"]) == ([str(red)], 1)


async def test_who_may_look_and_who_may_not(pupils: Pupils, as_: Any, tree: Any) -> None:
    await pupils.draft()
    asked = {"school": str(tree.school)}
    for actor, status in (
        (tree.officer, 200), (tree.city_officer, 200), (tree.admin, 200), (tree.teacher, 200),
        (tree.other_officer, 404), (tree.other_registrar, 404), (None, 401),
    ):  # fmt: skip
        assert (await as_(actor).get("/v1/pre-review", params=asked)).status_code == status
    body = {"students": [str(uuid4())]}
    for path in ("/v1/submissions", "/v1/submissions/withdraw"):
        for actor in (tree.teacher, tree.officer):
            assert (await as_(actor).post(path, json=body)).status_code == 403
    assert (await as_(tree.registrar).get("/v1/progress")).status_code == 403


async def test_a_reason_in_bulk_then_submit_then_the_receipt(pupils: Pupils, as_: Any, tree: Any, key: Any) -> None:
    ids = await pupils.draft_all([a_record(n, family=(a_guardian(n),)) for n in range(2)])
    registrar = as_(tree.registrar)
    body = {"students": [str(each) for each in ids]}
    refused = (await registrar.post("/v1/submissions", json=body, headers=key())).json()
    assert [each["code"] for each in refused["refused"]] == ["reasons-missing"] * 2
    reason = {"students": body["students"], "code": None, "reason": "单亲家庭"}
    assert (await registrar.post("/v1/pre-review/reasons", json=reason, headers=key())).json() == {"explained": 2}
    nothing = await registrar.post("/v1/pre-review/reasons", json={"code": "one-guardian", "reason": "单亲家庭"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing-to-explain")
    sent = key()
    first = await registrar.post("/v1/submissions", json=body, headers=sent)
    assert first.status_code == 200, first.text
    assert [each["student_id"] for each in first.json()["submitted"]] == body["students"]
    assert [each["submission_number"] for each in first.json()["submitted"]] == [1, 1]
    assert (await registrar.post("/v1/submissions", json=body, headers=sent)).json() == first.json()
    reused = await registrar.post("/v1/submissions", json={"students": body["students"][:1]}, headers=sent)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    again = (await registrar.post("/v1/submissions", json=body, headers=key())).json()
    assert [each["code"] for each in again["refused"]] == ["already-submitted"] * 2


@pytest.mark.parametrize(
    "body", [{}, {"students": []}, {"students": ["x"]}, {"students": [str(UUID(int=1))], "status": "registered"}]
)
async def test_nonsense_is_refused_by_field(as_: Any, tree: Any, body: dict[str, Any]) -> None:
    answer = await as_(tree.registrar).post("/v1/submissions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


async def test_a_whole_school_is_submitted_and_a_repeat_is_answered_alike(
    pupils: Pupils, as_: Any, tree: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.enrolment.commands.submitting.MOST", 2)
    await pupils.draft(5)
    (red,) = await pupils.draft(start=9, photo=False)
    registrar, sent = as_(tree.registrar), key()
    first = await registrar.post("/v1/submissions/all", json={}, headers=sent)
    assert first.status_code == 200, first.text
    assert first.json()["submitted"] == 5
    assert [(each["student_id"], each["code"]) for each in first.json()["refused"]] == [(str(red), "has-problems")]
    assert (await registrar.post("/v1/submissions/all", json={}, headers=sent)).json() == first.json()
    assert (await registrar.post("/v1/submissions/all", json={}, headers=key())).json()["submitted"] == 0
    other = await as_(tree.other_registrar).post("/v1/submissions/all", json={"school_id": str(tree.school)})
    assert other.status_code == 404


async def test_a_request_is_read_in_full_by_who_decides_and_leaves_a_trace(
    pupils: Pupils, as_: Any, tree: Any, database: Database
) -> None:
    (submission,) = await pupils.submitted()
    path = f"/v1/requests/{submission.request_id}"
    for actor, status in (
        (tree.officer, 200), (tree.admin, 200), (tree.registrar, 200),
        (tree.other_officer, 404), (tree.other_registrar, 404), (tree.teacher, 403),
    ):  # fmt: skip
        assert (await as_(actor).get(path)).status_code == status
    found = (await as_(tree.officer).get(path)).json()
    record = a_record(0)
    assert found["school"] == {"id": str(tree.school), "name": "长丰县水湖学区中心校", "code": "2134000001"}
    assert (found["class_name"], found["grade_name"], found["submission_number"]) == ("2026级(1)班", "一年级", 1)
    assert found["submitted_by"] == "shuihu01的使用人"
    assert (found["content_hash"], found["photo_hash"]) == (submission.content_hash, "ab" * 32)
    assert found["record"]["document_number"] == record.document_number
    assert found["record"]["birth_date"] == "2019-09-01"
    assert found["record"]["family.0.name"] == record.family[0].name
    assert (found["names"]["ethnicity"], found["names"]["residence"]) == ("汉族", "长丰县")
    assert [each["kind"] for each in found["numbers"]] == ["student", "regional"]
    assert (found["changes"], found["duplicates"], found["evidence"]) == ([], [], [])
    async with database.snapshot() as tx:
        reads = await tx.rows(text("SELECT account_id, objects FROM audit WHERE 'request.read' = ANY(actions)"))
    assert [row.account_id for row in reads].count(tree.officer.account_id) == 2
    assert all(set(row.objects) == {submission.request_id, submission.student_id} for row in reads)


async def test_what_was_changed_since_the_return_is_marked(
    pupils: Pupils, as_: Any, tree: Any, database: Database
) -> None:
    (first,) = await pupils.submitted()
    await deliver(database, subscribers, [decision(RequestReturned, first)])
    back = (await as_(tree.registrar).get("/v1/pre-review")).json()["items"][0]
    await pupils.draft(start=5)
    only = (await as_(tree.registrar).get("/v1/pre-review", params={"status": "returned"})).json()
    assert ([each["student_id"] for each in only["items"]], only["total"]) == ([str(first.student_id)], 1)
    assert (await as_(tree.registrar).get("/v1/pre-review", params={"status": "registered"})).status_code == 422
    assert back["returned"] == [{"code": "incomplete", "field": "address", "text": "住址缺门牌号"}]
    async with database.transaction(tree.registrar) as tx:
        corrected = Entry(1, a_record(0, address="水湖镇幸福村12号"), "2026101", grade=1)
        await student_commands.draft(tx, tree.school, [corrected])
    (again,) = (await pupils.submit([first.student_id])).submitted
    found = (await as_(tree.officer).get(f"/v1/requests/{again.request_id}")).json()
    assert found["changes"] == [
        {"field": "address", "before": "安徽省合肥市长丰县水湖镇幸福村1号", "after": "水湖镇幸福村12号"}
    ]
    old = (await as_(tree.registrar).get(f"/v1/requests/{first.request_id}")).json()
    assert (old["state"], old["state_name"], [each["code"] for each in old["reasons"]]) == (
        "returned", "已退回", ["incomplete"],
    )  # fmt: skip
    (glance,) = (await as_(tree.officer).post("/v1/requests/lookup", json={"ids": [str(again.request_id)]})).json()
    assert (glance["changed"], glance["submission_number"]) == (True, 2)


async def test_a_request_is_read_by_who_stands_above_the_authority_it_was_submitted_to(
    pupils: Pupils, as_: Any, tree: Any, database: Database
) -> None:
    async with database.transaction(tree.admin) as tx:
        zone = organisation_commands.NewOrganisation(
            OrganisationKind.ZONE, "肥东经济开发区社会发展局", "340122000001", tree.other_county, "340122"
        )
        zone_id = await organisation_commands.create(tx, zone)
        await organisation_commands.hand_over(tx, tree.school, zone_id, tx.now.date())
    (student,) = await pupils.draft()
    own = f"/v1/students/{student}/evidence"
    added = (await as_(tree.registrar).post(own, files={"file": ("户口簿.pdf", b"%PDF-1.4 household")})).json()
    (submission,) = (await pupils.submit([student])).submitted
    path = f"/v1/requests/{submission.request_id}"
    assert (await as_(tree.other_officer).get(path)).status_code == 200
    assert (await as_(tree.other_registrar).get(path)).status_code == 404
    # What was submitted with it, too, though the pupil's own page is not hers to see.
    proof = await as_(tree.other_officer).get(f"{path}/evidence/{added['id']}")
    assert (proof.status_code, proof.content) == (200, b"%PDF-1.4 household")
    assert (await as_(tree.other_officer).get(f"/v1/evidence/{added['id']}")).status_code == 404
    assert (await as_(tree.other_registrar).get(f"{path}/evidence/{added['id']}")).status_code == 404
    assert (await as_(tree.registrar).get(f"{path}/evidence/{uuid4()}")).status_code == 404
    async with database.snapshot() as tx:
        read = await tx.row(text("SELECT objects FROM audit WHERE 'evidence.read' = ANY(actions)"))
    assert read is not None
    assert set(read.objects) == {submission.request_id, student, UUID(added["id"])}
    asked = {"ids": [str(submission.request_id)]}
    assert len((await as_(tree.other_officer).post("/v1/requests/lookup", json=asked)).json()) == 1


async def test_a_page_of_requests_is_looked_up_masked_and_only_as_far_as_seen(
    pupils: Pupils, as_: Any, tree: Any
) -> None:
    found = await pupils.submitted(3)
    ids = [str(each.request_id) for each in reversed(found)]
    answer = await as_(tree.officer).post("/v1/requests/lookup", json={"ids": [*ids, str(uuid4())]})
    assert [each["request_id"] for each in answer.json()] == ids
    last = answer.json()[2]
    assert (last["name"], last["sex"], last["class_name"], last["school_name"]) == (
        "赵**", "女", "2026级(1)班", "长丰县水湖学区中心校",
    )  # fmt: skip
    assert last["document"] == "999***********" + str(a_record(0).document_number)[-4:]
    assert (last["warnings"], last["changed"]) == (1, False)
    assert (await as_(tree.other_officer).post("/v1/requests/lookup", json={"ids": ids})).json() == []
    too_many = {"ids": [str(uuid4()) for _ in range(201)]}
    assert (await as_(tree.officer).post("/v1/requests/lookup", json=too_many)).status_code == 422


async def test_a_pupil_without_document_who_is_like_another_is_shown_to_the_reviewer(
    pupils: Pupils, as_: Any, tree: Any
) -> None:
    one = undocumented(0)
    other = one.model_copy(update={"family": (a_guardian(901), a_guardian(902))})
    await pupils.draft_all([one], reasons="已核对")
    (later,) = await pupils.draft_all([other], reasons="已核对，不是同一人")
    (done,) = (await pupils.submit([later])).submitted
    found = (await as_(tree.officer).get(f"/v1/requests/{done.request_id}")).json()
    assert [(each["school_name"], each["status_name"]) for each in found["duplicates"]] == [
        ("长丰县水湖学区中心校", "待提交")
    ]
    assert ("suspected-duplicate", "已核对，不是同一人") in [
        (each["code"], each["reason"]) for each in found["warnings"]
    ]


async def test_progress_of_the_schools_under_an_authority(
    pupils: Pupils, as_: Any, tree: Any, database: Database
) -> None:
    approved, returned, _ = await pupils.submitted(3)
    await deliver(database, subscribers, [decision(RequestApproved, approved), decision(RequestReturned, returned)])
    await pupils.draft(2, start=20, photo=False)
    await pupils.draft(1, start=30, placed=False)
    answer = await as_(tree.officer).get("/v1/progress")
    assert answer.status_code == 200, answer.text
    mine = next(each for each in answer.json()["items"] if each["school_id"] == str(tree.school))
    assert {key: mine[key] for key in ("classes", "drafts", "red", "submitted", "registered", "returned")} == {
        "classes": 2, "drafts": 3, "red": 3, "submitted": 1, "registered": 1, "returned": 1,
    }  # fmt: skip
    assert (mine["photos_missing"], mine["unplaced"], mine["problems"]) == (2, 1, 0)
    assert str(tree.other_school) not in answer.text
    assert (await as_(tree.other_officer).get("/v1/progress", params={"under": str(tree.county)})).status_code == 404
    city = (await as_(tree.city_officer).get("/v1/progress", params={"under": str(tree.county)})).json()
    assert mine in city["items"]


async def test_a_withdrawal_over_http(pupils: Pupils, as_: Any, tree: Any, key: Any) -> None:
    (submission,) = await pupils.submitted()
    body = {"students": [str(submission.student_id)]}
    registrar, sent = as_(tree.registrar), key()
    assert (await registrar.post("/v1/submissions/withdraw", json=body, headers=sent)).json() == {
        "asked": 1, "refused": [],
    }  # fmt: skip
    assert (await registrar.post("/v1/submissions/withdraw", json=body, headers=sent)).json()["asked"] == 1
    again = (await registrar.post("/v1/submissions/withdraw", json=body, headers=key())).json()
    assert [each["code"] for each in again["refused"]] == ["already-asked"]
    assert (await registrar.get("/v1/desk")).json()["withdrawals_asked"] == 1


async def test_drafts_left_after_the_window_are_flagged(pupils: Pupils, as_: Any, tree: Any) -> None:
    await pupils.draft(2)
    assert (await as_(tree.registrar).get("/v1/desk")).json()["late_drafts"] == 0
    await pupils.close_entry(date(2026, 8, 2))
    for actor, late in ((tree.registrar, 2), (tree.officer, 2), (tree.admin, 2), (tree.other_officer, 0)):
        assert (await as_(actor).get("/v1/desk")).json()["late_drafts"] == late
    refused = await as_(tree.registrar).post("/v1/submissions/all", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "window-closed")
