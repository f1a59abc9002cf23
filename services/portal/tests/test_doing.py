"""What is done at a page: what is asked of the services, and what the person is told afterwards."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from services.portal.tests.people import ACCOUNT, CASE, CLASS, DUPLICATE, IMPORT, NEXT_CASE, OTHER, PUPIL, SCHOOL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
HASH = "h" * 64
KEY = "22222222-2222-4222-8222-222222222222"
DONE: list[tuple[str, str, dict[str, Any], str, Any]] = [
    (
        "registrar",
        "/submissions",
        {"students": [PUPIL, OTHER], "sure": "true"},
        "POST registry/v1/submissions",
        {"students": [PUPIL, OTHER]},
    ),
    ("registrar", "/submissions/all", {"class_id": CLASS}, "POST registry/v1/submissions/all", {"class_id": CLASS}),
    (
        "registrar",
        "/submissions/withdraw",
        {"students": PUPIL, "sure": "true"},
        "POST registry/v1/submissions/withdraw",
        {"students": [PUPIL]},
    ),
    (
        "registrar",
        "/pre-review/reasons",
        {"students": PUPIL, "code": "older", "reason": "因病"},
        "POST registry/v1/pre-review/reasons",
        {"students": [PUPIL], "code": "older", "reason": "因病"},
    ),
    (
        "registrar",
        "/pre-review/reasons",
        {"whole": "true", "code": "older", "reason": "因病"},
        "POST registry/v1/pre-review/reasons",
        {"students": None, "code": "older", "reason": "因病"},
    ),
    (
        "registrar",
        "/students/place",
        {"students": [PUPIL, OTHER], "class_id": CLASS},
        "POST registry/v1/students/place",
        {"class_id": CLASS, "students": [PUPIL, OTHER]},
    ),
    ("registrar", f"/imports/{IMPORT}/run", {}, f"POST registry/v1/imports/{IMPORT}/run", None),
    ("registrar", f"/imports/{IMPORT}/undo", {}, f"POST registry/v1/imports/{IMPORT}/undo", None),
    (
        "registrar",
        "/classes/new",
        {"stage": "primary", "entry_year": "2026", "name": "", "head_teacher": "班主任乙"},
        "POST registry/v1/classes",
        {"stage": "primary", "entry_year": 2026, "head_teacher": "班主任乙"},
    ),
    (
        "officer",
        f"/cases/{CASE}/approve",
        {"content_hash": HASH},
        f"POST review/v1/cases/{CASE}/approve",
        {"content_hash": HASH},
    ),
    (
        "officer",
        f"/cases/{CASE}/return",
        {
            "content_hash": HASH,
            "reasons": ["photo-unclear", "other"],
            "field.photo-unclear": "photo",
            "text.other": "请补充户口簿",
            "text.document-mismatch": "没有勾选，不发送",
        },
        f"POST review/v1/cases/{CASE}/return",
        {
            "content_hash": HASH,
            "reasons": [
                {"code": "photo-unclear", "field": "photo", "text": ""},
                {"code": "other", "field": None, "text": "请补充户口簿"},
            ],
        },
    ),
    (
        "officer",
        f"/cases/{CASE}/reroute",
        {"authority_id": SCHOOL, "reason": "该校已改由市局主管"},
        f"POST review/v1/cases/{CASE}/reroute",
        {"authority_id": SCHOOL, "reason": "该校已改由市局主管"},
    ),
    (
        "officer",
        "/cases/batch/approve",
        {"cases": [f"{CASE}:{HASH}", f"{NEXT_CASE}:{HASH}"]},
        "POST review/v1/cases/approve",
        {"cases": [{"id": CASE, "content_hash": HASH}, {"id": NEXT_CASE, "content_hash": HASH}]},
    ),
    (
        "officer",
        "/cases/batch/return",
        {
            "cases": [f"{CASE}:{HASH}", f"{NEXT_CASE}:{HASH}"],
            "sure": "true",
            "reasons": ["photo-unclear"],
            "field.photo-unclear": "photo",
        },
        "POST review/v1/cases/return",
        {
            "cases": [{"id": CASE, "content_hash": HASH}, {"id": NEXT_CASE, "content_hash": HASH}],
            "reasons": [{"code": "photo-unclear", "field": "photo", "text": ""}],
        },
    ),
    (
        "officer",
        f"/duplicates/{DUPLICATE}/settle",
        {"reason": "两名同名儿童"},
        f"POST registry/v1/duplicates/{DUPLICATE}/settle",
        {"reason": "两名同名儿童"},
    ),
    (
        "officer",
        f"/classes/{CLASS}/limit",
        {"limit": "60", "document_number": "教办〔2026〕1号"},
        f"POST registry/v1/classes/{CLASS}/limit-override",
        {"limit": 60, "document_number": "教办〔2026〕1号"},
    ),
    (
        "officer",
        "/calendar/extensions",
        {"organisation": SCHOOL, "kind": "entry", "until": "2026-10-15", "reason": "洪水", "document_number": "文1号"},
        "POST registry/v1/calendar/extensions",
        {
            "organisation_id": SCHOOL,
            "kind": "entry",
            "until": "2026-10-15",
            "reason": "洪水",
            "document_number": "文1号",
        },
    ),
    (
        "province",
        "/accounts/new",
        {"organisation_id": SCHOOL, "login": "ceshi.wang", "display_name": "学籍员乙", "role": "school.registrar"},
        "POST registry/v1/accounts",
        {
            "login": "ceshi.wang",
            "display_name": "学籍员乙",
            "organisation_id": SCHOOL,
            "roles": ["school.registrar"],
        },
    ),
    ("province", f"/accounts/{ACCOUNT}/disable", {}, f"POST registry/v1/accounts/{ACCOUNT}/disable", None),
    (
        "province",
        f"/organisations/{SCHOOL}/schooling",
        {"schooling": "5-4", "schooling_from": "2027-08-01"},
        f"POST registry/v1/organisations/{SCHOOL}/schooling",
        {"schooling": "5-4", "from": "2027-08-01"},
    ),
]


@pytest.mark.parametrize(("who", "path", "form", "route", "body"), DONE)
async def test_a_form_becomes_one_request(
    browse: Browse, services: Services, who: str, path: str, form: dict[str, Any], route: str, body: Any
) -> None:
    response = await browse(who).post(path, data={**form, "key": KEY})
    assert response.status_code in (200, 303)
    (asked,) = services.asked_of(route)
    assert (services.body_of(route) if asked.content else None) == body
    if response.status_code == 200:
        assert Page(response.text).faults() == []


@pytest.mark.parametrize(("who", "path", "form", "route", "body"), DONE)
async def test_a_refusal_is_shown_as_the_service_says_it(
    browse: Browse, services: Services, who: str, path: str, form: dict[str, Any], route: str, body: Any
) -> None:
    client = browse(who)
    sentence = "现在不能办理。请刷新页面，在最新内容上重新办理。"
    services.give(route, refusal(409, "changed-meanwhile", sentence))
    response = await client.post(path, data={**form, "key": KEY})
    assert response.status_code == 409
    assert sentence in response.text
    assert Page(response.text).faults() == []


async def test_the_receipt_of_a_submission_adds_up_and_names_who_was_not_submitted(browse: Browse) -> None:
    response = await browse("registrar").post(
        "/submissions", data={"students": [PUPIL, OTHER], "sure": "true", "key": KEY}
    )
    assert "2 名 = 已提交 1 + 未提交 1" in response.text
    assert "还有问题没有解决。请修改后再提交。" in response.text
    assert "钱**" in response.text


async def test_a_batch_is_confirmed_with_its_count_before_it_happens(browse: Browse, services: Services) -> None:
    client = browse("officer")
    page = await client.post("/cases/batch", data={"cases": [f"{CASE}:{HASH}", f"{NEXT_CASE}:{HASH}", "tampered"]})
    assert "确认通过 2 件" in page.text
    assert services.asked_of("POST review/v1/cases/approve") == []
    form = {"cases": [each["value"] for each in Page(page.text).all("input", name="cases")], "key": KEY}
    receipt = await client.post("/cases/batch/approve", data=form)
    assert "2 件 = 已通过 1 + 未通过 1" in receipt.text
    assert "由您本人提交" in receipt.text


async def test_a_batch_goes_back_only_for_a_reason_that_was_ticked(browse: Browse, services: Services) -> None:
    client, cases = browse("officer"), [f"{CASE}:{HASH}", f"{NEXT_CASE}:{HASH}"]
    assert "没有勾选审核件" in (await client.post("/cases/batch/return", data={"cases": ["tampered"]})).text
    asked = await client.post("/cases/batch/return", data={"cases": cases, "reasons": "photo-unclear"})
    page = Page(asked.text)
    assert "退回 2 件" in page.text
    assert [each["value"] for each in page.all("input", name="cases")] == cases
    only = {each["value"] for each in page.all("input", name="reasons")}
    known = {
        each["code"] for each in recorded("routes")["GET review/v1/reasons"]["items"] if "returned" in each["outcomes"]
    }
    assert only == known
    assert page.faults() == []
    form = {"cases": cases, "sure": "true", "key": KEY, "text.other": "请补充户口簿"}
    without = await client.post("/cases/batch/return", data=form)
    assert "请先勾选原因" in without.text
    assert "请补充户口簿" in without.text
    assert services.asked_of("POST review/v1/cases/return") == []
    receipt = await client.post("/cases/batch/return", data={**form, "reasons": "photo-unclear"})
    assert "2 件 = 已退回 1 + 未退回 1" in receipt.text
    assert "由您本人提交" in receipt.text


async def test_a_batch_that_review_refuses_keeps_its_reasons(browse: Browse, services: Services) -> None:
    client = browse("officer")
    services.give("POST review/v1/cases/return", refusal(422, "reason-field", "该原因须指明栏目。"))
    form = {"cases": [f"{CASE}:{HASH}"], "sure": "true", "reasons": "photo-unclear", "key": KEY}
    response = await client.post("/cases/batch/return", data=form)
    page = Page(response.text)
    assert (response.status_code, "该原因须指明栏目。" in page.text) == (422, True)
    assert [each["value"] for each in page.all("input", name="reasons") if "checked" in each] == ["photo-unclear"]


async def test_a_batch_stays_ticked_while_the_reasons_are_away(browse: Browse, services: Services) -> None:
    client, cases = browse("officer"), [f"{CASE}:{HASH}", f"{NEXT_CASE}:{HASH}"]
    services.away.add("review")
    typed = {"cases": cases, "sure": "true", "text.other": "请补充户口簿", "key": KEY}
    page = Page((await client.post("/cases/batch/return", data=typed)).text)
    assert "已勾选的 2 件" in page.text
    kept = [(each["name"], each["value"]) for each in page.all("input") if each["name"] in {*typed, "reasons"}]
    assert kept == [*(("cases", case) for case in cases), ("text.other", "请补充户口簿")]
    services.away.clear()
    again = Page((await client.post("/cases/batch/return", data={"cases": cases, "text.other": "请补充户口簿"})).text)
    assert [each["value"] for each in again.all("input", name="cases")] == cases
    assert [each["value"] for each in again.all("input", name="text.other")] == ["请补充户口簿"]
    assert services.asked_of("POST review/v1/cases/return") == []


async def test_after_a_decision_comes_the_next_case_of_the_same_list(browse: Browse) -> None:
    form = {"content_hash": HASH, "next": NEXT_CASE, "queue.overdue": "true", "queue.school": SCHOOL, "key": KEY}
    response = await browse("officer").post(f"/cases/{CASE}/approve", data=form)
    assert response.headers["location"] == (
        f"/cases/{NEXT_CASE}?state=open&school={SCHOOL}&overdue=true&sort=deadline&done=case-approved"
    )


async def test_a_refused_return_keeps_what_the_reviewer_wrote(browse: Browse, services: Services) -> None:
    client = browse("officer")
    services.give(f"POST review/v1/cases/{CASE}/return", refusal(422, "text-missing", "选择“其他”时须填写说明。"))
    form = {"content_hash": HASH, "reasons": ["photo-unclear"], "text.photo-unclear": "模糊", "key": KEY}
    page = Page((await client.post(f"/cases/{CASE}/return", data=form)).text)
    assert page.value("text.photo-unclear") == "模糊"
    assert [each["value"] for each in page.all("input", name="reasons") if "checked" in each] == ["photo-unclear"]


async def test_a_first_password_is_seen_once(browse: Browse, services: Services) -> None:
    client = browse("province")
    first = await client.post(f"/accounts/{ACCOUNT}/reset")
    assert "Kx7-pQ2m-9TfL" in first.text
    assert first.headers["cache-control"] == "no-store"


async def test_a_withdrawal_says_what_it_means_first(browse: Browse, services: Services) -> None:
    response = await browse("registrar").post("/submissions/withdraw", data={"students": PUPIL})
    assert "主管单位不再审核这次提交" in response.text
    assert services.asked_of("POST registry/v1/submissions/withdraw") == []


async def test_nothing_ticked_is_told_and_nothing_is_asked(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    for path, data in (("/submissions", {}), ("/students/place", {"class_id": CLASS}), ("/pre-review/reasons", {})):
        response = await client.post(path, data=data)
        assert response.status_code == 422
        assert "勾选" in response.text
    assert [each for each in services.asked if each.method == "POST" and "token" not in each.url.path] == []
