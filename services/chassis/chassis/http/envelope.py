"""What every request and every answer carries: an id, a time limit, headers, a line in the log, a measurement."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.problems import Problem, answer, of_status
from chassis.ids import new_id
from chassis.telemetry import metrics, tracing

log = structlog.get_logger("chassis.http")
SLOWEST: Final = 16 * 1024
"""Bytes a second that a sender must manage on the average; who is slower is cut off."""
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer that does not say otherwise itself."""
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})


class Envelope:
    """The outermost layer of an application."""

    def __init__(self, app: ASGIApp, within: float, owner: Any) -> None:
        """`within` seconds a request may take, beside the time that its body needs to arrive."""
        self.app = app
        self.within = within
        self.owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope, receive, send, self.owner)
        headers = dict(scope["headers"])
        with (
            tracing.continued(headers.get(b"traceparent", b"").decode("latin-1"), f"HTTP {scope['method']}"),
            structlog.contextvars.bound_contextvars(request=request.id),
        ):
            try:
                async with asyncio.timeout(self.within) as limit:
                    request.limit = limit
                    request.within = self.within
                    await self.app(scope, request.receive, request.send)
            except TimeoutError:
                await request.break_off(of_status(408 if request.is_arriving else 503, {"Retry-After": "5"}))
            except Exception:
                # Inner layers answer what they can; this is a fault of theirs, or came after the answer began.
                log.exception("http.failed")
                await request.break_off(of_status(500))
            finally:
                request.note()


class _Request:
    """One request on its way through."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, owner: Any) -> None:
        self.id = new_id().hex
        self.limit: asyncio.Timeout | None = None
        self.within = 0.0
        self.is_arriving = False
        self._scope, self._receive, self._send = scope, receive, send
        self._status = 0
        self._began = time.perf_counter()
        self._loop_began = asyncio.get_running_loop().time()
        self._arrived = 0
        scope["chassis.request_id"] = self.id
        scope.setdefault("app", owner)

    async def receive(self) -> Message:
        self.is_arriving = True
        message = await self._receive()
        self.is_arriving = False
        if message["type"] == "http.request" and self.limit is not None and message.get("body"):
            self._arrived += len(message["body"])
            self.limit.reschedule(self._loop_began + self.within + self._arrived / SLOWEST)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 413 and headers.get("content-type", "").startswith("text/plain"):
                # Starlette's body limit answers by itself, in English.
                await self.break_off(of_status(413, {"Connection": "close"}))
                return
            self._status = message["status"]
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self.id
        elif self._replaced:
            return
        await self._send(message)

    _replaced = False

    async def break_off(self, problem: Problem) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self._status:
            return
        request = Request(self._scope, self._receive)
        await answer(request, problem)(self._scope, self._receive, self.send)
        self._replaced = True

    def note(self) -> None:
        """One line in the log and one measurement; the route's pattern, never the address that was asked for.

        The line names the account whose token was good, so that whoever tries doors that are not hers can be found.
        """
        took = time.perf_counter() - self._began
        route = _pattern(self._scope)
        status = self._status or 499  # the client had gone before an answer began
        metrics.observe_request(self._scope["method"], route, status, took)
        if self._scope["path"] in _QUIET:
            return
        actor = self._scope.get("chassis.actor")
        log.info(
            "http.request",
            method=self._scope["method"],
            route=route,
            status=status,
            code=self._scope.get("chassis.code"),
            account=str(actor.account_id) if actor is not None else None,
            ms=round(took * 1000, 1),
        )


def _pattern(scope: Scope) -> str:
    route = scope.get("route")
    effective = (scope.get("fastapi") or {}).get("effective_route_context")
    found = getattr(effective, "path_format", None) or getattr(route, "path_format", None)
    return str(found or "unknown")
