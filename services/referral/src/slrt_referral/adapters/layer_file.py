"""Read one policy file of one layer into entries with their lines, and check their shape.

A bridge: it knows a single layer, the nation's, until the layered loader of the kit reads this folder.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from slrt_kit.policy.entries import Entry
from slrt_kit.policy.findings import Finding, Place, PolicyError
from slrt_kit.problems import Text

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_WORDS = {"true": True, "false": False}
Path_ = tuple[str | int, ...]


def read_layer(path: Path, kind: str) -> tuple[str, dict[str, Entry]]:
    """The version of the file and its entries by key.

    Raises:
        PolicyError: with everything that is wrong with the shape of the file.
    """
    name = f"{path.parent.name}/{path.name}"
    content, places = _read(path, name)
    here = Place(name)
    if not isinstance(content, dict) or not isinstance(content.get("entries"), dict):
        raise PolicyError([_wrong(here, "no-entries", "tidak ada entries", "there are no entries")])
    version = content.get("version")
    unknown = sorted(set(content) - {"version", "entries"})
    findings = [
        _wrong(places[(key,)], "unknown-key", f"kunci {key} tidak dikenal", f"the key {key} is unknown")
        for key in unknown
    ]
    if not isinstance(version, str):
        findings.append(_wrong(here, "no-version", "version tidak ada", "there is no version"))
    entries = {
        key: Entry(key, fields if isinstance(fields, dict) else {}, _below(places, ("entries", key)))
        for key, fields in content["entries"].items()
    }
    for key, fields in content["entries"].items():
        findings += _shape(kind, entries[key], fields)
    if findings:
        raise PolicyError(findings)
    return str(version), entries


def _read(path: Path, name: str) -> tuple[Any, dict[Path_, Place]]:
    places: dict[Path_, Place] = {}
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        return (None if root is None else _value(root, name, (), places)), places
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        finding = _wrong(Place(name), "unreadable", f"tidak dapat dibaca: {reason}", f"cannot be read: {reason}")
        raise PolicyError([finding]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PolicyError(
            [_wrong(Place(name, line), "yaml-syntax", f"bukan YAML: {error.problem}", f"not YAML: {error.problem}")]
        ) from error
    except yaml.YAMLError as error:
        raise PolicyError([_wrong(Place(name), "yaml-syntax", "bukan YAML", "not YAML")]) from error


def _value(node: yaml.Node, name: str, path: Path_, places: dict[Path_, Place]) -> Any:
    place = Place(name, node.start_mark.line + 1)
    places.setdefault(path, place)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            word = str(key.value)
            places[(*path, word)] = here = Place(name, key.start_mark.line + 1)
            if word in found:
                raise PolicyError(
                    [_wrong(here, "key-twice", f"kunci {word!r} ditulis dua kali", f"the key {word!r} stands twice")]
                )
            found[word] = _value(value, name, (*path, word), places)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, name, (*path, number), places) for number, each in enumerate(node.value)]
    if not node.tag.startswith("tag:yaml.org,2002:"):
        said = f"{node.tag} {node.value}".strip()
        raise PolicyError(
            [
                Finding(
                    place,
                    "yaml-tag",
                    Text(f"{said!r} dibaca YAML sebagai tag", f"YAML reads {said!r} as a tag"),
                    Text("beri tanda kutip pada seluruh nilai", "put the whole value into quotes"),
                )
            ]
        )
    return _scalar(node)


def _scalar(node: Any) -> Any:
    """Text as it stands (``yes`` is no boolean and ``12.74`` no number), but for whole numbers, true and false."""
    text = str(node.value)
    if node.style is None:
        if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        return _WORDS.get(text, text)
    return text


def _below(places: Mapping[Path_, Place], path: Path_) -> dict[Path_, Place]:
    return {at[len(path) :]: place for at, place in places.items() if at[: len(path)] == path}


def _shape(kind: str, entry: Entry, fields: Any) -> Iterator[Finding]:
    schema = json.loads((resources.files("slrt_kit.policy") / "schemas" / f"{kind}.json").read_text(encoding="utf-8"))
    for error in jsonschema_rs.validator_for(schema).iter_errors(fields):
        path = tuple(error.instance_path)
        at = ".".join(str(part) for part in path)
        message = f"{entry.key}: {at}: {error.message}" if at else f"{entry.key}: {error.message}"
        yield _wrong(entry.place(*path), "wrong-shape", message, message)


def _wrong(place: Place, code: str, id_: str, en: str) -> Finding:
    remedy = Text("lihat docs/how-to/change-routing.md", "see docs/how-to/change-routing.md")
    return Finding(place, code, Text(id_, en), remedy)
