"""Sealed bodies as the nation reads and writes them: JWE compact, `dir` and `A256GCM`, made with nothing of ours.

The nation is a stranger that has the two topics' keys, so it proves that a stranger can read what the house writes.
"""

import hmac
import json
import os
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Unreadable(Exception):  # noqa: N818 - it says what the record is
    """A record that cannot be opened, or that was sealed for another place."""


class Keys:
    """The keys of one topic by id, and one of the nation's own for what it keeps."""

    def __init__(self, file: Path, topic: str) -> None:
        """Raises KeyError when the file has no key for the topic."""
        ring = json.loads(file.read_text("utf-8"))["wire"][topic]
        raw = {name: b64decode(key) for name, key in ring["keys"].items()}
        self._topic = topic
        self._current: str = ring["current"]
        head = {"alg": "dir", "enc": "A256GCM", "kid": self._current, "topic": topic, "subject": "%s"}
        self._head = json.dumps(head, separators=(",", ":")).encode()
        self._ciphers = {name: AESGCM(key) for name, key in raw.items()}
        self._blind = hmac.digest(raw[self._current], b"nation: equal documents", "sha256")
        self._own = AESGCM(hmac.digest(raw[self._current], b"nation: own store", "sha256"))

    def seal(self, subject: str, body: bytes) -> bytes:
        """The sealed body of an answer; the subject is an id, with nothing in it that JSON would write otherwise."""
        head = _encoded(self._head % subject.encode())
        nonce = os.urandom(12)
        sealed = self._ciphers[self._current].encrypt(nonce, body, head)
        return b".".join((head, b"", _encoded(nonce), _encoded(sealed[:-16]), _encoded(sealed[-16:])))

    def open(self, subject: str, epoch: int, version: int, sealed: bytes) -> bytes:
        """The body of a record. Raises Unreadable when it was changed, or sealed for another one."""
        try:
            head, _, nonce, text, tag = sealed.split(b".")
            header: dict[str, Any] = json.loads(_decoded(head))
            cipher = self._ciphers[header["kid"]]
            body = cipher.decrypt(_decoded(nonce), _decoded(text) + _decoded(tag), head)
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise Unreadable("not sealed with a key of this topic") from error
        wanted = (self._topic, subject, epoch, version)
        if tuple(header.get(name) for name in ("topic", "subject", "epoch", "version")) != wanted:
            raise Unreadable("sealed for another record")
        return body

    def blind(self, text: str) -> str:
        """A keyed hash, so that the store can tell equal documents and names none."""
        return blake2b(text.encode(), digest_size=20, key=self._blind).hexdigest()

    def keep(self, data: bytes) -> bytes:
        """Data as the nation's own store has it."""
        nonce = os.urandom(12)
        return nonce + self._own.encrypt(nonce, data, None)

    def kept(self, data: bytes) -> bytes:
        """What `keep` was given."""
        return self._own.decrypt(data[:12], data[12:], None)


def _encoded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _decoded(data: bytes) -> bytes:
    return urlsafe_b64decode(data + b"=" * (-len(data) % 4))
