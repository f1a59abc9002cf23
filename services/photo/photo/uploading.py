"""A file as it arrives: in memory, up to a cap, and never in a temporary file, for it shows children."""

from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from contracts.refusal import Refusal
from photo.errors import NoFile

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

ENVELOPE = 64 * 1024
"""Bytes of a request that are not the file."""
MOST_HEADERS = 20


async def received(request: Request, largest: int, too_large: Refusal) -> bytes:
    """The content of the part `file` of a multipart request.

    Raises NoFile when there is none or the request ends early, and `too_large` for more bytes than `largest`.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary or len(boundary) > 200:
        raise NoFile
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest + ENVELOPE:
        raise too_large
    part = _Part()
    parser = MultipartParser(boundary, part.callbacks())
    try:
        async for chunk in request.stream():
            parser.write(chunk)
            if len(part.content) > largest:
                raise too_large
    except FormParserError as error:
        raise NoFile from error
    if not part.is_whole or part.files != 1:
        raise NoFile
    return bytes(part.content)


class _Part:
    """Collects the one file of a request."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.files = 0
        self.is_whole = False
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._in_file = False

    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers = {}
        self._in_file = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if len(self._headers) < MOST_HEADERS:
            self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") == b"file":
            self.files += 1
            self._in_file = self.files == 1

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.content += data[start:end]

    def _end(self) -> None:
        self.is_whole = True
