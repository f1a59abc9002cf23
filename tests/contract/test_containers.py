"""The form in containers, as its files say it: a check at rest costs little, and servers have time to stop."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
FILE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
COMPOSE: dict[str, dict[str, Any]] = FILE["services"]
LASTING = sorted(name for name, service in COMPOSE.items() if service["restart"] == "unless-stopped")


def seconds(written: str) -> float:
    assert written.endswith("s"), written
    return float(written.removesuffix("s"))


def test_only_the_preparation_ends() -> None:
    assert COMPOSE.keys() - set(LASTING) == {"prepare"}
    assert len(LASTING) == 8


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_looked_at_often_while_it_starts_and_seldom_at_rest(name: str) -> None:
    check = COMPOSE[name]["healthcheck"]
    assert seconds(check["start_interval"]) <= 3
    assert seconds(check["start_period"]) >= 120
    assert seconds(check["interval"]) >= 30
    assert seconds(check["interval"]) * check["retries"] <= 120, "who is not well is called so within two minutes"


@pytest.mark.parametrize("name", ["postgres", "kafka"])
def test_servers_have_time_to_write_what_is_in_memory(name: str) -> None:
    assert seconds(COMPOSE[name]["stop_grace_period"]) >= 60


@pytest.mark.parametrize("name", sorted(set(LASTING) - {"postgres", "kafka"}))
def test_a_program_that_is_killed_is_begun_again_from_memory(name: str) -> None:
    assert COMPOSE[name]["environment"][f"{name.upper()}_REVIVED"] == "true"


def test_a_browsers_address_is_told_on_from_the_proxy_to_registry() -> None:
    """The portal is published on this server alone, so its peers come by the gateway; registry's is the portal."""
    [network] = FILE["networks"]["default"]["ipam"]["config"]
    portal = COMPOSE["portal"]
    assert [each.split(":")[0] for each in portal["ports"]] == ["127.0.0.1"]
    assert json.loads(portal["environment"]["PORTAL_TRUSTED_PROXIES"]) == [network["gateway"]]
    its_own = portal["networks"]["default"]["ipv4_address"]
    assert json.loads(COMPOSE["registry"]["environment"]["REGISTRY_TRUSTED_PROXIES"]) == [its_own]


def sources(name: str) -> set[str]:
    return {each.split(":")[0] for each in COMPOSE[name].get("volumes", [])}


@pytest.mark.parametrize("name", sorted(set(LASTING) - {"postgres", "kafka", "portal"}))
def test_a_program_reaches_its_own_secrets_and_data_and_no_others(name: str) -> None:
    """Pictures and sheets of strangers are opened there: who breaks into one service has not broken into all."""
    assert COMPOSE[name]["volumes"] == [f"{name}-secrets:/run/secrets:ro", f"{name}-data:/var/lib/registry"]
    told = COMPOSE[name]["environment"]
    assert told["SECRETS_DIR"] == "/run/secrets"
    assert {told[each].rpartition("/")[0] for each in told if each.endswith("KEYS")} == {"/run/secrets"}
    assert told[f"{name.upper()}_DATA"] == "/var/lib/registry"
    assert not [each for each in told if each.endswith("_DATABASE")], "its address holds a password"


def test_the_keys_of_all_and_the_servers_password_are_the_preparations_alone() -> None:
    assert sources("portal") == set()
    assert [name for name in COMPOSE if "keys" in sources(name)] == ["prepare"]
    owners = {name for name in COMPOSE if name not in ("prepare", "postgres", "kafka", "portal")}
    assert sources("prepare") == {"keys", *(f"{name}-secrets" for name in owners)}
    assert [name for name in COMPOSE if "DATABASE_PASSWORD" in str(COMPOSE[name])] == ["postgres", "prepare"]
    assert set(FILE["volumes"]) == set().union(*map(sources, COMPOSE))


def test_what_the_image_copies_is_let_through_to_its_build() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY ")}
    let_through = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert copied == {line.removeprefix("!") for line in let_through if line.startswith("!")}
