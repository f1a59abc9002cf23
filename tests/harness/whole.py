"""The whole system, as `make run` starts it, on a folder of its own: for journeys, browsers and benchmarks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_stack.ports import free_port
from sample.accounts import Accounts
from tests.harness.eventually import waited

READY_WITHIN = 400.0
STOPPED_WITHIN = 20.0


class WholeStack:
    """All servers, services and the portal, each a process of its own."""

    def __init__(self, folder: Path, *, split: bool = False, environment: Mapping[str, str] | None = None) -> None:
        """`split` runs each service as api, worker and relay; `environment` is what all of them are told."""
        self.folder = folder
        self.portal_port = free_port()
        self._split = split
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """The seconds until everything was ready. Raises RuntimeError with the launcher's last words."""
        began = time.monotonic()
        said = self.folder.parent / f"{self.folder.name}.said"
        words = ["up", f"--folder={self.folder}", f"--portal-port={self.portal_port}", "--no-journey"]
        with said.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local_stack", *words, *(["--split"] if self._split else [])],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        process = self._process
        waited(lambda: self.about().get("ready") or process.poll() is not None, READY_WITHIN)
        if process.poll() is not None or not self.about().get("ready"):
            self.kill()
            raise RuntimeError(f"the stack did not start: {said.read_text()[-3000:]}")
        return time.monotonic() - began

    def stop(self) -> float:
        """The seconds that a clean stop took, as Ctrl-C asks for one."""
        began = time.monotonic()
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOPPED_WITHIN)
            self.kill()
        return time.monotonic() - began

    def kill(self) -> None:
        """End the launcher at once; the kernel ends its children."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def about(self) -> dict[str, Any]:
        """`stack.json`, empty while it is not there."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "stack.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    @property
    def urls(self) -> dict[str, str]:
        """Service → URL, the portal too."""
        about = self.about()
        return {**about["services"], "portal": about["portal"], "nation": about["nation"]}

    @property
    def programs(self) -> dict[str, int]:
        """Program → the process that the launcher has started."""
        found: dict[str, int] = self.about()["processes"]
        return found

    @property
    def pids(self) -> dict[str, int]:
        """Program → the process that does its work: of a program that is revived, the child that it keeps alive."""
        about = self.about()
        revived = set(about["revived"])
        found = {name: _child_of(pid) if name in revived else pid for name, pid in about["processes"].items()}
        return {name: pid for name, pid in found.items() if pid is not None}

    @property
    def accounts(self) -> Accounts:
        """The accounts file as it stands."""
        return Accounts(self.folder / "accounts.json")

    def tell_next_start(self, name: str, **environment: str) -> None:
        """Give the next start of a program (`review-worker`, `sync-migrate`), and only that one, these variables."""
        place = self.folder / "next-start" / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        growing = place.with_suffix(".growing")
        growing.write_text(json.dumps(environment))
        growing.replace(place)

    def next_start_is_told(self, name: str) -> bool:
        """Whether a start has taken what `tell_next_start` gave."""
        return not (self.folder / "next-start" / f"{name}.json").exists()

    def run(self, *words: str, within: float = 300.0) -> subprocess.CompletedProcess[str]:
        """`python -m sample …` on this stack, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sample", *words],
            env={**os.environ, "STACK_JSON": str(self.folder / "stack.json")},
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )


def _child_of(pid: int) -> int | None:
    """The one child of a process; None while it has none."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            if child.status() != psutil.STATUS_ZOMBIE:
                return int(child.pid)
    return None


def temporary_folder(name: str) -> Path:
    """A folder that another user's PostgreSQL may enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"registry-{name}-"))
    folder.chmod(0o755)
    return folder


MOODY_NATION = {"NATION_REPEATS": "0.3", "NATION_REORDERS": "0.3", "NATION_DELAYS": "0.1", "NATION_DELAY": "PT1S"}
"""It repeats, reorders and delays answers, as the real one may."""


@pytest.fixture(scope="session")
def sample_county() -> Iterator[WholeStack]:
    """The whole system with the sample county founded, in its split form: started once for a run."""
    folder = temporary_folder("county")
    stack = WholeStack(folder / "local", split=True, environment=MOODY_NATION)
    try:
        stack.start()
        founded = stack.run("county")
        assert founded.returncode == 0, founded.stdout + founded.stderr
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
