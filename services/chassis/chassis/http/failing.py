"""Whatever a route raises becomes an answer here; what lost a race is tried again where that is safe."""

import asyncio
import random
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import body_limit
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.bodies import BODY, replayed
from chassis.http.problems import Problem, answer, of_invalid, of_outage, of_refusal, of_status
from chassis.outages import is_conflict, is_outage, is_unreadable
from contracts.refusal import Refusal

log = structlog.get_logger("chassis.http")
TRIES: Final = 3
_KEPT: Final = ("route", "endpoint", "path_params", "fastapi", "chassis.actor", "chassis.code")
"""What a run of the application leaves in its scope that others read."""


async def refused(request: Request, error: Exception) -> Response:
    """A refusal, as an answer."""
    assert isinstance(error, Refusal)
    return answer(request, of_refusal(error))


async def invalid(request: Request, error: Exception) -> Response:
    """Input that does not fit, as an answer."""
    assert isinstance(error, RequestValidationError)
    return answer(request, of_invalid(error.errors()))


async def by_status(request: Request, error: Exception) -> Response:
    """What the framework refuses itself (404, 405, 413, …), as an answer."""
    assert isinstance(error, HTTPException)
    return answer(request, of_status(error.status_code, error.headers))


class Failing:
    """Answers what nobody else answered: 503 with Retry-After when something is away, 500 with an incident's number."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = scope.get(BODY)
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        for tried in range(1, TRIES + 1):
            own = dict(scope)
            try:
                await self.app(own, receive if body is None else replayed(body, receive), noting)
                return
            except Exception as error:
                if type(error).__module__ == body_limit.__name__:
                    raise  # the limit's own signals, which its middleware answers
                if started:
                    log.exception("http.broken-off")
                    raise
                if tried < TRIES and is_conflict(error) and _may_run_again(scope):
                    await asyncio.sleep(random.uniform(0.005, 0.03) * tried)  # noqa: S311 - spreads two rivals
                    continue
                problem = _problem_of(error)
                await answer(Request(own, receive), problem)(own, receive, send)
                return
            finally:
                scope.update({name: own[name] for name in _KEPT if name in own})


def _may_run_again(scope: Scope) -> bool:
    """Whether running the request again is safe: it changes nothing, or carries a key under which it acts once."""
    if scope["method"] in ("GET", "HEAD"):
        return True
    return BODY in scope and any(name == b"idempotency-key" for name, _ in scope["headers"])


def _problem_of(error: Exception) -> Problem:
    if is_conflict(error) or is_outage(error):
        log.warning("http.unavailable", error=type(error).__name__, state=_state(error))
        return of_outage()
    if is_unreadable(error):
        log.warning("http.unreadable", error=type(error).__name__, state=_state(error))
        return of_invalid([{"type": "unreadable", "loc": ()}])
    log.error("http.failed", exc_info=error)
    return of_status(500)


def _state(error: Exception) -> Any:
    return getattr(getattr(error, "orig", error), "sqlstate", None)
