"""What the reader says to the service: frames of four bytes length, one byte kind, and a body."""

import json
import struct
import zlib
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from registry.importing.reader.cells import ReadRow

HEAD: Final = struct.Struct("<Ic")
LARGEST_FRAME: Final = 64 * 1024 * 1024


class Kind(bytes, Enum):
    """Kinds of frame. A reader that stops before REFUSED or END has died; before BEGUN it had not seen the file."""

    BEGUN = b"B"
    REFUSED = b"R"
    HEADING = b"H"
    ROWS = b"C"
    END = b"E"


def frame(kind: Kind, body: bytes) -> bytes:
    """The bytes on the pipe."""
    return HEAD.pack(len(body), kind.value) + body


def words(kind: Kind, content: dict[str, Any]) -> bytes:
    """A frame with a JSON object."""
    return frame(kind, json.dumps(content, ensure_ascii=False).encode())


def pack(headers: Sequence[str], rows: Sequence[ReadRow]) -> bytes:
    """Rows as they are kept until they are drafted: compressed, each with its number, texts and faults."""
    content = json.dumps([list(headers), rows], ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(content.encode("utf-8", "surrogatepass"), 1)


def unpack(packed: bytes) -> tuple[list[str], list[ReadRow]]:
    """What `pack` packed."""
    headers, rows = json.loads(zlib.decompress(packed))
    return headers, [(number, texts, [tuple(fault) for fault in faults]) for number, texts, faults in rows]
