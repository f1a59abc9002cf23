"""What an .xls holds besides values: encryption, macros, formulas, merged cells, sizes.

An .xls is a small file system (compound file) with a stream of records in it; both are followed here only as far as
these questions need, with every length checked.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from registry.importing.reader import verdict
from registry.importing.reader.marks import Marks
from registry.importing.reader.verdict import FileRefused

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END: Final = 0xFFFFFFFA
_NAMES_OF_ENCRYPTION: Final = ("EncryptedPackage", "EncryptionInfo")
_NAMES_OF_MACROS: Final = ("_VBA_PROJECT_CUR", "VBA", "_VBA_PROJECT")
_FILEPASS, _FORMULA, _MERGED, _BOF, _BOUNDSHEET, _SUPBOOK, _OBJ = 0x2F, 0x06, 0xE5, 0x809, 0x85, 0x1AE, 0x5D
_CELLS: Final = frozenset({0x06, 0x201, 0x203, 0x204, 0x205, 0xFD, 0x27E, 0xBD, 0xBE})


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    start: int
    size: int


class Compound:
    """A compound file. Raises FileRefused where its chains do not hold together."""

    def __init__(self, content: bytes) -> None:
        if len(content) < 1536 or not content.startswith(MAGIC):
            raise FileRefused("damaged")
        self._content = content
        self._sector = 1 << min(struct.unpack_from("<H", content, 30)[0], 16)
        if self._sector not in (512, 4096):
            raise FileRefused("damaged")
        (self._mini_limit,) = struct.unpack_from("<I", content, 56)
        directory, mini_fat = struct.unpack_from("<I", content, 48)[0], struct.unpack_from("<I", content, 60)[0]
        self._table = self._read_table()
        self._mini_table = _numbers(self._chain(mini_fat))
        self.entries = tuple(self._read_entries(self._chain(directory)))
        self._mini = self._chain(self.entries[0].start) if self.entries else b""

    def stream(self, name: str) -> bytes | None:
        """The content of a stream, None when there is none of this name."""
        for entry in self.entries[1:]:
            if entry.name != name:
                continue
            if entry.size >= self._mini_limit:
                return self._chain(entry.start)[: entry.size]
            return self._mini_chain(entry.start)[: entry.size]
        return None

    def _read_table(self) -> list[int]:
        sectors = list(struct.unpack_from("<109I", self._content, 76))
        further = struct.unpack_from("<I", self._content, 68)[0]
        seen = 0
        while further < _END:
            numbers = _numbers(self._at(further))
            sectors.extend(numbers[:-1])
            further = numbers[-1]
            seen += 1
            if seen > 1_000:
                raise FileRefused("damaged")
        table: list[int] = []
        for sector in sectors:
            if sector < _END:
                table.extend(_numbers(self._at(sector)))
        return table

    def _at(self, sector: int) -> bytes:
        start = 512 + sector * self._sector if self._sector == 512 else (sector + 1) * self._sector
        if start >= len(self._content):
            raise FileRefused("damaged")
        return self._content[start : start + self._sector].ljust(self._sector, b"\0")

    def _chain(self, sector: int) -> bytes:
        found: list[bytes] = []
        most = len(self._content) // self._sector + 2
        while sector < _END:
            if len(found) > most or sector >= len(self._table):
                raise FileRefused("damaged")
            found.append(self._at(sector))
            sector = self._table[sector]
        return b"".join(found)

    def _mini_chain(self, sector: int) -> bytes:
        found: list[bytes] = []
        while sector < _END:
            if len(found) > len(self._mini) // 64 + 1 or sector >= len(self._mini_table):
                raise FileRefused("damaged")
            found.append(self._mini[sector * 64 : sector * 64 + 64])
            sector = self._mini_table[sector]
        return b"".join(found)

    @staticmethod
    def _read_entries(directory: bytes) -> Iterator[_Entry]:
        for start in range(0, len(directory) - 127, 128):
            length = struct.unpack_from("<H", directory, start + 64)[0]
            if directory[start + 66] not in (1, 2, 5) or not 2 <= length <= 64:
                continue
            name = directory[start : start + length - 2].decode("utf-16-le", "replace")
            first, size = struct.unpack_from("<II", directory, start + 116)
            yield _Entry(name, first, size)


def _numbers(raw: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))


def is_encrypted(compound: Compound) -> bool:
    """Whether the file is an encrypted package, as .xlsx with a password are."""
    return any(entry.name in _NAMES_OF_ENCRYPTION for entry in compound.entries)


def look(compound: Compound) -> dict[int, Marks]:
    """What was found per sheet, by its position in the workbook. Raises FileRefused."""
    if is_encrypted(compound):
        raise FileRefused("encrypted")
    if any(entry.name in _NAMES_OF_MACROS for entry in compound.entries):
        raise FileRefused("macro")
    workbook = compound.stream("Workbook") or compound.stream("Book")
    if workbook is None:
        raise FileRefused("wrong-type")
    offsets: list[int] = []
    sheets: dict[int, Marks] = {}
    marks: Marks | None = None
    for start, kind, body in _records(workbook):
        if kind == _FILEPASS:
            raise FileRefused("encrypted")
        if kind == _SUPBOOK and len(body) > 4 and body[2:4] not in (b"\x01\x04", b"\x01\x3a"):
            raise FileRefused("external-link")
        if kind == _BOUNDSHEET and len(body) >= 6:
            offsets.append(struct.unpack_from("<I", body)[0])
            if body[5] in (1, 6):
                raise FileRefused("macro")
        elif kind == _BOF:
            marks = sheets.setdefault(offsets.index(start), Marks()) if start in offsets else None
        elif marks is not None:
            _mark(marks, kind, body)
    return sheets


def _mark(marks: Marks, kind: int, body: bytes) -> None:
    if kind in _CELLS and len(body) >= 4:
        row, column = struct.unpack_from("<HH", body)
        if column >= verdict.MOST_COLUMNS and kind not in (0x201, 0xBE):  # empty cells with a format are no data
            raise FileRefused("too-many-columns")
        if kind == _FORMULA:
            marks.formulas.add((row + 1, column))
    elif kind == _MERGED and len(body) >= 2:
        (count,) = struct.unpack_from("<H", body)
        for number in range(min(count, (len(body) - 2) // 8)):
            first, last, left, right = struct.unpack_from("<4H", body, 2 + number * 8)
            if (first, left) != (last, right):
                marks.merges.append(((first + 1, left), (last + 1, min(right, verdict.MOST_COLUMNS))))


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    position, end = 0, len(stream)
    while position + 4 <= end:
        kind, length = struct.unpack_from("<HH", stream, position)
        if length > 8_224:
            raise FileRefused("damaged")
        if kind or length:
            yield position, kind, stream[position + 4 : position + 4 + length]
        position += 4 + length
