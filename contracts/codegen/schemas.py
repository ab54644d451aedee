"""Turn event models into JSON Schemas (2020-12) that a partner can read and check without Python."""

from typing import Any

from pydantic import BaseModel

from slrt_contracts.envelope import schema_uri
from slrt_contracts.events import Event

# The order in which a reader wants the words of a schema; it does not change when pydantic's own order does.
_ORDER = (
    "$schema",
    "$id",
    "title",
    "description",
    "x-slrt-type",
    "x-slrt-topic",
    "x-slrt-key",
    "$ref",
    "type",
    "format",
    "pattern",
    "maxLength",
    "minimum",
    "maximum",
    "enum",
    "anyOf",
    "items",
    "minItems",
    "maxItems",
    "default",
    "x-slrt-class",
    "x-slrt-list",
    "x-slrt-extensible",
    "properties",
    "required",
    "additionalProperties",
    "$defs",
)
_RANK = {word: rank for rank, word in enumerate(_ORDER)}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a model: code lists in place, nested models under `$defs`, no invented titles."""
    raw = model.model_json_schema(mode="validation")
    definitions: dict[str, Any] = raw.pop("$defs", {})
    lists = {name: body for name, body in definitions.items() if "enum" in body}
    schema: dict[str, Any] = _tidy(raw, lists)
    nested = {name: _tidy(body, lists) for name, body in sorted(definitions.items()) if name not in lists}
    if nested:
        schema["$defs"] = nested
    return schema


def event_schema(event: type[Event]) -> dict[str, Any]:
    """Return the committed schema of an event: named, described, closed."""
    body = model_schema(event)
    head = {
        "$schema": DIALECT,
        "$id": schema_uri(event.TYPE),
        "title": event.__name__,
        "description": body.pop("description"),
        "x-slrt-type": event.TYPE,
        "x-slrt-topic": event.TOPIC,
        "x-slrt-key": event.KEY,
    }
    return _ordered(head | {key: value for key, value in body.items() if key != "title"})


def _tidy(node: Any, lists: dict[str, Any]) -> Any:
    """Put code lists in place of their `$ref`, drop the titles that pydantic makes up for fields, order the words."""
    if isinstance(node, list):
        return [_tidy(item, lists) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in lists:
        node = lists[name] | {key: value for key, value in node.items() if key != "$ref"}
    tidy = {key: _tidy(value, lists) for key, value in node.items() if key != "properties"}
    if "properties" in node:
        tidy["properties"] = {
            field: _tidy({key: value for key, value in body.items() if key != "title"}, lists)
            for field, body in node["properties"].items()
        }
    return _ordered(tidy)


def _ordered(node: dict[str, Any]) -> dict[str, Any]:
    """Order the words of one schema; the fields of an event keep the order of the model."""
    return dict(sorted(node.items(), key=lambda item: (_RANK.get(item[0], len(_RANK)), item[0])))
