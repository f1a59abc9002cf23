"""Receipts name the pupils they speak of, whatever list these would stand in."""

from collections.abc import Callable

import httpx2
import pytest

from services.portal.tests.people import CLASS, OTHER, PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded

Browse = Callable[[str | None], httpx2.AsyncClient]
REFUSED = {"student_id": OTHER, "code": "not-now", "text": "现在不能办理。"}
ASKED = [
    ("/submissions", "POST registry/v1/submissions", {"submitted": []}),
    ("/submissions/all", "POST registry/v1/submissions/all", {"submitted": 3}),
    ("/submissions/withdraw", "POST registry/v1/submissions/withdraw", {"asked": 0}),
    ("/students/place", "POST registry/v1/students/place", {"placed": []}),
]


def only_by_id(request: httpx2.Request) -> dict[str, object]:
    """The pupils who are asked for by their ids; of any other list none stands on this page."""
    line = next(each for each in recorded("routes")["GET registry/v1/students"]["items"] if each["id"] == OTHER)
    items = [{**line, "id": each} for each in request.url.params.get_list("id")]
    return {"items": items, "total": len(items) or 900}


@pytest.mark.parametrize(("path", "route", "receipt"), ASKED)
async def test_a_receipt_names_who_was_refused(
    browse: Browse, services: Services, path: str, route: str, receipt: dict[str, object]
) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/students", only_by_id)
    services.give(route, {**receipt, "refused": [REFUSED]})
    form = {"students": [OTHER], "class_id": CLASS, "sure": "true"}
    page = Page((await client.post(path, data=form)).text)
    assert "钱**" in page.text
    assert "现在不能办理。" in page.text
    assert page.all("a", href=f"/students/{OTHER}")
    assert page.faults() == []


async def test_a_receipt_is_shown_though_a_name_cannot_be_read(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    unknown = PUPIL.replace("a1", "a9")
    services.give("POST registry/v1/submissions/all", {"submitted": 3, "refused": [{**REFUSED, "student_id": unknown}]})
    page = Page((await client.post("/submissions/all")).text)
    assert "4 名 = 已提交 3 + 未提交 1" in page.text
    assert page.all("a", href=f"/students/{unknown}")


async def test_a_long_receipt_asks_once_for_a_hundred_names_and_shows_every_line(
    browse: Browse, services: Services
) -> None:
    client = browse("registrar")
    services.give("GET registry/v1/students", only_by_id)
    ids = [f"01990000-0000-7000-8000-{number:012d}" for number in range(130)]
    services.give(
        "POST registry/v1/submissions/all",
        {"submitted": 0, "refused": [{**REFUSED, "student_id": each} for each in ids]},
    )
    page = Page((await client.post("/submissions/all")).text)
    assert page.text.count("钱**") == 100
    assert page.text.count("查看学生") == 30
    assert len(services.asked_of("GET registry/v1/students")) == 1
