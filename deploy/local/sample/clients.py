"""A person at the keyboard, as the services see her: a session, a token of sixty seconds, and patience."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx2

PATIENCE = 90.0
"""Seconds for which a service may be away before she gives up."""
_AWAY = frozenset({502, 503, 504})


class Refused(Exception):  # noqa: N818 - the field's word
    """A service said no. `text` is what it told the person."""

    def __init__(self, status: int, code: str, text: str, body: Mapping[str, Any]) -> None:
        super().__init__(f"{text} ({code}, {status})")
        self.status = status
        self.code = code
        self.text = text
        self.body = body


class StillAwayError(Exception):
    """A service did not answer for as long as patience lasts."""


@dataclass(slots=True)
class _Token:
    text: str
    until: float


class Services:
    """The services' HTTP interfaces, where `stack.json` says they are."""

    def __init__(self, urls: Mapping[str, str], patience: float = PATIENCE) -> None:
        self.urls = urls
        self.patience = patience
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(60, connect=5), trust_env=False, limits=httpx2.Limits(max_connections=20)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        headers: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        again: bool = True,
        **arguments: Any,
    ) -> httpx2.Response:
        """The answer of a service, asked again while it is away; `again=False` for what must not be said twice.

        `headers` is asked before each try, for a token may end while a service is away. Raises Refused for a problem,
        StillAwayError.
        """
        deadline = time.monotonic() + self.patience
        pause = 0.1
        while True:
            why = ""
            try:
                with_headers = dict(await headers()) if headers else {}
                answer = await self._client.request(
                    method, self.urls[service] + path, headers=with_headers, **arguments
                )
                if answer.status_code < 400:
                    return answer
                if answer.status_code not in _AWAY or not again:
                    raise _refused(answer)
                why = f"status {answer.status_code}"
            except httpx2.TransportError as error:
                if not again:
                    raise StillAwayError(f"{service} did not answer: {type(error).__name__}.") from error
                why = type(error).__name__
            if time.monotonic() > deadline:
                raise StillAwayError(f"{service} did not answer {method} {path} for {self.patience:.0f} s ({why}).")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


class Person:
    """Somebody who is signed in."""

    def __init__(self, services: Services, login: str, session: str, account: Mapping[str, Any]) -> None:
        self.services = services
        self.login = login
        self.session = session
        self.account = account
        self._token: _Token | None = None
        self._renewing = asyncio.Lock()

    @property
    def organisation(self) -> Mapping[str, Any]:
        """Her workplace: id, name, kind, code."""
        place: Mapping[str, Any] = self.account["organisation"]
        return place

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """What a service answers; parameters that are None are not sent."""
        return (await self._call(service, "GET", path, params=_sent(params))).json()

    async def post(self, service: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """What a service answers. The key makes a repeat harmless, so a post is repeated while a service is away."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        answer = await self._call(service, "POST", path, json=body, headers=headers)
        return answer.json() if answer.content else None

    async def put(self, service: str, path: str, body: Any) -> Any:
        """What a service answers."""
        return (await self._call(service, "PUT", path, json=body)).json()

    async def patch(self, service: str, path: str, body: Any) -> Any:
        """What a service answers; not repeated, for a version moves with it."""
        return (await self._call(service, "PATCH", path, json=body, again=False)).json()

    async def upload(self, service: str, path: str, name: str, content: bytes, **params: Any) -> Any:
        """Send a file; the services know the same file again by its content."""
        files = {"file": (name, content, "application/octet-stream")}
        return (await self._call(service, "POST", path, files=files, params=_sent(params))).json()

    async def pages(self, service: str, path: str, limit: int = 200, **params: Any) -> list[Any]:
        """All items of a list."""
        items: list[Any] = []
        while True:
            page = await self.get(service, path, offset=len(items), limit=limit, **params)
            items += page["items"]
            if len(items) >= page["total"] or not page["items"]:
                return items

    async def _call(
        self, service: str, method: str, path: str, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> httpx2.Response:
        async def with_token() -> Mapping[str, str]:
            return {"Authorization": f"Bearer {await self._bearer()}", **(headers or {})}

        for attempt in range(10):
            try:
                return await self.services.call(service, method, path, headers=with_token, **arguments)
            except Refused as refused:
                # A service hears of a new account or of a changed one a moment after registry has said so.
                if refused.status != 401 or attempt == 9:
                    raise
                self._token = None
                await asyncio.sleep(0.5)
        raise AssertionError("unreachable")

    async def _bearer(self) -> str:
        async with self._renewing:
            if self._token is None or time.time() > self._token.until - 10:
                path = "/v1/sessions/current/token"
                answer = await self.services.call("registry", "POST", path, headers=_given(Session=self.session))
                said = answer.json()
                self._token = _Token(said["token"], datetime.fromisoformat(said["expires_at"]).timestamp())
            return self._token.text


async def sign_in(services: Services, login: str, password: str) -> tuple[Person, bool]:
    """The person, and whether she must change her first password. Raises Refused."""
    answer = (
        await services.call("registry", "POST", "/v1/sessions", json={"login": login, "password": password})
    ).json()
    return Person(services, login, answer["session"], answer["account"]), answer["must_change_password"]


async def change_password(person: Person, old: str, new: str) -> None:
    """Choose another password. Raises Refused."""
    session, body = _given(Session=person.session), {"old": old, "new": new}
    await person.services.call("registry", "POST", "/v1/accounts/me/password", headers=session, json=body)


def _given(**headers: str) -> Callable[[], Awaitable[Mapping[str, str]]]:
    async def same() -> Mapping[str, str]:
        return headers

    return same


def _sent(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _refused(answer: httpx2.Response) -> Refused:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    text = str(body.get("detail") or body.get("title") or answer.text[:200])
    return Refused(answer.status_code, str(body.get("code", "unknown")), text, body)
