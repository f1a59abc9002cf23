"""`python -m registry` as whoever starts it has it."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("variable", "written", "said"),
    [
        ("REGISTRY_ENTRY_AGE", "six", "Input should be a valid integer, unable to parse string as an integer"),
        ("REGISTRY_PHOTO_REQUIRED", "perhaps", "Input should be a valid boolean, unable to interpret input"),
    ],
)
def test_a_switch_that_is_none_is_refused_with_its_name(variable: str, written: str, said: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "registry", "openapi"],
        env={**os.environ, variable: written},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == f"{variable} cannot be used: {said}.\n"
