import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from fastapi import APIRouter, Request

from chassis import connections
from chassis.http import allow_anyone
from chassis.serving import serving
from chassis.settings import ProcessSettings
from local_stack.ports import free_port
from services.chassis.tests.web import an_app
from tests.harness.eventually import eventually

router = APIRouter(dependencies=[allow_anyone()])


@router.get("/short")
async def short() -> str:
    return "short"


@router.post("/long")
async def long(request: Request) -> int:
    return len(await request.body())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    settings = ProcessSettings(port=free_port())
    app = an_app(router)
    app.within = 0.5
    running = asyncio.create_task(serving(app, settings))

    async def answers() -> bool:
        with suppress(OSError):
            return b"200 OK" in await say(settings.port, b"GET /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return False

    await eventually(answers)
    yield settings.port
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def say(port: int, *pieces: bytes) -> bytes:
    """What comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    found = b""
    with suppress(ConnectionError):
        found = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return found


@pytest.mark.parametrize("begun", [b"", b"GET /short HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_connection_that_brings_no_headers_is_cut_off(
    port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADERS_WITHIN", 0.1)
    assert await say(port, begun) == b""


async def test_headers_without_end_are_refused(port: int) -> None:
    endless = await say(port, b"GET /short HTTP/1.1\r\nX-Long: ", *[b"a" * 8192] * 40)
    assert endless == b"" or endless.startswith(b"HTTP/1.1 400")
    many = b"".join(b"X-%d: aaaaaaaaaaaaaaaa\r\n" % number for number in range(3000))
    assert (await say(port, b"GET /short HTTP/1.1\r\n" + many + b"\r\n")).startswith(b"HTTP/1.1 400")


async def test_ordinary_headers_pass_and_a_connection_serves_again(port: int) -> None:
    cookie = b"Cookie: " + b"a" * 4000 + b"\r\n"
    asked = b"GET /short HTTP/1.1\r\nHost: x\r\n" + cookie
    found = await say(port, asked + b"\r\n", asked + b"Connection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200 OK") == 2


async def test_a_body_at_a_snails_pace_is_cut_off(port: int) -> None:
    head = b"POST /long HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    found = await say(port, head, b" " * 10)
    assert found.startswith(b"HTTP/1.1 408")
    assert b'"code":"too-slow"' in found


async def test_a_large_body_in_one_piece_is_no_head(port: int) -> None:
    body = b"[" + b" " * 500_000 + b"]"
    head = b"POST /long HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    found = await say(port, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert found.startswith(b"HTTP/1.1 200 OK")
    assert found.endswith(b"500002")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /long HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /long HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"GET /short HTTP/1.1\r\nHost: x\r\nA b: c\r\nConnection: close\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_never_a_500(port: int, garbage: bytes) -> None:
    found = await say(port, garbage)
    assert not found or int(found.split(b" ", 2)[1]) < 500, found[:200]


async def test_the_server_does_not_say_what_it_is(port: int) -> None:
    found = await say(port, b"GET /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"uvicorn" not in found.lower()
    assert b"\r\nserver:" not in found.lower()
