"""`python -m tests.chaos.broken`: build each broken build, run the tests that must catch it, say which did.

Exit codes: 0 every build was caught, 1 one survived (or the tests fail on the good build too), 2 a change does not
apply any more.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tests.chaos.broken.builds import BUILDS, Build

ROOT = Path(__file__).parents[3]
SERVICES = ("chassis", "registry", "review", "photo", "sync", "portal")
PACKAGES = ("contracts", "deploy/local", *(f"services/{name}" for name in SERVICES))
WITHIN = 400.0
_AT_ONCE = 2


class DoesNotApplyError(Exception):
    """The source has changed where a build breaks it."""


def copy(folder: Path) -> None:
    """The checkout as it stands, uncommitted changes too, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def break_it(folder: Path, build: Build) -> None:
    """Make the build's changes. Raises DoesNotApplyError."""
    for change in build.changes:
        file = folder / change.file
        source = file.read_text()
        if source.count(change.is_) != 1:
            raise DoesNotApplyError(
                f"{build.name}: {change.file} has changed; change tests/chaos/broken/builds.py too."
            )
        file.write_text(source.replace(change.is_, change.would_be))


async def failing(folder: Path, tests: Sequence[str]) -> Mapping[str, str]:
    """Those of the tests that fail in this copy, with what they say: the exception, then where it was raised.

    Raises RuntimeError with pytest's words when they did not all run: a build that cannot start proves nothing.
    """
    report = folder / "report.xml"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "STUDENT_REGISTRY_TEST_RUN"},
            "PYTHONPATH": os.pathsep.join(str(folder / each) for each in PACKAGES),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), WITHIN)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in (0, 1) or not report.exists():
        raise RuntimeError(said.decode()[-3000:])
    cases = list(ElementTree.parse(report).iter("testcase"))
    if len(cases) != len(tests) or any(case.find("error") is not None for case in cases):
        raise RuntimeError(said.decode()[-3000:])
    failed = {
        str(case.get("name")): f"{failure.get('message')}\n{failure.text}"
        for case in cases
        if (failure := case.find("failure")) is not None
    }
    return {test: failed[name] for test in tests if (name := test.rpartition("::")[2]) in failed}


def is_caught(said: str, assertion: str) -> bool:
    """Whether a test failed at that assertion of its own: who fails of anything else has not seen the mistake."""
    lines = [line.removeprefix(">").strip() for line in said.splitlines() if line.startswith(">")]
    return said.startswith(("AssertionError", "assert ")) and any(line.startswith(assertion) for line in lines)


async def tried(build: Build | None, tests: Mapping[str, str], turn: asyncio.Semaphore) -> bool:
    """Whether the copy shows what it must: a broken one fails as it should, the good one does not. It says so."""
    async with turn:
        with tempfile.TemporaryDirectory(prefix="broken-") as name:
            folder, began = Path(name), time.monotonic()
            await asyncio.to_thread(copy, folder)
            if build is not None:
                break_it(folder, build)
            found = await failing(folder, list(tests))
            took = f"{time.monotonic() - began:.0f} s"
    if build is None:
        print(
            f"the good build: {'every test holds' if not found else 'FAILS ' + ', '.join(found)} ({took})", flush=True
        )
        return not found
    caught = [test for test, said in found.items() if is_caught(said, tests[test])]
    print(f"{build.name}: {'caught by ' + ', '.join(caught) if caught else 'SURVIVED'} ({took})", flush=True)
    for test in found.keys() - set(caught):
        print(f"  {test} failed of something else:\n{found[test][-2000:]}", flush=True)
    return len(caught) == len(tests)


async def main() -> int:
    """Try the good build and every broken one. The exit code."""
    turn = asyncio.Semaphore(_AT_ONCE)
    every = {test: assertion for build in BUILDS for test, assertion in build.caught_by.items()}
    try:
        held = await asyncio.gather(
            tried(None, every, turn), *(tried(build, build.caught_by, turn) for build in BUILDS)
        )
    except DoesNotApplyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
