"""The secrets of a local stack: in files and variables of whoever needs them, and nowhere else."""

import json
from pathlib import Path

import pytest

from contracts.topics import TOPICS
from local_stack.keys import write_keyrings
from local_stack.layout import Layout
from local_stack.plan import SERVICES, Choices, Plan
from local_stack.ports import free_port


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "stack")
    made.prepare()
    return made


async def test_no_secret_stands_among_the_arguments_of_a_program(layout: Layout) -> None:
    plan = Plan(layout, Choices(portal_port=free_port()))
    words = json.loads((layout.secrets / "passwords.json").read_text())
    secrets = {*words.values(), *json.loads((layout.secrets / "keys.json").read_text()).values()}
    programs = [
        program for unit in plan.units() if unit.name in (*SERVICES, "nation", "portal", "postgres")
        if (program := await unit.prepare()) is not None
    ]  # fmt: skip
    assert len(programs) == 7
    for program in programs:
        arguments = " ".join(program.command)
        assert not [each for each in secrets if each in arguments], program.name
        told = " ".join(program.environment.values())
        assert [name for name, word in words.items() if word in told] == [
            name for name in words if name == program.name and name != "postgres"
        ], "each is told its own password, and no other's"
    plan.postgres.tidy()


def test_files_of_secrets_are_their_owners_alone_and_hold_what_each_may_open(layout: Layout) -> None:
    files = write_keyrings(layout.secrets, list(SERVICES))
    kept = [each for each in layout.secrets.iterdir() if each.is_file()]
    assert {each.stat().st_mode & 0o777 for each in kept} == {0o600}
    assert layout.secrets.stat().st_mode & 0o777 == 0o700
    rings = {name: json.loads(files[name].read_text()) for name in (*SERVICES, "nation")}
    for name, ring in rings.items():
        may = {topic.name for topic in TOPICS if topic.sealed and name in (topic.writer, *topic.readers)}
        assert set(ring["wire"]) == may, name
    vaults = [ring["vault"]["keys"]["k1"] for name, ring in rings.items() if name != "nation"]
    assert len(set(vaults)) == len(SERVICES)
    assert [name for name, ring in rings.items() if "token_private" in ring] == ["registry"]
    assert [name for name, ring in rings.items() if "uniqueness" in ring.get("blind", {})] == ["registry"]
