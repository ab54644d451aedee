"""The JSON Schema of a kind's entries: turn what stands in YAML into the values it asks for, and say what does not fit.

YAML's own guesses are not used: ``yes`` is no boolean, and ``12.74`` stays text where the schema says ``string``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import orjson
import yaml

from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.source import items
from slrt_kit.problems import Text

Path = tuple[str | int, ...]
Places = dict[Path, Place]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,12})?")
_WHOLE_ENTRY = frozenset({"required", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentRequired", "not"})
"""What a schema says of an entry as a whole: an entry that overrides some fields of another need not meet it alone."""
_LANGUAGES = frozenset({"id", "en"})
_SHOWN = 60


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
            yield from _findings(error, places)

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


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _place(places: Mapping[Path, Place], path: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places[path]


def _findings(error: jsonschema_rs.ValidationError, places: Mapping[Path, Place]) -> Iterator[Finding]:
    """What a validator's error means to whoever wrote the file."""
    path: Path = tuple(error.instance_path)
    keyword = _keyword(error)
    name, said = ".".join(str(part) for part in path) or "entry", _Said(error.kind)
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        for unknown in said.unexpected:
            yield Finding(
                _place(places, (*path, unknown)),
                "unknown-key",
                Text(f"`{unknown}` tidak dikenal di sini", f"`{unknown}` is not known here"),
                Text("periksa ejaannya atau hapus", "look at its spelling, or remove it"),
            )
        return
    place = _place(places, path)
    if keyword == "required":
        missing = said.property
        if missing in _LANGUAGES and path:
            yield missing_translation(place, name, missing)
            return
        yield Finding(
            place,
            "incomplete-entry",
            Text(f"`{missing}` tidak ada", f"`{missing}` is missing"),
            Text(
                f"tambahkan `{missing}`; entri boleh tidak lengkap hanya bila lapisan di atasnya memilikinya",
                f"add `{missing}`; an entry may leave fields out only where a layer above has that entry",
            ),
        )
        return
    if path and path[-1] in _LANGUAGES and keyword == "minLength":
        yield missing_translation(place, name, str(path[-1]))
        return
    value = _shown(error.instance)
    if keyword == "type":
        wanted = said.types or str(error.message)
        yield Finding(
            place,
            "wrong-type",
            Text(f"`{name}` bernilai {value}, bukan {wanted}", f"`{name}` is {value}, which is no {wanted}"),
            Text(
                "tulis nilai dengan jenis itu (true atau false, angka tanpa kutip)",
                "write a value of that type (true or false, a number without quotes)",
            ),
        )
    elif keyword in ("enum", "const"):
        listed = ", ".join(str(each) for each in said.options)
        yield Finding(
            place,
            "unknown-code",
            Text(f"`{name}` bernilai {value}, kode yang tidak dikenal", f"`{name}` is {value}, a code nobody knows"),
            Text(f"pakai salah satu: {listed}", f"use one of: {listed}"),
        )
    else:
        yield Finding(
            place,
            "wrong-value",
            Text(f"`{name}` bernilai {value}: tidak memenuhi {keyword}", f"`{name}` is {value}: {error.message}"),
            Text("lihat skema jenis ini", "see the schema of the kind"),
        )


class _Said:
    """What a validator's error knows beside its text; each kind of error has other attributes."""

    def __init__(self, kind: Any) -> None:
        self.unexpected: Sequence[str] = getattr(kind, "unexpected", ())
        self.property = str(getattr(kind, "property", "?"))
        self.types = ", ".join(sorted(getattr(kind, "types", ())))
        self.options: Sequence[Any] = getattr(kind, "options", None) or [getattr(kind, "expected_value", "")]


def _keyword(error: jsonschema_rs.ValidationError) -> str:
    """The keyword that was not met: the last name of the schema's path."""
    named = [part for part in error.schema_path if isinstance(part, str)]
    return named[-1] if named else ""


def missing_translation(place: Place, name: str, language: str) -> Finding:
    """A text that is there in one language alone."""
    return Finding(
        place,
        "missing-translation",
        Text(f"`{name}` tidak punya teks bahasa {language}", f"`{name}` has no text in {language}"),
        Text(f"tambahkan `{language}`", f"add `{language}`"),
    )
