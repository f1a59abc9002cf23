"""Evidence files: sealed objects whose names say nothing about anybody."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import obstore
from obstore.store import ObjectStore

from chassis import objects
from chassis.sealing import Vault
from registry.student.errors import EvidenceRefused, NotFound

MEGABYTE: Final = 1024 * 1024
_KINDS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)
"""First bytes → what the file is, whatever its name says."""


def content_type_of(content: bytes, most: int) -> str:
    """What the file is, by its first bytes. Raises EvidenceRefused; `most` is in megabytes."""
    if not content:
        raise EvidenceRefused("evidence-empty", "文件是空的。请重新选择文件上传。")
    if len(content) > most * MEGABYTE:
        raise EvidenceRefused("evidence-too-large", f"文件超过{most}MB。请压缩图片，或分成几个文件上传。")
    for magic, kind in _KINDS:
        if content.startswith(magic):
            return kind
    raise EvidenceRefused("evidence-type", "只接受PDF、JPG和PNG文件。请扫描或拍照后另存为这几种格式再上传。")


class Files:
    """Evidence in a folder or a bucket."""

    def __init__(self, store: ObjectStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def keep(self, evidence_id: UUID, content: bytes) -> None:
        """The content is kept under the id."""
        sealed = self._vault.seal(content, table="evidence", column="object", row=evidence_id)
        await obstore.put_async(self._store, _path(evidence_id), sealed)

    async def take(self, evidence_id: UUID) -> bytes:
        """The content. Raises NotFound when the object is not there, SealBroken when it was tampered with."""
        try:
            found = await obstore.get_async(self._store, _path(evidence_id))
        except FileNotFoundError as error:
            raise NotFound("佐证材料") from error
        sealed = bytes(await found.bytes_async())
        return self._vault.open(sealed, table="evidence", column="object", row=evidence_id)

    async def left(self, folders: Sequence[str], now: datetime) -> AsyncIterator[Sequence[UUID]]:
        """Ids in the folders that are old enough to have a row, some at a time."""
        async for names in objects.left(self._store, folders, now):
            yield [UUID(name.rpartition("/")[2]) for name in names]

    async def drop(self, evidence_id: UUID) -> None:
        """Nothing is kept under the id afterwards."""
        with contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, _path(evidence_id))


def _path(evidence_id: UUID) -> str:
    return f"evidence/{evidence_id.hex[-2:]}/{evidence_id}"
