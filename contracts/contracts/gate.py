"""The gate that lets contracts only grow: what today's readers and writers owe to yesterday's.

Pure: schemas and examples come in, sentences come out. `python -m contracts` reads and writes the files.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from contracts.event import Event
from contracts.topics import TOPICS, Topic

Schema = Mapping[str, Any]


def file_name(topic: Topic, event: type[Event]) -> str:
    """The name under which an event's schema and its example are kept."""
    return f"{topic.name}.{event.__name__}.json"


def events() -> dict[str, type[Event]]:
    """File name → event, for every event of every topic."""
    return {file_name(topic, event): event for topic in TOPICS for event in topic.events}


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) that a reader may rely on: it allows fields that it does not know."""
    schema = TypeAdapter(event).json_schema(mode="validation")
    opened: dict[str, Any] = _open(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **opened}


def _open(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _open(value) for key, value in node.items() if not (key == "additionalProperties" and value is False)
        }
    return [_open(value) for value in node] if isinstance(node, list) else node


def unreadable(event: type[Event], example: bytes) -> str | None:
    """Why today's reader cannot read an event that was once spoken; None when it can."""
    try:
        TypeAdapter(event).validate_json(example, extra="ignore")
    except ValueError as error:
        return f"{event.__name__}: an event that was once spoken is no longer read: {error}"
    return None


def unspoken(name: str, today: Schema, examples: Sequence[Any]) -> list[str]:
    """What today's schema knows and no recorded example names: one sentence for each field, inner ones too."""
    return [
        f"{where} stands in no recorded example: record one that names it, under the month in which it is first spoken."
        for where in _unspoken(name, today, today.get("$defs", {}), examples)
    ]


def _unspoken(where: str, schema: Schema, defs: Schema, said: Sequence[Any]) -> Iterator[str]:
    schema = _resolved(schema, defs)
    for choice in _choices(schema):
        yield from _unspoken(where, choice, defs, said)
    if isinstance(schema.get("items"), Mapping):
        each = [one for many in said if isinstance(many, list) for one in many]
        yield from _unspoken(f"{where}[]", schema["items"], defs, each)
    for field, inner in schema.get("properties", {}).items():
        named = [one[field] for one in said if isinstance(one, Mapping) and field in one]
        if named:
            yield from _unspoken(f"{where}.{field}", inner, defs, named)
        else:
            yield f"{where}.{field}"


def broken(name: str, released: Schema, today: Schema) -> list[str]:
    """What today's schema breaks of the released one: one sentence for each field, empty when it only grew."""
    return list(_compare(name, released, today, released.get("$defs", {}), today.get("$defs", {})))


def _compare(where: str, old: Schema, new: Schema, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    old, new = _resolved(old, old_defs), _resolved(new, new_defs)
    if _shape(old) != _shape(new):
        yield f"{where} was {_shape(old)} and is now {_shape(new)}: give it a new name, or speak on a new topic."
        return
    gone = set(old.get("enum", ())) - set(new.get("enum", ()))
    if gone:
        yield f"{where} no longer knows {', '.join(sorted(map(str, gone)))}: old events still say it."
    for field, was in old.get("properties", {}).items():
        if field not in new.get("properties", {}):
            yield f"{where}.{field} was removed: keep it, readers of the last release need it."
        else:
            yield from _compare(f"{where}.{field}", was, new["properties"][field], old_defs, new_defs)
    for field in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{where}.{field} is now required: give it a default, events already spoken lack it."
    for part in ("items", "additionalProperties"):
        if isinstance(old.get(part), Mapping) and isinstance(new.get(part), Mapping):
            yield from _compare(f"{where}[]", old[part], new[part], old_defs, new_defs)
    for one, other in zip(_choices(old), _choices(new), strict=False):
        yield from _compare(where, one, other, old_defs, new_defs)


def _resolved(schema: Schema, defs: Schema) -> Schema:
    reference = schema.get("$ref")
    return defs[reference.rsplit("/", 1)[1]] if reference else schema


def _choices(schema: Schema) -> list[Schema]:
    return [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]


def _shape(schema: Schema) -> str:
    """What a value looks like on the wire, e.g. `string(uuid)`, or `integer | null`."""
    if "anyOf" in schema:
        return " | ".join(
            sorted(_shape(choice) if "$ref" not in choice else choice["$ref"] for choice in schema["anyOf"])
        )
    kind = str(schema.get("type", "any"))
    return f"{kind}({schema['format']})" if "format" in schema else kind
