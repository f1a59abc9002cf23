"""Faults of processes: killed, stopped for a while, asked to end, all at once; on recorded pids only."""

import asyncio
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from chassis.crash import POINTS
from local_stack.plan import SERVICES
from tests.chaos.nemesis.recovery import Probes
from tests.harness.eventually import eventually
from tests.harness.whole import WholeStack

SERVERS: Final = ("postgres", "kafka")
HEARING: Final = (*SERVICES, *(f"{service}-worker" for service in SERVICES))
"""Programs that consume."""
_CONSUMING = ("consume.before_tx", "consume.mid_tx", "consume.after_tx_before_offset", "consume.after_offset")
_SPEAKING = ("cmd.before_commit", "cmd.after_commit_before_reply", "audit.after_insert")
_STORING = ("photo.after_tmp_write", "photo.after_rename_before_row")
_RELAYING = ("relay.after_fetch", "relay.after_send_before_ack", "relay.after_ack_before_mark", "relay.after_mark")
_BY_ROLE: Final[Mapping[str, Sequence[str]]] = {
    "registry-api": (*_SPEAKING, "login.after_rehash"),
    "review-api": _SPEAKING,
    "photo-api": (*_SPEAKING, *_STORING),
    "registry-worker": (
        *_SPEAKING,
        *_CONSUMING,
        "import.mid_chunk",
        "import.after_chunk",
        "saga.timer_fired_before_tx",
    ),
    "review-worker": (*_CONSUMING, "audit.after_insert", "dlq.after_park_before_offset", "saga.timer_fired_before_tx"),
    "photo-worker": (*_SPEAKING, *_CONSUMING, *_STORING, "photo.after_row", "saga.timer_fired_before_tx"),
    "sync-worker": (*_CONSUMING, "audit.after_insert", "ack.after_receive_before_tx", "saga.timer_fired_before_tx"),
    **{f"{service}-relay": _RELAYING for service in SERVICES},
}
REACHED: Final[Mapping[str, Sequence[str]]] = {
    **_BY_ROLE,
    **{
        service: tuple(
            dict.fromkeys(point for name, points in _BY_ROLE.items() if name.startswith(service) for point in points)
        )
        for service in SERVICES
    },
    **{f"{service}-migrate": ("migrate.mid",) for service in SERVICES},
}
"""Program, in one process or in three → the crash points that its work comes by."""
RARE: Final = frozenset({"login.after_rehash", "dlq.after_park_before_offset", "migrate.mid"})
"""Points that ordinary work does not come by: somebody has to lead there."""
assert {point for points in REACHED.values() for point in points} == POINTS


_DIED_AT = re.compile(rb'^{"event": "crash.point", "point": "([a-z_.]+)"}$', re.MULTILINE)


