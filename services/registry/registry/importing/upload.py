"""A file as it arrives: counted, hashed and handed on piece by piece, never written to a disk in the clear."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import PurePath

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from registry.importing.errors import UploadRefused
from registry.importing.reader.verdict import LARGEST_FILE, MEGABYTE, FileRefused

ENVELOPE = 64 * 1024
"""Bytes of a request that are not the file."""
_BROKEN = "上传中断或格式不对，文件没有收到。请重新选择文件上传。"


class Upload:
    """The part `file` of a multipart request.

    Iterating raises UploadRefused when the file is too large, missing, or the request ends before its closing boundary.
    """

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary or len(boundary) > 200:
            raise UploadRefused("not-multipart", _BROKEN)
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > LARGEST_FILE + ENVELOPE:
            raise _too_large()
        self.name = ""
        self.size = 0
        self._request = request
        self._hash = hashlib.sha256()
        self._headers: dict[bytes, bytes] = {}
        self._field = b""
        self._value = b""
        self._in_file = False
        self._files = 0
        self._ended = False
        self._found: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    @property
    def sha256(self) -> bytes:
        """Of what was iterated."""
        return self._hash.digest()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content of the file."""
        total = 0
        async for chunk in self._request.stream():
            total += len(chunk)
            if total > LARGEST_FILE + ENVELOPE:
                raise _too_large()
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise UploadRefused("broken-upload", _BROKEN) from error
            found, self._found = self._found, []
            for piece in found:
                self.size += len(piece)
                if self.size > LARGEST_FILE:
                    raise _too_large()
                self._hash.update(piece)
                yield piece
        if not self._ended:
            raise UploadRefused("broken-upload", _BROKEN)
        if self._files != 1 or not self.name:
            raise UploadRefused("no-file", "没有收到文件。请选择一个文件后上传。")
        if not self.size:
            refused = FileRefused("empty")
            raise UploadRefused(refused.code, refused.text)

    def _part(self) -> None:
        self._headers = {}
        self._in_file = False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if len(self._headers) < 20:
            self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") != b"file":
            return
        self._files += 1
        self._in_file = self._files == 1
        name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.name = self.name or PurePath(name.replace("\\", "/")).name[:200]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._found.append(data[start:end])

    def _end(self) -> None:
        self._ended = True


def _too_large() -> UploadRefused:
    refused = FileRefused("too-large")
    return UploadRefused(refused.code, f"{refused.text}（上限{LARGEST_FILE // MEGABYTE}MB）")
