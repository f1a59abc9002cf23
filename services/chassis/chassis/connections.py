"""Connections that bring no request: headers without end, or at a snail's pace, are cut off."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_AT_MOST: Final = 32 * 1024
HEADERS_WITHIN: Final = 10.0
"""Seconds for the headers of a request, and for the first byte of a new connection."""


class TooMuchHead(Exception):  # noqa: N818 - it says what came
    """The request line and headers are larger than any of ours."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection; uvicorn itself waits for headers as long as somebody likes to send them."""

    _due: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._met()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._due is not None:
            # The headers are still not whole.
            self._head += len(data)
            if self._head > HEADERS_AT_MOST and not self.transport.is_closing():
                self.send_400_response("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._met()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEADERS_AT_MOST:
            raise TooMuchHead
        super().on_headers_complete()

    def _expect(self) -> None:
        self._met()
        self._head = 0
        self._due = asyncio.get_running_loop().call_later(HEADERS_WITHIN, self._cut)

    def _met(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _cut(self) -> None:
        self._due = None
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
