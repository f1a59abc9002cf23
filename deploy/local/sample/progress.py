"""How a long job shows: moving bars on a terminal, a plain line now and then without one."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

EVERY = 5.0
"""Seconds between two plain lines of one stage."""


class Bars:
    """The stages of a job, one under the other, with the seconds that each took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
            console=console,
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> "Stage":
        """A new stage, running from now."""
        return Stage(self, self._progress, name, total)


class Stage:
    """One stage; leave it when it is done."""

    def __init__(self, bars: Bars, progress: Progress, name: str, total: int | None) -> None:
        self._bars = bars
        self._progress = progress
        self.name = name
        self.done = 0
        self.total = total
        self._began = self._spoken = time.monotonic()
        self._moving = bars.console.is_terminal
        self._task = progress.add_task(name, total=total, note="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        spent = time.monotonic() - self._began
        self._bars.seconds[self.name] = self._bars.seconds.get(self.name, 0.0) + spent
        if error is not None:
            return
        whole = self.total or self.done or 1
        self._progress.update(self._task, total=whole, completed=self.done or whole)
        if not self._moving:
            self._bars.console.print(f"{self.name}: done, {self.done or whole} in {spent:.1f} s")

    def at(self, done: int, total: int | None = None) -> None:
        """So far."""
        self.done = done
        self.total = total if total is not None else self.total
        self._progress.update(self._task, completed=done, total=self.total)
        if not self._moving and time.monotonic() - self._spoken > EVERY:
            self._spoken = time.monotonic()
            self._bars.console.print(f"{self.name}: {done} of {self.total or '?'}")

    def note(self, text: str) -> None:
        """A word beside the bar."""
        self._progress.update(self._task, note=text)
