"""Cases that are sent back together, as a reviewer does it over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from contracts.review import Reason
from services.review.tests.province import HASH, Province

SENT_BACK = [
    ("return", "RequestReturned", {"code": "photo-unfit", "field": "photo", "text": "背景不是淡蓝色"}),
    ("reject", "RequestRejected", {"code": "not-attending", "field": None, "text": ""}),
]


@pytest.mark.parametrize(("how", "kind", "reason"), SENT_BACK)
async def test_a_batch_sends_back_what_it_can_and_says_of_each_other_why_not(
    tree: Province, a_case: Any, as_: Any, said: Any, row_of: Any, how: str, kind: str, reason: dict[str, Any]
) -> None:
    one, two, changed, gone = await a_case(), await a_case(), await a_case(), uuid4()
    own = await a_case(submitted_by=tree.officer.person_id)
    seen = [{"id": str(each), "content_hash": HASH} for each in (one, own, two, gone)]
    body = {"cases": [*seen, {"id": str(changed), "content_hash": "d" * 64}], "reasons": [reason]}
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{how}", json=body)
    receipt = answer.json()
    assert (answer.status_code, receipt["decided"]) == (200, [str(one), str(two)])
    assert {each["id"]: each["code"] for each in receipt["refused"]} == {
        str(own): "own-submission",
        str(gone): "not-found",
        str(changed): "content-changed",
    }
    assert all(each["text"].endswith("。") for each in receipt["refused"])
    told = [(subject, what, [Reason(**each).code for each in body["reasons"]]) for subject, what, body in await said()]
    assert sorted(told) == sorted((each, kind, [reason["code"]]) for each in (one, two))
    assert [(await row_of(each)).state for each in (one, two, own, changed)] == ["decided", "decided", "open", "open"]


@pytest.mark.parametrize(("how", "kind", "reason"), SENT_BACK)
async def test_a_double_click_sends_a_batch_back_once(
    tree: Province, a_case: Any, as_: Any, key: Any, said: Any, how: str, kind: str, reason: dict[str, Any]
) -> None:
    cases = [str(await a_case()) for _ in range(3)]
    body = {"cases": [{"id": each, "content_hash": HASH} for each in cases], "reasons": [reason]}
    same = key()
    async with as_(tree.officer) as client:
        answers = [await client.post(f"/v1/cases/{how}", json=body, headers=same) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"decided": cases, "refused": []}] * 2
    assert [what for _, what, _ in await said()] == [kind] * 3


@pytest.mark.parametrize(
    ("how", "reasons", "code"),
    [
        ("return", [], "reasons-missing"),
        ("reject", [{"code": "photo-unfit", "field": "photo", "text": "背景不是淡蓝色"}], "reason-not-fitting"),
        ("return", [{"code": "other", "text": "家长电话13812345678"}], "personal-data-in-text"),
    ],
)
async def test_a_reason_that_does_not_do_sends_nobody_back(
    tree: Province, a_case: Any, as_: Any, said: Any, how: str, reasons: list[dict[str, Any]], code: str
) -> None:
    body = {"cases": [{"id": str(await a_case()), "content_hash": HASH} for _ in range(2)], "reasons": reasons}
    async with as_(tree.officer) as client:
        answer = await client.post(f"/v1/cases/{how}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await said() == []
