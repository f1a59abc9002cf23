"""One pupil's page: why she was sent back, and what can be done about her now."""

from collections.abc import Callable

import httpx2
import pytest

from services.portal.tests.people import CASE, COUNTY, PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
REASONS = [{"code": "other", "words": "其他", "field": "name", "label": "姓名", "text": "不属于本校招生范围"}]


def decided(services: Services, status: str, decision: str | None) -> None:
    """The pupil has this status, and review's last of two cases this decision."""
    routes = recorded("routes")
    for method in ("GET", "POST"):
        route = f"{method} registry/v1/students/{PUPIL}" + ("/unmask" if method == "POST" else "")
        services.give(route, {**routes[route], "status": status})
    state = "decided" if decision else "withdrawn"
    last = {**routes[f"GET review/v1/cases/{CASE}"], "state": state, "decision": decision, "reasons": REASONS}
    first = {**last, "id": COUNTY, "state": "decided", "decision": "returned"}
    services.give("GET review/v1/cases", {"items": [first, last], "total": 2})
    services.give(f"GET review/v1/cases/{CASE}", last)


@pytest.mark.parametrize(
    ("status", "decision", "path"),
    [
        ("rejected", "rejected", f"/students/{PUPIL}"),
        ("returned", "returned", f"/students/{PUPIL}"),
        ("returned", "returned", f"/students/{PUPIL}/edit"),
    ],
)
async def test_a_school_reads_why_a_pupil_came_back(
    browse: Browse, services: Services, status: str, decision: str, path: str
) -> None:
    client = browse("registrar")
    decided(services, status, decision)
    page = Page((await client.get(path)).text)
    assert "其他（姓名）：不属于本校招生范围" in page.text
    assert "测试县教育局" in page.text
    assert page.faults() == []
    (asked,) = services.asked_of("GET review/v1/cases")
    assert (asked.url.params["student"], asked.url.params["sort"]) == (PUPIL, "submitted")


async def test_what_the_school_took_back_itself_has_no_reasons(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    decided(services, "returned", None)
    response = await client.get(f"/students/{PUPIL}")
    assert "不属于本校招生范围" not in response.text
    assert "审核结论" not in response.text


async def test_reasons_that_cannot_be_asked_for_are_said_to_be_away(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    decided(services, "rejected", "rejected")
    services.give("GET review/v1/cases", refusal(503, "unavailable", "系统暂时繁忙。"))
    assert "审核结论</span> 暂不可用" in (await client.get(f"/students/{PUPIL}")).text


async def test_no_page_asks_for_evidence_that_registry_would_refuse(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    problem = {"type": "name-mismatch", "name": "身份证号与姓名不匹配", "note": None, "found_at": None}
    standing = {"student_id": PUPIL, "standing": "problem", "problems": [problem]}
    services.give("GET sync/v1/standings", {"items": [standing], "total": 1})
    for path in ("/national", f"/students/{PUPIL}"):
        text = Page((await client.get(path)).text).text
        assert "请与户口簿核对后联系主管单位核实" in text
        assert "上传佐证材料后" not in text
        assert "请上传户口簿" not in text
