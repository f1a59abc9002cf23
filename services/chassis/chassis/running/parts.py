"""The parts of a running process, each kept alive by itself."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from chassis.outages import is_outage

log = structlog.get_logger("chassis.running")
_LONGEST_BACK_OFF: Final = 15.0


class Part(Protocol):
    """Something that runs until it is cancelled."""

    async def run(self) -> None:
        """Run. When cancelled, let go of everything properly and soon."""

    def why_not_ready(self) -> str | None:
        """None, or a sentence that says what is missing."""


@dataclass(slots=True)
class Clockwork:
    """A part that is ready as soon as it runs."""

    work: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Run the work."""
        await self.work()

    def why_not_ready(self) -> str | None:
        """Always ready."""
        return None


async def kept_alive(name: str, part: Part) -> None:
    """Run a part; when it ends or fails, run it again, later and later."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await part.run()
            log.warning("part.ended", part=name)
        except Exception as error:
            if is_outage(error):
                log.warning("part.away", part=name, error=type(error).__name__)
            else:
                log.exception("part.failed", part=name)
        failures = 0 if loop.time() - began > _LONGEST_BACK_OFF else failures + 1
        await asyncio.sleep(min(0.25 * 2.0**failures, _LONGEST_BACK_OFF) * random.uniform(0.8, 1.2))  # noqa: S311
