"""An application of the house: the same at every service and at the portal."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from chassis.http import failing
from chassis.http.bodies import StrictBodies
from chassis.http.envelope import Envelope
from chassis.http.health import Check, health
from chassis.http.permission import permissions
from chassis.http.problems import Render, problem_json
from chassis.settings import ProcessSettings
from chassis.telemetry.logs import configure_own
from contracts.refusal import Refusal

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Application(FastAPI):
    """FastAPI inside the envelope, which sees every request and every answer, whoever gives it."""

    within: float = 60.0

    def build_middleware_stack(self) -> ASGIApp:
        return Envelope(super().build_middleware_stack(), self.within, self)


def application(
    name: str,
    settings: ProcessSettings,
    *,
    routers: Sequence[APIRouter] = (),
    lifespan: Lifespan | None = None,
    checks: Sequence[Check] = (),
    render: Render = problem_json,
    version: str = "1",
    publishes: bool = True,
) -> Application:
    """The application with its routers, health and metrics. `render` shows problems in another form than problem+json.

    Raises NoPermissionDeclared when a route does not say who may use it.
    """

    if not structlog.is_configured():
        # Structlog's own way would print the local variables of every frame.
        configure_own(name)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        permissions(app)
        if lifespan is None:
            yield
            return
        async with lifespan(app):
            yield

    options: dict[str, Any] = {
        "title": name,
        "version": version,
        # The documentation pages load scripts from elsewhere: `openapi.json` is published, and printed by a command.
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": "/openapi.json" if publishes else None,
        "redirect_slashes": False,
        "max_body_size": settings.largest_body,
        "telemetry": {"tracing": False, "metrics": False, "logs": False},
    }
    app = Application(lifespan=living, **options)
    app.within = settings.request_within.total_seconds()
    app.state.settings = settings
    app.state.render = render
    app.router.routes.extend(health(checks))
    for router in routers:
        # Not `include_router`, which builds every route once more for a prefix and for dependencies that are not there:
        # half of what routes cost a start.
        app.router.routes.extend(router.routes)
    app.add_middleware(failing.Failing)
    app.add_middleware(StrictBodies)
    app.add_exception_handler(Refusal, failing.refused)
    app.add_exception_handler(RequestValidationError, failing.invalid)
    app.add_exception_handler(HTTPException, failing.by_status)
    permissions(app)
    return app
