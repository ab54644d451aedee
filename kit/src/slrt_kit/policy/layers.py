"""Layers of a policy: read one from its documents, and merge those that hold in a region.

A layer is a region's own part: ``<layer>/<kind>.yaml`` with ``entries`` by key, and perhaps ``<layer>/layer.yaml`` with
the ``parent`` that it inherits from. Without one that is the region above by its code; a regency that was split off
names the one that it came from. Of an entry that a layer above has, a layer states the fields that differ; it takes it
away with ``removed: true``; an entry that no layer above has is complete.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson
import yaml

from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.kinds import Kind
from slrt_kit.policy.schema_findings import Path
from slrt_kit.policy.source import items, parse
from slrt_kit.problems import Text
from slrt_kit.regions import NATION

LAYER_FILE = "layer"
"""The document that says which layer it inherits from, beside those of the kinds."""
_LAYER = re.compile(r"[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Documents = Mapping[str, str]
"""The documents of a layer: the text of each by its kind, or by `LAYER_FILE`."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """An entry as one layer states it: perhaps some fields of it, perhaps that it is taken away."""

    fields: Mapping[str, Any]
    places: Mapping[Path, Place]
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as it was read. ``findings`` are what is wrong with it whatever stands above it."""

    code: str
    kinds: Mapping[str, Mapping[str, SourceEntry]] = field(default_factory=lambda: MappingProxyType({}))
    parent: str | None = None
    place: Place = field(default_factory=lambda: Place(""))
    findings: tuple[Finding, ...] = ()


def digest_of(documents: Documents) -> str:
    """SHA-256 of the documents, in hexadecimal digits; comments count."""
    return hashlib.sha256(orjson.dumps(dict(sorted(documents.items())))).hexdigest()


def is_layer_code(code: str) -> bool:
    """Whether a text has the form of a layer's name: ``00`` or a dotted region code."""
    return _LAYER.fullmatch(code) is not None


def above(code: str) -> str:
    """The layer right above by the code alone; the nation is above every province, and above itself."""
    return code.rpartition(".")[0] or NATION


def read_layer(code: str, documents: Documents, kinds: Mapping[str, Kind]) -> Layer:
    """Read a layer from its documents; what is wrong is in its findings, and the rest is there all the same."""
    found: list[Finding] = []
    read: dict[str, Mapping[str, SourceEntry]] = {}
    parent, place = None, Place(f"{code}/{LAYER_FILE}.yaml")
    for name, text in documents.items():
        file = f"{code}/{name}.yaml"
        if name == LAYER_FILE:
            parent, place = _parent(text, file, found)
        elif name in kinds:
            read[name] = _entries(text, file, kinds[name], found)
        else:
            found.append(
                Finding(
                    Place(file),
                    "unknown-kind",
                    Text(f"layanan ini tidak punya kebijakan `{name}`", f"this service has no policy of kind `{name}`"),
                    Text(f"yang ada: {', '.join(sorted(kinds))}", f"there are: {', '.join(sorted(kinds))}"),
                )
            )
    return Layer(code, read, parent, place, tuple(found))


def _parent(text: str, file: str, found: list[Finding]) -> tuple[str | None, Place]:
    node = parse(text, file, found)
    parent, place = None, Place(file)
    for key, line, value in items(node, file, found) if node is not None else ():
        if key != "parent":
            found.append(_unknown_key(Place(file, line), key, "parent"))
        elif isinstance(value, yaml.ScalarNode) and is_layer_code(value.value):
            parent, place = value.value, Place(file, line)
        else:
            found.append(
                Finding(
                    Place(file, line),
                    "wrong-type",
                    Text("`parent` bukan kode wilayah", "`parent` is no region code"),
                    Text("tulis kode seperti 12.05", "write a code such as 12.05"),
                )
            )
    return parent, place


def _entries(text: str, file: str, kind: Kind, found: list[Finding]) -> dict[str, SourceEntry]:
    node = parse(text, file, found)
    read: dict[str, SourceEntry] = {}
    for name, line, value in items(node, file, found) if node is not None else ():
        if name != "entries":
            found.append(_unknown_key(Place(file, line), name, "entries"))
        elif isinstance(value, yaml.MappingNode):
            for key, at, entry in items(value, file, found):
                stated = _entry(key, entry, Place(file, at), kind, found)
                if stated is not None:
                    read[key] = stated
        elif getattr(value, "value", None) != "":
            found.append(_no_mapping(Place(file, line), "entries"))
    return read


