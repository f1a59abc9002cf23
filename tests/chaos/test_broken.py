"""Tests that cannot fail prove nothing: three broken builds, and each is caught."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.broken.__main__ import ROOT, DoesNotApplyError, break_it, is_caught
from tests.chaos.broken.builds import BUILDS, Build, Change


@pytest.mark.part("Deliberately broken builds, each caught", len(BUILDS))
@pytest.mark.timeout(900)
async def test_every_broken_build_is_caught_and_the_good_one_is_not() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.broken", cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = said.decode()
    assert process.returncode == 0, text
    assert text.count("caught by") == len(BUILDS) == 3
    assert "the good build: every test holds" in text


def test_a_change_that_does_not_apply_is_no_broken_build(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("a = 1\n")
    break_it(tmp_path, Build("fits", [Change("file.py", "a = 1", "a = 2")], {}))
    assert (tmp_path / "file.py").read_text() == "a = 2\n"
    with pytest.raises(DoesNotApplyError, match=r"file\.py has changed"):
        break_it(tmp_path, Build("fits no more", [Change("file.py", "a = 1", "a = 2")], {}))


IN_THE_TEST = """\
    async def test_of_effects():
        await died(child)
>       assert effects == [1, 2, 3]
E       AssertionError: assert [1, 2] == [1, 2, 3]
"""


@pytest.mark.parametrize(
    ("said", "caught"),
    [
        (f"AssertionError: assert [1, 2] == [1, 2, 3]\n{IN_THE_TEST}", True),
        (f"assert [1, 2] == [1, 2, 3]\n{IN_THE_TEST}", True),
        (f"TimeoutError\n{IN_THE_TEST}", False),
        (f"TypeError: tuple is no int\n{IN_THE_TEST}", False),
        (
            "AssertionError: the child ended with 1\n>       await died(child)\n        assert effects == [1, 2, 3]",
            False,
        ),
    ],
)
def test_who_fails_of_something_else_has_caught_nothing(said: str, *, caught: bool) -> None:
    assert is_caught(said, "assert effects == [1, 2, 3]") is caught
