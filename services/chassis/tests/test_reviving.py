"""A process that is killed is begun again by its keeper; one that ends by itself, or is told to stop, is not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.harness.eventually import eventually

TELLS = """
import os, random, signal, sys, time
from chassis import crash
from chassis.ids import new_id
from chassis.reviving import ended
from chassis.telemetry.logs import configure_logs

def work() -> int:
    print("born", os.getpid(), new_id(), random.random(), flush=True)
    WORK

configure_logs("kept")
ended(work, is_revived=True)
"""
WAITS = "signal.pause()"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def start(said: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def starting(work: str, **environment: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", TELLS.replace("WORK", work)]
        with said.open("ab") as out:
            started.append(subprocess.Popen(words, stdout=out, stderr=out, env={**os.environ, **environment}))
        return started[-1]

    yield starting
    for each in started:
        each.kill()
        each.wait()


def births(said: Path) -> list[list[str]]:
    return [line.split() for line in said.read_text().splitlines() if line.startswith("born ")]


def lines(said: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.read_text().splitlines() if line.startswith("{")]


async def born(said: Path, times: int) -> list[int]:
    """Who was born, once there are so many."""
    await eventually(lambda: len(births(said)) >= times, within=60)
    return [int(words[1]) for words in births(said)]


async def ended_with(process: subprocess.Popen[bytes]) -> int:
    await eventually(lambda: process.poll() is not None, within=30)
    return process.returncode


async def test_whoever_is_killed_is_born_again_and_shares_no_chance_with_the_one_before(
    start: Start, said: Path
) -> None:
    keeper = start(WAITS)
    os.kill((await born(said, 1))[-1], signal.SIGKILL)
    os.kill((await born(said, 2))[-1], signal.SIGSEGV)
    people = await born(said, 3)
    assert len({keeper.pid, *people}) == 4
    # Ids and chance are each child's own: a fork that had begun to count would count the same numbers again.
    assert len({words[2] for words in births(said)}) == len({words[3] for words in births(said)}) == 3
    assert psutil.Process(people[-1]).ppid() == keeper.pid
    assert psutil.Process(keeper.pid).num_threads() == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_stop_is_handed_on_and_nobody_is_born_after_it(
    start: Start, said: Path, number: signal.Signals
) -> None:
    keeper = start(WAITS)
    (child,) = await born(said, 1)
    keeper.send_signal(number)
    assert await ended_with(keeper) == 1
    assert not psutil.pid_exists(child)
    assert len(births(said)) == 1


async def test_what_ends_by_itself_gives_its_code(start: Start, said: Path) -> None:
    assert await ended_with(start("return 7")) == 7
    assert await ended_with(start("raise ValueError")) == 1
    assert len(births(said)) == 2


async def test_a_child_does_not_outlive_its_keeper(start: Start, said: Path) -> None:
    keeper = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()")
    (child,) = await born(said, 1)
    keeper.kill()
    keeper.wait()

    def is_gone() -> bool:
        with suppress(psutil.NoSuchProcess):
            return bool(psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
        return True

    await eventually(is_gone, within=10)


async def test_a_crash_point_is_for_the_first_child_only(start: Start, said: Path) -> None:
    keeper = start("crash.point('cmd.before_commit'); signal.pause()", CRASH_AT="cmd.before_commit")
    people = await born(said, 2)
    assert [line["event"] for line in lines(said)] == ["crash.point", "process.killed"]
    assert psutil.Process(people[1]).ppid() == keeper.pid
    assert psutil.Process(people[1]).status() != psutil.STATUS_ZOMBIE
    assert len(births(said)) == 2


async def test_who_dies_at_once_again_and_again_is_tried_less_often(start: Start, said: Path) -> None:
    start("os.kill(os.getpid(), signal.SIGKILL)")
    await born(said, 4)
    told = lines(said)
    assert {(line["event"], line["signal"], line["process"]) for line in told} == {("process.killed", 9, "kept")}
    assert [line["again_in"] for line in told[:3]] == [0.1, 0.2, 0.4]
