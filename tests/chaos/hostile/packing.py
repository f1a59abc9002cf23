"""ZIPs and deflate streams written byte by byte, for honest libraries refuse to write what attackers do."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MEGABYTE: Final = 1024 * 1024
STORED, DEFLATED = 0, 8


@dataclass(slots=True)
class Part:
    """One entry, with whatever it claims about itself."""

    name: bytes
    content: bytes = b""
    method: int = DEFLATED
    flags: int = 0x800
    """UTF-8 names; bit 0 is encryption."""
    packed: bytes | None = None
    """The compressed bytes, made of `content` unless given."""
    size: int | None = None
    """The size that both headers claim."""
    local_name: bytes | None = None
    attributes: int = 0
    extra: bytes = b""
    crc: int | None = None
    body: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        if self.packed is not None:
            self.body = self.packed
        elif self.method == DEFLATED:
            self.body = deflated(self.content)
        else:
            self.body = self.content

    @property
    def claimed(self) -> int:
        return len(self.content) if self.size is None else self.size

    @property
    def checksum(self) -> int:
        return zlib.crc32(self.content) if self.crc is None else self.crc


def deflated(content: bytes) -> bytes:
    """A raw deflate stream."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def endless(piece: bytes, times: int, *, first: bytes = b"", last: bytes = b"") -> bytes:
    """A raw deflate stream of the piece so many times over, without compressing it more than once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + again * times + packer.compress(last) + packer.flush()


def packed(parts: Sequence[Part], *, comment: bytes = b"", directory_lies: int = 0) -> bytes:
    """A ZIP of the parts as they say they are; `directory_lies` moves where the directory is said to begin."""
    out = bytearray()
    offsets = []
    for part in parts:
        offsets.append(len(out))
        name = part.name if part.local_name is None else part.local_name
        out += struct.pack(
            "<4s5H3I2H", b"PK\x03\x04", 20, part.flags, part.method, 0, 33, part.checksum, len(part.body),
            part.claimed, len(name), len(part.extra),
        )  # fmt: skip
        out += name + part.extra + part.body
    start = len(out)
    for part, offset in zip(parts, offsets, strict=True):
        out += _listed(part, offset)
    out += struct.pack(
        "<4s4H2IH", b"PK\x05\x06", 0, 0, len(parts), len(parts), len(out) - start, start + directory_lies, len(comment)
    )
    return bytes(out + comment)


def overlapping(name: bytes, times: int, content: bytes) -> bytes:
    """Entries of different names that all claim the same bytes, as the better zip bombs do."""
    part = Part(name, content)
    one = packed([part])
    body = one[: one.index(b"PK\x01\x02")]
    listed = b"".join(_listed(Part(b"%d-" % number + name, content), 0) for number in range(times))
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, times, times, len(listed), len(body), 0)
    return body + listed + end


def _listed(part: Part, offset: int) -> bytes:
    head = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 0x0314, 20, part.flags, part.method, 0, 33, part.checksum, len(part.body),
        part.claimed, len(part.name), len(part.extra), 0, 0, 0, part.attributes, offset,
    )  # fmt: skip
    return head + part.name + part.extra


def parts_of(contents: Mapping[str, bytes]) -> list[Part]:
    """Honest parts."""
    return [Part(name.encode(), content) for name, content in contents.items()]