def _entry(key: str, node: yaml.Node, place: Place, kind: Kind, found: list[Finding]) -> SourceEntry | None:
    if not _KEY.fullmatch(key):
        found.append(
            Finding(
                place,
                "wrong-value",
                Text(f"`{key[:40]}` tidak dapat menjadi kunci", f"`{key[:40]}` cannot be a key"),
                Text("pakai huruf, angka, titik, - dan _", "use letters, digits, dots, - and _"),
            )
        )
        return None
    if not isinstance(node, yaml.MappingNode):
        found.append(_no_mapping(place, key))
        return None
    stated: list[Finding] = []
    fields, places = kind.schema.read(node, place, stated)
    found += stated
    if "removed" in fields:
        if fields != {"removed": "true"}:
            found.append(
                Finding(
                    places["removed",],
                    "wrong-value",
                    Text(
                        "entri yang dihapus hanya berisi `removed: true`",
                        "an entry that is taken away has `removed: true` and nothing else",
                    ),
                    Text("hapus `removed` atau isi lainnya", "remove `removed`, or the rest"),
                )
            )
            return None
        return SourceEntry({}, places, removed=True)
    found += kind.schema.problems(fields, places, whole=False)
    return SourceEntry(fields, places)


def _unknown_key(place: Place, key: str, known: str) -> Finding:
    return Finding(
        place,
        "unknown-key",
        Text(f"`{key}` tidak dikenal di sini", f"`{key}` is not known here"),
        Text(f"yang ada: {known}", f"there is: {known}"),
    )


def _no_mapping(place: Place, name: str) -> Finding:
    return Finding(
        place,
        "wrong-type",
        Text(f"`{name}` bukan pasangan kunci dan nilai", f"`{name}` is not a mapping of keys to values"),
        Text("tulis isinya sebagai `kunci: nilai`, menjorok", "write what it has as `key: value`, indented"),
    )


class Layers:
    """All layers that hold at one moment, each with the number of its version."""

    def __init__(self, layers: Mapping[str, tuple[int, Layer]]) -> None:
        self._layers = layers

    def __contains__(self, code: object) -> bool:
        return code in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def layer(self, code: str) -> Layer:
        """The layer of a region. Raises KeyError: it has none."""
        return self._layers[code][1]

    def chain(self, region: str) -> tuple[str, ...]:
        """The layers that hold in a region, that of the centre first. A circle ends where it closes."""
        found: list[str] = []
        code, passed = region, set[str]()
        while code not in passed:
            passed.add(code)
            if code in self._layers:
                found.append(code)
            if code == NATION:
                break
            code = self._parent(code)
        return tuple(reversed(found))

    def _parent(self, code: str) -> str:
        known = self._layers.get(code)
        return above(code) if known is None or known[1].parent is None else known[1].parent

    def label(self, region: str) -> str:
        """The version of all that holds in a region, such as ``00:3,12.74:2``."""
        return ",".join(f"{code}:{self._layers[code][0]}" for code in self.chain(region))

    def policy(self, region: str) -> RegionPolicy:
        """What holds in a region."""
        return RegionPolicy(region, self.label(region), merge([self.layer(code) for code in self.chain(region)]))

    def below(self, code: str) -> Iterator[str]:
        """The layer, and all that inherit from it."""
        return (each for each in self._layers if code in self.chain(each))

    def circle(self, code: str) -> tuple[str, ...]:
        """The layers from one on, back to where its inheritance closes a circle; none where it does not."""
        passed = [code]
        while passed[-1] != NATION:
            following = self._parent(passed[-1])
            if following in passed:
                return (*passed[passed.index(following) :], following)
            passed.append(following)
        return ()


def merge(layers: Sequence[Layer]) -> Mapping[str, Mapping[str, Entry]]:
    """The entries of every kind, merged from the top layer down; what cannot be merged is left out."""
    kinds: dict[str, dict[str, Entry]] = {}
    for layer in layers:
        for kind, stated in layer.kinds.items():
            entries = kinds.setdefault(kind, {})
            for key, source in stated.items():
                if source.removed:
                    entries.pop(key, None)
                else:
                    entries[key] = _over(entries.get(key), key, source)
    return MappingProxyType({kind: MappingProxyType(entries) for kind, entries in kinds.items()})


def _over(known: Entry | None, key: str, source: SourceEntry) -> Entry:
    if known is None:
        return Entry(key, source.fields, source.places)
    kept = {path: place for path, place in known.places.items() if path and path[0] not in source.fields}
    return Entry(key, {**known.fields, **source.fields}, {**kept, **source.places})
