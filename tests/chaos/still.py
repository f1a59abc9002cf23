"""A filled stack on which nobody works any more: only its servers run, so that what is changed stays as it is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local_stack.layout import read_json

READY_WITHIN = 120.0
STOPPED_WITHIN = 20.0


class StillStack:
    """PostgreSQL and Kafka of a stack that was stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """`stack.json`, once both servers are ready. Raises RuntimeError."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_stack", "up", f"--folder={self.folder}", "--servers-only", "--no-journey"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
            start_new_session=True,
        )
        deadline = time.monotonic() + READY_WITHIN
        while not (about := read_json(self.folder / "stack.json")).get("ready"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the servers on {self.folder} did not start")
            time.sleep(0.05)
        return about

    def stop(self) -> None:
        """End both."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
