"""Prepares one chunk after the other until nobody asks any more; the keys lie in the file of the first argument."""

import resource
import sys
from pathlib import Path
from typing import BinaryIO

from chassis import collecting
from chassis.sealing import Vault
from registry.importing.preparer.chunks import read
from registry.importing.preparer.frames import HEAD, pack


def main() -> int:
    """0 when descriptor 0 has ended, also because the service has died."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    collecting.seldom()
    vault = Vault.read(Path(sys.argv[1]))
    source, out = sys.stdin.buffer, sys.stdout.buffer
    while packed := _next(source):
        *_, whole = read(vault, packed)
        answer = pack(whole.rows)
        out.write(HEAD.pack(len(answer)))
        out.write(answer)
        out.flush()
    return 0


def _next(source: BinaryIO) -> bytes:
    """The next chunk; nothing when there is none, or only a part of one."""
    head = source.read(HEAD.size)
    if len(head) < HEAD.size:
        return b""
    (length,) = HEAD.unpack(head)
    body = source.read(length)
    return body if len(body) == length else b""


if __name__ == "__main__":
    sys.exit(main())
