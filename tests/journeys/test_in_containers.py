"""A county's server as `deploy/compose.yaml` starts it, and the main job through it.

Addresses, network and port are the file's own: on a machine where such a server runs already, this fails.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.harness.servers import form

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(form() != "containers", reason="needs a Docker engine; run by make test-containers"),
]
ROOT = Path(__file__).parents[2]
PROJECT = "student-registry-tried"
SERVICES = ("registry", "review", "photo", "sync")
FIRST = "/var/lib/registry/first.json"
PORTAL = "http://127.0.0.1:8480"


def compose(*words: str, within: float = 120) -> str:
    """What `docker compose` said on this project."""
    return docker(
        "compose", f"--project-name={PROJECT}", f"--file={ROOT / 'deploy/compose.yaml'}", *words, within=within
    )


def docker(*words: str, within: float = 120) -> str:
    """What `docker` said."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=within, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr[-3000:]}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def county_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`stack.json` of a new county's server with its province founded, as the file's head says."""
    folder = tmp_path_factory.mktemp("compose")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_PASSWORD", secrets.token_urlsafe(24))
        try:
            compose("up", "--build", "--wait", "--detach", within=1200)
            compose("exec", "-T", "registry", "python", "-m", "registry", "found-province", f"--accounts={FIRST}")
            (folder / "first.json").write_text(compose("exec", "-T", "registry", "cat", FIRST))
            about = {
                "services": {name: f"http://{address(name)}:8000" for name in SERVICES},
                "portal": PORTAL,
                "accounts": str(folder / "accounts.json"),
                "first_account": str(folder / "first.json"),
            }
            (folder / "stack.json").write_text(json.dumps(about))
            yield folder / "stack.json"
        finally:
            compose("down", "--volumes", "--timeout=60", within=300)


def address(service: str) -> str:
    """Where its container answers on the network between them; only the portal is published."""
    container = compose("ps", "--quiet", service)
    return docker("inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)


def sample(stack: Path, *words: str) -> str:
    """What `python -m sample …` said, which went well."""
    done = subprocess.run(
        [sys.executable, "-m", "sample", *words],
        env={**os.environ, "STACK_JSON": str(stack)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_the_main_job_adds_up(county_server: Path) -> None:
    assert "Founded: " in sample(county_server, "county")
    said = sample(county_server, "journey", "--pupils=20", "--seed=31")
    assert said.endswith("\nIt adds up.\n"), said
    told = [line.split() for line in said.splitlines()]
    for found in (["Rows", "read", "20"], ["drafted", "16"], ["Registered", "16"]):
        assert found in told, said


@pytest.mark.usefixtures("county_server")
def test_the_portal_is_published_and_nothing_had_to_be_started_again() -> None:
    with urlopen(f"{PORTAL}/sign-in", timeout=10) as page:
        assert page.status == 200
        assert "学籍" in page.read().decode()
    for container in compose("ps", "--quiet").split():
        assert docker("inspect", "--format={{.Name}} {{.RestartCount}}", container).endswith(" 0")
