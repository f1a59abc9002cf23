"""Objects: standard photos and waiting archives, sealed, under names that say nothing about anybody."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore

from chassis import crash, objects
from chassis.sealing import Vault
from contracts.refusal import Refusal


class Album:
    """Sealed objects in a folder or a bucket.

    A standard photo's name is made of its enrolment and its content's hash, so that storing it again changes nothing
    and a crash between storing and noting it leaves at most a file that the next try finds.
    """

    def __init__(self, store: ObjectStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def keep(self, folder: str, owner: UUID, name: str, content: bytes) -> str:
        """The key under which the content is kept; the same content again is the same key."""
        key = f"{folder}/{owner.hex[-2:]}/{owner}/{name}"
        sealed = self._vault.seal(content, table=folder, column=name, row=owner)
        crash.point("photo.after_tmp_write")
        with contextlib.suppress(AlreadyExistsError):
            await obstore.put_async(self._store, key, sealed, mode="create")
        crash.point("photo.after_rename_before_row")
        return key

    async def stand(self, key: str, content: bytes) -> None:
        """The content is kept under the key still, or again where a sweep took it away."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            folder, _, owner, name = key.split("/")
            await self.keep(folder, UUID(owner), name, content)

    def left(self, folders: Sequence[str], now: datetime) -> AsyncIterator[Sequence[str]]:
        """Keys in the folders that are old enough to have a row, some at a time."""
        return objects.left(self._store, folders, now)

    async def take(self, key: str) -> bytes:
        """The content under a key. Raises PhotoGone when the object is not there or was tampered with."""
        folder, _, owner, name = key.split("/")
        try:
            found = await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            raise PhotoGone from error
        sealed = bytes(await found.bytes_async())
        return self._vault.open(sealed, table=folder, column=name, row=UUID(owner))

    async def drop(self, key: str) -> None:
        """Nothing is kept under the key afterwards."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, key)


class PhotoGone(Refusal):
    """A row names an object that storage does not have."""

    status = 503

    def __init__(self) -> None:
        super().__init__("photo-unavailable", "照片暂时无法读取。请稍后再试；如仍不行，请联系系统管理员。")
