"""Templates are kept in one form."""

import subprocess
import sys
from pathlib import Path

PORTAL = Path(__file__).parents[1]


def test_templates_are_clean_and_formatted() -> None:
    for wish in ("--lint", "--check"):
        done = subprocess.run(
            [sys.executable, "-m", "djlint", "portal/templates", wish], cwd=PORTAL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_no_file_of_the_browsers_is_longer_than_400_lines() -> None:
    files = [*(PORTAL / "portal/templates").rglob("*.html"), *(PORTAL / "portal/static").rglob("*.*")]
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 400] == []
