"""What passes over a link, as far as faults need to know it: whole requests and replies of Kafka, bytes of others."""

import asyncio
import struct
from collections.abc import Callable
from typing import Protocol

_CHUNK = 65536
_LENGTH = struct.Struct(">i")

Moment = Callable[[bytes], bool]
"""Whether a request is the one at which a link is to fail."""


class Speech(Protocol):
    """How a stream is cut into what is passed on as one."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next piece; empty at the end."""
        ...

    def reply(self, piece: bytes, port: int) -> bytes:
        """The reply as the client is to see it, who reached the server at `port`."""
        ...

    def answers(self, reply: bytes, request: bytes) -> bool:
        """Whether the reply is the request's."""
        ...


class Bytes:
    """A stream of which nothing is known: PostgreSQL, HTTP."""

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        return await reader.read(_CHUNK)

    def reply(self, piece: bytes, port: int) -> bytes:
        return piece

    def answers(self, reply: bytes, request: bytes) -> bool:
        return True


class Kafka:
    """Kafka's frames. Where a broker says at which port it is, the client reads the link's."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host.encode()
        self._told = self._host + _LENGTH.pack(port)

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            length = await reader.readexactly(4)
            return length + await reader.readexactly(*_LENGTH.unpack(length))
        except asyncio.IncompleteReadError:
            return b""

    def reply(self, piece: bytes, port: int) -> bytes:
        # Metadata and coordinators carry host and port side by side; the link's port is as long as the broker's.
        return piece.replace(self._told, self._host + _LENGTH.pack(port))

    def answers(self, reply: bytes, request: bytes) -> bool:
        return reply[4:8] == request[8:12]  # correlation ids


def committing(request: bytes) -> bool:
    """PostgreSQL is asked to commit."""
    return b"COMMIT;" in request


def _asks(key: int) -> Moment:
    return lambda request: request[4:6] == key.to_bytes(2, "big")


producing, fetching, committing_offsets, ending_transaction = map(_asks, (0, 1, 8, 26))
"""Requests to Kafka, by their API keys."""
