"""Objects in a folder or a bucket, and what is left there by whoever was killed between an object and its row."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

if TYPE_CHECKING:
    from obstore.store import RetryConfig

PATIENCE: Final["RetryConfig"] = {"max_retries": 3, "retry_timeout": timedelta(seconds=8)}
"""Who uploads is told within seconds that the storage is away; the library would try for three minutes."""
LEFT_AFTER: Final = timedelta(hours=1)
"""How long an object may stand without a row: whoever stored it notes it within a minute, or never."""
_UNFINISHED: Final = re.compile(r".+#\d+")
"""A file that the library writes before it gets its name."""
_SHARDS: Final = 256
_SHARDS_AN_HOUR: Final = 11


def opened(url: str) -> ObjectStore:
    """The store at a URL: a folder, made where it is missing, or a bucket (access to it from `AWS_*` variables)."""
    if url.startswith("file:"):
        return LocalStore(Path(unquote(urlsplit(url).path)), mkdir=True)
    return from_url(url, retry_config=PATIENCE)


def shards(now: datetime) -> Sequence[str]:
    """The two letters after the folder whose turn it is in this hour; within a day everyone's turn comes.

    For folders that hold millions: a list of all of them would take longer than an hour.
    """
    first = int(now.timestamp()) // 3600 * _SHARDS_AN_HOUR
    return [f"{(first + number) % _SHARDS:02x}" for number in range(_SHARDS_AN_HOUR)]


async def left(store: ObjectStore, folders: Sequence[str], now: datetime) -> AsyncIterator[Sequence[str]]:
    """The names in the folders that are old enough to have a row, up to a few hundred at a time.

    Files as old that were never finished, for who wrote them was killed, are taken away on the way: the library neither
    lists nor deletes them. A bucket has none.
    """
    before = now - LEFT_AFTER
    for folder in folders:
        if isinstance(store, LocalStore) and store.prefix is not None:
            await asyncio.to_thread(_forget_unfinished, Path(store.prefix) / folder, before)
        async for found in obstore.list(store, prefix=folder):
            names = [each["path"] for each in found if each["last_modified"] < before]
            if names:
                yield names


def _forget_unfinished(folder: Path, before: datetime) -> None:
    for file in folder.rglob("*#*"):
        with suppress(FileNotFoundError):  # finished, or taken away by another
            if _UNFINISHED.fullmatch(file.name) and file.stat().st_mtime < before.timestamp():
                file.unlink()
