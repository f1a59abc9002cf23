"""A disk that can lose its power: ext4 on a loop file whose journal the kernel writes only when it is asked to.

What a server has written and not synced lives in the kernel's memory, not in the file: a copy of the file, made while
every process of the server stands still, is what a power cut would have left. The copy then takes the file's place.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from tests.harness.eventually import waited

PREFIX: Final = "registry-power-"
_OPTIONS: Final = "loop,commit=300,noatime"
"""The journal is committed after five minutes, or when somebody syncs: nothing reaches the file by itself meanwhile."""

_BUSY_WITHIN: Final = 20.0


def why_not() -> str | None:
    """A sentence when this machine cannot cut the power of a disk, None when it can."""
    if os.geteuid() != 0:
        return "Power cuts need root, to mount a loop file; run the tests as root to have them."
    missing = [tool for tool in ("mkfs.ext4", "mount", "umount", "cp") if shutil.which(tool) is None]
    if missing:
        return f"Power cuts need {', '.join(missing)}; install e2fsprogs and mount."
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        try:
            with disk(Path(folder), megabytes=16):
                return None
        except subprocess.CalledProcessError as error:
            return f"Power cuts need loop devices and none can be mounted here: {error.stderr.decode()[-200:].strip()}"


class Disk:
    """A file with a file system, mounted while it has power."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        """`folder` gets the file and the mount's folder; the file is sparse."""
        self.root = folder / "disk"
        """What stands on the disk."""
        self._file = folder / "disk.img"
        self._cut = folder / "cut.img"
        self._megabytes = megabytes
        self._mounted = False

    def begin(self) -> Self:
        """The new, empty disk, mounted."""
        self.root.mkdir()
        with self._file.open("wb") as file:
            file.truncate(self._megabytes * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._file))
        self._mount()
        return self

    def sync(self) -> None:
        """Everything written until now is on the disk."""
        _run("sync", "-f", str(self.root))

    def copy(self) -> None:
        """Keep what has reached the disk. Nobody may write meanwhile."""
        _run("cp", "--sparse=always", str(self._file), str(self._cut))

    def lose(self) -> None:
        """Go on with the copy: what had not reached the disk is gone. Nobody may have a file open any more."""
        self._unmount()
        self._cut.replace(self._file)
        self._mount()

    def end(self) -> None:
        """Nothing is mounted any more, whatever happened before."""
        if self._mounted:
            with suppress(subprocess.CalledProcessError):
                _run("umount", "--lazy", str(self.root))
            self._mounted = False
        for file in (self._file, self._cut):
            file.unlink(missing_ok=True)

    def _mount(self) -> None:
        _run("mount", "-o", _OPTIONS, str(self._file), str(self.root))
        self._mounted = True
        self.root.chmod(0o755)

    def _unmount(self) -> None:
        """The kernel may hold the files of a process that is gone for a moment longer: the disk is busy so long."""

        def unmounted() -> bool:
            with suppress(subprocess.CalledProcessError):
                _run("umount", str(self.root))
                return True
            return False

        if not waited(unmounted, within=_BUSY_WITHIN):
            _run("umount", str(self.root))  # to be told why
        self._mounted = False


@contextmanager
def disk(folder: Path, megabytes: int = 1024) -> Iterator[Disk]:
    """A mounted disk, freed at the end whatever happened."""
    found = Disk(folder, megabytes)
    try:
        yield found.begin()
    finally:
        found.end()


@contextmanager
def powered(name: str) -> Iterator[Disk]:
    """A disk in a temporary folder of its own, after what killed runs left mounted is freed."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{name}-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    try:
        with disk(folder) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Free the disks of runs that were killed: their folders name a process that is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        pid = int(folder.name.removeprefix(PREFIX).split("-")[0])
        if Path(f"/proc/{pid}").exists():
            continue
        if (folder / "disk").is_mount():
            with suppress(subprocess.CalledProcessError):
                _run("umount", "--lazy", str(folder / "disk"))
        if not (folder / "disk").is_mount():
            shutil.rmtree(folder, ignore_errors=True)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
