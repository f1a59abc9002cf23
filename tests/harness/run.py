"""One test run: its folder, and the servers that its processes share."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.harness.eventually import waited

ROOT = Path(__file__).parents[2]
VARIABLE = "STUDENT_REGISTRY_TEST_RUN"


class Run:
    """The processes of one pytest run (one, or a controller and its workers) agree through a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def begin(cls) -> "Run":
        """A new run, led by this process; workers started from now on find it in their environment."""
        folder = Path(tempfile.mkdtemp(prefix="registry-tests-"))
        folder.chmod(0o755)  # the server may run as another user
        (folder / "leader").write_text(str(os.getpid()))
        os.environ[VARIABLE] = str(folder)
        return cls(folder)

    @classmethod
    def join(cls) -> "Run":
        """The run that this worker belongs to."""
        return cls(Path(os.environ[VARIABLE]))

    def server(self, what: str) -> dict[str, str | int]:
        """Where the run's server `postgres` or `kafka` is; the first process that asks starts it.

        Raises RuntimeError with the reason when it cannot start.
        """
        told = self.folder / f"{what}.json"
        with (self.folder / f"{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not told.exists():
                self._start(what)
        about: dict[str, str | int] = json.loads(told.read_text())
        if "failed" in about:
            raise RuntimeError(f"{what} for the tests cannot start. {about['failed']}")
        return about

    def end(self) -> None:
        """Stop the servers and remove the folder. Only the leader does this."""
        keepers = [int(note.read_text()) for note in self.folder.glob("*.pid")]
        for pid in keepers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        waited(lambda: not any(Path(f"/proc/{pid}").exists() and not _reaped(pid) for pid in keepers), 15, every=0.02)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(VARIABLE, None)

    def _start(self, what: str) -> None:
        leader = (self.folder / "leader").read_text()
        with (self.folder / f"{what}.keeper.log").open("ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.harness.keeper", what, str(self.folder), leader],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / f"{what}.pid").write_text(str(keeper.pid))
        told = self.folder / f"{what}.json"
        ended = waited(lambda: told.exists() or keeper.poll() is not None, 180, every=0.02)
        if not ended:
            raise RuntimeError(f"{what} for the tests did not start within 180 s")
        if not told.exists():
            raise RuntimeError(
                f"{what} for the tests cannot start: {(self.folder / f'{what}.keeper.log').read_text()[-2000:]}"
            )


def _reaped(pid: int) -> bool:
    """Whether it has ended (and, when it was our child, has been collected)."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return False
