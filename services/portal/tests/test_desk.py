"""工作台: what services count is shown, and leads to where it is found."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from services.portal.tests.people import CLASS
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]
COUNTED: list[tuple[str, str, str, str, str]] = [
    ("registrar", "registry", "late_drafts", "已过截止未提交", "/pre-review"),
    ("officer", "registry", "late_drafts", "已过截止未提交", "/progress"),
    ("registrar", "registry", "submission_conflicts", "审核与提交内容不一致", "/returned"),
    ("officer", "review", "cases_escalated", "下级逾期上报", "/cases?escalated=true"),
    ("officer", "review", "cases_due_soon", "审核即将到期", "/cases?due_soon=true"),
]


@pytest.mark.parametrize(("who", "service", "key", "word", "path"), COUNTED)
async def test_what_a_service_counts_is_shown_and_leads_to_its_list(
    browse: Browse, services: Services, who: str, service: str, key: str, word: str, path: str
) -> None:
    client = browse(who)
    desk = recorded("routes")[f"GET {service}/v1/desk"]
    services.give(f"GET {service}/v1/desk", {**desk, key: 7321})
    response = await client.get("/")
    page = Page(response.text)
    assert f"7321 {word}" in " ".join(page.text.split())
    assert page.all("a", href=path)


async def test_suspected_duplicates_are_counted_for_those_who_settle_them(browse: Browse, services: Services) -> None:
    client = browse("officer")
    services.give("GET registry/v1/duplicates", {"items": [], "total": 7321})
    assert "7321 疑似重复" in " ".join(Page((await client.get("/")).text).text.split())
    (asked,) = services.asked_of("GET registry/v1/duplicates")
    assert asked.url.params["state"] == "open"


async def test_a_teacher_is_not_asked_about_duplicates(browse: Browse, services: Services) -> None:
    await browse("teacher").get("/")
    assert services.asked_of("GET registry/v1/duplicates") == []


@pytest.mark.parametrize("name", ["due_soon", "escalated"])
async def test_the_list_that_a_count_leads_to_is_narrowed_to_what_it_counts(
    browse: Browse, services: Services, name: str
) -> None:
    page = Page((await browse("officer").get(f"/cases?{name}=true")).text)
    asked = services.asked_of("GET review/v1/cases")[-1].url.params
    assert (asked[name], asked["mine"], asked["sort"], asked["state"]) == ("true", "true", "deadline", "open")
    [chosen] = page.all("a", **{"aria-current": "page", "href": f"/cases?{name}=true"})
    assert chosen


def two_classes() -> list[dict[str, Any]]:
    """One above the standard with a head teacher, one without, both open."""
    one = recorded("routes")[f"GET registry/v1/classes/{CLASS}"]
    large = {**one, "name": "大班", "size": 51, "standard": 45, "head_teacher": "班主任乙"}
    return [large, {**one, "name": "小班", "size": 45, "standard": 45, "head_teacher": None}]


@pytest.mark.parametrize(
    ("only", "seen", "unseen"), [("above-standard", "大班", "小班"), ("no-head-teacher", "小班", "大班")]
)
async def test_classes_that_the_desk_counts_are_those_that_are_listed(
    browse: Browse, services: Services, only: str, seen: str, unseen: str
) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/classes", {"items": two_classes(), "total": 2})
    assert Page((await client.get("/")).text).all("a", href=f"/classes?only={only}")
    found = await client.get(f"/classes?only={only}")
    assert f">{seen}<" in found.text
    assert f">{unseen}<" not in found.text


async def test_an_authority_keeps_what_it_looks_for_while_it_chooses_a_school(browse: Browse) -> None:
    page = Page((await browse("officer").get("/classes?only=above-standard")).text)
    schools = [each["href"] for each in page.all("a") if urlsplit(each["href"]).query.startswith("school=")]
    assert schools
    assert all(each.endswith("&only=above-standard") for each in schools)
