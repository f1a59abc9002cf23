"""A power cut: every process of a server stands still, the disk is kept as it is, and all of them are gone."""

import asyncio
import signal
from contextlib import suppress

import psutil

from local_stack.process import Running
from tests.chaos.power.disk import Disk
from tests.harness.eventually import eventually

STILL_WITHIN = 30.0
_GONE_WITHIN = 30.0


async def cut(disk: Disk, running: Running) -> None:
    """Take the power from a server and its disk; the disk is mounted again as the cut left it.

    Raises AssertionError when its processes do not stand still: one in the middle of a sync stops after it.
    """
    processes = await eventually(lambda: _still(running.pid), within=STILL_WITHIN, every=0.005)
    await asyncio.to_thread(disk.copy)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    await running.process.wait()
    await eventually(lambda: not any(map(_is_there, processes)), within=_GONE_WITHIN, every=0.005)
    await asyncio.to_thread(disk.lose)


def _still(pid: int) -> list[psutil.Process]:
    """The process and all its descendants once each stands still; empty while one moves, which is then told to stop.

    Parents come first, so that no new one is born.
    """
    leader = psutil.Process(pid)
    family = [leader, *leader.children(recursive=True)]
    moving = []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            if process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                moving.append(process)
    for process in moving:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    return [] if moving else family


def _is_there(process: psutil.Process) -> bool:
    """Whether it can still hold a file: who waits to be collected holds none."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
