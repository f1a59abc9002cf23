"""The portal and its fakes, held against what the services publish: every request is one that a service takes, every
recorded answer one that it gives. No server starts."""

import contextlib
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import httpx2
import jsonschema_rs
import pytest

import portal.clients
from chassis.running.describing import openapi
from portal.clients.calling import Caller, Refused
from portal.main import create
from services.portal.tests.people import a_county
from services.portal.tests.services import BASES, Services, portal_settings, recorded
from services.portal.tests.test_doing import DONE
from services.portal.tests.test_pages import PAGES
from services.portal.tests.test_uploads import BODY, BOUNDARY, UPLOADS

SOME_ID = UUID("01990000-0000-7000-8000-0000000000ff")
JSON, FILE = "application/json", "multipart/form-data"
OF_THE_HOUSE = frozenset({"idempotency-key", "session", "prefer"})
"""Headers that mean something to a route, so that one which does not know them would pass them over in silence."""


@dataclass(frozen=True)
class Operation:
    """What a service publishes of one route."""

    service: str
    said: dict[str, Any]

    def names(self, place: str) -> dict[str, dict[str, Any]]:
        """The parameters of a place by name; those of headers in small letters."""
        found = [each for each in self.said.get("parameters", ()) if each["in"] == place]
        return {each["name"].lower() if place == "header" else each["name"]: each for each in found}

    def body(self, kind: str) -> dict[str, Any] | None:
        """The schema of the body, None where the route takes none of that kind."""
        content = self.said.get("requestBody", {}).get("content", {})
        return content[kind]["schema"] if kind in content else None

    def answers(self) -> list[dict[str, Any] | None]:
        """The schemas of what it answers when all went well; None stands for no JSON."""
        well = [answer for status, answer in self.said["responses"].items() if status.startswith("2")]
        return [answer.get("content", {}).get(JSON, {}).get("schema") for answer in well]

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Where a value is not what the schema says, with a field that it does not know counted."""
        whole = {**schema, "components": published(self.service)["components"]}
        errors = jsonschema_rs.validator_for(whole, validate_formats=True).iter_errors(value)
        return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


@cache
def published(service: str) -> dict[str, Any]:
    """What a service publishes; objects have the fields that are named and no others."""
    document = openapi(importlib.import_module(f"{service}.main").service)
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return document


def operation(method: str, service: str, path: str) -> Operation | None:
    """The route that takes a request; one without parameters in its path comes first."""
    for template, operations in sorted(published(service)["paths"].items(), key=lambda each: each[0].count("{")):
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return Operation(service, operations[method.lower()])
    return None


def of_route(route: str) -> Operation:
    """The operation of a fake's route, like `GET registry/v1/desk`."""
    method, address = route.split(" ")
    service, path = address.split("/", 1)
    found = operation(method, service, f"/{path}")
    assert found is not None, f"no service has {route}"
    return found


def of_request(request: httpx2.Request) -> Operation:
    return of_route(f"{request.method} {request.url.host.removesuffix('.test')}{request.url.path}")


