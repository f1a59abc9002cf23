"""JSON bodies are read strictly before anything else sees them: no key twice, no text that PostgreSQL cannot hold."""

import json
import re
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.http.problems import Problem, answer, of_invalid

DEEPEST: Final = 40
BODY: Final = "chassis.body"
"""Where the scope keeps the bytes of a JSON body, so that a request can be run again."""
_NUL: Final = re.compile(rb"%00")
_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""A NUL, or half of a surrogate pair, as JSON writes it."""
_OPENING: Final = re.compile(rb"[\[{]")


class StrictBodies:
    """Reads JSON bodies whole (the application's cap applies) and refuses with 422 what nobody could store."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _NUL.search(scope.get("raw_path") or b"") or _NUL.search(scope.get("query_string", b"")):
            await self._refuse("unreadable", (), scope, receive, send)
            return
        if not _is_json(scope):
            await self.app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        wrong = _wrong(body)
        if wrong is not None:
            await self._refuse(*wrong, scope, receive, send)
            return
        scope[BODY] = body
        await self.app(scope, replayed(body, receive), send)

    async def _refuse(self, kind: str, place: tuple[str, ...], scope: Scope, receive: Receive, send: Send) -> None:
        problem: Problem = of_invalid([{"type": kind, "loc": place}])
        await answer(Request(scope, receive), problem)(scope, receive, send)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, and then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _is_json(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.split(b";", 1)[0].strip().lower()
            return bool(kind == b"application/json" or kind.endswith(b"+json"))
    return False


class _DuplicateKey(ValueError):  # noqa: N818 - it says what was found
    """Carries the name of the key that was there twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKey(next(name for name in names if names.count(name) > 1))
    return found


def _refuse_constant(_: str) -> Any:
    raise ValueError


def _wrong(body: bytes) -> tuple[str, tuple[str, ...]] | None:
    """What is wrong with a JSON body, and where; None when it is fit."""
    if not body:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "unreadable", ()
    if len(_OPENING.findall(body)) > DEEPEST and _depth(text) > DEEPEST:
        return "too_deep", ()
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except _DuplicateKey as duplicate:
        return "duplicate_key", (_shown(str(duplicate)),)
    except (ValueError, RecursionError):
        return "json_invalid", ()
    if _ESCAPE.search(body) and not _is_storable(found):
        return "unreadable", ()
    return None


def _shown(name: str) -> str:
    # A name of ours is short ASCII; anything else is the sender's own content, and is not sent back.
    return name if name.isascii() and name.isidentifier() and len(name) <= 64 else ""


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    if isinstance(value, dict):
        return all(_is_storable(name) and _is_storable(each) for name, each in value.items())
    return not isinstance(value, list) or all(_is_storable(each) for each in value)


def _depth(text: str) -> int:
    """How deep brackets nest, outside of strings."""
    deepest = depth = 0
    for each in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text):
        if each in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif each in "]}":
            depth -= 1
    return deepest
