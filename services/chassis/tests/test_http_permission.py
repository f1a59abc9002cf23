import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends

from chassis.http import Actor, allow, allow_anyone, current_actor
from chassis.http.permission import NoPermissionDeclared, permissions
from chassis.settings import ServiceSettings
from contracts.values import Role
from services.chassis.tests.web import ACCOUNT, an_actor, an_app, bearer, client_of, service_settings, write_key_file


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return service_settings("postgresql+asyncpg://nobody@127.0.0.1:9/none", write_key_file(tmp_path))


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/mine", dependencies=[allow(Role.REGISTRAR, Role.OFFICER)])
    async def mine(actor: Annotated[Actor, Depends(current_actor)]) -> str:
        return str(actor.account_id)

    @router.get("/open", dependencies=[allow_anyone()])
    async def everybodys() -> str:
        return "open"

    return router


@pytest.fixture
async def web(router: APIRouter, settings: ServiceSettings) -> Any:
    async with client_of(an_app(router, settings=settings)) as client:
        yield client


async def test_a_role_that_is_named_gets_in(web: Any, settings: ServiceSettings) -> None:
    answer = await web.get("/v1/mine", headers=bearer(settings, an_actor(Role.OFFICER, Role.VIEWER)))
    assert (answer.status_code, answer.json()) == (200, str(ACCOUNT))


@pytest.mark.parametrize("roles", [(), (Role.VIEWER,), (Role.PROVINCE_ADMIN, Role.TEACHER)])
async def test_a_role_that_is_not_named_stays_out(web: Any, settings: ServiceSettings, roles: tuple[Role, ...]) -> None:
    answer = await web.get("/v1/mine", headers=bearer(settings, an_actor(*roles)))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}, {"Cookie": "a=b"}])
async def test_without_a_token_nobody_gets_in(web: Any, sent: dict[str, str]) -> None:
    answer = await web.get("/v1/mine", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (await web.get("/v1/open", headers=sent)).status_code == 200


async def test_who_is_refused_stands_in_the_log(
    web: Any, settings: ServiceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    await web.get("/v1/mine", headers=bearer(settings, an_actor(Role.VIEWER)))
    await web.get("/v1/mine")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [(line["route"], line["status"], line["code"], line["account"]) for line in lines if "route" in line]
    assert told == [("/v1/mine", 403, "not-allowed", str(ACCOUNT)), ("/v1/mine", 401, "token-invalid", None)]
    assert {line["level"] for line in lines} == {"info"}


async def test_an_expired_token_is_401(web: Any, settings: ServiceSettings) -> None:
    old = bearer(settings, an_actor(Role.OFFICER), datetime.now(UTC) - timedelta(seconds=61))
    answer = await web.get("/v1/mine", headers=old)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-expired")


def test_a_route_that_does_not_say_who_may_keeps_the_application_from_starting() -> None:
    silent = APIRouter()

    @silent.post("/v1/things")
    async def make() -> None: ...

    with pytest.raises(NoPermissionDeclared, match="POST /v1/things"):
        an_app(silent)


async def test_a_route_that_is_added_later_keeps_it_from_starting_too(router: APIRouter) -> None:
    app = an_app(router)

    @app.get("/late")
    async def late() -> None: ...

    with pytest.raises(NoPermissionDeclared, match="GET /late"):
        async with client_of(app):
            pass


def test_permissions_are_known_by_route(router: APIRouter) -> None:
    assert permissions(an_app(router)) == {
        "GET /v1/mine": frozenset({Role.REGISTRAR, Role.OFFICER}),
        "GET /v1/open": None,
    }


def test_a_permission_on_a_router_counts_and_both_must_hold() -> None:
    inner = APIRouter(dependencies=[allow(Role.REGISTRAR, Role.TEACHER)])

    @inner.get("/a")
    async def a() -> None: ...

    @inner.get("/b", dependencies=[allow(Role.TEACHER, Role.OFFICER)])
    async def b() -> None: ...

    outer = APIRouter()
    outer.include_router(inner, prefix="/x")
    assert permissions(an_app(outer)) == {
        "GET /x/a": frozenset({Role.REGISTRAR, Role.TEACHER}),
        "GET /x/b": frozenset({Role.TEACHER}),
    }


def test_allowing_nobody_in_particular_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="allow_anyone"):
        allow()
