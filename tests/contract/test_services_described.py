"""What each service says, hears and answers, held against the contracts: read from the services as they are wired."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from chassis.http.permission import permissions
from chassis.running.describing import asyncapi_text, openapi
from chassis.service import Service
from chassis.settings import ProcessSettings
from contracts import topics
from contracts.topics import Kind, Topic

ROOT = Path(__file__).parents[2]
NAMES = ("registry", "review", "photo", "sync")


@pytest.fixture(scope="module", params=NAMES)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = importlib.import_module(f"{request.param}.main").service
    return found


def test_what_a_service_says_and_hears_is_published_as_it_is_today(service: Service) -> None:
    path = ROOT / "contracts" / "asyncapi" / f"{service.name}.yaml"
    assert path.read_text("utf-8") == asyncapi_text(service), (
        f"run python -m {service.name} asyncapi --out {path.relative_to(ROOT)}"
    )


def faults(document: Any) -> list[str]:
    """Where the document is not AsyncAPI 3, by the schema of those who define that."""
    schema = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text("utf-8"))
    return [
        "/".join(map(str, fault.instance_path)) for fault in jsonschema_rs.validator_for(schema).iter_errors(document)
    ]


def test_what_is_published_is_asyncapi(service: Service) -> None:
    document = yaml.safe_load((ROOT / "contracts" / "asyncapi" / f"{service.name}.yaml").read_text("utf-8"))
    assert faults(document) == []


def test_what_is_not_asyncapi_is_seen() -> None:
    document = yaml.safe_load((ROOT / "contracts" / "asyncapi" / "review.yaml").read_text("utf-8"))
    channel, operation = document["channels"]["review.decision.v1"], next(iter(document["operations"]))
    channel["adress"] = channel.pop("address")
    document["operations"][operation]["action"] = "say"
    assert sorted(faults(document)) == ["channels/review.decision.v1", f"operations/{operation}"]


def test_every_reference_of_what_is_published_leads_somewhere(service: Service) -> None:
    folder = ROOT / "contracts" / "asyncapi"
    document = yaml.safe_load((folder / f"{service.name}.yaml").read_text("utf-8"))
    for reference in references(document):
        if reference.startswith("#/"):
            found: Any = document
            for step in reference[2:].split("/"):
                found = found[step]
        else:
            assert (folder / reference).is_file(), reference


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_a_service_hears_every_topic_that_lists_it_and_no_other(service: Service) -> None:
    listed = {topic.name for topic in topics.TOPICS if service.name in topic.readers}
    assert {topic.name for topic in service.subscribers.topics} == listed


def test_a_service_has_a_builder_for_every_state_that_it_says(service: Service) -> None:
    says = {topic.name for topic in topics.TOPICS if topic.writer == service.name and topic.kind is Kind.STATE}
    assert {topic.name for topic in service.builders} == says


def test_no_service_hears_what_it_says(service: Service) -> None:
    said: set[Topic] = {topic for topic in topics.TOPICS if topic.writer == service.name}
    assert said.isdisjoint(service.subscribers.topics)


def test_every_route_says_who_may_use_it(service: Service) -> None:
    app = service.application(ProcessSettings.model_construct())
    found = permissions(app)
    assert found
    # Whoever has no token reaches nothing but signing in.
    everybodys = {route for route, roles in found.items() if roles is None}
    assert everybodys <= {
        "POST /v1/sessions",
        "POST /v1/sessions/current/token",
        "DELETE /v1/sessions/current",
        "POST /v1/accounts/me/password",
    }


def test_what_a_service_answers_can_be_published(service: Service) -> None:
    document = openapi(service)
    assert document["openapi"].startswith("3.1")
    assert all(path.startswith("/v1/") for path in document["paths"])


def test_every_body_forbids_what_it_does_not_know(service: Service) -> None:
    document = openapi(service)
    schemas = document.get("components", {}).get("schemas", {})
    loose = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            name = reference.rsplit("/", 1)[-1]
            if name and schemas[name].get("additionalProperties") is not False:
                loose.add(f"{method.upper()} {path}: {name}")
    assert sorted(loose) == []


def test_every_parameter_of_an_address_is_opaque(service: Service) -> None:
    """Numbers and names of persons never stand in an address: what is asked for by them is asked in a body."""
    personal = {
        "name",
        "document_number",
        "citizen_id",
        "id_number",
        "phone",
        "student_number",
        "number",
        "q",
        "search",
    }
    document = openapi(service)
    found = {
        f"{path}: {parameter['name']}"
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] in ("query", "path") and parameter["name"] in personal
    }
    assert found <= ADDRESSES_WITHOUT_PERSONS


ADDRESSES_WITHOUT_PERSONS = {
    "/v1/archives/{archive_id}/files/{number}/match: number",
    "/v1/organisations: q",
}
"""The number of a file in an archive; a search among schools and authorities."""
