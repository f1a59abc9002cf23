"""待审核: what a list is narrowed to, and the ways that lead to it."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import CASE, SCHOOL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]


async def test_the_progress_of_a_school_leads_to_its_cases_whoever_decides_them(
    browse: Browse, services: Services
) -> None:
    client = browse("viewer")
    page = Page((await client.get("/progress")).text)
    (onward,) = {each["href"] for each in page.all("a") if each["href"].startswith("/cases?school=")}
    await client.get(onward)
    (asked,) = services.asked_of("GET review/v1/cases")
    assert asked.url.params["school"] == SCHOOL
    assert "mine" not in asked.url.params


async def test_the_province_finds_the_cases_that_nobody_decides(browse: Browse, services: Services) -> None:
    client = browse("province")
    desk = recorded("routes")["GET review/v1/desk"]
    services.give("GET review/v1/desk", {**desk, "cases_unrouted": 7})
    for path in ("/", "/cases"):
        page = Page((await client.get(path)).text)
        assert page.all("a", href="/cases?unrouted=true")
    await client.get("/cases?unrouted=true")
    asked = services.asked_of("GET review/v1/cases")[-1].url.params
    assert (asked["unrouted"], asked.get("mine")) == ("true", None)


async def test_who_has_no_such_cases_is_not_offered_them(browse: Browse) -> None:
    page = Page((await browse("officer").get("/cases")).text)
    assert page.all("a", href="/cases?unrouted=true") == []


async def test_a_case_is_offered_to_authorities_that_may_have_it(browse: Browse, services: Services) -> None:
    await browse("officer").get(f"/cases/{CASE}/reroute")
    (asked,) = services.asked_of("GET review/v1/authorities")
    assert asked.url.params["case"] == CASE
