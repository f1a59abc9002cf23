"""Whether an .xlsx is what it says: its central directory, its parts as they really inflate, and what they refer to.

Nothing here believes a size that the file declares.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from registry.importing.reader import verdict
from registry.importing.reader.verdict import FileRefused

_PIECE: Final = 1 << 18
_LOCAL: Final = struct.Struct("<4s22xHH")
_MACROS: Final = ("vbaproject.bin", "vbadata.xml")
_OBJECTS: Final = ("/embeddings/", "/activex/", "/ctrlprops/", "xl/connections.xml", "/querytables/", "oleobject")


def entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The parts that the central directory lists. Raises FileRefused for one that no spreadsheet program writes."""
    listed = archive.infolist()
    if len(listed) > verdict.MOST_PARTS:
        raise FileRefused("too-many-parts")
    seen: set[str] = set()
    for entry in listed:
        name = entry.filename
        lower = name.lower()
        if entry.flag_bits & 0x1:
            raise FileRefused("encrypted")
        steps = name.replace("\\", "/").split("/")
        if lower in seen or ".." in steps or steps[0] == "" or ":" in steps[0] or "\0" in entry.orig_filename:
            raise FileRefused("bad-path")
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.compress_type not in (0, 8):
            raise FileRefused("bad-path")
        seen.add(lower)
        _check_name(lower)
    if "[content_types].xml" not in seen or not any(name.startswith("xl/workbook") for name in seen):
        raise FileRefused("wrong-type")
    return listed


def _check_name(lower: str) -> None:
    if lower.endswith(_MACROS) or "/macrosheets/" in lower:
        raise FileRefused("macro")
    if "/externallinks/" in lower:
        raise FileRefused("external-link")
    if any(word in f"/{lower}" for word in _OBJECTS):
        raise FileRefused("embedded-object")


class Inflating:
    """Counts what really comes out of all parts together."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._total = 0

    def part(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """The part's bytes, piece by piece. Raises FileRefused as soon as they are too many, or other than declared."""
        if entry.header_offset < 0:  # the directory lies about its own place
            raise FileRefused("damaged")
        self._source.seek(entry.header_offset)
        head = self._source.read(_LOCAL.size)
        if len(head) < _LOCAL.size:
            raise FileRefused("damaged")
        magic, name_length, extra_length = _LOCAL.unpack(head)
        name = self._source.read(name_length)
        if magic != b"PK\x03\x04" or name != entry.orig_filename.encode(
            "utf-8" if entry.flag_bits & 0x800 else "cp437"
        ):
            raise FileRefused("damaged")
        self._source.seek(extra_length, 1)
        size = 0
        for piece in self._pieces(entry):
            size += len(piece)
            self._total += len(piece)
            if size > verdict.LARGEST_PART or self._total > verdict.LARGEST_TOTAL:
                raise FileRefused("bomb")
            if size > verdict.RATIO_COUNTS_FROM and size > verdict.HIGHEST_RATIO * max(1, entry.compress_size):
                raise FileRefused("bomb")
            yield piece
        if size != entry.file_size:
            raise FileRefused("damaged")

    def _pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        left = entry.compress_size
        inflate = zlib.decompressobj(-15) if entry.compress_type else None
        while left > 0:
            raw = self._source.read(min(left, _PIECE))
            if not raw:
                raise FileRefused("damaged")
            left -= len(raw)
            if inflate is None:
                yield raw
                continue
            while raw:
                try:
                    piece = inflate.decompress(raw, _PIECE)
                except zlib.error as error:
                    raise FileRefused("damaged") from error
                raw = inflate.unconsumed_tail
                if piece:
                    yield piece
                elif not raw:
                    break
        if inflate is not None and not inflate.eof:
            raise FileRefused("damaged")
