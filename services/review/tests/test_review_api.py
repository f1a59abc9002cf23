"""Review as reviewers reach it: words, lists, idempotency."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chassis.clock import now
from chassis.testing import spoken
from contracts import topics
from contracts.registry import WithdrawalAsked
from services.review.tests.province import HASH, Province, account_of, at, calendar, link

SEEN = {"content_hash": HASH}
SENT_BACK = {**SEEN, "reasons": [{"code": "photo-unfit", "field": "photo", "text": "背景不是淡蓝色"}]}


async def test_a_case_as_the_officer_sees_it(tree: Province, a_request: Any, hear: Any, as_: Any) -> None:
    case_id, request = uuid4(), a_request(warnings=("age-below",), submission_number=2)
    await hear(spoken(topics.REQUEST, case_id, request))
    async with as_(tree.officer) as client:
        case = (await client.get(f"/v1/cases/{case_id}")).json()
    due = now().date() + timedelta(days=30)
    assert {key: case[key] for key in case if key not in ("submitted_at", "history")} == {
        "id": str(case_id),
        "student_id": str(request.student_id),
        "enrolment_id": str(request.enrolment_id),
        "school_id": str(tree.school),
        "school_name": "长丰县水湖学区中心校",
        "class_id": str(request.class_id),
        "kind": "enrolment",
        "kind_name": "新生注册",
        "stage": "primary",
        "submission_number": 2,
        "content_hash": HASH,
        "school_year": 2026,
        "deadline": due.isoformat(),
        "days_left": 30,
        "overdue": False,
        "escalated": False,
        "warnings": ["age-below"],
        "authority_id": str(tree.county),
        "authority_name": "长丰县教育局",
        "state": "open",
        "decision": None,
        "decision_name": None,
        "decided_at": None,
        "claimed_by_other": False,
        "may_decide": True,
        "why_not": None,
        "reasons": [],
        "next": None,
        "previous": None,
    }
    assert case["submitted_at"].endswith("+08:00")
    assert [(each["what"], each["what_name"], each["organisation"]) for each in case["history"]] == [
        ("submitted", "学校提交", "长丰县水湖学区中心校")
    ]


@pytest.mark.parametrize(
    ("who", "why_not"),
    [
        ("officer", None),
        ("viewer", "您的账号无权审核申请。如确需办理，请联系上级主管单位。"),
        ("city_officer", "该申请由长丰县教育局审核，您可以查看，不能审核。如应由您单位办理，请联系该单位改派。"),
        ("city_viewer", "您的账号无权审核申请。如确需办理，请联系上级主管单位。"),
        ("registrar", "您的账号无权审核申请。如确需办理，请联系上级主管单位。"),
    ],
)
async def test_who_may_not_decide_reads_why(
    tree: Province, a_case: Any, as_: Any, who: str, why_not: str | None
) -> None:
    await a_case()
    async with as_(getattr(tree, who)) as client:
        (case,) = (await client.get("/v1/cases")).json()["items"]
    assert (case["may_decide"], case["why_not"]) == (why_not is None, why_not)


async def test_the_queue_is_narrowed_sorted_and_walked(tree: Province, a_request: Any, hear: Any, as_: Any) -> None:
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    requests = {
        "late": a_request(submitted_at=at(2026, 9, 1, 9, 0)),
        "later": a_request(submitted_at=at(2026, 9, 25, 9, 0), warnings=("age-below",)),
        "fresh": a_request(submitted_at=now()),
        "city": a_request(school_id=tree.junior, authority_id=tree.city, submitted_at=at(2026, 9, 2, 9, 0)),
        "elsewhere": a_request(school_id=tree.other_school, authority_id=tree.other_county),
    }
    ids = {name: uuid4() for name in requests}
    await hear(*(spoken(topics.REQUEST, ids[name], request) for name, request in requests.items()))
    names = {str(case): name for name, case in ids.items()}

    async def listed(who: str, query: str = "") -> list[str]:
        async with as_(getattr(tree, who)) as client:
            answer = (await client.get(f"/v1/cases?{query}")).json()
        assert answer["total"] >= len(answer["items"])
        return [names[each["id"]] for each in answer["items"]]

    assert await listed("officer") == ["late", "city", "later", "fresh"]
    assert await listed("officer", "sort=submitted") == ["late", "city", "later", "fresh"]
    assert await listed("officer", "mine=true") == ["late", "later", "fresh"]
    assert await listed("officer", "flagged=true") == ["later"]
    assert await listed("officer", "flagged=false&overdue=true") == ["late", "city"]
    assert await listed("officer", "overdue=false") == ["fresh"]
    assert await listed("officer", f"school={tree.junior}") == ["city"]
    assert await listed("officer", f"student={requests['fresh'].student_id}") == ["fresh"]
    assert await listed("officer", "state=decided") == []
    assert await listed("officer", "school_year=2025") == []
    assert await listed("officer", "offset=1&limit=2") == ["city", "later"]
    assert await listed("registrar") == ["late", "later", "fresh"]
    assert await listed("other_officer") == ["elsewhere"]
    assert len(await listed("city_officer")) == 5
    assert len(await listed("admin", "kind=enrolment&unrouted=false")) == 5

    async with as_(tree.officer) as client:
        later = (await client.get(f"/v1/cases/{ids['later']}?mine=true")).json()
        assert (later["previous"], later["next"]) == (str(ids["late"]), str(ids["fresh"]))
        # Once decided it has left the list, and still has its place in it.
        decided = await client.post(f"/v1/cases/{ids['later']}/approve", json=SEEN)
        assert (decided.json()["state"], decided.json()["decision_name"]) == ("decided", "审核通过")
        again = (await client.get(f"/v1/cases/{ids['later']}?mine=true")).json()
        assert (again["previous"], again["next"]) == (str(ids["late"]), str(ids["fresh"]))
    assert await listed("officer", "state=open&mine=true") == ["late", "fresh"]
    assert await listed("officer", "decision=approved") == ["later"]


async def test_a_double_click_decides_once_and_is_answered_alike(
    tree: Province, a_case: Any, as_: Any, key: Any, said: Any
) -> None:
    case_id, same = await a_case(), key()
    async with as_(tree.officer) as client:
        first, second = await asyncio.gather(
            *(client.post(f"/v1/cases/{case_id}/return", json=SENT_BACK, headers=same) for _ in range(2))
        )
        other = await client.post(f"/v1/cases/{case_id}/return", json={**SENT_BACK, "content_hash": "d"}, headers=same)
        without = await client.post(f"/v1/cases/{case_id}/return", json=SENT_BACK)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (without.status_code, without.json()["code"]) == (409, "already-decided")
    assert len(await said()) == 1


async def test_a_double_click_on_a_batch_is_answered_with_the_first_receipt(
    tree: Province, a_case: Any, as_: Any, key: Any, said: Any
) -> None:
    cases = [str(await a_case()) for _ in range(3)]
    body, same = {"cases": [{"id": each, **SEEN} for each in cases]}, key()
    async with as_(tree.officer) as client:
        answers = [await client.post("/v1/cases/approve", json=body, headers=same) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"approved": cases, "refused": []}] * 2
    assert len(await said()) == 3


async def test_the_loser_is_told_who_was_first_and_when(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    async with as_(tree.officer) as client:
        await client.post(f"/v1/cases/{case_id}/approve", json=SEEN)
    async with as_(tree.colleague) as client:
        answer = await client.post(f"/v1/cases/{case_id}/return", json=SENT_BACK)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["organisation"]) == (409, "already-decided", "长丰县教育局")
    assert problem["detail"].startswith(f"该申请已由长丰县教育局于{now():%Y年%m月%d日}")
    assert "审核通过" in problem["detail"]
    assert str(tree.officer.person_id) not in answer.text


async def test_an_edited_record_is_not_decided(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{case_id}/approve", json={"content_hash": "d" * 64})
        case = (await client.get(f"/v1/cases/{case_id}")).json()
    assert (answer.status_code, answer.json()["code"], case["state"]) == (409, "content-changed", "open")


async def test_a_returned_case_shows_why_and_its_history_to_the_school(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    async with as_(tree.officer) as client:
        await client.post(f"/v1/cases/{case_id}/reroute", json={"authority_id": str(tree.city), "reason": "市直管学校"})
    async with as_(tree.city_officer) as client:
        await client.post(f"/v1/cases/{case_id}/return", json=SENT_BACK)
        assert [each["by_me"] for each in (await client.get(f"/v1/cases/{case_id}")).json()["history"]] == [
            False,
            False,
            True,
        ]
    async with as_(tree.registrar) as client:
        answer = await client.get(f"/v1/cases/{case_id}")
    case = answer.json()
    assert case["reasons"] == [
        {"code": "photo-unfit", "words": "照片不符合要求", "field": "photo", "label": "照片", "text": "背景不是淡蓝色"}
    ]
    assert [(each["what_name"], each["organisation"], each["to"], each["text"]) for each in case["history"]] == [
        ("学校提交", "长丰县水湖学区中心校", None, None),
        ("改派", "长丰县教育局", "合肥市教育局", "市直管学校"),
        ("退回修改", "合肥市教育局", None, None),
    ]
    assert not {str(tree.city_officer.person_id), str(tree.city_officer.account_id)} & set(answer.text.split('"'))


async def test_a_rerouted_case_is_seen_where_it_went(
    tree: Province, a_case: Any, hear: Any, organisations: Any, as_: Any
) -> None:
    case_id = await a_case()
    handed_over = organisations["school"].model_copy(update={"authorities": (link(tree.other_county),)})
    async with as_(tree.other_officer) as client:
        assert (await client.get(f"/v1/cases/{case_id}")).status_code == 404
        await hear(spoken(topics.ORGANISATION, tree.school, handed_over, version=2))
        async with as_(tree.officer) as owner:
            to = {"authority_id": str(tree.other_county), "reason": "学校已划归肥东县"}
            assert (await owner.post(f"/v1/cases/{case_id}/reroute", json=to)).json()["may_decide"] is False
        case = (await client.get(f"/v1/cases/{case_id}")).json()
    assert (case["may_decide"], case["authority_name"]) == (True, "肥东县教育局")


async def test_a_claim_is_seen_by_the_others(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    async with as_(tree.officer) as client, as_(tree.colleague) as other:
        assert (await client.post(f"/v1/cases/{case_id}/claim")).json()["claimed_by_other"] is False
        assert (await other.post(f"/v1/cases/{case_id}/claim")).json()["claimed_by_other"] is True
        assert (await client.get("/v1/cases")).json()["items"][0]["claimed_by_other"] is False
        assert (await other.get("/v1/cases")).json()["items"][0]["claimed_by_other"] is True


async def test_personal_data_in_the_words_is_refused_and_not_repeated(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    body = {**SEEN, "reasons": [{"code": "other", "text": "家长电话13812345678"}]}
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{case_id}/return", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "personal-data-in-text")
    assert "手机号码" in answer.json()["detail"]
    assert "13812345678" not in answer.text


async def test_the_reasons_that_are_offered(tree: Province, as_: Any) -> None:
    async with as_(tree.officer) as client:
        offered = (await client.get("/v1/reasons")).json()
    by_code = {each["code"]: each for each in offered["items"]}
    assert offered["total"] == len(by_code) == 21
    assert by_code["photo-unfit"] == {
        "code": "photo-unfit",
        "words": "照片不符合要求",
        "outcomes": ["returned"],
        "fields": [{"field": "photo", "label": "照片"}],
        "needs_text": False,
    }
    assert {"field": "family.1.phone", "label": "成员2联系电话"} in by_code["guardian-wrong"]["fields"]
    assert by_code["other"]["needs_text"] is True


async def test_every_field_that_is_offered_is_taken(tree: Province, a_case: Any, as_: Any) -> None:
    async with as_(tree.officer) as client:
        offered = (await client.get("/v1/reasons")).json()["items"]
        for reason in offered:
            outcome = reason["outcomes"][0]
            reasons = [
                {"code": reason["code"], "field": field["field"], "text": "请更正"} for field in reason["fields"][:50]
            ] or [{"code": reason["code"]}]
            case_id = await a_case()
            verb = {"returned": "return", "rejected": "reject"}[outcome]
            answer = await client.post(f"/v1/cases/{case_id}/{verb}", json={**SEEN, "reasons": reasons})
            assert answer.status_code == 200, answer.text


async def test_progress_and_desk_count_what_the_lists_hold(tree: Province, a_request: Any, hear: Any, as_: Any) -> None:
    await hear(spoken(topics.CALENDAR, tree.province, calendar(), version=2))
    overdue = [a_request(submitted_at=at(2026, 9, 1, 9, 0)) for _ in range(2)]
    fresh = [a_request(submitted_at=now(), warnings=("age-below",)) for _ in range(3)]
    city = a_request(school_id=tree.junior, authority_id=tree.city)
    requests = [*overdue, *fresh, city]
    ids = [uuid4() for _ in requests]
    await hear(*(spoken(topics.REQUEST, case, request) for case, request in zip(ids, requests, strict=True)))
    asked = WithdrawalAsked(student_id=fresh[2].student_id, asked_by=uuid4())
    await hear(spoken(topics.REQUEST, ids[4], asked, version=2))
    async with as_(tree.officer) as client:
        await client.post(f"/v1/cases/{ids[0]}/approve", json=SEEN)
        await client.post(f"/v1/cases/{ids[3]}/return", json=SENT_BACK)
        progress = (await client.get("/v1/progress?school_year=2026")).json()
        desk = (await client.get("/v1/desk")).json()
    (school, junior) = progress["items"]
    assert (school["school_id"], junior["name"]) == (str(tree.school), "长丰县实验初级中学")
    counts = ("open", "approved", "returned", "rejected", "withdrawn", "overdue")
    assert [school[each] for each in counts] == [2, 1, 1, 0, 1, 1]
    assert school["oldest_days"] == (now().date() - at(2026, 9, 1).date()).days
    assert desk == {
        "cases_open": 2,
        "cases_overdue": 1,
        "cases_due_soon": 0,
        "cases_flagged": 1,
        "cases_escalated": 0,
        "cases_returned": 1,
    }
    for who, expected in {
        "registrar": (2, 1),
        "city_officer": (1, 0),
        "other_officer": (0, 0),
        "admin": (0, 0),
    }.items():
        async with as_(getattr(tree, who)) as client:
            seen = (await client.get("/v1/desk")).json()
        assert (seen["cases_open"], seen["cases_overdue"]) == expected


async def test_what_is_due_within_three_working_days_is_due_soon(
    tree: Province, a_request: Any, hear: Any, as_: Any
) -> None:
    today = now().date()
    # Whatever the weekday, each of these is a working day.
    ahead = tuple(today + timedelta(days=n) for n in range(1, 30))
    said = calendar(today + timedelta(days=3), working_weekends=ahead)
    await hear(spoken(topics.CALENDAR, tree.province, said, version=2))
    soon = uuid4()
    await hear(spoken(topics.REQUEST, soon, a_request(submitted_at=at(2026, 9, 1, 9, 0))))
    await hear(spoken(topics.REQUEST, uuid4(), a_request(submitted_at=now())))
    async with as_(tree.officer) as client:
        assert (await client.get("/v1/desk")).json()["cases_due_soon"] == 1
        assert [each["id"] for each in (await client.get("/v1/cases?due_soon=true")).json()["items"]] == [str(soon)]
        assert (await client.get(f"/v1/cases/{soon}?due_soon=true")).json()["next"] is None
        assert (await client.get(f"/v1/cases/{soon}")).json()["next"] is not None


async def test_a_case_that_nobody_has_is_seen_by_the_province_alone(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case(school_id=uuid4(), authority_id=None)
    async with as_(tree.admin) as client:
        assert (await client.get("/v1/desk")).json()["cases_unrouted"] == 1
        (case,) = (await client.get("/v1/cases?unrouted=true")).json()["items"]
    assert (case["id"], case["may_decide"], case["authority_name"]) == (str(case_id), False, None)
    assert case["why_not"].startswith("该学校的主管单位尚未确定")
    async with as_(tree.city_officer) as client:
        assert (await client.get(f"/v1/cases/{case_id}")).status_code == 404


async def test_an_account_that_may_not_act_any_more_is_out(tree: Province, a_case: Any, hear: Any, as_: Any) -> None:
    case_id = await a_case()
    disabled = account_of(tree.officer, may_act=False, version=2)
    await hear(spoken(topics.ACCOUNT, tree.officer.account_id, disabled, version=2))
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{case_id}/approve", json=SEEN)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-expired")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/cases/approve", {"cases": []}),
        ("/v1/cases/approve", {"cases": [{"id": "no-uuid", **SEEN}]}),
        ("/v1/cases/approve", {"cases": [{"id": str(uuid4()), **SEEN} for _ in range(501)]}),
        ("/v1/cases/{case}/approve", {}),
        ("/v1/cases/{case}/approve", {**SEEN, "unknown": 1}),
        ("/v1/cases/{case}/return", SEEN),
        ("/v1/cases/{case}/reroute", {"authority_id": str(uuid4()), "reason": ""}),
        ("/v1/cases/no-uuid/approve", SEEN),
    ],
)
async def test_bad_input_is_refused_in_words(tree: Province, a_case: Any, as_: Any, path: str, body: Any) -> None:
    case_id = await a_case()
    async with as_(tree.officer) as client:
        answer = await client.post(path.replace("{case}", str(case_id)), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "query",
    [
        "offset=99999999999999999999",
        "school_year=99999999999",
        "school_year=-1",
        "limit=0",
        "limit=201",
        "offset=-1",
        "state=closed",
        "school=x",
        "sort=name",
        "overdue=maybe",
    ],
)
async def test_bad_filters_are_refused_in_words(tree: Province, as_: Any, query: str) -> None:
    async with as_(tree.officer) as client:
        answer = await client.get(f"/v1/cases?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


@pytest.mark.parametrize(
    "text", ["\x00", "请更正\u0000", "\ud800", "\u202e倒写", "𠮷" * 200, "'; DROP TABLE decision; --"]
)
async def test_strange_words_are_kept_or_refused_and_never_break_anything(
    tree: Province, a_case: Any, as_: Any, said: Any, text: str
) -> None:
    case_id = await a_case()
    body = json.dumps({**SEEN, "reasons": [{"code": "other", "text": text}]})
    async with as_(tree.officer) as client:
        answer = await client.post(
            f"/v1/cases/{case_id}/return", content=body, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code in (200, 422), answer.text
    assert len(await said()) == (answer.status_code == 200)
