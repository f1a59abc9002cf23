"""Who may what on which route, and what the others are told."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.http.permission import permissions
from chassis.identity import Actor
from chassis.testing import spoken
from contracts import topics
from contracts.values import Role
from review.main import service
from services.review.tests.province import HASH, Province, link

SEEN = {"content_hash": HASH}
SENT_BACK = {**SEEN, "reasons": [{"code": "photo-unfit", "field": "photo", "text": "背景不是淡蓝色"}]}
O, V, P, R, T = Role.OFFICER, Role.VIEWER, Role.PROVINCE_ADMIN, Role.REGISTRAR, Role.TEACHER  # noqa: E741 - as in the table of roles


def test_every_route_says_who_may(settings: Any) -> None:
    found = permissions(service.app(settings))
    deciding, reading, all_roles = frozenset({O, P}), frozenset({O, V, P, R}), frozenset(Role)
    expected = {
        "GET /v1/cases": reading,
        "GET /v1/cases/{case_id}": reading,
        "POST /v1/cases/approve": deciding,
        "POST /v1/cases/return": deciding,
        "POST /v1/cases/reject": deciding,
        "POST /v1/cases/{case_id}/approve": deciding,
        "POST /v1/cases/{case_id}/return": deciding,
        "POST /v1/cases/{case_id}/reject": deciding,
        "POST /v1/cases/{case_id}/claim": deciding,
        "POST /v1/cases/{case_id}/reroute": deciding,
        "GET /v1/authorities": deciding,
        "GET /v1/reasons": all_roles,
        "GET /v1/progress": frozenset({O, V, P}),
        "GET /v1/desk": all_roles,
    }
    assert {route: roles for route, roles in found.items() if route.split()[1].startswith("/v1")} == expected


WHO = ("officer", "viewer", "admin", "city_officer", "other_officer", "registrar", "other_registrar", "teacher", None)
GET, ACT = "GET", "POST"


@pytest.mark.parametrize(
    ("method", "path", "body", "answers"),
    [
        #                                   officer viewer admin city other registrar other_r teacher nobody
        (GET, "/v1/cases", None, (200, 200, 200, 200, 200, 200, 200, 403, 401)),
        (GET, "/v1/cases/{case}", None, (200, 200, 200, 200, 404, 200, 404, 403, 401)),
        (GET, "/v1/authorities", None, (200, 403, 200, 200, 200, 403, 403, 403, 401)),
        (ACT, "/v1/cases/{case}/approve", SEEN, (200, 403, 409, 409, 404, 403, 403, 403, 401)),
        (ACT, "/v1/cases/{case}/return", SENT_BACK, (200, 403, 409, 409, 404, 403, 403, 403, 401)),
        (
            ACT,
            "/v1/cases/{case}/reject",
            {**SEEN, "reasons": [{"code": "not-attending"}]},
            (200, 403, 409, 409, 404, 403, 403, 403, 401),
        ),
        (ACT, "/v1/cases/{case}/claim", None, (200, 403, 200, 200, 404, 403, 403, 403, 401)),
        (
            ACT,
            "/v1/cases/{case}/reroute",
            {"authority_id": "{city}", "reason": "由市局审核"},
            (200, 403, 200, 409, 404, 403, 403, 403, 401),
        ),
        (
            ACT,
            "/v1/cases/approve",
            {"cases": [{"id": "{case}", **SEEN}]},
            (200, 403, 200, 200, 200, 403, 403, 403, 401),
        ),
        (
            ACT,
            "/v1/cases/return",
            {"cases": [{"id": "{case}", **SEEN}], "reasons": SENT_BACK["reasons"]},
            (200, 403, 200, 200, 200, 403, 403, 403, 401),
        ),
        (
            ACT,
            "/v1/cases/reject",
            {"cases": [{"id": "{case}", **SEEN}], "reasons": [{"code": "not-attending"}]},
            (200, 403, 200, 200, 200, 403, 403, 403, 401),
        ),
        (GET, "/v1/reasons", None, (200, 200, 200, 200, 200, 200, 200, 200, 401)),
        (GET, "/v1/progress", None, (200, 200, 200, 200, 200, 403, 403, 403, 401)),
        (GET, "/v1/desk", None, (200, 200, 200, 200, 200, 200, 200, 200, 401)),
    ],
)  # fmt: skip
async def test_who_is_answered_what(
    tree: Province, a_case: Any, as_: Any, method: str, path: str, body: Any, answers: tuple[int, ...]
) -> None:
    got = []
    for who in WHO:
        case_id = str(await a_case())

        def filled(value: Any, case_id: str = case_id) -> Any:
            if isinstance(value, str):
                return value.replace("{case}", case_id).replace("{city}", str(tree.city))
            if isinstance(value, dict):
                return {key: filled(each) for key, each in value.items()}
            return [filled(each) for each in value] if isinstance(value, list) else value

        async with as_(getattr(tree, who) if who else None) as client:
            answer = await client.request(method, filled(path), json=filled(body))
        got.append(answer.status_code)
        if answer.status_code >= 400:
            problem = answer.json()
            assert problem["code"]
            assert problem["detail"].endswith("。")
    assert tuple(got) == answers


async def test_a_batch_of_somebody_elses_cases_is_refused_case_by_case(tree: Province, a_case: Any, as_: Any) -> None:
    case_id = await a_case()
    for who, code in (("city_officer", "not-your-case"), ("admin", "not-your-case"), ("other_officer", "not-found")):
        async with as_(getattr(tree, who)) as client:
            answer = await client.post("/v1/cases/approve", json={"cases": [{"id": str(case_id), **SEEN}]})
        assert answer.json()["approved"] == []
        assert [each["code"] for each in answer.json()["refused"]] == [code]


async def test_a_case_may_be_handed_to_every_authority_and_to_no_school(tree: Province, as_: Any) -> None:
    async with as_(tree.officer) as client:
        found = (await client.get("/v1/authorities")).json()["items"]
    ids = {each["id"] for each in found}
    assert {str(tree.county), str(tree.city), str(tree.other_county)} <= ids
    assert str(tree.school) not in ids
    assert {"长丰县教育局", "合肥市教育局", "肥东县教育局"} <= {each["name"] for each in found}


async def test_of_a_case_only_those_are_named_to_whom_it_may_be_handed(tree: Province, a_case: Any, as_: Any) -> None:
    async def named(actor: Actor, case_id: UUID) -> set[str] | str:
        async with as_(actor) as client:
            answer = (await client.get("/v1/authorities", params={"case": str(case_id)})).json()
        return {each["name"] for each in answer["items"]} if "items" in answer else answer["code"]

    case_id = await a_case()
    assert await named(tree.officer, case_id) == {"安徽省教育厅", "合肥市教育局"}
    assert await named(tree.other_officer, case_id) == "not-found"
    of_nobody = await a_case(school_id=uuid4(), authority_id=None)
    assert await named(tree.admin, of_nobody) == {"安徽省教育厅", "合肥市教育局", "长丰县教育局", "肥东县教育局"}


async def test_a_former_authority_hands_on_a_case_that_it_does_not_see_afterwards(
    tree: Province, a_case: Any, hear: Any, organisations: Any, as_: Any
) -> None:
    case_id = await a_case()
    # The school stands elsewhere now, so that nothing but the case ties it to the county.
    changes = {"parent_id": tree.province, "authorities": (link(tree.other_county),)}
    moved = organisations["school"].model_copy(update=changes)
    await hear(spoken(topics.ORGANISATION, tree.school, moved, version=2))
    to = {"authority_id": str(tree.other_county), "reason": "学校已划归肥东县"}
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{case_id}/reroute", json=to)
        assert (answer.status_code, answer.json()["authority_name"]) == (200, "肥东县教育局")
        assert (await client.get(f"/v1/cases/{case_id}")).status_code == 404
    async with as_(tree.other_officer) as client:
        assert (await client.get(f"/v1/cases/{case_id}")).json()["may_decide"] is True
