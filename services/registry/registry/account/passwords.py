"""Passwords: made, hashed and compared, in threads, two at a time; whoever wants it waits in a line that has an end."""

import asyncio
import random
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from registry.account.errors import SignInBusy

T = TypeVar("T")
AT_ONCE = 2
"""Each takes 19 MiB and 20 ms of a core."""
AT_WORK = 4
"""Two whose passwords are compared, and two before or behind that: connections that sign-ins take from others."""
IN_LINE = 40
"""Of those who wait for their turn: a second's work on two cores that do other things too."""
WAITS = 2.0
"""Seconds in the line, however slow the machine is; then it is better to be told."""
COMES_AGAIN = (2, 6)
"""Seconds after which one who found the line full is asked to come back; not all at the same moment."""
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
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")
        self._turns = asyncio.Semaphore(AT_WORK)
        self._in_line = 0

    @staticmethod
    def initial() -> str:
        """A random password of 16 characters in groups of four, 93 bits."""
        characters = "".join(secrets.choice(ALPHABET) for _ in range(INITIAL_LENGTH))
        return "-".join(characters[at : at + 4] for at in range(0, INITIAL_LENGTH, 4))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The asker's turn to have passwords compared or made, with what is stored before and after that.

        First come, first served. Raises SignInBusy when the line is full or takes too long, before anything was
        counted.
        """
        if self._in_line >= IN_LINE:
            raise _busy()
        self._in_line += 1
        try:
            async with asyncio.timeout(WAITS):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._in_line -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        """The hash to be stored."""
        return await self._in_a_thread(lambda: str(self._hasher.hash(_normal(password))))

    async def fits(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is the password, and a newer hash to store where the old one was made more weakly.

        Takes as long when nothing is stored.
        """
        fits, newer = await self._in_a_thread(
            lambda: self._hasher.verify_and_update(_normal(password), stored or _NOBODYS)
        )
        return (fits and stored is not None), (newer if fits and stored is not None else None)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        # Threads of its own: one that was begun takes its memory to its end, though its asker has gone. They are no
        # nicer than others: one that is put aside while it holds the interpreter's lock stops all answers.
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def new_session_token() -> str:
    """An opaque token of 256 bits."""
    return secrets.token_urlsafe(32)


def _busy() -> SignInBusy:
    return SignInBusy(random.randint(*COMES_AGAIN))  # noqa: S311 - spreads those who come back


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
