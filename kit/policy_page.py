"""Write `docs/reference/policy.md` from the schemas of the kinds, or with `--check` say whether it has drifted.

Run by `make contracts` and, with `--check`, by `make lint`. Exit codes: 0 all well, 1 drift.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from reference_page import run

from slrt_kit.policy.kinds import KINDS, Kind

PAGE = Path("docs") / "reference" / "policy.md"
SCHEMAS = Path("kit") / "src" / "slrt_kit" / "policy" / "schemas"

_HEAD = """<!-- Written by `make contracts` from kit/src/slrt_kit/policy/schemas; do not edit. -->
# Kinds of policy

What a region may say otherwise, kind by kind: a file `<layer>/<kind>.yaml` with `entries` by key. Of an entry that a
layer above has, a layer states the fields that differ, each of them whole; `removed: true` takes an entry away. A
required field may be left out only where a layer above has it. How a change comes into force:
[change a rule](../how-to/change-a-rule.md).

A label is `{id: …, en: …}`. `a.b` is the field `b` inside of `a`, `a[]` each member of a list, `a.*` each value by its
name.
"""
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} of them",
    "minItems": "at least {} of them",
    "format": "a {}",
}


def page(root: Path) -> str:
    """The page about the kinds."""
    lines = [_HEAD, "| Kind | Kept by | An entry is |", "|---|---|---|"]
    schemas = {kind.name: _schema(root, kind) for kind in KINDS}
    lines += [
        f"| [{kind.name}](#{kind.name}) | {', '.join(sorted(kind.services))} | {_about(schemas[kind.name])} |"
        for kind in KINDS
    ]
    for kind in KINDS:
        lines += ["", f"## {kind.name}", "", f"{_about(schemas[kind.name])}.", ""]
        lines += ["| Field | Type | Required | |", "|---|---|---|---|"]
        lines += [_row(*each) for each in _fields(schemas[kind.name], schemas[kind.name], "")]
    return "\n".join([*lines, ""])


def _schema(root: Path, kind: Kind) -> Mapping[str, Any]:
    document: Mapping[str, Any] = orjson.loads((root / SCHEMAS / f"{kind.name}.json").read_bytes())
    return document


def _about(schema: Mapping[str, Any]) -> str:
    said = str(schema.get("description", schema["title"])).rstrip(".")
    return said[0].upper() + said[1:]


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    target: Any = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    return {**_resolved(target, document), **{name: said for name, said in schema.items() if name != "$ref"}}


def _fields(
    schema: Mapping[str, Any], document: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every field of an object and of those inside it, with its name from the entry on and whether it must be there."""
    for name, stated in schema.get("properties", {}).items():
        said = _resolved(stated, document)
        yield f"{prefix}{name}", said, name in schema.get("required", ())
        if not _is_label(said):
            yield from _inside(said, document, f"{prefix}{name}")


def _inside(
    said: Mapping[str, Any], document: Mapping[str, Any], name: str
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    yield from _fields(said, document, f"{name}.")
    for member, mark in ((said.get("items"), "[]"), (said.get("additionalProperties"), ".*")):
        if isinstance(member, dict):
            each = _resolved(member, document)
            if "properties" in each and not _is_label(each):
                yield from _fields(each, document, f"{name}{mark}.")


def _is_label(said: Mapping[str, Any]) -> bool:
    return set(said.get("properties", ())) == {"id", "en"} and all(
        "type" in each or "$ref" not in each for each in said["properties"].values()
    )


def _row(name: str, said: Mapping[str, Any], required: bool) -> str:
    told = [str(said["description"]).rstrip(".")] if "description" in said else []
    told += [f"one of {', '.join(f'`{each}`' for each in said['enum'])}"] if "enum" in said else []
    told += [words.format(said[bound]) for bound, words in _BOUNDS.items() if bound in said and bound != "maxLength"]
    text = "; ".join(told).replace("|", "\\|")
    return f"| `{name}` | {_type(said)} | {'yes' if required else ''} | {text} |"


def _type(said: Mapping[str, Any]) -> str:
    if _is_label(said):
        return "label"
    if "enum" in said:
        return "code"
    types = said.get("type", "")
    if types == "array":
        return "list"
    if not types:
        return "value or list"
    return types if isinstance(types, str) else ", ".join(types)


if __name__ == "__main__":
    raise SystemExit(run("policy", PAGE, page, source=str(SCHEMAS)))
