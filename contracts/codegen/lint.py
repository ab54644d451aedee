"""Refuse event models through which personal data could leave: every value has a class, a shape and a bound.

The lint reads the JSON Schema and not the annotations, so it sees what partners see and cannot be passed by
an alias. It is tested with bad models first.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from contracts.codegen.schemas import model_schema
from pydantic import BaseModel

from slrt_contracts.events import Event
from slrt_contracts.types import CLASS_KEY, DataClass

# What must not fit any text field, whatever it is called. All invented.
PROBES = {
    "a name": ("Budi", "Siti Aminah", "BUDI SANTOSO", "budi santoso"),
    "a NIK or a KK number": ("1274051405909001", "1274055405909002", "12.74.05.140590.9001"),
    "a phone number": ("0812-0000-9901", "081200009901", "+6281200009901"),
    "an address": ("Jl. Mawar No. 3", "Lingkungan II RT 003 RW 002"),
    "an e-mail address": ("budi@example.org",),
    "a date of birth": ("14-05-1990", "14 Mei 1990"),
    "free text": ("rumah tanpa listrik", "Anak putus sekolah, tidak ada biaya."),
    "a village code": ("12.74.05.1010", "12.74.05.1010.DESA"),
}
# Names of fields that promise personal data even when the type would not let it through.
REFUSED_FIELDS = frozenset(
    (
        "nik",
        "nkk",
        "kk",
        "kk_number",
        "no_kk",
        "full_name",
        "client_name",
        "person_name",
        "proxy_name",
        "reporter_name",
        "phone",
        "telephone",
        "hp",
        "wa",
        "email",
        "address",
        "alamat",
        "rt",
        "rw",
        "village_code",
        "birth_date",
        "birth_place",
        "date_of_birth",
        "age",
        "sex",
        "gender",
        "religion",
        "diagnosis",
        "disease",
        "disability",
        "note",
        "notes",
        "remarks",
        "comment",
        "complaint",
        "message",
        "text",
        "body",
        "description",
    )
)
_CLASSES = frozenset(item.value for item in DataClass)


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
        if field in REFUSED_FIELDS:
            yield f"{where}.{field}: the name promises personal data or free text; an event carries neither"
        yield from _value(f"{where}.{field}", body)


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
    if schema.get(CLASS_KEY) not in _CLASSES:
        bare = {"string": "str", "integer": "int", "boolean": "bool"}[kind]
        if "format" in schema:
            bare = f"{bare} ({schema['format']})"
        yield f"{where}: a bare {bare}; use a classified type from slrt_contracts.types"
        return
    if kind == "integer" and not {"minimum", "maximum"} <= schema.keys():
        yield f"{where}: a number without bounds could be anybody's number; give it ge= and le="
    if kind == "string" and "enum" not in schema:
        yield from _text(where, schema)


def _text(where: str, schema: dict[str, Any]) -> Iterator[str]:
    pattern = schema.get("pattern", "")
    if not (pattern.startswith("^") and pattern.endswith("$")):
        yield f"{where}: a text without a pattern from ^ to $; free text has no place in an event"
        return
    if "maxLength" not in schema and "format" not in schema:
        yield f"{where}: a text without an upper bound; give it max_length="
    for kind in _passing(pattern, schema.get("maxLength")):
        yield f"{where}: {kind} fits its pattern {pattern}; make it narrower"


def _passing(pattern: str, longest: int | None) -> Iterable[str]:
    shape = re.compile(pattern)
    return (
        kind
        for kind, probes in PROBES.items()
        if any(shape.search(probe) and (longest is None or len(probe) <= longest) for probe in probes)
    )
