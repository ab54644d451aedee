"""Payloads of any event's schema, made by hypothesis. Our schemas use only a few words of JSON Schema."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from contracts.codegen.containment import inlined
from hypothesis import strategies as st

from slrt_contracts import catalogue
from slrt_contracts.codes import AttributeName
from slrt_contracts.events import NeedAttribute


def payloads(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return what the schema allows, also payloads that leave out what may be missing."""
    return _values(inlined(schema))


def _values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "anyOf" in schema:
        return st.one_of([_values(choice) for choice in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "object":
        return _objects(schema)
    if schema["type"] == "array":
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        return st.lists(_values(schema["items"]), min_size=least, max_size=max(least, min(3, most)))
    return LEAVES[schema.get("format", schema["type"])](schema)


def _objects(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if schema["title"] == NeedAttribute.__name__:  # which value goes with which name is beyond the schema
        pairs = [(name.value, value.value) for name in AttributeName for value in sorted(catalogue.ATTRIBUTES[name])]
        return st.sampled_from(pairs).map(lambda pair: {"name": pair[0], "value": pair[1]})
    fields = {name: _values(body) for name, body in schema["properties"].items()}
    required = {name: body for name, body in fields.items() if name in schema.get("required", ())}
    return st.fixed_dictionaries(
        required, optional={name: body for name, body in fields.items() if name not in required}
    )


def _texts(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    longest = schema.get("maxLength", 1000)
    return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: len(text) <= longest)


def _least(schema: Mapping[str, Any]) -> int:
    least: int = schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else schema["minimum"]
    return least


_MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda moment: f"{moment.isoformat()}Z")  # noqa: DTZ001 — the Z is put behind

LEAVES: dict[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]] = {
    "uuid": lambda _: st.uuids().map(str),
    "date": lambda _: st.dates().map(str),
    "date-time": lambda _: _MOMENTS,
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(_least(schema), schema["maximum"]),
    "number": lambda schema: st.floats(schema["minimum"], schema["maximum"]),
    "string": _texts,
}
