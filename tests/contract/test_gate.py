"""The gate lets contracts grow and nothing else."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contracts import gate
from contracts.__main__ import complaints
from contracts.registry import RequestSubmitted

ROOT = Path(__file__).parents[2] / "contracts"
EXAMPLES = sorted((ROOT / "examples").glob("*/*.json"))


def request_schema() -> dict[str, Any]:
    return gate.schema_of(RequestSubmitted)


def test_the_committed_contracts_pass_the_gate() -> None:
    assert complaints(ROOT) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_recorded_example_is_read_today_and_fits_the_released_schema(path: Path) -> None:
    assert gate.unreadable(gate.events()[path.name], path.read_bytes()) is None
    schema = json.loads((ROOT / "schemas" / "released" / path.name).read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(json.loads(path.read_text("utf-8")))


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
