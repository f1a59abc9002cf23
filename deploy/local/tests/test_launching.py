"""The launcher as the person at the keyboard has it: what it refuses, what a kill left half made, a second Ctrl-C."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from local_stack import launcher
from local_stack.layout import read_json
from tests.harness.eventually import waited
from tests.harness.whole import temporary_folder

UP = [sys.executable, "-m", "local_stack", "up", "--no-journey"]
pytestmark = pytest.mark.timeout(300)


class Launched:
    """A launcher with PostgreSQL and Kafka alone, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = folder.parent / f"{folder.name}.said"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*UP, f"--folder={self.folder}", "--servers-only"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self.process

    def ready(self) -> dict[str, int]:
        """The servers' processes by name, once both answer."""
        process = self.start()
        waited(lambda: read_json(self.folder / "stack.json").get("ready") or process.poll() is not None, 120)
        assert process.poll() is None, self.said.read_text()
        found: dict[str, int] = read_json(self.folder / "stack.json")["processes"]
        return found

    def stop(self) -> tuple[int, str]:
        """Ctrl-C: the exit status, and everything that it said."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20), self.said.read_text()


@pytest.fixture
def launched() -> Iterator[Launched]:
    folder = temporary_folder("launching")
    found = Launched(folder / "stack")
    yield found
    if found.process is not None:
        found.process.kill()
        found.process.wait()
    waited(lambda: not at_work(folder), 20)
    shutil.rmtree(folder, ignore_errors=True)


def at_work(folder: Path) -> list[int]:
    """The processes that name the folder, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder)):
                found.append(process.pid)
    return found


def pressed_again(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; one that has not is told once more."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        return False
    return True


def refused(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*UP, *words], capture_output=True, text=True, timeout=60, check=False)


def test_a_port_that_somebody_has_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        no = refused(f"--folder={tmp_path}/stack", f"--portal-port={port}")
    assert (no.returncode, no.stdout) == (1, "")
    assert no.stderr == (
        f"Port {port} is in use by another program: "
        f"stop that, or choose another with `make run PORTAL_PORT={port + 1}`.\n"
    )
    assert not (tmp_path / "stack" / "postgres").exists()
    assert not (tmp_path / "stack" / "stack.json").exists()


def test_a_second_stack_on_one_folder_is_refused_and_the_first_goes_on(launched: Launched) -> None:
    before = launched.ready()
    assert launched.process is not None
    no = refused(f"--folder={launched.folder}", "--servers-only")
    assert (no.returncode, no.stdout) == (1, "")
    assert no.stderr == (
        f"Another stack (process {launched.process.pid}) runs on {launched.folder}: stop it with Ctrl-C there first.\n"
    )
    assert read_json(launched.folder / "stack.json")["processes"] == before
    code, said = launched.stop()
    assert code == 0
    assert "Stopped in" in said


def test_what_a_kill_left_half_made_is_made_again(launched: Launched) -> None:
    """Killed while PostgreSQL's and Kafka's folders are made: neither has its real name before it is whole."""
    postgres, kafka = launched.folder / "postgres", launched.folder / "kafka"

    def half_made() -> list[Path]:
        return [*postgres.glob("data.initialising-*/PG_VERSION"), *kafka.glob("data.formatting")]

    process = launched.start()
    assert waited(half_made, 60, every=0.001)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert waited(lambda: not at_work(launched.folder), 20)
    # initdb, asked to end by the kernel, may have tidied up behind itself; a power cut leaves both as they were.
    for folder in (postgres / "data.initialising-1", kafka / "data.formatting"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "PG_VERSION").write_text("1")

    assert set(launched.ready()) == {"postgres", "kafka"}
    assert list(postgres.glob("data.*")) == []
    assert list(kafka.glob("data.*")) == []
    assert (postgres / "data" / "PG_VERSION").read_text() == "18\n"
    assert not (kafka / "data" / "PG_VERSION").exists()
    assert launched.stop()[0] == 0


def test_ctrl_c_a_second_time_ends_everything_at_once_and_the_next_start_recovers(launched: Launched) -> None:
    processes = launched.ready()
    assert launched.process is not None
    for pid in processes.values():
        os.kill(pid, signal.SIGSTOP)  # they cannot stop by themselves: the launcher would wait for eight seconds
    began = time.monotonic()
    launched.process.send_signal(signal.SIGINT)
    assert waited(lambda: time.monotonic() - began > launcher.INSISTED_AFTER, 5)
    assert launched.process.poll() is None
    # Heard late on a busy machine, the first is followed too soon by one other; who sees nothing happen presses again.
    process = launched.process
    assert waited(lambda: pressed_again(process), 20, every=launcher.INSISTED_AFTER)
    assert time.monotonic() - began < 7
    assert launched.process.returncode == 130
    assert launched.said.read_text().endswith(
        "Ended at once, as you asked; the next start recovers what the servers had open.\n"
    )
    assert waited(lambda: not at_work(launched.folder), 5)
    assert not (launched.folder / "stack.json").exists()

    assert set(launched.ready()) == {"postgres", "kafka"}
    assert launched.stop()[0] == 0


async def test_one_ctrl_c_handed_on_twice_is_one_and_sigterm_never_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, loop = launcher.Asked(), asyncio.get_running_loop()
    try:
        monkeypatch.setattr(launcher, "INSISTED_AFTER", 3600)
        for _ in range(2):
            await heard(signal.SIGINT)
        assert (asked.event.is_set(), asked.insisted.is_set()) == (True, False)
        monkeypatch.setattr(launcher, "INSISTED_AFTER", 0)
        await heard(signal.SIGTERM)
        assert not asked.insisted.is_set()
        await heard(signal.SIGINT)
        assert asked.insisted.is_set()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def heard(number: signal.Signals) -> None:
    """Send this process the signal, and let its loop hear of it."""
    os.kill(os.getpid(), number)
    for _ in range(3):
        await asyncio.wait({asyncio.ensure_future(asyncio.to_thread(int))})
