"""预审核与提交, and 退回学生."""

from collections.abc import Callable

import httpx2

from services.portal.tests.people import OTHER
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]


async def test_enter_in_the_reason_explains_and_submits_nobody(browse: Browse) -> None:
    page = Page((await browse("registrar").get("/pre-review")).text)
    begins = next(place for place, (_, found) in enumerate(page.elements) if found.get("id") == "bulk")
    first = next(found for tag, found in page.elements[begins:] if tag == "button")
    assert first["formaction"] == "/pre-review/reasons"


async def test_a_warning_is_offered_in_words_though_none_of_the_page_has_it(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    found = recorded("routes")["GET registry/v1/pre-review"]
    examples = {"older": "年龄偏大。"}
    services.give("GET registry/v1/pre-review", {**found, "items": found["items"][:2], "examples": examples})
    assert "年龄偏大。（1人）" in (await client.get("/pre-review")).text


async def test_the_returned_are_asked_for_and_paged(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    found = recorded("routes")["GET registry/v1/pre-review"]
    items = [each for each in found["items"] if each["student_id"] == OTHER]
    services.give("GET registry/v1/pre-review", {**found, "items": items, "total": 1_200})
    page = Page((await client.get("/returned?page=2")).text)
    (asked,) = services.asked_of("GET registry/v1/pre-review")
    assert dict(asked.url.params) == {"status": "returned", "offset": "50", "limit": "50"}
    assert {"/returned?page=1", "/returned?page=3"} <= {each["href"] for each in page.all("a")}


async def test_the_reason_of_a_return_is_read_once(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    found = recorded("routes")["GET registry/v1/pre-review"]
    (item,) = (each for each in found["items"] if each["student_id"] == OTHER)
    returned = [{"code": "other", "field": None, "text": "其他：请补充户口簿"}]
    services.give("GET registry/v1/pre-review", {**found, "items": [{**item, "returned": returned}]})
    text = Page((await client.get("/returned")).text).text
    assert text.count("其他") == 1
    assert "其他：请补充户口簿" in text