@dataclass(slots=True)
class Fault:
    """What was done to whom, and what came of it."""

    kind: str
    """kill, stop, terminate, crash."""
    target: str
    at: float
    """Seconds since 1970."""
    lasted: float = 0.0
    point: str = ""
    at_once: bool = False
    """Everything else died with it."""
    alone: bool = False
    """It died while all was well, and nothing else was done before all was well again."""
    whole: bool = False
    """Its keeper too: the program had to be begun from nothing. Of a server: every process of it."""
    struck_again: bool = False
    """It was struck again before it consumed: when it would have been back nobody knows."""
    recovered: list[tuple[str, float | None]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Processes:
    """The processes of one stack, and everything that was done to them."""

    def __init__(self, stack: WholeStack, chance: random.Random) -> None:
        self.stack = stack
        self.chance = chance
        self.probes = Probes(stack)
        self.faults: list[Fault] = []
        self.hit: Counter[str] = Counter()
        """Point → how often a process died there."""
        self.armed: dict[str, str] = {}
        """Program → the point at which it is to die."""
        self._all = set(stack.programs)
        self._under_way: set[str] = set()
        self._watching: set[asyncio.Task[None]] = set()
        self._listening: dict[str, tuple[Fault, asyncio.Task[None]]] = {}
        """Program → what was done to it, and who waits for it to consume again."""
        self._news = asyncio.Event()
        self._places: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """Every program, both servers too."""
        return sorted(self.stack.programs)

    @property
    def busy(self) -> frozenset[str]:
        """Programs to which something is being done, or that are not back yet."""
        return frozenset(self._under_way)

    async def news(self, within: float | None = None) -> None:
        """Wait until something that was done is over, or so many seconds."""
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()

    async def kill(
        self, name: str, *, point: str = "", whole: bool = False, at_once: bool = False, alone: bool = False
    ) -> None:
        """kill -9 of what does the work; with its keeper too where the whole program is to be begun anew.

        Of a server that is with every process of its own: PostgreSQL's sessions then die in the middle of a write and
        not of their leader's death, of which they hear at their next turn.

        With a point the program's next start dies there by itself, and the one after that does not.
        """
        # Whoever is asked for his number after the word was given may be the one who was given it.
        whole = whole or bool(point)
        victims = [pids.get(name) for pids in (*([self.stack.programs] if whole else []), self.stack.pids)]
        if point:
            self.stack.tell_next_start(name, CRASH_AT=point)
            self.armed[name] = point
            self._keep(asyncio.create_task(self._see_that_it_is_told(name), name=f"tell {name}"))
        else:
            self.armed.pop(name, None)
        if name in SERVERS and whole:
            victims = [*self._family(name)]
        # The keeper first, or it would begin another; not only it, or the child might answer once more.
        if not sum(_send(pid, signal.SIGKILL) for pid in victims if pid is not None):
            return  # it has just died of something else, and nothing was done to it
        with self._doing(Fault("kill", name, time.time(), whole=whole, at_once=at_once, alone=alone)) as fault:
            self._watch(fault)

    def _family(self, name: str) -> list[int]:
        """A server's process, and all that it has started; the leader first, or it would clear up after the others."""
        pid = self.stack.pids.get(name)
        if pid is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [pid, *(each.pid for each in psutil.Process(pid).children(recursive=True))]
        return []

    async def _see_that_it_is_told(self, name: str) -> None:
        """One who was begun just before the word was given is not the one that was killed, and lives on untold."""
        before = self.stack.programs.get(name)

        async def is_told() -> bool:
            nonlocal before
            now = self.stack.programs.get(name)
            if self.stack.next_start_is_told(name):
                return True
            if now is not None and now != before:
                _send(now, signal.SIGKILL)
                before = now
            return False

        await eventually(is_told, within=60, every=0.2)

    async def stop(self, name: str, seconds: float) -> None:
        """SIGSTOP, a while, SIGCONT: neither a session nor a lease nor an answer is kept meanwhile."""
        pid = self.stack.pids.get(name)
        before = await self.probes.consumed(name) if name in HEARING else 0.0
        if pid is None or not _send(pid, signal.SIGSTOP):
            return
        with self._doing(Fault("stop", name, time.time(), lasted=seconds)) as fault:
            try:
                await self._has_ended(name, pid, within=seconds)
            finally:
                _send(pid, signal.SIGCONT)
            self._watch(fault, before)

    async def terminate(self, name: str, patience: float = 2.0) -> None:
        """SIGTERM, and kill -9 after so many seconds for what is still there."""
        pid = self.stack.pids.get(name)
        if pid is None or not _send(program := self.stack.programs.get(name, pid), signal.SIGTERM):
            return
        with self._doing(Fault("terminate", name, time.time(), lasted=patience, whole=True)) as fault:
            if not await self._has_ended(name, pid, within=patience):
                _send(program, signal.SIGKILL)
            self._watch(fault)

    async def kill_all(self) -> list[str]:
        """Everything dies within a second, in an order by chance; so everything starts in another order too."""
        with suppress(AssertionError):  # who is not there cannot be killed, and is not waited for for ever
            await eventually(lambda: self.stack.pids.keys() >= self._all, within=20, every=0.2)
        order = self.names
        self.chance.shuffle(order)
        for name in order:
            pid = self.stack.pids.get(name)
            await self.kill(name, whole=True, at_once=True)
            await self._has_ended(name, pid, within=self.chance.uniform(0.0, 0.1))
        return order

    async def _has_ended(self, name: str, pid: int | None, within: float) -> bool:
        """Whether the program runs under this number no more, in time."""
        try:
            return await eventually(lambda: pid is None or self.stack.pids.get(name) != pid, within, every=0.05)
        except AssertionError:
            return False

    async def disarm(self) -> None:
        """Who has not come by the point where it was to die is begun again without it."""
        self.crashes()
        for name in list(self.armed):
            await self.kill(name, whole=True)

    async def settled(self, within: float = 120.0) -> bool:
        """Whether every fault is over and every program ready, in time."""

        async def over() -> bool:
            return not self._under_way and await self.probes.are_ready()

        try:
            return await eventually(over, within=within, every=0.3)
        except AssertionError:
            return False

    async def over(self) -> None:
        """Wait until everything that was done has been recovered from, and is heard of again or given up."""
        while self._watching:
            await asyncio.wait(self._watching)

    async def close(self) -> None:
        """Watch no longer; wake whoever is stopped still."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    def crashes(self) -> list[tuple[str, str]]:
        """(program, point) of every death at a point since it was last asked, as the logs tell."""
        found = []
        for log in self._logs():
            with log.open("rb") as file:
                file.seek(self._places.get(log.stem, 0))
                read = file.read()
            whole = read.rfind(b"\n") + 1
            self._places[log.stem] = self._places.get(log.stem, 0) + whole
            found += [(log.stem, each.decode()) for each in _DIED_AT.findall(read[:whole])]
        for name, point in found:
            self.armed.pop(name, None)
            self.hit[point] += 1
            self.faults.append(Fault("crash", name, time.time(), point=point))
        return found

    def overlook(self) -> None:
        """What stands in the logs already is of an earlier round, which has counted it."""
        self._places = {log.stem: log.stat().st_size for log in self._logs()}

    def _logs(self) -> list[Path]:
        return sorted(Path(self.stack.about()["logs"]).glob("*.log"))

    @contextmanager
    def _doing(self, fault: Fault) -> Iterator[Fault]:
        self.faults.append(fault)
        self._under_way.add(fault.target)
        heard_of, listening = self._listening.pop(fault.target, (None, None))
        if heard_of is not None and listening is not None and listening.cancel():
            heard_of.struck_again = True
        yield fault

    def _watch(self, fault: Fault, consumed: float = 0.0) -> None:
        async def watch() -> None:
            try:
                fault.recovered.append(await self.probes.back(fault.target))
            finally:
                self._under_way.discard(fault.target)
                self._news.set()

        async def listen() -> None:
            fault.recovered.append(("consumer", await self.probes.heard(fault.target, consumed)))

        self._keep(asyncio.create_task(watch(), name=f"watch {fault.target}"))
        if fault.target in HEARING:
            listening = asyncio.create_task(listen(), name=f"listen {fault.target}")
            self._listening[fault.target] = (fault, listening)
            self._keep(listening)

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)


def _send(pid: int, number: signal.Signals) -> bool:
    """Whether there was such a process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
