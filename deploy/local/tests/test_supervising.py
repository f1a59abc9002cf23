"""A program that dies is begun again, and what only its next start is told is told once."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from local_stack.layout import Layout, write_json
from local_stack.plan import Choices, Plan
from local_stack.ports import free_port
from local_stack.process import Program
from local_stack.supervisor import STEADY_AFTER, Supervisor, Unit
from tests.harness.eventually import eventually


@asynccontextmanager
async def supervised(*words: str, log: Path) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    """A program under supervision, and what was told of it."""
    told: list[str] = []

    async def prepare() -> Program:
        return Program("program", [sys.executable, "-c", *words], log)

    supervisor = Supervisor([Unit("program", prepare)], told=lambda _, what: told.append(what))
    await supervisor.start()
    try:
        yield supervisor, told
    finally:
        await supervisor.stop()


def another_than(supervisor: Supervisor, pid: int) -> Callable[[], int | None]:
    def running() -> int | None:
        now = supervisor.pids().get("program")
        return now if now != pid else None

    return running


def is_past(moment: float) -> bool:
    return time.monotonic() > moment


async def test_what_is_killed_now_and_then_comes_back_at_once_each_time(tmp_path: Path) -> None:
    async with supervised("import time; time.sleep(100)", log=tmp_path / "log") as (supervisor, told):
        for _ in range(3):
            pid = supervisor.pids()["program"]
            steady_at = time.monotonic() + STEADY_AFTER
            await eventually(partial(is_past, steady_at + 0.2))
            os.kill(pid, signal.SIGKILL)
            await eventually(another_than(supervisor, pid), within=30)

    assert [each for each in told if each.startswith("ended")] == ["ended with -9; starting again in 0.0 s"] * 3


async def test_what_ends_again_and_again_is_tried_less_and_less_often(tmp_path: Path) -> None:
    async with supervised("pass", log=tmp_path / "log") as (_, told):

        def pauses() -> list[str]:
            return [each.split()[-2] for each in told if each.startswith("ended")]

        await eventually(lambda: len(pauses()) >= 4, within=60)

    assert pauses()[:4] == ["0.0", "0.2", "0.4", "0.8"]


async def test_only_the_next_start_is_told(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    plan = Plan(layout, Choices(portal_port=free_port()))
    portal = next(unit for unit in plan.units() if unit.name == "portal")
    place = layout.next_start("portal")
    place.parent.mkdir()
    write_json(place, {"CRASH_AT": "cmd.before_commit"})

    first, second = await portal.prepare(), await portal.prepare()

    assert first is not None
    assert second is not None
    assert first.environment["CRASH_AT"] == "cmd.before_commit"
    assert "CRASH_AT" not in second.environment
