"""One child process: started, found ready, stopped; never older than its parent."""

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.refusing import CannotStartError

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to know that it is ready."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the parent."""
    ready: Callable[[], Awaitable[bool]] | None = None
    """Asked again and again until it says yes; without it a started program is a ready one."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    """What the kernel sends it when the parent dies."""
    stop_within: float = 8.0
    ready_within: float = 120.0
    folder: Path | None = None
    """Working folder."""


class Running:
    """A program that was started."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.program = program
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    async def wait_ready(self) -> None:
        """Return when the program says that it is ready.

        Raises CannotStartError with its last words when it ends before or takes too long.
        """
        deadline = time.monotonic() + self.program.ready_within
        while self.program.ready is not None:
            if not self.is_alive:
                raise CannotStartError(
                    f"{self.program.name} ended with {self.process.returncode} instead of getting ready: "
                    f"{last_words(self.program.log)} (whole log: {self.program.log})"
                )
            if await self.program.ready():
                return
            if time.monotonic() > deadline:
                await self.stop()
                raise CannotStartError(
                    f"{self.program.name} was not ready in {self.program.ready_within:.0f} s; see {self.program.log}"
                )
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Ask it to end, insist after `stop_within` seconds."""
        if not self.is_alive:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.process.wait(), self.program.stop_within)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a power cut would (kill -9)."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


async def start(program: Program) -> Running:
    """The started program, not yet ready. Its output goes to the end of its log.

    Raises CannotStartError when it cannot be run at all.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **program.environment},
                cwd=program.folder,
                # A group of its own: Ctrl-C on the terminal reaches only the launcher, which stops everything in order.
                start_new_session=True,
                preexec_fn=_die_with_parent(program.orphan_signal),
            )
        except OSError as error:
            raise CannotStartError(f"{program.name} cannot be run: {error}") from error
    return Running(program, process)


async def run_to_end(program: Program, within: float = 120.0) -> None:
    """Run the program until it ends.

    Raises CannotStartError with its last words when it fails or takes longer.
    """
    running = await start(program)
    try:
        code = await asyncio.wait_for(running.process.wait(), within)
    except TimeoutError:
        raise CannotStartError(f"{program.name} took more than {within:.0f} s; see {program.log}") from None
    finally:
        if running.is_alive:
            await running.kill()
    if code != 0:
        raise CannotStartError(
            f"{program.name} ended with {code}: {last_words(program.log)} (whole log: {program.log})"
        )


def last_words(log: Path, lines: int = 1) -> str:
    """The last non-empty lines of a log, on one line."""
    with suppress(OSError):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            text = file.read().decode("utf-8", "replace")
        spoken = [line.strip() for line in text.splitlines() if line.strip()]
        return " / ".join(spoken[-lines:]) or "no word in its log"
    return "no log"


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def in_the_child() -> None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return in_the_child
