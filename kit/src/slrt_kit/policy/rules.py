"""What one service takes as policy: its kinds, the regions there are, and how its documents are read and checked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from slrt_kit.policy.findings import Finding, Place, PolicyError
from slrt_kit.policy.kinds import Kind, kinds_of
from slrt_kit.policy.layers import Documents, Known, Layer, Layers, digest_of, findings_of, is_layer_code, read_layer
from slrt_kit.problems import Text
from slrt_kit.regions import NATION, Regions, packaged_regions

_MOST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What reads and checks the policy of a service. Layers that were read are kept: their documents never change."""

    service: str
    kinds: Mapping[str, Kind]
    is_region: Known = lambda _: True
    _read: dict[tuple[str, str], Layer] = field(default_factory=dict)

    @classmethod
    def of(cls, service: str, regions: Regions | None = None) -> "PolicyRules":
        """Those of a service; the packaged table of regions is loaded when something is first checked."""

        def is_region(code: str) -> bool:
            return (regions or packaged_regions()).get(code) is not None

        return cls(service, kinds_of(service), is_region)

    def layer(self, code: str, documents: Documents) -> Layer:
        """A layer, read; what is wrong with it is in its findings."""
        key = (code, digest_of(documents))
        known = self._read.get(key)
        if known is None:
            if len(self._read) >= _MOST_KEPT:
                self._read.clear()
            known = self._read[key] = read_layer(code, documents, self.kinds)
        return known

    def layers(self, documents: Mapping[str, tuple[int, Documents]]) -> Layers:
        """The layers that hold at one moment, by their codes, each with the number of its version."""
        return Layers({code: (number, self.layer(code, each)) for code, (number, each) in documents.items()})

    def findings(self, layers: Layers, codes: Iterable[str] | None = None) -> tuple[Finding, ...]:
        """Everything that is wrong in the regions of these layers (of all without them), in the order of the source."""
        return findings_of(layers, layers if codes is None else codes, kinds=self.kinds, is_region=self.is_region)


def read_folder(folder: Traversable | Path) -> dict[str, dict[str, str]]:
    """The documents of a folder ``<layer>/<kind>.yaml``, by layer and kind.

    Raises:
        PolicyError: a file cannot be read, or is where none belongs.
    """
    found: list[Finding] = []
    layers: dict[str, dict[str, str]] = {}
    for part in sorted(folder.iterdir(), key=lambda each: each.name):
        if part.is_dir() and is_layer_code(part.name):
            layers[part.name] = _documents(part, found)
        elif not part.name.startswith(("_", ".")) and (part.is_dir() or part.name.endswith((".yaml", ".yml"))):
            found.append(_misplaced(part.name))
    if found:
        raise PolicyError(found)
    return layers


def _documents(folder: Traversable | Path, found: list[Finding]) -> dict[str, str]:
    documents: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        name, place = file.name.removesuffix(".yaml"), f"{folder.name}/{file.name}"
        if file.name.startswith("."):
            continue
        if file.is_dir() or name == file.name:
            found.append(_misplaced(place))
            continue
        try:
            documents[name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            found.append(
                Finding(
                    Place(place),
                    "syntax-error",
                    Text(f"tidak dapat dibaca: {error}", f"cannot be read: {error}"),
                    Text("simpan sebagai teks UTF-8", "save it as UTF-8 text"),
                )
            )
    return documents


def _misplaced(place: str) -> Finding:
    return Finding(
        Place(place),
        "misplaced-file",
        Text("di sini tidak ada tempat untuk berkas ini", "this file has no place here"),
        Text(
            f"letakkan sebagai <lapisan>/<jenis>.yaml, misalnya {NATION}/offices.yaml",
            f"put it at <layer>/<kind>.yaml, such as {NATION}/offices.yaml",
        ),
    )


def view_of(finding: Finding, language: str) -> dict[str, object]:
    """A finding as JSON, in a language (``id`` or ``en``)."""
    return {
        "file": finding.place.file,
        "line": finding.place.line,
        "code": finding.code,
        "what": getattr(finding.what, language),
        "remedy": getattr(finding.remedy, language),
    }


def documents_text(documents: Documents) -> str:
    """Documents as PostgreSQL takes them for jsonb."""
    return json.dumps(dict(documents), ensure_ascii=False)
