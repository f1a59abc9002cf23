"""The children that decode."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.harness.eventually import eventually

_SERVICE = """
import asyncio, pathlib, psutil, sys
from photo.working import Workshop

async def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    found = await asyncio.gather(shop.standardise(data), shop.standardise(data))
    print(*(type(each).__name__ for each in found), flush=True)
    if "close" in sys.argv:
        shop.close()
        print(sum(each.status() != psutil.STATUS_ZOMBIE for each in decoding()))
        return
    await asyncio.Event().wait()

def decoding():
    server, = (each for each in psutil.Process().children() if "forkserver" in " ".join(each.cmdline()))
    return server.children()

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


async def test_a_service_that_closes_has_no_children_left_and_ends_without_a_word(
    picture: Callable[..., bytes], tmp_path: Path
) -> None:
    program, file = tmp_path / "service.py", tmp_path / "picture"
    program.write_text(_SERVICE)
    file.write_bytes(picture(1))
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(file), "close",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await service.communicate()
    assert (said.split(), complained, service.returncode) == ([b"Standard", b"Standard", b"0"], b"", 0)
