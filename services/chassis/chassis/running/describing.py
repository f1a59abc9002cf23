"""What a service says and hears (AsyncAPI 3.0), and what it answers (OpenAPI 3.1): printed, committed, compared."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from chassis import retention
from chassis.envelope import ENDED
from contracts.topics import TOPICS, Kind, Topic

if TYPE_CHECKING:
    from chassis.service import Service

_SCHEMAS: Final = "../schemas"
"""From `contracts/asyncapi` to the published schemas of the events."""
_KINDS: Final = {
    Kind.STATE: "State: each record is its subject's whole state; the newest (ce_epoch, ce_sequence) wins, "
    "a record without a body is the end of the subject.",
    Kind.FACT: "Facts: every event matters; ce_sequence counts 1 to n without a gap for each subject.",
    Kind.FOREIGN: "Foreign: repeats and disorder are normal; deduplicate by ce_source and ce_id.",
}


def openapi(service: "Service") -> dict[str, Any]:
    """What the service answers over HTTP."""
    from chassis.settings import ProcessSettings

    return service.application(ProcessSettings.model_construct()).openapi()


def openapi_text(service: "Service") -> str:
    """The same as JSON, keys in their order, so that two versions compare by line."""
    return json.dumps(openapi(service), ensure_ascii=False, indent=1) + "\n"


def asyncapi(name: str, hears: Mapping[Topic, Sequence[str]]) -> dict[str, Any]:
    """What a service says, from the table of topics, and what it hears: topic → names of the events it acts on."""
    says = [topic for topic in TOPICS if topic.writer == name]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": name,
            "version": "1.0.0",
            "description": f"What {name} says and hears. Generated from contracts.topics and its subscribers.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in (*says, *hears)},
        "operations": {
            **{f"send.{topic.name}": _operation("send", topic, list(topic.by_name)) for topic in says},
            **{
                f"receive.{topic.name}": _operation("receive", topic, events, group=f"{name}.{topic.name}")
                for topic, events in hears.items()
            },
        },
        "components": {"messageTraits": {"cloudevent": _CLOUDEVENT}},
    }


def asyncapi_of(service: "Service") -> dict[str, Any]:
    """What a service says and hears."""
    subscribers = service.subscribers
    hears = {
        topic: [name for name in topic.by_name if name in subscribers.of(topic)]
        for topic in sorted(subscribers.topics, key=lambda each: each.name)
    }
    return asyncapi(service.name, hears)


def asyncapi_text(service: "Service") -> str:
    """The same as YAML."""
    import yaml

    return str(yaml.safe_dump(asyncapi_of(service), allow_unicode=True, sort_keys=False, width=120))


def _channel(topic: Topic) -> dict[str, Any]:
    settings = retention.of_topic(topic)
    configuration: dict[str, Any] = {"cleanup.policy": [settings["cleanup.policy"]]}
    configuration |= {name: int(settings[name]) for name in ("retention.ms", "delete.retention.ms") if name in settings}
    return {
        "address": topic.name,
        "description": f"{_KINDS[topic.kind]} The key is the {topic.about}.",
        "messages": {event: _message(topic, event) for event in topic.by_name},
        "bindings": {
            "kafka": {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": configuration}
        },
    }


def _message(topic: Topic, event: str) -> dict[str, Any]:
    about = (topic.by_name[event].__doc__ or "").strip().splitlines()[0]
    if topic.sealed:
        about += " The body is sealed: JWE compact (dir, A256GCM); this is what is inside."
    return {
        "name": event,
        "summary": about,
        "contentType": "application/jose" if topic.sealed else "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"{_SCHEMAS}/{topic.name}.{event}.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
    }


def _operation(action: str, topic: Topic, events: Sequence[str], group: str | None = None) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event}"} for event in events],
    }
    if group:
        operation["bindings"] = {"kafka": {"groupId": {"type": "string", "enum": [group]}}}
    return operation


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


_CLOUDEVENT: Final[dict[str, Any]] = {
    "headers": {
        "type": "object",
        "required": [
            "ce_specversion",
            "ce_id",
            "ce_type",
            "ce_source",
            "ce_subject",
            "ce_epoch",
            "ce_sequence",
            "ce_time",
        ],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": _text("UUID of version 7.", format="uuid"),
            "ce_type": _text(f"The event's name; {ENDED} for the end of a subject of state."),
            "ce_source": _text("Who speaks.", examples=["/cn/34/registry"]),
            "ce_subject": _text("The key.", format="uuid"),
            "ce_epoch": _text("A number that rises when the speaker was restored from a backup."),
            "ce_sequence": _text("The version of the subject, within the epoch."),
            "ce_time": _text("When it was said.", format="date-time"),
            "ce_actor": _text("The account that acted.", format="uuid"),
            "ce_cause": _text("The event that made the speaker say this.", format="uuid"),
            "traceparent": _text("W3C trace context."),
            "content-type": _text("application/json, or application/jose where the body is sealed."),
        },
    }
}
