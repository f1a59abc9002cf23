"""A TCP proxy between two that talk. What it does to them is told it while they do.

Times are a fault's own; everything random comes from the given source.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from typing import Any, Self

from tests.chaos.network.speech import Bytes, Moment, Speech
from tests.harness.eventually import until

_RESET = struct.pack("ii", 1, 0)
_AHEAD = 64
"""Pieces on their way at once in one direction of one connection; then the sender has to wait."""


class Way(Enum):
    """A direction."""

    REQUESTS = "requests"
    REPLIES = "replies"


class Link:
    """Listens on a port of its own and passes everything on to a server."""

    def __init__(self, host: str, port: int, speech: Speech | None = None, *, chance: random.Random | None = None):
        self._server = (host, port)
        self._speech = speech or Bytes()
        self._chance = chance or random.Random(0)
        self._listener: asyncio.Server | None = None
        self._talks: set[_Talk] = set()
        self.passes = {way: asyncio.Event() for way in Way}
        """Directions in which something goes on; otherwise it waits, as TCP sends again until an answer comes."""
        self.is_cut = False
        self.rate = 0
        """Bytes per second of each direction of each connection; 0 for as many as there are."""
        self.delay, self.jitter = 0.0, 0.0
        """Seconds that each piece is late, plus or minus so many. Pieces of one connection keep their order."""
        self.resets = 0
        """How many connections were reset at the moment that `reset_at` named."""
        self.calls = 0
        """How often somebody connected, or tried to."""
        self.held = asyncio.Event()
        """Set when the request came at which `hold_at` stops everything."""
        self._hold: Moment | None = None
        self._moment: Moment | None = None
        self._after = False
        self._left = 0
        self.healing = asyncio.Event()
        """Set when the link is healed next: what is late or slow goes on then."""
        self.heal()

    async def start(self) -> Self:
        """Listen."""
        self._listener = await asyncio.start_server(self._accept, self._server[0], 0)
        return self

    async def stop(self) -> None:
        """Reset what is open and listen no more."""
        if self._listener is not None:
            self._listener.close()
        self._reset_all()
        await asyncio.gather(*(talk.ended for talk in set(self._talks)), return_exceptions=True)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def leads_to(self) -> int:
        """The server's port."""
        return self._server[1]

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self._server[0]}:{self.port}"

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self.is_cut = True
        self._reset_all()

    def silence(self, *ways: Way) -> None:
        """Nothing passes in these directions (in none, when none is named) until it is healed; then it all does."""
        for way in ways or tuple(Way):
            self.passes[way].clear()

    def half_open(self) -> int:
        """The server forgets the connections that there are, and their clients are not told. How many there were."""
        for talk in self._talks:
            talk.forget()
        return len(self._talks)

    def reset_at(self, moment: Moment, *, after: bool, times: int = 1) -> None:
        """Reset the connection at the request: before the server gets it, or `after` it has answered."""
        self._moment, self._after, self._left = moment, after, times

    def hold_at(self, moment: Moment) -> None:
        """Silence all requests from this one on: it waits here until the link is healed, and `held` tells that."""
        self.held.clear()
        self._hold = moment

    def holds(self, request: bytes) -> None:
        """Stop the requests where this is the one to be held."""
        if self._hold is not None and self._hold(request):
            self._hold = None
            self.silence(Way.REQUESTS)
            self.held.set()

    def heal(self) -> None:
        """Pass everything on at once, as it came."""
        self.is_cut, self.rate, self.delay, self.jitter, self._left = False, 0, 0.0, 0.0, 0
        for event in (*self.passes.values(), self.healing):
            event.set()
        self.healing = asyncio.Event()

    def fails_at(self, request: bytes) -> bool:
        """Whether this is the moment to reset, which is then counted."""
        if self._left == 0 or self._moment is None or not self._moment(request):
            return False
        self._left -= 1
        self.resets += 1
        return True

    @property
    def fails_after(self) -> bool:
        """Whether connections are reset after the answer."""
        return self._after

    @property
    def is_spent(self) -> bool:
        """Whether every reset that was asked for has come."""
        return self._left == 0

    def lateness(self) -> float:
        """Seconds that the next piece is late."""
        return max(0.0, self.delay + self._chance.uniform(-self.jitter, self.jitter))

    def _reset_all(self) -> None:
        for talk in set(self._talks):
            talk.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        if self.is_cut:
            _reset(writer)
            return
        try:
            there = await asyncio.open_connection(*self._server)
        except OSError:
            _reset(writer)
            return
        talk = _Talk(self, self._speech, (reader, writer), there)
        self._talks.add(talk)
        try:
            await talk.run()
        finally:
            self._talks.discard(talk)


_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Talk:
    """One connection through a link."""

    def __init__(self, link: Link, speech: Speech, client: _End, server: _End) -> None:
        self._link = link
        self._speech = speech
        self._client, self._server = client, server
        self._forgotten = False
        self._failing: bytes | None = None
        """The request whose answer resets the connection."""
        self._tasks: list[asyncio.Task[None]] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Pass everything on until either side ends."""
        ways = (
            self._pass(Way.REQUESTS, self._client[0], self._server[1]),
            self._pass(Way.REPLIES, self._server[0], self._client[1]),
        )
        self._tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._forgotten:
                # The client's end stays as it is: nobody tells it anything, whatever it asks.
                await self._swallow()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for _, writer in (self._client, self._server):
                writer.close()
            self.ended.set_result(None)

    def forget(self) -> None:
        """The server's end is gone; the client's is not told."""
        self._forgotten = True
        _reset(self._server[1])

    def reset(self) -> None:
        """Both ends are told at once that the connection is no more."""
        self._forgotten = False
        for task in self._tasks:
            task.cancel()
        for _, writer in (self._client, self._server):
            _reset(writer)

    async def _swallow(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError):
            while await self._client[0].read(65536):
                pass

    async def _pass(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        coming: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_AHEAD)
        await _both(self._take(way, reader, coming), self._give(way, writer, coming))

    async def _take(self, way: Way, reader: asyncio.StreamReader, coming: "asyncio.Queue[tuple[float, bytes]]") -> None:
        due, clock = 0.0, asyncio.get_running_loop()
        while piece := await self._speech.read(reader):
            if way is Way.REQUESTS:
                self._link.holds(piece)
            if way is Way.REQUESTS and self._link.fails_at(piece):
                if not self._link.fails_after:
                    self.reset()
                    return
                self._failing = piece
            elif way is Way.REPLIES:
                if self._failing is not None and self._speech.answers(piece, self._failing):
                    self.reset()
                    return
                piece = self._speech.reply(piece, self._link.port)
            due = max(due, clock.time() + self._link.lateness())
            await coming.put((due, piece))
        await coming.put((0.0, b""))

    async def _give(self, way: Way, writer: asyncio.StreamWriter, coming: "asyncio.Queue[tuple[float, bytes]]") -> None:
        clock = asyncio.get_running_loop()
        while True:
            due, piece = await coming.get()
            if (late := due - clock.time()) > 0:
                await until(self._link.healing, late)
            while piece and self._link.rate:
                await self._link.passes[way].wait()
                few = max(1, self._link.rate // 20)
                writer.write(piece[:few])
                piece = piece[few:]
                await until(self._link.healing, few / max(1, self._link.rate))
            await self._link.passes[way].wait()
            if not piece and due == 0.0:
                return
            writer.write(piece)
            await writer.drain()


async def _both(*parts: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    except OSError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side gets a reset and nothing else."""
    own = writer.get_extra_info("socket")
    if own is not None:
        with suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
