"""A form that meets an ended session is carried over the sign-in and sent again; nothing that was typed is lost."""

from collections.abc import Callable

import httpx2
import pytest

from services.portal.tests.people import PUPIL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
FORM = {"step": "save", "name": "赵六六", "family.0.name": "赵大", "key": "k" * 36, "path": "x", "login": "typed"}


def over(services: Services) -> None:
    """The session has ended."""
    services.give("POST registry/v1/sessions/current/token", refusal(401, "session-over", "登录已过期，请重新登录。"))


def fields(page: Page) -> dict[str, str]:
    """The hidden fields of the only form."""
    return {each["name"]: each["value"] for each in page.all("input", type="hidden")}


async def test_what_was_typed_is_sent_again_after_signing_in(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    over(services)
    asked = await client.post("/students/new", data=FORM)
    assert asked.status_code == 401
    assert 'session=""' in asked.headers["set-cookie"]
    page = Page(asked.text)
    assert page.all("form")[0]["action"] == "/sign-in"
    assert "登录已过期" in page.text
    assert "登录后可以接着办理" in page.text
    assert page.faults() == []
    services.give("POST registry/v1/sessions", refusal(401, "wrong-password", "账号或密码不正确。"))
    page = Page((await client.post("/sign-in", data={**fields(page), "login": "a", "password": "b"})).text)
    browse("registrar")
    signed_in = await client.post("/sign-in", data={**fields(page), "login": "a", "password": "b"})
    assert signed_in.headers["set-cookie"].startswith("session=opaque")
    page = Page(signed_in.text)
    assert (page.all("form")[0]["action"], fields(page)) == ("/students/new", FORM)
    assert page.faults() == []
    assert services.asked_of("POST registry/v1/students") == []
    made = await client.post("/students/new", data=fields(page))
    assert made.headers["location"] == f"/students/{PUPIL}/photo?done=pupil-created"
    (asked_of,) = services.asked_of("POST registry/v1/students")
    assert asked_of.headers["idempotency-key"] == "k" * 36


async def test_no_page_ever_carries_a_password(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    over(services)
    response = await client.post("/password", data={"old": "secret-old", "new": "secret-new", "again": "secret-new"})
    assert response.headers["location"] == "/sign-in?over=yes"
    assert "secret" not in response.text


async def test_a_file_is_chosen_again(browse: Browse, services: Services) -> None:
    client = browse("registrar")
    over(services)
    response = await client.post("/imports", files={"file": ("a.xlsx", b"PK", "application/octet-stream")})
    assert response.headers["location"] == "/sign-in?over=yes"


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", ""])
async def test_what_is_carried_goes_nowhere_else(browse: Browse, path: str) -> None:
    form = {"login": "a", "password": "b", "again./": path, "again.name": "赵六六"}
    response = await browse("registrar").post("/sign-in", data=form)
    assert (response.status_code, response.headers["location"]) == (303, "/")
