"""Refuse event models through which personal data could leave: every value has a class, a shape and a bound.

The lint reads the JSON Schema and not the annotations, so it sees what partners see and cannot be passed by
an alias. It is tested with bad models first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.codegen.personal import LISTED_ELSEWHERE, NAMES_AS_CODES, NAMES_WITH_A_REASON, PROBES, promises
from contracts.codegen.schemas import model_schema
from pydantic import BaseModel

from slrt_contracts.codes import CODE_SHAPE
from slrt_contracts.events import Event
from slrt_contracts.types import (
    AREA_PATTERN,
    CLASS_KEY,
    DATE_SHAPE,
    DIGEST_SHAPE,
    DISTRICT_PATTERN,
    MOMENT_SHAPE,
    OFFICE_PATTERN,
    UUID_SHAPE,
    DataClass,
)

# What a value of a class must be, so that the class is more than a word.
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    DataClass.IDENTIFIER: {"type": "string", "format": "uuid", "pattern": UUID_SHAPE},
    DataClass.CODE: {"type": "string"},
    DataClass.REGION: {"type": "string", "pattern": DISTRICT_PATTERN},
    DataClass.AREA: {"type": "string", "pattern": AREA_PATTERN},
    DataClass.OFFICE: {"type": "string", "pattern": OFFICE_PATTERN},
    DataClass.FLAG: {"type": "boolean"},
    DataClass.COUNT: {"type": "integer"},
    DataClass.POSITION: {"type": "integer"},
    DataClass.DIGEST: {"type": "string", "pattern": DIGEST_SHAPE},
    DataClass.DATE: {"type": "string", "format": "date", "pattern": DATE_SHAPE},
    DataClass.MOMENT: {"type": "string", "format": "date-time", "pattern": MOMENT_SHAPE},
}
# Below every NIK, KK, phone and account number, and below a date of birth written as 19900514.
_LARGEST_COUNT = 999_999
# Nothing that a person said becomes one, and still it is below every NIK, KK and mobile number.
_LARGEST_POSITION = 9_999_999_999


def lint_event(event: type[Event]) -> list[str]:
    """Return what is wrong with an event model, each line naming model and field; nothing when all is well."""
    problems = lint_model(event)
    if not (event.__doc__ or "").strip() or event.__doc__ == Event.__doc__:
        problems.append(f"{event.__name__}: has no docstring; say which fact, when it is told and who uses it")
    if event.KEY not in event.model_fields:
        problems.append(f"{event.__name__}: its key {event.KEY} is not one of its fields")
    elif not event.model_fields[event.KEY].is_required():
        problems.append(f"{event.__name__}.{event.KEY}: the key must be required")
    return problems


def lint_model(model: type[BaseModel]) -> list[str]:
    """Return every field, at any depth, that personal data or free text could pass through."""
    schema = model_schema(model)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    problems = list(_object(model.__name__, schema))
    for name, body in definitions.items():
        problems += _object(name, body)
    return problems


def _object(where: str, schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"{where}: takes fields that it does not name; derive it from Part or Event"
    for field, body in schema.get("properties", {}).items():
        if promises(field) and not _excused(where, field, body):
            yield f"{where}.{field}: the name promises personal data or free text; an event carries neither"
        yield from _value(f"{where}.{field}", body)


def _excused(model: str, field: str, body: Mapping[str, Any]) -> bool:
    return (model, field) in NAMES_WITH_A_REASON and "enum" in body


def _value(where: str, schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:  # a nested model, looked at under its own name
        return
    if "anyOf" in schema or "oneOf" in schema:
        for choice in schema.get("anyOf", schema.get("oneOf", ())):
            if choice.get("type") != "null":
                yield from _value(where, choice)
        return
    match schema.get("type"):
        case "array":
            if "maxItems" not in schema:
                yield f"{where}: has no upper bound; give it Field(max_length=…)"
            if "items" in schema:
                yield from _value(f"{where}[]", schema["items"])
            else:
                yield f"{where}: takes items of any kind; name their type"
        case "object":
            yield f"{where}: takes keys that it does not name; make it a Part with named fields"
        case "string" | "integer" | "boolean" as kind:
            yield from _leaf(where, kind, schema)
        case "number":
            yield f"{where}: a fraction; count in whole units"
        case _:
            yield f"{where}: takes a value of any kind; use a classified type from slrt_contracts.types"


def _leaf(where: str, kind: str, schema: dict[str, Any]) -> Iterator[str]:
    shape = _SHAPES.get(schema.get(CLASS_KEY, ""))
    if shape is None:
        bare = {"string": "str", "integer": "int", "boolean": "bool"}[kind]
        if "format" in schema:
            bare = f"{bare} ({schema['format']})"
        yield f"{where}: a bare {bare}; use a classified type from slrt_contracts.types"
        return
    for word in sorted(word for word, value in shape.items() if schema.get(word) != value):
        yield f"{where}: of class {schema[CLASS_KEY]}, but its {word} is not {shape[word]}"
    largest = _LARGEST_POSITION if schema[CLASS_KEY] == DataClass.POSITION else _LARGEST_COUNT
    if kind == "integer" and not -largest <= _end(schema, "minimum") <= _end(schema, "maximum") <= largest:
        yield f"{where}: a number without bounds could be anybody's number; give it ge= and le= up to {largest}"
    if kind == "string" and "enum" in schema:
        for value in schema["enum"]:
            if not re.fullmatch(CODE_SHAPE, value):
                yield f"{where}: the value {value!r} has not the form of a code, so today's readers would refuse it"
    elif kind == "string":
        yield from _text(where, schema)


def _end(schema: Mapping[str, Any], word: str) -> float:
    """Return a bound, or what no bound is."""
    missing = float("-inf") if word == "minimum" else float("inf")
    bound: float = schema.get(word, missing)
    return bound


def _text(where: str, schema: dict[str, Any]) -> Iterator[str]:
    pattern = schema.get("pattern", "")
    if not (pattern.startswith("^") and pattern.endswith("$")):
        yield f"{where}: a text without a pattern from ^ to $; free text has no place in an event"
        return
    if "maxLength" not in schema and "format" not in schema:
        yield f"{where}: a text without an upper bound; give it max_length="
    for kind, probes in PROBES.items():
        if _passes(probes, pattern, schema.get("maxLength")):
            yield f"{where}: {kind} fits its pattern {pattern}; make it narrower"
    if pattern not in LISTED_ELSEWHERE and _passes(NAMES_AS_CODES, pattern, schema.get("maxLength")):
        yield f"{where}: a name in the form of a code fits its pattern {pattern}; make it a code list"


def _passes(probes: Iterable[str], pattern: str, longest: int | None) -> bool:
    shape = re.compile(pattern)
    return any(shape.search(probe) and (longest is None or len(probe) <= longest) for probe in probes)


def needless_exceptions(events: Iterable[type[Event]]) -> list[str]:
    """Return the exceptions to these rules that no event needs, and those that give no reason."""
    names: set[tuple[str, str]] = set()
    patterns: set[str] = set()
    for event in events:
        schema = model_schema(event)
        for model, body in {event.__name__: schema, **schema.get("$defs", {})}.items():
            names |= {(model, field) for field in body.get("properties", {}) if promises(field)}
        patterns |= set(_patterns(schema))
    unused = [f"{model}.{field}" for model, field in sorted(NAMES_WITH_A_REASON.keys() - names)]
    unused += sorted(LISTED_ELSEWHERE.keys() - patterns)
    return [f"the exception for {one} is needed by no event; remove it" for one in unused]


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for word, value in node.items() if word == "pattern" and isinstance(value, str))
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _patterns(value)
