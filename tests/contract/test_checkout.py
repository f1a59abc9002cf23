"""What the checkout holds as files: nobody's number, no secret, and what is installed with the hash it must have."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from contracts.values import born_on, check_digit

ROOT = Path(__file__).parents[2]
PLACES = ("contracts", "services", "deploy", "tests", ".ci")
NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[GLgl]?(\d{17}[\dXx])(?![0-9A-Za-z])")
NOWHERE: Final = ("9999", "3499")
"""Regions that GB/T 2260 never assigned: whoever bears such a number is nobody."""
PUBLISHED: Final = {"34052419800101001X", "11010519491231002X"}
"""The examples that GB 11643 itself prints."""
SECRET: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\"d\": ?\"[\w-]{20,}"
    r"|\w+://[^:/@\s$\"'{}<>()\[\]…]+:[^:/@\s$\"'{}<>()\[\]*…]{6,}@"
)
"""A private key in two writings, keys of two clouds, an address with a password that is no variable."""
INVENTED: Final = "postgresql+asyncpg://registry:secret@db/registry"
"""What a test of the log's mask says."""


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every text of ours."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for place in PLACES for path in (ROOT / place).rglob("*") if path.is_file()]
    for path in files:
        if "__pycache__" in path.parts:
            continue
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def persons(text: str) -> set[str]:
    """Valid citizen IDs that could be somebody's."""
    found = {each.upper() for each in NUMBER.findall(text)} - PUBLISHED
    return {each for each in found if born_on(each) is not None and not each.startswith(NOWHERE)}


def secrets(text: str) -> list[str]:
    """What nobody may read."""
    return [found.group() for found in SECRET.finditer(text.replace(INVENTED, ""))]


def test_no_text_of_the_checkout_holds_a_persons_number_or_a_secret() -> None:
    read = dict(texts())
    assert len(read) > 800
    assert {path: len(persons(text)) for path, text in read.items() if persons(text)} == {}
    assert [path for path, text in read.items() if secrets(text)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        '{"crv": "Ed25519", "' + 'd": "' + "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" + '"}',
        "postgresql://registry:" + "Tr0ub4dor@db/registry",
        "AKIA" + "IOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_is_seen(planted: str) -> None:
    assert secrets(f"x = {planted}") != []


def test_a_persons_number_is_seen() -> None:
    of_a_county, of_nowhere = (f"{each}{check_digit(each)}" for each in ("34012120200315011", "99999920200315011"))
    assert persons(f'"G{of_a_county}", "{of_nowhere}"') == {of_a_county}


def test_whatever_is_installed_has_the_hash_that_the_lock_says() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    asked = re.split(r"\n(?=[a-z0-9])", "\n" + re.sub(r"(?m)^ *#.*\n", "", lock).strip())[1:]
    assert len(asked) > 100
    assert [
        each.split()[0]
        for each in asked
        if not re.fullmatch(r"\S+==\S+( ;.*)?( \\\n +--hash=sha256:[0-9a-f]{64})+", each)
    ] == []
    assert "uv pip sync --system --require-hashes" in (ROOT / "deploy/Dockerfile").read_text("utf-8")
    assert "--verify-hashes" in (ROOT / "deploy/setup").read_text("utf-8")


def test_the_linter_asks_the_rules_of_security() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [each for each in lint["ignore"] if re.fullmatch(r"S\d*", each)] == ["S101"], "assert narrows types"
    ignored = {where for where, rules in lint["per-file-ignores"].items() if "S" in rules}
    assert ignored == {"**/tests/**", "tests/**"}
