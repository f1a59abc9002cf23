"""The four services as the portal sees them: recorded answers by service, method and path, and what was asked of them.

`Services` is a transport of httpx2: the portal under test takes it for the network. An answer is
a JSON value, an `httpx2.Response`, or a function of the request.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from portal.settings import PortalSettings

ANSWERS = Path(__file__).parent / "answers"
BASES = {name: f"http://{name}.test" for name in ("registry", "review", "photo", "sync")}
Given = Any | Callable[[httpx2.Request], Any]


def portal_settings(origin: str | None = None) -> PortalSettings:
    """A portal's, whose services are the recorded ones."""
    return PortalSettings(
        registry=BASES["registry"], review=BASES["review"], photo=BASES["photo"], sync=BASES["sync"], origin=origin
    )


def recorded(name: str) -> Any:
    """A recorded answer, afresh."""
    return json.loads((ANSWERS / f"{name}.json").read_text("utf-8"))


def refusal(status: int, code: str, detail: str, **members: Any) -> httpx2.Response:
    """A refusal as problem+json."""
    body = {
        "type": "about:blank",
        "title": "",
        "status": status,
        "detail": detail,
        "code": code,
        "instance": "",
        **members,
    }
    return httpx2.Response(status, json=body, headers={"content-type": "application/problem+json"})


class Services(httpx2.AsyncBaseTransport):
    """Answers for the services that are there; the others are away."""

    def __init__(self) -> None:
        self.answers: dict[str, Given] = {}
        self.asked: list[httpx2.Request] = []
        self.away: set[str] = set()

    def give(self, route: str, answer: Given) -> None:
        """`route` is like `GET registry/v1/desk`."""
        self.answers[route] = answer

    def asked_of(self, route: str) -> list[httpx2.Request]:
        """The requests that came to a route, in their order."""
        return [each for each in self.asked if _route(each) == route]

    def body_of(self, route: str) -> Any:
        """The JSON that was sent last to a route."""
        return json.loads(self.asked_of(route)[-1].content)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.asked.append(request)
        route = _route(request)
        service = route.split(" ")[1].split("/")[0]
        if service in self.away:
            raise httpx2.ConnectError("away", request=request)
        answer = self.answers.get(route)
        if answer is None:
            return refusal(404, "not-found", f"没有记录{route}的答复。")
        found = answer(request) if callable(answer) else answer
        if isinstance(found, httpx2.Response):
            return httpx2.Response(found.status_code, headers=found.headers, content=found.content)
        if isinstance(found, bytes):
            return httpx2.Response(200, content=found, headers={"content-type": "application/octet-stream"})
        return httpx2.Response(200, json=found) if found is not None else httpx2.Response(204)


class Switch(httpx2.AsyncBaseTransport):
    """Leads to the services of the test that runs."""

    services: Services

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.services.handle_async_request(request)


def _route(request: httpx2.Request) -> str:
    return f"{request.method} {request.url.host.removesuffix('.test')}{request.url.path}"
