"""Personal data at rest and on the wire: always sealed, always bound to the place it belongs to."""

import json
import os
import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hmac import HMAC

AES_GCM_SIV = 1
"""Algorithm id in each sealed value, so that another cipher can come in beside this one."""
_NONCE = 12
_TAG = 16
_KEY = 32


class SealBroken(Exception):  # noqa: N818 - it says what has happened
    """A sealed value was changed, moved to another place, or its key is not here. It names no content."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """Keys by id; new values are sealed with the current one, old ones are opened with theirs."""

    current: str
    keys: Mapping[str, bytes]

    @classmethod
    def of(cls, ring: Mapping[str, Any]) -> Self:
        return cls(ring["current"], {name: b64decode(key) for name, key in ring["keys"].items()})


class Vault:
    """Seals values for one row and column each (AES-256-GCM-SIV), and indexes them blindly (HMAC-SHA-256).

    A sealed value is: algorithm, length of the key's id, the key's id, nonce, ciphertext with tag.
    """

    def __init__(self, ring: Mapping[str, Any], blind: Mapping[str, str]) -> None:
        found = _Ring.of(ring)
        self._ciphers = {name.encode(): AESGCMSIV(key) for name, key in found.keys.items()}
        current = found.current.encode()
        self._seal = self._ciphers[current].encrypt
        self._head = bytes((AES_GCM_SIV, len(current))) + current
        self._blind = {kind: HMAC(b64decode(key), hashes.SHA256()) for kind, key in blind.items()}

    @classmethod
    def read(cls, path: Path) -> Self:
        """The vault of a key file."""
        keys = json.loads(path.read_text("utf-8"))
        return cls(keys["vault"], keys.get("blind", {}))

    def seal(self, data: bytes, *, table: str, column: str, row: UUID) -> bytes:
        """The sealed value; it opens only for the same table, column and row."""
        nonce = os.urandom(_NONCE)
        return self._head + nonce + self._seal(nonce, data, _place(table, column) + row.bytes)

    def open(self, sealed: bytes, *, table: str, column: str, row: UUID) -> bytes:
        """What was sealed. Raises SealBroken."""
        if len(sealed) < 2 or sealed[0] != AES_GCM_SIV:
            raise SealBroken(f"{table}.{column} of {row} is no sealed value")
        start = 2 + sealed[1]
        cipher = self._ciphers.get(bytes(sealed[2:start]))
        if cipher is None or len(sealed) < start + _NONCE + _TAG:
            raise SealBroken(f"{table}.{column} of {row} was sealed with a key that is not here")
        try:
            opened = cipher.decrypt(
                sealed[start : start + _NONCE], sealed[start + _NONCE :], _place(table, column) + row.bytes
            )
        except InvalidTag:
            raise SealBroken(f"{table}.{column} of {row} was changed or moved") from None
        return opened

    def key_of(self, sealed: bytes) -> str:
        """The id of the key that the value was sealed with: what a rotation looks for."""
        return sealed[2 : 2 + sealed[1]].decode()

    @property
    def current(self) -> str:
        """The id of the key that new values are sealed with."""
        return self._head[2:].decode()

    def blind(self, kind: str, *parts: str) -> bytes:
        """A keyed hash of the parts, 32 bytes: equal for equal parts, telling nothing without the key of its kind.

        Raises KeyError for a kind that this service has no key for.
        """
        # A keyed state is copied, not made anew: it saves two of the four compressions.
        keyed = self._blind[kind].copy()
        # One update and not two a part: a call of the wrapper costs more than hashing these few bytes.
        encoded = [part.encode() for part in parts]
        keyed.update(b"".join([len(data).to_bytes(4, "big") + data for data in encoded]))
        return keyed.finalize()


@lru_cache(maxsize=4096)
def _place(table: str, column: str) -> bytes:
    """Associated data without the row, length-prefixed so that no two places look alike."""
    return b"".join(struct.pack(">H", len(part)) + part for part in (table.encode(), column.encode()))


class WireKeys:
    """Seals the bodies of sealed topics as JWE compact (`dir`, `A256GCM`), bound to topic, subject, epoch, version.

    The five parts are put together here, for a library takes five times as long (`decisions/`); the cipher is a
    library's, and the tests hold both directions against another implementation of JWE.
    """

    def __init__(self, rings: Mapping[str, Mapping[str, Any]]) -> None:
        self._current: dict[str, str] = {}
        self._ciphers: dict[tuple[str, str], AESGCM] = {}
        for topic, each in rings.items():
            ring = _Ring.of(each)
            self._current[topic] = ring.current
            for name, key in ring.keys.items():
                if len(key) != _KEY:
                    raise ValueError(f"The key {name} of {topic} has {len(key)} bytes; A256GCM needs {_KEY}.")
                self._ciphers[topic, name] = AESGCM(key)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The wire keys of a key file."""
        return cls(json.loads(path.read_text("utf-8")).get("wire", {}))

    def seal(self, topic: str, subject: UUID, epoch: int, version: int, body: bytes) -> bytes:
        """The sealed body. Raises KeyError for a topic without a key.

        Foreign topics have epoch 0 and version 0; their header names topic and subject only.
        """
        name = self._current[topic]
        head = _head(name, topic, subject, epoch, version)
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[topic, name].encrypt(nonce, body, head)
        return b".".join((head, b"", _to_b64url(nonce), _to_b64url(sealed[:-_TAG]), _to_b64url(sealed[-_TAG:])))

    def open(self, topic: str, subject: UUID, epoch: int, version: int, sealed: bytes) -> bytes:
        """The body of a record. Raises SealBroken when it was changed, or sealed for another record."""
        where = f"{topic} {subject} {epoch}.{version}"
        try:
            head, wrapped, nonce, text, tag = sealed.split(b".")
            parts = _from_b64url(nonce), _from_b64url(text), _from_b64url(tag)
            # Nearly always it is what we would write ourselves, and need not be read.
            name = self._current.get(topic, "")
            read = None if head == _head(name, topic, subject, epoch, version) else json.loads(_from_b64url(head))
            named = dict(_ALGORITHMS) if read is None else {each: read.pop(each, None) for each in _ALGORITHMS}
            name = name if read is None else str(read.pop("kid", None))
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise SealBroken(f"{where} was changed") from None
        cipher = self._ciphers.get((topic, name))
        if cipher is None:
            raise SealBroken(f"{where} was sealed with a key that is not here")
        if wrapped or named != _ALGORITHMS or len(parts[0]) != _NONCE or len(parts[2]) != _TAG:
            raise SealBroken(f"{where} was changed")
        try:
            body = cipher.decrypt(parts[0], parts[1] + parts[2], head)
        except InvalidTag:
            raise SealBroken(f"{where} was changed") from None
        # Whatever else the header says (`zip`, `crit`) is nothing that we know how to keep.
        if read is not None and read != _record(topic, subject, epoch, version):
            raise SealBroken(f"{where} holds what was sealed for another record")
        return body


_ALGORITHMS = {"alg": "dir", "enc": "A256GCM"}


def _record(topic: str, subject: UUID, epoch: int, version: int) -> dict[str, Any]:
    named: dict[str, Any] = {"topic": topic, "subject": str(subject)}
    return {**named, "epoch": epoch, "version": version} if epoch or version else named


def _head(name: str, topic: str, subject: UUID, epoch: int, version: int) -> bytes:
    """The header as it is written: `_record` and what names the key, as JSON."""
    numbered = f',"epoch":{epoch},"version":{version}' if epoch or version else ""
    return _to_b64url(f'{_beginning(name, topic)}"{subject}"{numbered}}}'.encode())


@lru_cache(maxsize=256)
def _beginning(name: str, topic: str) -> str:
    header = json.dumps({**_ALGORITHMS, "kid": name, "topic": topic}, separators=(",", ":"))
    return f'{header[:-1]},"subject":'


def _to_b64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _from_b64url(text: bytes) -> bytes:
    """The bytes. Raises ValueError for characters that do not belong, which the library would skip."""
    return b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
