"""The reader's process as the service sees it: frames come, or it has died of the file, which is then refused."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

from registry.importing.child import child
from registry.importing.reader.frames import HEAD, LARGEST_FRAME, Kind
from registry.importing.reader.verdict import FileRefused

WALL_SECONDS: Final = 90


class NotBegunError(Exception):
    """The reader could not be begun, which says nothing against the file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to a thousand rows, packed by `reader.frames.pack`."""

    number: int
    rows: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the reader found out about the file before its rows."""

    columns: tuple[str, ...]
    unknown: tuple[str, ...]


async def read(descriptor: int, name: str) -> AsyncGenerator[Sheet | Chunk, None]:
    """The sheet, then its chunks, of the file behind a descriptor. Raises FileRefused, also when the reader dies of it;
    NotBegunError when it has not come to see the file.

    The descriptor is rewound; `name` matters for its extension alone, and nothing else of it leaves this process.
    """
    os.lseek(descriptor, 0, os.SEEK_SET)
    extension = os.path.splitext(name)[1].lower()[:10]  # noqa: PTH122 - a name, not a path
    async with child("registry.importing.reader", extension, stdin=descriptor) as process:
        assert process.stdout is not None
        begun = False
        try:
            number = 0
            async for kind, body in _frames(process.stdout):
                match kind:
                    case Kind.BEGUN:
                        begun = True
                    case Kind.REFUSED:
                        refused = json.loads(body)
                        raise FileRefused(str(refused["code"]), str(refused["text"]))
                    case Kind.HEADING:
                        heading = json.loads(body)
                        yield Sheet(tuple(heading["columns"]), tuple(heading["unknown"]))
                    case Kind.ROWS:
                        yield Chunk(number, struct.unpack_from("<I", body)[0], body[4:])
                        number += 1
                    case Kind.END:
                        return
        except (TimeoutError, asyncio.IncompleteReadError, json.JSONDecodeError, ValueError) as error:
            if not begun:
                raise NotBegunError from error
            raise FileRefused("died") from error


async def _frames(pipe: asyncio.StreamReader) -> AsyncIterator[tuple[Kind, bytes]]:
    """Frames as they come. Raises TimeoutError when the service has waited for them too long in all; what the service
    does with a frame is not the reader's time.
    """
    clock = asyncio.get_running_loop().time
    left = float(WALL_SECONDS)
    while True:
        before = clock()
        async with asyncio.timeout(max(0.0, left)):
            length, kind = HEAD.unpack(await pipe.readexactly(HEAD.size))
            if length > LARGEST_FRAME:
                raise ValueError("frame too large")
            body = await pipe.readexactly(length)
        left -= clock() - before
        yield Kind(kind), body
