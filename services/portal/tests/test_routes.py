"""Every route that the application has, so that a new one cannot be forgotten."""

from collections.abc import Callable
from string import Formatter

import httpx2
from fastapi import FastAPI

from chassis.http.permission import permissions
from services.portal.tests.people import ACCOUNT, ARCHIVE, CASE, CLASS, DUPLICATE, EVIDENCE, IMPORT, PUPIL, SCHOOL
from services.portal.tests.services import Services, Switch

Browse = Callable[[str | None], httpx2.AsyncClient]
OPEN = {"GET /static/{digest}/{name}", "GET /sign-in", "POST /sign-in"}
"""For whoever has no session."""
PLACES = {
    "account": ACCOUNT, "archive_id": ARCHIVE, "case": DUPLICATE, "case_id": CASE, "class_id": CLASS,
    "digest": "0" * 16, "evidence": EVIDENCE, "import_id": IMPORT, "name": "htmx.js", "organisation": SCHOOL,
    "student": PUPIL,
}  # fmt: skip
WISHES = {"/accounts/": ("reset", "disable", "enable"), "/cases/": ("approve", "return", "reject")}
READS = ("/current/token", "/unmask", "/requests/lookup", "/students/search", "/claim")
"""Asked by POST, changes nothing: a token, reads that carry ids or words, and 正在审核, which informs only."""


def every(app: FastAPI, method: str) -> list[tuple[str, str]]:
    """Route and address of all that the application has for a method."""
    found = []
    for route in permissions(app):
        named, _, path = route.partition(" ")
        wishes = next((WISHES[start] for start in WISHES if path.startswith(start) and "{wish}" in path), ("",))
        names = {name for _, name, _, _ in Formatter().parse(path) if name} - {"wish"}
        if named == method:
            found += [(route, path.format(**{name: PLACES[name] for name in names}, wish=wish)) for wish in wishes]
    return found


async def test_without_a_session_every_route_leads_to_the_sign_in(
    browse: Browse, services: Services, portal: tuple[FastAPI, Switch]
) -> None:
    client, strays = browse(None), []
    routes = [(method, *each) for method in ("GET", "POST") for each in every(portal[0], method)]
    assert len(routes) > 90
    assert len(routes) == sum(len(every(portal[0], method)) for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))
    for method, route, path in routes:
        response = await client.request(method, path)
        location = response.headers.get("location", "")
        if route not in OPEN and not (response.status_code == 303 and location.startswith("/sign-in")):
            strays.append(f"{route}: {response.status_code} {location}")
    assert strays == []
    assert services.asked == []


async def test_looking_changes_nothing(browse: Browse, services: Services, portal: tuple[FastAPI, Switch]) -> None:
    for who in ("registrar", "officer", "province"):
        client = browse(who)
        for _, path in every(portal[0], "GET"):
            await client.get(path, params={"student": PUPIL, "organisation": SCHOOL, "number": 2})
    changing = {
        f"{each.method} {each.url.path}"
        for each in services.asked
        if each.method != "GET" and not each.url.path.endswith(READS)
    }
    assert changing == set()
