"""Find what one party may write and another would not understand, by comparing their schemas word by word.

The reading rules are those of `slrt_contracts.events.base`, seen through two lenses:

* **old events, today's reader**: today's model must know everything that an old event may say, so it is read closed;
* **today's events, yesterday's reader**: it passes over fields that it does not know and keeps unknown values of
  extensible lists, so it is read open.

In both, a field that is left out must mean the same to both parties.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contracts.codegen import numbers, texts
from contracts.codegen.texts import IncomparableError, texts_contained

from slrt_contracts.types import EXTENSIBLE_KEY

Schema = Mapping[str, Any]


class Lens(StrEnum):
    """Who does not understand whom."""

    OLD_EVENTS = "readers of old events"
    OLD_READERS = "consumers not yet upgraded"


class Kind(StrEnum):
    """What is the matter, to be said in words by `compatibility`."""

    GONE = "gone"
    MISSING = "missing"
    TAKEN_FOR_TOLD = "taken for told"
    DEFAULT = "default"
    OPENED = "opened"
    TYPE = "type"
    VALUES = "values"
    LENGTH = "length"
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A place where the reader does not understand what the writer may say."""

    path: str
    """Such as needs[].urgent; empty for the event itself."""
    kind: Kind
    detail: str = ""


_ANNOTATIONS = frozenset(
    ("title", "description", "$comment", "examples", "deprecated", "default", "$defs", "$schema", "$id")
)
_WORDS: Mapping[str, frozenset[str]] = {
    "object": frozenset(("properties", "required", "additionalProperties")),
    "array": frozenset(("items", "minItems", "maxItems", "uniqueItems")),
    "string": texts.WORDS,
    "integer": numbers.WORDS,
    "number": numbers.WORDS,
    "boolean": frozenset(("enum",)),
    "null": frozenset(("enum",)),
}
_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_ANY = "any value"


def gaps(writer: Schema, reader: Schema, *, lens: Lens, unknown_code: str) -> Iterator[Gap]:
    """Yield what the writer may write and the reader, through this lens, would not understand.

    `unknown_code` is the pattern of a value of an extensible list that an open reader keeps without knowing it.
    """
    comparison = _Comparison(lens, unknown_code)
    yield from comparison.values("", inlined(writer), inlined(reader))


