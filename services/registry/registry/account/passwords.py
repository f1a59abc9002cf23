"""Passwords: made, hashed and compared, in threads, two at a time."""

import asyncio
import secrets
import unicodedata

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
"""Each takes 19 MiB and 20 ms of a core."""
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
"""Without characters that look alike: an initial password is read from paper."""
INITIAL_LENGTH = 16
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$0o3RkH5QCpoVREE/i0nrwg$wAulfyFq6wGYo9Sx2jGxWVsaysGo+dTWcLLEA2a8nyU"
"""Compared with when there is no such account, so that the answer takes as long.

Nothing fits it: the text was random, and nobody kept it.
"""


class Passwords:
    """argon2id with 19 MiB, t=2, p=1."""

    def __init__(self) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
        self._turn = asyncio.Semaphore(AT_ONCE)

    @staticmethod
    def initial() -> str:
        """A random password of 16 characters in groups of four, 93 bits."""
        characters = "".join(secrets.choice(ALPHABET) for _ in range(INITIAL_LENGTH))
        return "-".join(characters[at : at + 4] for at in range(0, INITIAL_LENGTH, 4))

    async def hash(self, password: str) -> str:
        """The hash to be stored."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def fits(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is the password, and a newer hash to store where the old one was made more weakly.

        Takes as long when nothing is stored.
        """
        async with self._turn:
            fits, newer = await asyncio.to_thread(self._hasher.verify_and_update, _normal(password), stored or _NOBODYS)
        return (fits and stored is not None), (newer if fits and stored is not None else None)


def new_session_token() -> str:
    """An opaque token of 256 bits."""
    return secrets.token_urlsafe(32)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
