"""The children that decode."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.harness.eventually import eventually

_SERVICE = """
import asyncio, pathlib, sys
from photo.working import Workshop

async def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    found = await asyncio.gather(shop.standardise(data), shop.standardise(data))
    print(*(type(each).__name__ for each in found), flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    shop = Workshop(2)
    asyncio.run(main())
"""


async def test_children_end_with_a_service_that_is_killed(picture: Callable[..., bytes], tmp_path: Path) -> None:
    program, file = tmp_path / "service.py", tmp_path / "picture"
    program.write_text(_SERVICE)
    file.write_bytes(picture(1))
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(file), stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    assert (await service.stdout.readline()).split() == [b"Standard", b"Standard"]
    children = psutil.Process(service.pid).children(recursive=True)
    assert len(children) >= 3, children  # two that decode, and the server that forks them
    service.kill()
    await service.wait()
    await eventually(lambda: not any(each.is_running() for each in children), within=20)
