"""The gate lets contracts grow and nothing else."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contracts import gate
from contracts.__main__ import complaints
from contracts.registry import RequestSubmitted, StudentChanged

ROOT = Path(__file__).parents[2] / "contracts"
EXAMPLES = sorted((ROOT / "examples").glob("*/*.json"))
STUDENT, MOVED = "registry.student.v1.StudentChanged.json", "registry.student.v1.StudentMoved.json"


def request_schema() -> dict[str, Any]:
    return gate.schema_of(RequestSubmitted)


def test_the_committed_contracts_pass_the_gate() -> None:
    assert complaints(ROOT) == []


def released(root: Path, name: str) -> dict[str, Any]:
    """The schema that readers of the last release have; today's of an event that is in no release yet."""
    file = root / "schemas" / "released" / name
    if not file.exists():
        file = root / "schemas" / name
    assert file.exists(), f"{name} has no schema: run make contracts."
    schema: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return schema


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_recorded_example_is_read_today_and_fits_the_released_schema(path: Path) -> None:
    assert path.name in gate.events(), f"{path.name} is of an event that is gone; keep the event, for it was spoken."
    assert gate.unreadable(gate.events()[path.name], path.read_bytes()) is None
    jsonschema_rs.validator_for(released(ROOT, path.name)).validate(json.loads(path.read_text("utf-8")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The contracts on disk, to be spoiled."""
    for folder in ("schemas", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_an_event_that_is_in_no_release_yet_passes_and_its_examples_are_held_to_todays_schema(root: Path) -> None:
    (root / "schemas" / "released" / STUDENT).unlink()
    assert complaints(root) == []
    assert released(root, STUDENT) == gate.schema_of(StudentChanged)
    (root / "schemas" / STUDENT).unlink()
    assert complaints(root) == [f"schemas/{STUDENT} is not today's: run make contracts."]
    with pytest.raises(AssertionError, match=f"{STUDENT} has no schema: run make contracts."):
        released(root, STUDENT)


def test_an_event_without_an_example_and_an_example_without_an_event_fail_with_a_sentence(root: Path) -> None:
    path = root / "examples" / "2026-11" / STUDENT
    path.rename(path.with_name(MOVED))
    assert complaints(root) == [
        f"StudentChanged has no recorded example in examples/*/{STUDENT}.",
        f"examples/2026-11/{MOVED} is of an event that is gone; keep the event, for it was once spoken.",
    ]


def test_every_field_stands_in_an_example_inner_ones_too(root: Path) -> None:
    old = root / "examples" / "2026-11" / STUDENT
    said = json.loads(old.read_text("utf-8"))
    whole = json.dumps(said)
    del said["campus_id"], said["match"]["document"]
    old.write_text(json.dumps(said))
    assert complaints(root) == [
        f"StudentChanged.{field} stands in no recorded example: "
        "record one that names it, under the month in which it is first spoken."
        for field in ("campus_id", "match.document")
    ]
    new = root / "examples" / "2026-12" / STUDENT
    new.parent.mkdir()
    new.write_text(whole)  # any one of them will do: those of earlier months stay as they are
    assert complaints(root) == []


@pytest.mark.parametrize("numbers", [[], None])
def test_what_stands_in_a_list_is_looked_for_in_its_elements(numbers: list[object] | None) -> None:
    schema = {
        "properties": {
            "numbers": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Number"}}, {"type": "null"}]}
        },
        "$defs": {"Number": {"properties": {"kind": {"type": "string"}, "value": {"type": "string"}}}},
    }
    assert [said.split(" stands")[0] for said in gate.unspoken("Pupil", schema, [{"numbers": numbers}])] == [
        "Pupil.numbers[].kind",
        "Pupil.numbers[].value",
    ]
    assert gate.unspoken("Pupil", schema, [{"numbers": [{"kind": "a"}]}, {"numbers": [{"value": "b"}]}]) == []


def test_a_removed_field_fails_with_a_sentence() -> None:
    today = deepcopy(request_schema())
    del today["properties"]["content_hash"]
    assert gate.broken("RequestSubmitted", request_schema(), today) == [
        "RequestSubmitted.content_hash was removed: keep it, readers of the last release need it."
    ]


def test_a_retyped_field_fails_with_a_sentence() -> None:
    today = deepcopy(request_schema())
    today["properties"]["submission_number"] = {"type": "string"}
    assert gate.broken("RequestSubmitted", request_schema(), today) == [
        "RequestSubmitted.submission_number was integer and is now string: give it a new name, or speak on a new topic."
    ]


def test_a_newly_required_field_fails_with_a_sentence() -> None:
    today = deepcopy(request_schema())
    today["properties"]["room"] = {"type": "string"}
    today["required"] = [*today["required"], "room"]
    assert gate.broken("RequestSubmitted", request_schema(), today) == [
        "RequestSubmitted.room is now required: give it a default, events already spoken lack it."
    ]


def test_a_lost_enum_value_fails_with_a_sentence() -> None:
    today = deepcopy(request_schema())
    today["$defs"]["Stage"]["enum"].remove("senior")
    assert gate.broken("RequestSubmitted", request_schema(), today) == [
        "RequestSubmitted.stage no longer knows senior: old events still say it."
    ]


def test_a_new_field_with_a_default_passes() -> None:
    today = deepcopy(request_schema())
    today["properties"]["room"] = {"type": "string", "default": ""}
    assert gate.broken("RequestSubmitted", request_schema(), today) == []


def test_a_reader_ignores_a_field_of_tomorrow_and_a_writer_may_not_invent_one() -> None:
    name = "registry.request.v1.WithdrawalAsked.json"
    body = json.loads((ROOT / "examples" / "2026-11" / name).read_text("utf-8"))
    event = gate.events()[name]
    assert gate.unreadable(event, json.dumps({**body, "mood": "good"}).encode()) is None
    with pytest.raises(ValueError, match="mood"):
        event.model_validate({**body, "mood": "good"})


def test_an_unreadable_example_is_reported_by_the_name_of_its_event() -> None:
    why = gate.unreadable(RequestSubmitted, b'{"kind": "enrolment"}')
    assert why is not None
    assert why.startswith("RequestSubmitted: an event that was once spoken is no longer read")
