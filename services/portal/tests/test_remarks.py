"""What photo and the checks remark on, where a person decides about it."""

from collections.abc import Callable

import httpx2
import pytest

from services.portal.tests.people import CASE, PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]
REMARK = "同一张照片已用于另一名学生，请核对。"


def remarked(services: Services) -> None:
    """The accepted photo of the pupil has a remark."""
    due = recorded("routes")["GET photo/v1/requirements"]
    items = [{**each, "remarks": [REMARK] if each["student_id"] == PUPIL else []} for each in due["items"]]
    services.give("GET photo/v1/requirements", {**due, "items": items})


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("registrar", "/photos"),
        ("registrar", f"/students/{PUPIL}/photo"),
        ("officer", f"/cases/{CASE}"),
        ("officer", "/cases/batch"),
    ],
)
async def test_a_remark_on_a_photo_is_read_where_the_photo_is(
    browse: Browse, services: Services, who: str, path: str
) -> None:
    client = browse(who)
    remarked(services)
    page = Page((await client.get(path)).text)
    assert page.text.count(REMARK) == 1
    assert page.faults() == []


async def test_a_batch_marks_who_has_warnings_or_changes(browse: Browse, services: Services) -> None:
    client = browse("officer")
    (first, second) = recorded("routes")["POST registry/v1/requests/lookup"]
    cases = recorded("routes")["GET review/v1/cases"]
    items = [{**each, "may_decide": True} for each in cases["items"]]
    services.give("GET review/v1/cases", {**cases, "items": items})
    services.give("GET photo/v1/requirements", {"items": [], "total": 0})
    services.give("POST registry/v1/requests/lookup", [first, {**second, "warnings": 3, "changed": True}])
    text = " ".join(Page((await client.get("/cases/batch")).text).text.split())
    assert text.count("✓ 没有提示") == 1
    assert "! 3项提示 … 有修改" in text
