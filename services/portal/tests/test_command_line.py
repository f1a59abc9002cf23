"""`python -m portal` as whoever starts it has it: what it is told, and what it refuses."""

import os
import subprocess
import sys

import pytest

ADDRESSES = {f"PORTAL_{service}": "http://127.0.0.1:9" for service in ("REGISTRY", "REVIEW", "PHOTO", "SYNC")}


def portal(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The program to its end; what starts to serve instead is an error after a while."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "SECRETS_DIR"))}
    return subprocess.run(
        [sys.executable, "-m", "portal", *words],
        env={**plain, **settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_says_what_it_is_and_which_settings_it_reads() -> None:
    told = portal("--help")
    assert (told.returncode, told.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert lines[0] == "Usage: python -m portal [OPTIONS]"
    assert "Serve the portal's pages until SIGTERM; the portal keeps no state" in told.stdout
    for setting in (
        "PORTAL_PORT 8000",
        "PORTAL_REGISTRY has to be set",
        "PORTAL_REVIEW has to be set",
        "PORTAL_PHOTO has to be set",
        "PORTAL_SYNC has to be set",
        "PORTAL_ORIGIN not set",
        "PORTAL_TRUSTED_PROXIES []",
        "PORTAL_ANSWER_WITHIN PT10S",
    ):
        assert setting in lines


@pytest.mark.parametrize("word", ["serve", "--port=80"])
def test_what_it_does_not_know_is_refused_and_nothing_is_served(word: str) -> None:
    told = portal(word, **ADDRESSES)
    assert (told.returncode, told.stdout) == (2, "")
    assert word.split("=")[0] in told.stderr


def test_what_is_not_set_is_named() -> None:
    told = portal(**{name: url for name, url in ADDRESSES.items() if name != "PORTAL_SYNC"})
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "PORTAL_SYNC is not set: set it in the environment or as a file in SECRETS_DIR.\n"