def unknown(request: httpx2.Request) -> Iterator[str]:
    """What a request says that its route has no name for."""
    found = of_request(request)
    yield from (f"?{name}" for name in request.url.params if name not in found.names("query"))
    yield from (name for name in request.headers if name in OF_THE_HOUSE - found.names("header").keys())
    if request.headers.get("content-type") == JSON:
        schema = found.body(JSON)
        if schema is None:
            yield "a body"
        else:
            properties = published(found.service)["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
            yield from (name for name in json.loads(request.content) if name not in properties["properties"])


def refused(request: httpx2.Request) -> Iterator[str]:
    """Why a service would not take a request, as far as its OpenAPI tells."""
    yield from unknown(request)
    found = of_request(request)
    for place, given in (("query", request.url.params), ("header", request.headers)):
        needed = {name for name, each in found.names(place).items() if each.get("required")}
        yield from (f"{place} lacks {name}" for name in needed - set(given))
    for name, parameter in found.names("query").items():
        values = request.url.params.get_list(name)
        if values and all(found.faults(parameter["schema"], reading) for reading in readings(values)):
            yield f"?{name}={values}"
    kind = request.headers.get("content-type", "").split(";")[0]
    schema = found.body(kind)
    if schema is None and (kind or found.said.get("requestBody", {}).get("required")):
        yield f"a body of {kind or 'no kind'}"
    elif kind == JSON and schema is not None:
        yield from found.faults(schema, json.loads(request.content))


def readings(values: list[str]) -> Iterator[Any]:
    """What the text of a parameter may stand for."""
    yield values
    if len(values) == 1:
        yield values[0]
        with contextlib.suppress(ValueError):
            yield json.loads(values[0])  # a number, true or false


def client_methods() -> Iterator[tuple[str, type, str]]:
    """(service, class, method) of all that the portal's clients can ask."""
    for module in pkgutil.walk_packages(portal.clients.__path__, "portal.clients."):
        service = module.name.split(".")[2]
        for kind in vars(importlib.import_module(module.name)).values():
            if not inspect.isclass(kind) or kind.__module__ != module.name or service not in BASES:
                continue
            if list(inspect.signature(kind).parameters) == ["caller"]:
                methods = inspect.getmembers(kind, inspect.iscoroutinefunction)
                yield from ((service, kind, name) for name, _ in methods)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


GIVEN: dict[Any, Callable[[], Any]] = {
    UUID: lambda: SOME_ID,
    str: lambda: str(SOME_ID),
    int: lambda: 1,
    bool: lambda: True,
    list[UUID]: lambda: [SOME_ID],
    list[str]: lambda: [str(SOME_ID)],
    list[tuple[str, str]]: lambda: [(str(SOME_ID), "hash")],
    AsyncIterator[bytes]: _nothing,
    dict[str, Any]: dict,
    dict[str, str]: dict,
    dict[str, object]: dict,
}
"""What a client's method is given for a parameter, by its annotation; what a page makes up comes from pages below."""
NAMED = {"how": "return", "kind": BOUNDARY}


def arguments(method: Callable[..., Awaitable[Any]]) -> dict[str, Any]:
    """Something for each parameter; of a choice the first that is there."""
    found = {}
    for name, parameter in inspect.signature(method, eval_str=True).parameters.items():
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            kinds = (parameter.annotation, *getattr(parameter.annotation, "__args__", ()))
            found[name] = NAMED.get(name) or next(GIVEN[kind] for kind in kinds if kind in GIVEN)()
    return found


METHODS = list(client_methods())


def test_the_clients_are_found() -> None:
    assert {service for service, _, _ in METHODS} == set(BASES)
    assert len(METHODS) > 70


@pytest.mark.parametrize(("service", "kind", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
async def test_what_a_client_asks_exists(service: str, kind: type, name: str) -> None:
    services = Services()
    async with httpx2.AsyncClient(transport=services) as http:
        method = getattr(kind(Caller(http, service, BASES[service], "127.0.0.1", None)), name)
        with contextlib.suppress(Refused):  # nothing is recorded
            await method(**arguments(method))
    (request,) = services.asked
    assert list(unknown(request)) == []


@pytest.fixture
async def browse() -> AsyncIterator[Callable[..., Awaitable[list[httpx2.Request]]]]:
    """`await browse("officer", "GET", "/cases")` → what the services were asked for that page."""
    services = Services()
    app = create(portal_settings(), services)

    async def ask(who: str, method: str, path: str, **parts: Any) -> list[httpx2.Request]:
        a_county(services, who)
        origin = {"origin": "http://portal.test", "host": "portal.test", **parts.pop("headers", {})}
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://portal.test",
            headers=origin,
            cookies={"session": "opaque"},
        ) as client:
            answer = await client.request(method, path, **parts)
        assert answer.status_code < 400, answer.text[-1500:]
        return list(services.asked)

    async with app.router.lifespan_context(app):
        yield ask


def faults_of(asked: list[httpx2.Request]) -> list[str]:
    return [f"{request.method} {request.url.path}: {fault}" for request in asked for fault in refused(request)]


@pytest.mark.parametrize(("who", "path"), [(who, path) for who, pages in PAGES.items() for path in pages])
async def test_what_a_page_asks_is_taken(browse: Any, who: str, path: str) -> None:
    assert faults_of(await browse(who, "GET", path)) == []


@pytest.mark.parametrize("case", DONE, ids=lambda case: f"{case[0]}-{case[1]}")
async def test_what_a_form_becomes_is_taken(browse: Any, case: tuple[Any, ...]) -> None:
    who, path, form, *_ = case
    assert faults_of(await browse(who, "POST", path, data={**form, "key": str(SOME_ID)})) == []


@pytest.mark.parametrize("path", UPLOADS)
async def test_a_file_that_is_handed_on_is_taken(browse: Any, path: str) -> None:
    headers = {"content-type": BOUNDARY}
    assert faults_of(await browse("registrar", "POST", path, content=BODY, headers=headers)) == []


def canned() -> dict[str, Any]:
    """Route → what the fakes answer to it; what a test's own function answers is none of these."""
    services = Services()
    for who in ("registrar", "province"):
        a_county(services, who)
    return {route: answer for route, answer in services.answers.items() if not callable(answer)}


@pytest.mark.parametrize("route", canned())
def test_a_recorded_answer_is_one_that_the_service_gives(route: str) -> None:
    found, answer = of_route(route), canned()[route]
    schemas = [schema for schema in found.answers() if schema is not None]
    if schemas:
        assert found.faults(schemas[0], answer) == []
    else:
        assert not answer, "the service answers nothing"


def test_every_recorded_answer_is_compared() -> None:
    assert recorded("routes").keys() <= canned().keys()


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (httpx2.Request("GET", "http://review.test/v1/cases", params={"colour": "red"}), "?colour"),
        (httpx2.Request("GET", "http://review.test/v1/cases", params={"sort": "name"}), "?sort=['name']"),
        (httpx2.Request("GET", "http://review.test/v1/cases", params={"limit": "many"}), "?limit=['many']"),
        (httpx2.Request("POST", f"http://review.test/v1/cases/{SOME_ID}/approve", json={"hash": "h"}), "hash"),
        (httpx2.Request("POST", f"http://review.test/v1/cases/{SOME_ID}/approve"), "a body of no kind"),
        (httpx2.Request("POST", f"http://review.test/v1/cases/{SOME_ID}/claim", json={}), "a body"),
        (httpx2.Request("POST", "http://registry.test/v1/sessions/current/token"), "header lacks session"),
        (
            httpx2.Request(
                "POST", f"http://review.test/v1/cases/{SOME_ID}/claim", headers={"Idempotency-Key": str(SOME_ID)}
            ),
            "idempotency-key",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_that_no_service_takes_is_told(request_: httpx2.Request, fault: str) -> None:
    assert fault in list(refused(request_))


def test_a_route_that_no_service_has_is_told() -> None:
    with pytest.raises(AssertionError, match="no service has GET review/v1/colours"):
        of_route("GET review/v1/colours")


def test_an_answer_that_no_service_gives_is_told() -> None:
    found = of_route("GET review/v1/authorities")
    (schema,) = found.answers()
    assert schema is not None
    assert found.faults(schema, {"items": [{"id": str(SOME_ID), "name": "测试市教育局"}]}) == []
    assert len(found.faults(schema, {"items": [{"id": "no id", "title": "测试市教育局"}]})) == 3
