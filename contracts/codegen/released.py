"""Keep what was ever released: schemas, registry and events as they were, written once and sealed by digests.

A release is a folder `released/<version>/`: `schemas/` and `registry.json` as they were committed, `headers.json`,
`examples/<type>.json` (payloads as people wrote them), `messages/<type>.json` (key, headers and value as they go to
Kafka) and `manifest.json` with the SHA-256 of each file.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from contracts.codegen.compatibility import Contract

from slrt_contracts.envelope import Envelope, source_of
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.topics import TOPICS
from slrt_contracts.types import EventId

_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_MANIFEST = "manifest.json"
# Golden messages hold no clock and no chance: cutting a release twice gives the same bytes.
_HAPPENED = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_RECORDED = datetime(2026, 1, 3, 1, 2, 3, tzinfo=UTC)
_CASE = UUID("01997c40-5a00-7001-8000-000000000001")

Examples = Mapping[str, Sequence[tuple[str, Any]]]


class ReleaseError(Exception):
    """A release cannot be cut, or one that was cut is not what it was."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take every problem found, each naming its folder or file."""
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Release:
    """A contract that was released, with its events."""

    contract: Contract
    examples: Mapping[str, Mapping[str, Any]]
    """Event type → name → payload."""
    messages: Mapping[str, Sequence[Mapping[str, Any]]]
    """Event type → messages as they go to Kafka: name, key, headers, value."""


def read_releases(folder: Path) -> tuple[Release, ...]:
    """Return every release, oldest first. Raises ReleaseError naming each file that is not what was released."""
    versions = [path for path in folder.iterdir() if path.is_dir()]
    problems = [f"{path.name}: is no version" for path in versions if not _VERSION.fullmatch(path.name)]
    problems += [problem for path in versions for problem in _unsealed(path)]
    if problems:
        raise ReleaseError(problems)
    return tuple(_read(path) for path in sorted(versions, key=lambda path: _parts(path.name)))


def release_files(contract: Contract, examples: Examples) -> dict[str, str]:
    """Return the files of a release by their path inside its folder."""
    files = {
        "headers.json": _json(contract.headers),
        "registry.json": _json({"topics": list(contract.topics)}),
    }
    for event_type, schema in contract.schemas.items():
        files[f"schemas/{event_type}.json"] = _json(schema)
        files[f"examples/{event_type}.json"] = _json(dict(examples[event_type]))
        messages = [_message(event_type, name, payload) for name, payload in examples[event_type]]
        files[f"messages/{event_type}.json"] = _json(messages)
    manifest = {
        "version": contract.version,
        "unknown_code": contract.unknown_code,
        "sha256": {name: _digest(text.encode()) for name, text in sorted(files.items())},
    }
    return files | {_MANIFEST: _json(manifest)}


def cut(folder: Path, contract: Contract, examples: Examples) -> int:
    """Write a release and return the number of its files. Raises ReleaseError when it is there or not the newest."""
    if not _VERSION.fullmatch(contract.version):
        raise ReleaseError([f"{contract.version}: is no version of the form 1.2.3"])
    target = folder / contract.version
    if target.exists():
        raise ReleaseError([f"{contract.version}: was released; raise the version in contracts/pyproject.toml"])
    newer = [path.name for path in folder.glob("*") if path.is_dir() and _parts(path.name) > _parts(contract.version)]
    if newer:
        raise ReleaseError([f"{contract.version}: {', '.join(sorted(newer))} was released already"])
    files = release_files(contract, examples)
    for name, text in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(files)


def _message(event_type: str, name: str, payload: Any) -> dict[str, Any]:
    event = EVENT_TYPES[event_type].decode(json.dumps(payload))
    digest = _digest(f"{event_type}/{name}".encode())
    envelope = Envelope.of(
        event,
        id=_version_7(digest[:18]),
        source=source_of(TOPICS[event.TOPIC].owner),
        time=_HAPPENED,
        recordedtime=_RECORDED,
        keysequence=7,
        correlationid=_CASE,
        causationid=_version_7(digest[18:36]),
        traceparent=f"00-{digest[:32]}-{digest[32:48]}-01",
    )
    return {
        "name": name,
        "key": event.partition_key,
        "headers": [[header, value.decode()] for header, value in envelope.to_headers()],
        "value": event.encode().decode(),
    }


def _version_7(digits: str) -> EventId:
    return EventId(UUID(f"019b7c40-5a00-7{digits[:3]}-8{digits[3:6]}-{digits[6:]}"))


def _unsealed(folder: Path) -> Iterator[str]:
    """Yield what differs from the manifest."""
    if not (folder / _MANIFEST).exists():
        yield f"{folder.name}: has no {_MANIFEST}"
        return
    sealed = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
    there = {
        path.relative_to(folder).as_posix(): _digest(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != _MANIFEST
    }
    for name in sorted(sealed.keys() | there.keys()):
        if name not in there:
            yield f"{folder.name}/{name}: was released and is missing"
        elif name not in sealed:
            yield f"{folder.name}/{name}: was not released"
        elif sealed[name] != there[name]:
            yield f"{folder.name}/{name}: was edited after its release"


def _read(folder: Path) -> Release:
    manifest = _load(folder / _MANIFEST)
    return Release(
        contract=Contract(
            version=manifest["version"],
            schemas=_folder(folder / "schemas"),
            headers=_load(folder / "headers.json"),
            topics=tuple(_load(folder / "registry.json")["topics"]),
            unknown_code=manifest["unknown_code"],
        ),
        examples=_folder(folder / "examples"),
        messages=_folder(folder / "messages"),
    )


def _folder(folder: Path) -> dict[str, Any]:
    return {path.stem: _load(path) for path in sorted(folder.glob("*.json"))}


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
