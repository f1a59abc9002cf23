"""Uploaded files, sealed piece by piece, from the upload until the import ends."""

import contextlib
import os
import struct
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

import obstore
from obstore.store import ObjectStore

from chassis import objects
from chassis.sealing import Vault

PIECE: Final = 1024 * 1024
_LENGTH: Final = struct.Struct(">I")


class Inbox:
    """Uploaded files in a folder or a bucket. A file is never whole in memory, and never open on a disk."""

    def __init__(self, store: ObjectStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def keep(self, import_id: UUID, pieces: AsyncIterator[bytes]) -> None:
        """The content is kept under the import's id. What the iterator raises comes out, and nothing is kept."""
        whole = False
        try:
            async with obstore.open_writer_async(self._store, _path(import_id)) as writer:
                async for piece in self._sealed(import_id, pieces):
                    await writer.write(piece)
            whole = True
        finally:
            if not whole:
                await self.drop(import_id)

    async def _sealed(self, import_id: UUID, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        waiting = bytearray()
        number = 0
        async for piece in pieces:
            waiting += piece
            while len(waiting) >= PIECE:
                yield self._seal(import_id, number, bytes(waiting[:PIECE]))
                del waiting[:PIECE]
                number += 1
        yield self._seal(import_id, number, bytes(waiting))

    def _seal(self, import_id: UUID, number: int, piece: bytes) -> bytes:
        sealed = self._vault.seal(piece, table="import", column=f"file:{number}", row=import_id)
        return _LENGTH.pack(len(sealed)) + sealed

    async def open_into(self, import_id: UUID, descriptor: int) -> bool:
        """Whether the file was there; its content is then written to the descriptor."""
        try:
            found = await obstore.get_async(self._store, _path(import_id))
        except FileNotFoundError:
            return False
        waiting = bytearray()
        number = 0
        async for buffer in found.stream(min_chunk_size=PIECE):
            waiting += bytes(buffer)
            while len(waiting) >= 4 and len(waiting) - 4 >= (length := _LENGTH.unpack_from(waiting)[0]):
                sealed = bytes(waiting[4 : 4 + length])
                del waiting[: 4 + length]
                piece = memoryview(self._vault.open(sealed, table="import", column=f"file:{number}", row=import_id))
                while piece:
                    piece = piece[os.write(descriptor, piece) :]
                number += 1
        return True

    async def drop(self, import_id: UUID) -> None:
        """Nothing is kept for the import afterwards."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, _path(import_id))

    async def left(self, now: datetime) -> list[UUID]:
        """Imports whose files are old enough to be of an import that is over."""
        return [
            UUID(name.rpartition("/")[2])
            async for names in objects.left(self._store, ["imports"], now)
            for name in names
        ]


def _path(import_id: UUID) -> str:
    return f"imports/{import_id.hex[-2:]}/{import_id}"
