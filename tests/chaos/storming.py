"""Many sign in at once, and others work beside them: both by the clock, whether answers come or not."""

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx2

from tests.harness.eventually import until

KNOWN: Final = 600
"""Accounts whose owners sign in with the right password, each from an address of her own."""
HUNTED: Final = 12
"""Accounts whose passwords are guessed; the next one is theirs who is not."""
ATTACKERS: Final = 300
"""Addresses that guess."""
PASSWORD: Final = "梧桐树下第三只蓝色的猫在打盹"
Kind = Literal["right", "wrong", "unknown"]


def login_of(number: int) -> str:
    """Of somebody who knows her password."""
    return f"known{number:04d}"


def hunted(number: int) -> str:
    """Of somebody whose password others guess."""
    return f"hunted{number:04d}"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a sign-in."""

    kind: Kind
    login: str
    status: int
    code: str
    seconds: float
    comes_again: int | None
    """What Retry-After says."""
    media: str


@dataclass
class Storm:
    """Those who sign in."""

    client: httpx2.AsyncClient
    chance: random.Random
    answers: list[Answered] = field(default_factory=list)
    _next: int = 0

    async def blow(self, rate: float, seconds: float) -> float:
        """So many sign-ins a second for so long; the seconds until the last was answered."""
        began = time.monotonic()
        await by_the_clock(self.one, rate, seconds)
        return time.monotonic() - began

    async def one(self) -> None:
        """Half are right; of the others half name accounts that are there."""
        draw = self.chance.random()
        if draw < 0.5:
            await self.right()
        elif draw < 0.75:
            await self.ask("wrong", hunted(self.chance.randrange(HUNTED)), "guess", self._attacker())
        else:
            await self.ask("unknown", f"nobody{self.chance.randrange(10**6):06d}", "guess", self._attacker())

    async def right(self, address: str | None = None) -> None:
        """The next one who knows her password, from here or from an address of her own."""
        number = self._next % KNOWN
        self._next += 1
        await self.ask("right", login_of(number), PASSWORD, address or f"203.0.{number // 250}.{number % 250 + 1}")

    async def ask(self, kind: Kind, login: str, password: str, address: str) -> None:
        """One sign-in, noted. Raises what the network does: nobody is left without an answer."""
        began = time.monotonic()
        answer = await self.client.post(
            "/v1/sessions", json={"login": login, "password": password}, headers={"X-Forwarded-For": address}
        )
        media = answer.headers.get("content-type", "")
        code = answer.json().get("code", "")
        again = answer.headers.get("retry-after")
        self.answers.append(
            Answered(
                kind, login, answer.status_code, code, time.monotonic() - began, int(again) if again else None, media
            )
        )

    def of(self, *statuses: int, kind: Kind | None = None) -> list[float]:
        """The seconds that answers of these statuses took, in order."""
        return sorted(each.seconds for each in self.answers if each.status in statuses and kind in (None, each.kind))

    def counts(self) -> Counter[tuple[str, str]]:
        """(kind, code or status) → answers."""
        return Counter((each.kind, each.code or str(each.status)) for each in self.answers)

    def looked_at(self) -> dict[str, int]:
        """Hunted login → how many guesses at it were compared."""
        found: dict[str, int] = defaultdict(int)
        for each in self.answers:
            if each.kind == "wrong" and each.status == 401:
                found[each.login] += 1
        return found

    def _attacker(self) -> str:
        number = self.chance.randrange(ATTACKERS)
        return f"198.51.{number // 250}.{number % 250 + 1}"


async def by_the_clock(act: Callable[[], Coroutine[Any, Any, None]], rate: float, seconds: float) -> None:
    """Begin `act` so many times a second for so long, whether those before have ended or not; then wait for all.

    Raises what one of them raised.
    """
    began, never = time.monotonic(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(round(rate * seconds)):
            await until(never, began + number / rate - time.monotonic())
            group.create_task(act())


def storm_seconds() -> float:
    """How long a storm lasts."""
    return float(os.environ.get("CHAOS_STORM", "15"))
