"""Wiring: the pages, the services' addresses, what stands before and behind."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import typer
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from chassis.http import allow_anyone, answer, application
from chassis.serving import serve
from chassis.settings import SettingsRefused
from portal import pages
from portal.assets import ASSETS
from portal.clients.calling import Away, Refused, SignedOut
from portal.guarding import Guard
from portal.pages import sign_in
from portal.rendering import of_away, of_refused, problem_page, see_other, url
from portal.settings import PortalSettings
from portal.visiting import ChangePasswordFirst, Reach, TokenBook, reach_of, session_of

static = APIRouter(prefix="/static", dependencies=[allow_anyone()], include_in_schema=False)


@static.get("/{digest}/{name}")
async def asset(digest: str, name: str, request: Request) -> Response:
    """A file for the browser."""
    return ASSETS.serve(request, digest, name)


def create(settings: PortalSettings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """The portal. `transport` stands for the network in tests."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(
            timeout=httpx2.Timeout(settings.answer_within.total_seconds(), connect=2.0),
            limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50),
            transport=transport or httpx2.AsyncHTTPTransport(retries=1),
            trust_env=False,
        ) as http:
            app.state.reach = Reach(settings, http, TokenBook(settings.token_kept.total_seconds()))
            yield

    app = application(
        "portal", settings, routers=[static, *pages.ROUTERS], lifespan=living, render=problem_page, publishes=False
    )
    app.add_middleware(Guard, settings=settings)
    app.add_exception_handler(SignedOut, _sign_in_first)
    app.add_exception_handler(ChangePasswordFirst, _password_first)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Away, _away)
    return app


async def _sign_in_first(request: Request, _: Exception) -> Response:
    """To the sign-in page, and back afterwards, with the form that was sent; htmx's requests move the whole page."""
    reach = reach_of(request)
    session = session_of(request, reach.settings)
    came = request.url.path if request.method == "GET" and request.url.path != "/" else None
    target = url("/sign-in", next=came, over="yes" if session or came else None)
    if session:
        reach.tokens.forget(session)
    if request.headers.get("hx-request"):
        return Response(headers={"HX-Redirect": target})
    response = await sign_in.carry_over(request) or see_other(target)
    response.delete_cookie(reach.settings.cookie, path="/", secure=reach.settings.secure, httponly=True)
    return response


async def _password_first(_: Request, __: Exception) -> Response:
    return see_other("/password")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return answer(request, of_refused(error))


async def _away(request: Request, error: Exception) -> Response:
    assert isinstance(error, Away)
    return answer(request, of_away(error))


def _settings() -> str:
    """A line for each setting: what it is called, and what it is unless somebody says otherwise, as one writes it."""
    defaults = PortalSettings.model_construct().model_dump(mode="json")
    said = {name: defaults.get(name, "has to be set") for name in PortalSettings.model_fields}
    return "\n".join(f"  PORTAL_{name.upper():<16} {'not set' if of is None else of}" for name, of in said.items())


command = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@command.command(
    help=f"""Serve the portal's pages until SIGTERM; the portal keeps no state and asks the services.

Settings are read from the environment, or from files in the folder SECRETS_DIR:

\b
{_settings()}"""
)
def start() -> None:
    """`python -m portal`."""
    try:
        settings = PortalSettings.read()
    except SettingsRefused as refused:
        sys.exit(str(refused))
    serve("portal", create(settings), settings)


def main() -> None:
    """The command line: no argument but `--help`."""
    command()
