"""Objects: standard photos and waiting archives, sealed, under names that say nothing about anybody."""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, from_url

from chassis import crash
from chassis.sealing import Vault
from contracts.refusal import Refusal

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PATIENCE: Final["RetryConfig"] = {"max_retries": 3, "retry_timeout": timedelta(seconds=8)}
"""Who uploads is told within seconds that the storage is away; the library would try for three minutes."""


def opened(url: str) -> ObjectStore:
    """The store at a URL: a folder, made where it is missing, or a bucket (access to it from `AWS_*` variables)."""
    if url.startswith("file:"):
        return LocalStore(Path(unquote(urlsplit(url).path)), mkdir=True)
    return from_url(url, retry_config=PATIENCE)


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
