"""Reads the file on descriptor 0 whose name is the first argument, under limits that it sets itself."""

import os
import resource
import struct
import sys
from typing import Final

from registry.importing.reader import verdict
from registry.importing.reader.cells import ReadRow, RowReader
from registry.importing.reader.frames import Kind, frame, pack, words
from registry.importing.reader.tables import open_table
from registry.importing.reader.verdict import FileRefused

SMALL_FILE: Final = 5 * verdict.MEGABYTE
MEMORY_OF_SMALL: Final = 768 * verdict.MEGABYTE
MEMORY: Final = 2048 * verdict.MEGABYTE
SECONDS: Final = 60


def limit(size: int) -> None:
    """Limits of memory, time, files and cores for a file of that size; beyond them this process dies and no other."""
    memory = MEMORY_OF_SMALL if size < SMALL_FILE else MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def write(data: bytes) -> None:
    """All of the bytes to the service."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def read(name: str, size: int) -> None:
    """The file's heading and rows to the service. Raises FileRefused."""
    if size == 0:
        raise FileRefused("empty")
    if size > verdict.LARGEST_FILE:
        raise FileRefused("too-large")
    with open(0, "rb", closefd=False) as source:
        content = source.read(size)
    table = open_table(content, name)
    reader = RowReader(table.heading.columns, table.marks, typed=table.typed)
    write(words(Kind.HEADING, {"row": table.heading.row, "columns": reader.headers, "unknown": table.heading.unknown}))
    chunk: list[ReadRow] = []
    total = 0
    for number, row in table.rows:
        found = reader.read(number, row)
        if found is None:
            continue
        chunk.append(found)
        if len(chunk) == verdict.CHUNK_ROWS:
            total += len(chunk)
            _send(reader, chunk)
            chunk = []
    if chunk:
        total += len(chunk)
        _send(reader, chunk)
    if not total:
        raise FileRefused("empty")
    used = resource.getrusage(resource.RUSAGE_SELF)
    write(
        words(Kind.END, {"rows": total, "megabytes": used.ru_maxrss // 1024, "seconds": used.ru_utime + used.ru_stime})
    )


def _send(reader: RowReader, chunk: list[ReadRow]) -> None:
    write(frame(Kind.ROWS, struct.pack("<I", len(chunk)) + pack(reader.headers, chunk)))


def main() -> int:
    """0 when the file was read or refused in words; anything else is a death."""
    write(frame(Kind.BEGUN, b""))
    size = os.fstat(0).st_size
    limit(size)
    try:
        read(sys.argv[1], size)
    except FileRefused as refused:
        write(words(Kind.REFUSED, {"code": refused.code, "text": refused.text}))
    except MemoryError:
        os._exit(3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