def inlined(schema: Schema) -> dict[str, Any]:
    """Return the schema with every part in its place, so that where a part is defined makes no difference."""
    definitions = schema.get("$defs", {})

    def inline(node: Any, within: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [inline(item, within) for item in node]
        if not isinstance(node, dict):
            return node
        rest = {word: inline(value, within) for word, value in node.items() if word not in {"$ref", "$defs"}}
        if "$ref" not in node:
            return rest
        name = node["$ref"].removeprefix("#/$defs/")
        if name in within:
            raise ValueError(f"{name} holds itself; an event has an end")
        return inline(definitions[name], (*within, name)) | rest

    whole: dict[str, Any] = inline(dict(schema), ())
    return whole


@dataclass(frozen=True, slots=True)
class _Comparison:
    lens: Lens
    unknown_code: str

    def values(self, path: str, writer: Schema, reader: Schema) -> Iterator[Gap]:
        """Compare branch by branch: every kind of value that may be written needs one that is read."""
        taken = _branches(reader)
        for branch in _branches(writer):
            found: list[Gap] | None = None
            for choice in taken:
                if _same_type(branch, choice):
                    attempt = list(self._branch(path, branch, choice))
                    found = attempt if found is None else min(found, attempt, key=len)
            if found is None:
                yield Gap(path, Kind.TYPE, branch.get("type", _ANY))
            else:
                yield from found

    def _branch(self, path: str, writer: Schema, reader: Schema) -> Iterator[Gap]:
        if "type" not in reader:  # takes anything
            return
        for word in sorted(_unknown_words(writer) | _unknown_words(reader)):
            if writer.get(word) != reader.get(word):
                yield Gap(path, Kind.INCOMPARABLE, f"the word {word}")
        match reader["type"]:
            case "object":
                yield from self._object(path, writer, reader)
            case "array":
                yield from self._array(path, writer, reader)
            case "string":
                yield from self._text(path, writer, reader)
            case "integer" | "number":
                if not numbers.numbers_contained(writer, reader):
                    yield Gap(path, Kind.VALUES)
            case "boolean":
                if not set(writer.get("enum", (True, False))) <= set(reader.get("enum", (True, False))):
                    yield Gap(path, Kind.VALUES)

    def _object(self, path: str, writer: Schema, reader: Schema) -> Iterator[Gap]:
        told, known = writer.get("properties", {}), reader.get("properties", {})
        always, needed = set(writer.get("required", ())), set(reader.get("required", ()))
        for name in sorted(told.keys() | known.keys()):
            at = f"{path}.{name}" if path else name
            if name in needed - always:
                yield Gap(at, Kind.MISSING, "" if name in told else "gone")
            if name in told and name in known:
                yield from self.values(at, told[name], known[name])
                if name not in always | needed and told[name].get("default") != known[name].get("default"):
                    yield Gap(at, Kind.DEFAULT, _defaults(told[name], known[name], lens=self.lens))
            elif name in told:
                if self.lens is Lens.OLD_EVENTS and not _open(reader):
                    yield Gap(at, Kind.GONE)
            elif _open(writer):
                yield Gap(at, Kind.OPENED, "before")
            elif self.lens is Lens.OLD_READERS and name not in needed and known[name].get("default") is not None:
                yield Gap(at, Kind.TAKEN_FOR_TOLD, repr(known[name]["default"]))
        rules = [schema.get("additionalProperties", True) for schema in (writer, reader)]
        if rules[0] != rules[1] and any(isinstance(rule, Mapping) for rule in rules):
            yield Gap(path, Kind.INCOMPARABLE, "the word additionalProperties")
        elif self.lens is Lens.OLD_EVENTS and _open(writer) and not _open(reader):
            yield Gap(path, Kind.OPENED, "closed")

    def _array(self, path: str, writer: Schema, reader: Schema) -> Iterator[Gap]:
        yield from self.values(f"{path}[]", writer.get("items", {}), reader.get("items", {}))
        longest = reader.get("maxItems")
        shorter = longest is not None and longest < writer.get("maxItems", longest + 1)
        if shorter or reader.get("minItems", 0) > writer.get("minItems", 0):
            yield Gap(path, Kind.LENGTH)
        if reader.get("uniqueItems", False) and not writer.get("uniqueItems", False):
            yield Gap(path, Kind.LENGTH, "unique")

    def _text(self, path: str, writer: Schema, reader: Schema) -> Iterator[Gap]:
        kept = self.lens is Lens.OLD_READERS and reader.get(EXTENSIBLE_KEY)
        try:
            contained = texts_contained(writer, reader, also=self.unknown_code if kept else None)
        except IncomparableError as error:
            yield Gap(path, Kind.INCOMPARABLE, str(error))
            return
        if not contained:
            yield Gap(path, Kind.VALUES, _values(writer, reader))


def _branches(schema: Schema) -> list[dict[str, Any]]:
    """Return the kinds of values that a schema allows, one schema each."""
    for union in ("anyOf", "oneOf"):
        if union in schema:
            rest = {word: value for word, value in schema.items() if word != union and word not in _ANNOTATIONS}
            return [branch for choice in schema[union] for branch in _branches(choice | rest)]
    if "const" in schema:
        rest = {word: value for word, value in schema.items() if word != "const"}
        return _branches(rest | {"enum": [schema["const"]]})
    if "enum" in schema:
        kinds = sorted({_TYPES[type(value)] for value in schema["enum"]})
        return [
            {**schema, "type": kind, "enum": [value for value in schema["enum"] if _TYPES[type(value)] == kind]}
            for kind in kinds
        ]
    if isinstance(schema.get("type"), list):
        return [_of_type(kind, schema) for kind in schema["type"]]
    return [dict(schema)]


def _of_type(kind: str, schema: Schema) -> dict[str, Any]:
    """Return one kind of several: a word that speaks of another kind says nothing of this one."""
    others = frozenset().union(*_WORDS.values()) - _WORDS[kind]
    return {word: value for word, value in schema.items() if word not in others} | {"type": kind}


def _same_type(writer: Schema, reader: Schema) -> bool:
    kind = reader.get("type")
    return kind is None or writer.get("type") == kind or (writer.get("type"), kind) == ("integer", "number")


def _unknown_words(schema: Schema) -> set[str]:
    known = _ANNOTATIONS | _WORDS[schema["type"]] if "type" in schema else _ANNOTATIONS
    return {word for word in schema if word not in known | {"type"} and not word.startswith("x-")}


def _open(schema: Schema) -> bool:
    return schema.get("additionalProperties", True) is not False


def _defaults(writer: Schema, reader: Schema, *, lens: Lens) -> str:
    old, new = (writer, reader) if lens is Lens.OLD_EVENTS else (reader, writer)
    return f"{old.get('default')!r} → {new.get('default')!r}"


def _values(writer: Schema, reader: Schema) -> str:
    if "enum" not in writer or "enum" not in reader:
        return ""
    return ", ".join(value for value in writer["enum"] if value not in reader["enum"])
