"""Make the AsyncAPI 3 document: every topic, message and integration in one file for tools and partners."""

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.codegen.headers import UUID_TEXT, headers_schema
from contracts.codegen.registry import ConsumerSource, TopicSource, group_of, registry_document, types_of
from contracts.codegen.schemas import event_schema

from slrt_contracts import envelope
from slrt_contracts.events import EVENT_TYPES

_BINDING = "0.5.0"


def asyncapi_document(
    topics: Sequence[TopicSource], examples: Mapping[str, Sequence[tuple[str, Any]]], *, version: str
) -> dict[str, Any]:
    """Return the document. `examples` holds (name, payload) pairs of each event type."""
    registry = {entry["name"]: entry for entry in registry_document(topics)["topics"]}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:slrt:events",
        "info": {
            "title": "SLRT events",
            "version": version,
            "description": (
                "What the SLRT services tell each other and partner agencies. CloudEvents 1.0 in Kafka binary mode; "
                "no personal data in any event."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "channels": {topic.name: _channel(topic, registry[topic.name]) for topic in topics},
        "operations": {name: body for topic in topics for name, body in _operations(topic)},
        "components": {
            "messages": {event.__name__: _message(event_type, examples) for event_type, event in EVENT_TYPES.items()}
            | {"DeadLetter": _DEAD_LETTER},
            "schemas": _schemas(),
            "messageTraits": {"cloudEvent": {"headers": headers_schema()}},
            "correlationIds": {
                "case": {
                    "description": "The case that all this belongs to.",
                    "location": f"$message.header#/{envelope.HEADER_CORRELATIONID}",
                }
            },
        },
    }


_DEAD_LETTER: dict[str, Any] = {
    "name": "DeadLetter",
    "title": "Dead letter",
    "summary": "A message that could not be read: its raw bytes, with the reason in the headers.",
    "contentType": "application/octet-stream",
}


def _messages_of(topic: TopicSource, types: Sequence[str]) -> list[dict[str, str]]:
    names = [EVENT_TYPES[event_type].__name__ for event_type in types] or ["DeadLetter"]
    return [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in names]


def _channel(topic: TopicSource, entry: dict[str, Any]) -> dict[str, Any]:
    names = [EVENT_TYPES[event_type].__name__ for event_type in topic.types] or ["DeadLetter"]
    configuration: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if entry["retention_ms"] is not None:
        configuration["retention.ms"] = entry["retention_ms"]
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
        "x-slrt-owner": topic.owner,
        "x-slrt-audience": topic.audience,
        "x-slrt-acl": entry["acl"],
    }


def _operations(topic: TopicSource) -> list[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{topic.name}"}
    tell = [
        (
            f"{producer}.tells.{topic.name}",
            {
                "action": "send",
                "channel": channel,
                "summary": f"The {producer} service tells: {topic.description}",
                "messages": _messages_of(topic, topic.types),
            },
        )
        for producer in topic.producers
    ]
    hear = [
        (
            f"{consumer.name}.hears.{topic.name}",
            {
                "action": "receive",
                "channel": channel,
                "summary": consumer.purpose,
                "messages": _messages_of(topic, types_of(consumer, topic)),
                "bindings": {"kafka": {"groupId": _group(consumer), "bindingVersion": _BINDING}},
            },
        )
        for consumer in topic.consumers
    ]
    return tell + hear


def _group(consumer: ConsumerSource) -> dict[str, Any]:
    group = group_of(consumer)
    if "{" not in group:
        return {"type": "string", "enum": [group]}
    prefix = group.partition("{")[0].replace(".", r"\.")
    return {"type": "string", "pattern": f"^{prefix}[0-9A-Za-z.-]+$"}


def _message(event_type: str, examples: Mapping[str, Sequence[tuple[str, Any]]]) -> dict[str, Any]:
    event = EVENT_TYPES[event_type]
    schema = event_schema(event)
    summary, _, details = schema["description"].partition("\n")
    message: dict[str, Any] = {
        "name": event_type,
        "title": event.__name__,
        "summary": summary,
        "contentType": envelope.CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/case"},
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {"kafka": {"key": UUID_TEXT | {"description": event.KEY}, "bindingVersion": _BINDING}},
        "examples": [{"name": name, "payload": payload} for name, payload in examples.get(event_type, ())],
    }
    if details.strip():
        message["description"] = details.strip()
    return message


def _schemas() -> dict[str, Any]:
    """Return payload schemas and their parts side by side, as AsyncAPI references them."""
    schemas: dict[str, Any] = {}
    for event in EVENT_TYPES.values():
        body = event_schema(event)
        parts: dict[str, Any] = body.pop("$defs", {})
        # AsyncAPI's own schema dialect knows neither; the file of the schema keeps them.
        del body["$schema"], body["$id"]
        for name, part in (parts | {event.__name__: body}).items():
            moved = _move_refs(part)
            if schemas.setdefault(name, moved) != moved:
                raise ValueError(f"two different models are called {name}; give one another name")
    return dict(sorted(schemas.items()))


def _move_refs(node: Any) -> Any:
    if isinstance(node, list):
        return [_move_refs(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _move_refs(value)
        for key, value in node.items()
    }
