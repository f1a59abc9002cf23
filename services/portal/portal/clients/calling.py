"""One service, asked with one person's token; what it refuses, and when it is away."""

import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

import httpx2
import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")
log = structlog.get_logger()

_STALE = frozenset({"token-expired", "token-invalid"})
_FAR_AWAY = 500


class Answer(BaseModel):
    """What a service answers; fields that the portal does not know are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Said(Answer):
    """One thing that is wrong, with the field it is about."""

    code: str = ""
    field: str | None = None
    text: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as problem+json."""

    status: int
    code: str
    sentence: str
    said: tuple[Said, ...] = ()
    """What is wrong, field by field."""
    incident: str | None = None


class Refused(Exception):  # noqa: N818 - the house's word
    """A service said no, in a sentence for the person."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class Away(Exception):  # noqa: N818 - a statement, as all of the house's
    """A service did not answer, or not sensibly. Whether it did what it was asked is not known."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class SignedOut(Exception):  # noqa: N818
    """The session is over."""


class Bearer(Protocol):
    """Who asks."""

    @property
    def token(self) -> str:
        """A signed token."""

    async def renew(self) -> None:
        """Get another token. Raises SignedOut."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a service on its way to the browser."""

    pieces: AsyncIterator[bytes]
    content_type: str
    length: str | None


class Caller:
    """Asks one service, for one request of the browser."""

    def __init__(self, http: httpx2.AsyncClient, service: str, base: str, address: str, bearer: Bearer | None) -> None:
        self.service = service
        self._http = http
        self._base = base.rstrip("/")
        self._address = address
        self._bearer = bearer

    async def get(self, answer: type[T], path: str, **params: Any) -> T:
        """What stands there. Parameters that are None or empty are left out. Raises Refused, Away, SignedOut."""
        return await self.ask(answer, "GET", path, params=params)

    async def post(self, answer: type[T], path: str, body: Any = None, *, key: str | None = None) -> T:
        """Have something done; the same key again has one effect. Raises Refused, Away, SignedOut."""
        return await self.ask(answer, "POST", path, body=body, key=key)

    async def ask(
        self,
        answer: type[T],
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
        session: str | None = None,
        brief: bool = False,
    ) -> T:
        """The answer of any method.

        `session` is sent in place of a token, where the route asks for it; `brief` says that no body is needed.
        """
        headers = {"Idempotency-Key": key} if key else {}
        if session:
            headers["Session"] = session
        if brief:
            headers["Prefer"] = "return=minimal"
        response = await self._send(method, path, params=_given(params), json=body, headers=headers)
        return self._read(answer, response)

    async def upload(self, answer: type[T], method: str, path: str, body: AsyncIterator[bytes], kind: str, /,
                     length: str | None = None, **params: Any) -> T:  # fmt: skip
        """Hand a browser's multipart body on, piece by piece; it is never whole in memory or on a disk."""
        headers = {"Content-Type": kind} | ({"Content-Length": length} if length else {})
        if self._bearer is not None:
            await self._bearer.renew()  # a body that is streamed on cannot be sent twice
        response = await self._send(
            method, path, params=_given(params), content=body, headers=headers, timeout=httpx2.Timeout(10, read=120)
        )
        return self._read(answer, response)

    async def download(self, path: str, **params: Any) -> Download:
        """A file, not yet read. Raises as `get`."""
        response = await self._send("GET", path, params=_given(params), stream=True)
        if response.is_error:
            await response.aread()
            self._raise(response)

        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in response.aiter_bytes():
                    yield piece
            finally:
                await response.aclose()

        kind = response.headers.get("content-type", "application/octet-stream")
        return Download(pieces(), kind, response.headers.get("content-length"))

    async def _send(self, method: str, path: str, *, stream: bool = False, **parts: Any) -> httpx2.Response:
        response = await self._once(method, path, stream, parts)
        if response.status_code == 401 and self._bearer is not None and "content" not in parts:
            await response.aread()
            if _members(response).get("code") in _STALE:
                # The account has changed since the token was issued, or a clock is off: another token may do.
                await self._bearer.renew()
                response = await self._once(method, path, stream, parts)
        return response

    async def _once(self, method: str, path: str, stream: bool, parts: dict[str, Any]) -> httpx2.Response:
        headers = {"X-Forwarded-For": self._address, "Accept": "application/json", **parts.pop("headers", {})}
        parts["headers"] = dict(headers)
        if self._bearer is not None:
            headers["Authorization"] = f"Bearer {self._bearer.token}"
        try:
            request = self._http.build_request(method, self._base + path, **{**parts, "headers": headers})
            return await self._http.send(request, stream=stream)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            log.warning("service away", service=self.service, route=method, why=type(error).__name__)
            raise Away(self.service) from None

    def _read(self, answer: type[T], response: httpx2.Response) -> T:
        if response.is_error:
            self._raise(response)
        if response.status_code == 204:
            return None  # type: ignore[return-value]  # asked for as type(None)
        try:
            read: T = _adapter(answer).validate_json(response.content)  # type: ignore[arg-type]  # types are hashable
        except ValidationError as error:
            # Never the error itself: it carries the input, which is personal.
            where = [".".join(map(str, each["loc"])) for each in error.errors(include_input=False)[:5]]
            log.error("answer not understood", service=self.service, answer=str(answer), fields=where)
            raise Away(self.service) from None
        return read

    def _raise(self, response: httpx2.Response) -> None:
        members = _members(response)
        if response.status_code >= _FAR_AWAY or not isinstance(members.get("detail"), str):
            log.warning("service failed", service=self.service, status=response.status_code)
            raise Away(self.service)
        if response.status_code == 401 and self._bearer is not None:
            raise SignedOut
        said = [Said.model_validate(each) for each in _list(members.get("problems")) + _list(members.get("errors"))]
        raise Refused(
            Problem(
                response.status_code,
                str(members.get("code", "")),
                members["detail"],
                tuple(said),
                str(members["instance"]) if members.get("instance") else None,
            )
        )


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A part of a page that may be missing without the page being so."""

    value: T | None
    sentence: str = ""
    """Why it is missing."""

    @property
    def away(self) -> bool:
        """Whether the page has to say that it does not know."""
        return self.value is None


async def part(asked: Awaitable[T]) -> Part[T]:
    """The answer as a part of a page: 暂不可用 where the service is away, its own sentence where it refuses."""
    try:
        return Part(await asked)
    except Away:
        return Part(None, "暂不可用")
    except Refused as refused:
        return Part(None, refused.problem.sentence)


@cache
def _adapter(answer: Any) -> TypeAdapter[Any]:
    return TypeAdapter(answer)


def _given(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value not in (None, "", [])}


def _members(response: httpx2.Response) -> dict[str, Any]:
    try:
        found = json.loads(response.content)
    except (ValueError, httpx2.ResponseNotRead):
        return {}
    return found if isinstance(found, dict) else {}


def _list(found: object) -> list[Any]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
