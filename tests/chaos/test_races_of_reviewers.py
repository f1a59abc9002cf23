"""Two reviewers decide on one case at the same instant: one decides, the other is told who did and when."""

# ruff: noqa: F811 - parameters are named after the fixtures that fill them

import asyncio
import os
from collections import Counter
from typing import Any, Final

import pytest

from services.review.tests.conftest import (  # noqa: F401 - fixtures
    a_case,
    a_request,
    as_,
    database,
    hear,
    key,
    key_file,
    places,
    said,
    settings,
    tree,
)
from services.review.tests.province import HASH

RACES: Final = int(os.environ.get("CHAOS_RACES", "200"))
pytestmark = pytest.mark.timeout(60 + 2 * RACES)
BACK: Final = {"content_hash": HASH, "reasons": [{"code": "photo-unfit", "text": "背景不是淡蓝色"}]}


@pytest.mark.part("Races: two reviewers of one case", RACES)
async def test_one_reviewer_decides_and_the_other_is_told(
    as_: Any,
    tree: Any,
    a_case: Any,
    said: Any,
    key: Any,
) -> None:
    won = Counter[str]()
    for number in range(RACES):
        first, second = as_(tree.officer), as_(tree.colleague)
        case = await a_case()
        asked = [
            first.post(f"/v1/cases/{case}/approve", json={"content_hash": HASH}, headers=key()),
            second.post(f"/v1/cases/{case}/return", json=BACK, headers=key()),
        ]
        approved, returned = await asyncio.gather(*(asked if number % 2 else reversed(asked)))
        if number % 2 == 0:
            approved, returned = returned, approved
        assert sorted((approved.status_code, returned.status_code)) == [200, 409], approved.text + returned.text
        winner, loser = (approved, returned) if approved.status_code == 200 else (returned, approved)
        won["approved" if winner is approved else "returned"] += 1
        problem = loser.json()
        assert (problem["code"], problem["organisation"]) == ("already-decided", "长丰县教育局")
        assert "请刷新列表" in problem["detail"]
    decided = await said()
    assert len(decided) == len({case for case, _, _ in decided}) == RACES
    kinds = Counter(kind for _, kind, _ in decided)
    assert kinds == {"RequestApproved": won["approved"], "RequestReturned": won["returned"]}
    print(f"{RACES} races: {dict(won)}")
