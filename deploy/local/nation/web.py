"""A window on the nation: `/health/live`, `/health/ready`, `/state` and `/state?student=<id>`, as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nation.program import Nation

LONGEST_REQUEST = 8192


async def serve(nation: Nation, host: str, port: int) -> asyncio.Server:
    """The listening server."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                status, said = await _answer(nation, head)
                body = json.dumps(said, ensure_ascii=False).encode()
                writer.write(
                    f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
            pass  # whoever asks so is not answered
        finally:
            writer.close()

    return await asyncio.start_server(handle, host, port, limit=LONGEST_REQUEST)


async def _answer(nation: Nation, head: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or words[0] != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET"}
    target = urlsplit(words[1])
    asked = {name: values[0] for name, values in parse_qs(target.query).items()}
    route = _ROUTES.get(target.path)
    return await route(nation, asked) if route else (HTTPStatus.NOT_FOUND, {"error": "no such page"})


async def _live(nation: Nation, asked: dict[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    return HTTPStatus.OK, {"status": "live"}


async def _ready(nation: Nation, asked: dict[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    if nation.is_ready:
        return HTTPStatus.OK, {"status": "ready"}
    return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "waiting for the broker"}


async def _state(nation: Nation, asked: dict[str, str]) -> tuple[HTTPStatus, dict[str, Any]]:
    student = asked.get("student")
    return HTTPStatus.OK, await (nation.of(student) if student else nation.counts())


_ROUTES: dict[str, Callable[[Nation, dict[str, str]], Awaitable[tuple[HTTPStatus, dict[str, Any]]]]] = {
    "/health/live": _live,
    "/health/ready": _ready,
    "/state": _state,
}
