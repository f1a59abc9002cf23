"""Starts programs in the order of what they need, keeps them alive, stops them in reverse."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from local_stack.process import Program, Running, start
from local_stack.refusing import CannotStartError

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STEADY_AFTER = 2.0
"""Seconds ready after which an end counts as the first one again, without a pause: what is killed now and then comes
back at once, what does not even get ready is tried less and less often."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing to be done or kept alive."""

    name: str
    prepare: Callable[[], Awaitable[Program | None]]
    """Called before each start; None means that the work is done and nothing is to be kept alive."""
    after: Sequence[str] = ()
    """The units that must be ready first; stopped only after this one."""
    tidy: Callable[[], None] = field(default=lambda: None)
    """Called after each end."""


class Supervisor:
    """Keeps units alive. `told` hears (name, what happened) in words, `changed` that a process came or went."""

    def __init__(
        self,
        units: Sequence[Unit],
        *,
        told: Callable[[str, str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._units = {unit.name: unit for unit in units}
        self._told = told
        self._changed = changed
        self._ready = {unit.name: asyncio.Event() for unit in units}
        self._running: dict[str, Running] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False
        self.is_ready = False
        """Whether everything has been ready once."""

    def pids(self) -> dict[str, int]:
        """The living processes by name."""
        return {name: running.pid for name, running in self._running.items() if running.is_alive}

    async def start(self) -> None:
        """Start everything, side by side where nothing is waited for; return when all is ready.

        Raises CannotStartError of the first that fails; the caller then stops the rest.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for unit in self._units.values():
                    group.create_task(self._bring_up(unit), name=f"start {unit.name}")
        except* CannotStartError as failures:
            raise failures.exceptions[0] from None
        for name, running in self._running.items():
            self._keepers.append(asyncio.create_task(self._keep(name, running), name=f"keep {name}"))
        self.is_ready = True
        self._changed()

    async def stop(self) -> None:
        """Stop everything, each after those that need it."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        needed_by = {
            name: {u.name for u in self._units.values() if name in self._all_before(u)} for name in self._units
        }
        gone = {name: asyncio.Event() for name in self._units}

        async def take_down(name: str) -> None:
            for other in needed_by[name]:
                await gone[other].wait()
            try:
                running = self._running.get(name)
                if running is not None:
                    began = time.monotonic()
                    await running.stop()
                    self._told(name, f"stopped ({time.monotonic() - began:.1f} s)")
                self._units[name].tidy()
            finally:
                gone[name].set()

        await asyncio.gather(*(take_down(name) for name in self._units))

    async def kill(self) -> None:
        """End everything at once."""
        self._stopping = True
        await asyncio.gather(*(running.kill() for running in self._running.values()), return_exceptions=True)

    def _all_before(self, unit: Unit) -> set[str]:
        found: set[str] = set()
        left = list(unit.after)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left.extend(self._units[name].after)
        return found

    async def _bring_up(self, unit: Unit) -> None:
        for name in unit.after:
            await self._ready[name].wait()
        began = time.monotonic()
        program = await unit.prepare()
        if program is not None:
            running = await start(program)
            self._running[unit.name] = running
            await running.wait_ready()
        self._ready[unit.name].set()
        self._told(unit.name, f"ready ({time.monotonic() - began:.1f} s)")
        self._changed()

    async def _keep(self, name: str, running: Running) -> None:
        unit, pause, since = self._units[name], 0.0, time.monotonic()
        while not self._stopping:
            await running.process.wait()
            unit.tidy()
            if time.monotonic() - since > STEADY_AFTER:
                pause = 0.0
            self._told(name, f"ended with {running.process.returncode}; starting again in {pause:.1f} s")
            self._changed()
            await asyncio.sleep(pause)
            pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            began = since = time.monotonic()
            with suppress(CannotStartError):
                running = await self._again(unit, running)
                since = time.monotonic()
                self._told(name, f"ready again ({since - began:.1f} s)")
                self._changed()

    async def _again(self, unit: Unit, before: Running) -> Running:
        program = await unit.prepare()
        if program is None:
            return before
        running = await start(program)
        self._running[unit.name] = running
        self._changed()
        try:
            await running.wait_ready()
        except CannotStartError as failure:
            self._told(unit.name, str(failure))
            await running.stop()
            raise
        return running
