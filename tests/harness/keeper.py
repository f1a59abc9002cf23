"""Keeps one server for one test run, shared by its processes, and ends with it even when it is killed.

`python -m tests.harness.keeper postgres|kafka FOLDER PID`: starts the server, writes `FOLDER/<what>.json`, stops
when the process PID is gone or on SIGTERM.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.harness.servers import server


async def keep(what: str, folder: Path, watched: int) -> None:
    """Run the server until the watched process ends or SIGTERM comes."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    watch = os.pidfd_open(watched)
    loop.add_reader(watch, end.set)
    place = folder / f"{what}-data"
    kept = server(what, place)
    try:
        about = await kept.start()
    except Exception as error:  # noqa: BLE001 - told to the test that asked
        _say(folder / f"{what}.json", {"failed": f"{type(error).__name__}: {error}"})
        await kept.stop()
        return
    _say(folder / f"{what}.json", about)
    await end.wait()
    await kept.stop()
    shutil.rmtree(place, ignore_errors=True)


def _say(file: Path, about: dict[str, str | int]) -> None:
    growing = file.with_suffix(".growing")
    growing.write_text(json.dumps(about))
    growing.rename(file)


if __name__ == "__main__":
    asyncio.run(keep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
