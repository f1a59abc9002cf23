"""Whatever stands in a text of a service, or is typed into a form, is shown as text and never run."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from services.portal.tests.people import ARCHIVE, CASE, CLASS, IMPORT, PUPIL, SCHOOL
from services.portal.tests.reading import Page
from services.portal.tests.services import Services, recorded, refusal

Browse = Callable[[str | None], httpx2.AsyncClient]
CORPUS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "𠮷田·㛃妍 &amp; <b>",
]
_MEANT = {
    "id", "student_id", "school_id", "class_id", "request_id", "organisation_id", "parent_id", "authority_id", "state",
    "kind", "status", "outcome", "result", "verdict", "standing", "band", "stage", "photo_state", "content_hash",
    "photo_hash", "roles", "schooling", "category", "ownership", "setting", "area_type", "economy_type", "ethnic_type",
    "birth_date", "sex", "submitted", "decision", "token", "session", "next", "previous", "field", "person_id",
    "enrolment_id", "campus_id", "reason_code", "stages", "outcomes", "mode",
}  # fmt: skip
"""Fields that hold codes and ids: services say what they may be."""


def poisoned(value: Any, with_: str, name: str = "") -> Any:
    """The answer with the text in every field that a person may have written."""
    if isinstance(value, dict):
        return {key: poisoned(each, with_, key) for key, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each, with_, name) for each in value]
    looks_like_time = isinstance(value, str) and len(value) >= 10 and value[4:5] == "-" and value[:4].isdigit()
    return with_ if isinstance(value, str) and name not in _MEANT and not looks_like_time else value


PAGES = [
    ("registrar", path)
    for path in (
        "/", "/school", "/school/edit", "/classes", f"/classes/{CLASS}/edit", "/imports", f"/imports/{IMPORT}",
        "/students", f"/students/{PUPIL}", f"/students/{PUPIL}/edit", f"/students/{PUPIL}/photo", "/photos",
        f"/photos/archives/{ARCHIVE}?number=2", "/pre-review", "/returned", "/national", "/duplicates", "/calendar",
    )
] + [("officer", path) for path in ("/cases", f"/cases/{CASE}", "/cases/batch", "/progress", "/national")] + [
    ("province", path) for path in ("/organisations", f"/organisations/{SCHOOL}", "/accounts")
]  # fmt: skip


@pytest.mark.parametrize(("who", "path"), PAGES)
async def test_what_services_say_is_shown_as_text(browse: Browse, services: Services, who: str, path: str) -> None:
    client = browse(who)
    plain = Page((await client.get(path)).text)
    for route, answer in recorded("routes").items():
        services.give(route, poisoned(answer, " ".join(CORPUS)))
    response = await client.get(path)
    page = Page(response.text)
    assert response.status_code == 200
    assert page.faults() == []
    assert kinds(page) <= kinds(plain)


def kinds(page: Page) -> set[str]:
    """The kinds of elements of a page; a text that got through would bring new ones, or more scripts."""
    scripts = len([tag for tag, _ in page.elements if tag == "script"])
    always = {"a", "p", "span", "ul", "li", "div", "strong", "nav", "select", "option", "table", "thead", "tbody", "tr"}
    more = {"th", "td", "caption", "form", "input", "button", "label", "svg", "rect", "line", "datalist", "section"}
    heads = {"h2", "h3", "dl", "dt", "dd", "img", "fieldset", "legend"}
    return {tag for tag, _ in page.elements} - always - more - heads | {f"{scripts} scripts"}


@pytest.mark.parametrize("text", CORPUS)
async def test_what_is_typed_comes_back_as_text(browse: Browse, services: Services, text: str) -> None:
    client = browse("registrar")
    problems = [{"field": "name", "text": text}]
    services.give("POST registry/v1/students", refusal(422, "pupil-refused", text, problems=problems))
    services.give("POST registry/v1/students/search", refusal(422, "invalid-input", text))
    form = dict.fromkeys(("name", "address", "family.0.name", "reasons", "document_number", "family.x.y"), text)
    for path, data in (("/students/new", {"step": "save", **form}), ("/students/search", {"q": text})):
        response = await client.post(path, data=data)
        page = Page(response.text)
        assert page.faults() == []
        assert len([tag for tag, _ in page.elements if tag == "script"]) == 2
        assert page.all("svg", onload="alert(1)") == []


@pytest.mark.parametrize("path", ["/students/%00", "/students/..%2f..%2fetc", "/static/x/../../x", "/students/1"])
async def test_an_odd_address_is_refused_in_words(browse: Browse, path: str) -> None:
    response = await browse("registrar").get(path)
    assert response.status_code in (404, 422)
    assert "text/html" in response.headers["content-type"]


@pytest.mark.parametrize("text", ["%00", "a%00b", "%ED%A0%80", "%FF%FE", "%F0%9F%92%A5" * 50, "%E2%80%AE"])
async def test_odd_characters_in_a_form_are_no_fault_of_ours(browse: Browse, text: str) -> None:
    client = browse("registrar")
    body = "&".join(f"{name}={text}" for name in ("q", "name", "login", "password", "reason", "students", "key"))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/students/search", "/students/new", "/students/check", "/pre-review/reasons", "/sign-in"):
        response = await client.post(path, content=body, headers=headers)
        assert response.status_code < 500


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/classes/new", {"head_teacher": "王"}),
        ("/classes/plan", {}),
        ("/evidence/01990000-0000-7000-8000-0000000000e1/drop", {"student": "nobody"}),
        ("/imports/01990000-0000-7000-8000-0000000000c1/run", {"key": "不是编号"}),
    ],
)
async def test_a_form_that_was_tampered_with_is_no_error_of_ours(
    browse: Callable[[str | None], httpx2.AsyncClient], path: str, form: dict[str, str]
) -> None:
    assert (await browse("registrar").post(path, data=form)).status_code < 500
