"""A filled stack on which nobody works any more: only its servers run, so that what is changed stays as it is."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from local_stack.layout import read_json
from tests.harness.eventually import waited

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
        process, file = self._process, self.folder / "stack.json"
        waited(lambda: read_json(file).get("ready") or process.poll() is not None, READY_WITHIN)
        about = read_json(file)
        if process.poll() is not None or not about.get("ready"):
            self.stop()
            raise RuntimeError(f"the servers on {self.folder} did not start")
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
