"""What the person at the keyboard sees while the stack starts: a line per step, with colours only on a terminal."""

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Screen:
    """Progress on the terminal (or plain lines without one), and everything in `stack.log`."""

    def __init__(self, log: Path) -> None:
        self.console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._log = log
        self._began = time.monotonic()
        self._status: Status | None = None

    def working(self, what: str) -> None:
        """Say what is going on now."""
        self._write("stack", what)
        if not self.console.is_terminal:
            self.console.print(what)
        elif self._status is None:
            self._status = self.console.status(what)
            self._status.start()
        else:
            self._status.update(what)

    def told(self, name: str, what: str) -> None:
        """One step of one program is done."""
        self._write(name, what)
        self.console.print(f"[cyan]{name:>20}[/]  {escape(what)}  [dim]{time.monotonic() - self._began:5.1f} s[/]")

    def say(self, text: str) -> None:
        """A sentence, on a line of its own."""
        self.quiet()
        self._write("stack", text)
        self.console.print(text)

    def refuse(self, sentence: str) -> None:
        """Why it does not go on, on the error stream."""
        self.quiet()
        self._write("stack", sentence)
        Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, style="bold red", markup=False)

    def quiet(self) -> None:
        """Stop moving; somebody else writes to the terminal now."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _write(self, name: str, what: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S")
        try:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{stamp} {name}: {what}\n")
        except OSError:
            return
