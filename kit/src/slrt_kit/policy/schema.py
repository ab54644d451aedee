"""The JSON Schema of a kind's entries: turn what stands in YAML into the values it asks for, and say what does not fit.

YAML's own guesses are not used: ``yes`` is no boolean, and ``12.74`` stays text where the schema says ``string``.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import orjson
import yaml

from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.schema_findings import Path, blank_translations, findings_of_error
from slrt_kit.policy.source import items

Places = dict[Path, Place]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,12})?")
_WHOLE_ENTRY = frozenset({"required", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentRequired", "not"})
"""What a schema says of an entry as a whole: an entry that overrides some fields of another need not meet it alone."""


class EntrySchema:
    """The schema of one kind's entries."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Raises ValueError: the document is no JSON Schema."""
        self._document = document
        parts = {name: said for name, said in document.items() if name not in _WHOLE_ENTRY}
        self._whole = jsonschema_rs.Draft202012Validator(dict(document), validate_formats=True)
        self._parts = jsonschema_rs.Draft202012Validator(parts, validate_formats=True)

    def read(self, node: yaml.Node, place: Place, found: list[Finding]) -> tuple[Any, Places]:
        """The value of a node as the schema asks for it, and where each part of it stands."""
        places: Places = {}
        return self._value(node, place, self._document, (), places, found), places

    def problems(self, value: Any, places: Mapping[Path, Place], *, whole: bool) -> Iterator[Finding]:
        """What of a value does not fit; of an entry that may lack fields with ``whole=False``."""
        for error in (self._whole if whole else self._parts).iter_errors(value):
            yield from findings_of_error(error, places, self._document)
        if not whole:
            yield from blank_translations(value, places)

    def _value(
        self,
        node: yaml.Node,
        place: Place,
        schema: Mapping[str, Any],
        path: Path,
        places: Places,
        found: list[Finding],
    ) -> Any:
        places[path] = place
        if isinstance(node, yaml.MappingNode):
            said = self._said_of(schema, "object")
            known, others = said.get("properties", {}), said.get("additionalProperties")
            return {
                key: self._value(
                    value,
                    Place(place.file, line),
                    known.get(key, others if isinstance(others, dict) else {}),
                    (*path, key),
                    places,
                    found,
                )
                for key, line, value in items(node, place.file, found)
            }
        if isinstance(node, yaml.SequenceNode):
            each = self._said_of(schema, "array").get("items", {})
            return [
                self._value(value, Place(place.file, value.start_mark.line + 1), each, (*path, n), places, found)
                for n, value in enumerate(node.value)
            ]
        return scalar(node, self._types(schema))

    def _alternatives(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The schema itself, and all that it refers to or may be instead."""
        pending = [schema]
        while pending:
            said = pending.pop(0)
            yield said
            if "$ref" in said:
                target: Any = self._document
                for name in said["$ref"].removeprefix("#/").split("/"):
                    target = target[name]
                pending.append(target)
            for name in ("anyOf", "oneOf", "allOf"):
                pending += said.get(name, ())

    def _said_of(self, schema: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
        found = (each for each in self._alternatives(schema) if kind in _types_of(each))
        return next(found, {})

    def _types(self, schema: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(name for each in self._alternatives(schema) for name in _types_of(each))


def _types_of(schema: Mapping[str, Any]) -> frozenset[str]:
    said = schema.get("type", ())
    return frozenset((said,) if isinstance(said, str) else said)


def scalar(node: yaml.Node, types: frozenset[str]) -> Any:
    """The value of a scalar where these types of JSON are welcome; what is in quotes is text."""
    text: str = node.value
    if getattr(node, "style", None):
        return text
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text)
    if "null" in types and text in ("", "null", "~"):
        return None
    return text


@cache
def schema_of(kind: str) -> EntrySchema:
    """The schema of a kind, read once from ``schemas/<kind>.json``.

    Raises:
        FileNotFoundError: there is none.
    """
    text = resources.files("slrt_kit.policy").joinpath("schemas", f"{kind}.json").read_bytes()
    return EntrySchema(orjson.loads(text))
