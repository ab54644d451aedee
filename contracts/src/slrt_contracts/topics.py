"""The topic registry: which topic holds which facts, who tells them, who hears them, and how it is kept.

Read from `registry.json`, which `make contracts` writes from `contracts/topics/*.yaml`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

REGISTRY_FILE: Final = "registry.json"


class Audience(StrEnum):
    """Who may be given access to a topic."""

    INTERNAL = "internal"
    PARTNER = "partner"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One integration: a consumer group with a purpose."""

    name: str
    """`<service>.<purpose>`, such as registry.cases."""
    service: str
    group: str
    """Kafka consumer group; one with `{office}` in it stands for one group per office."""
    purpose: str
    types: tuple[str, ...]
    """Event types it acts on; it passes over the others of the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """Kafka principals, without `User:`."""

    write: tuple[str, ...]
    read: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as the registry declares it."""

    name: str
    description: str
    owner: str
    audience: Audience
    key: str | None
    """Field that is the Kafka key; None for dead letters, which keep the key of the failed message."""
    types: tuple[str, ...]
    """Event types told on it; empty for dead letters, which hold raw bytes."""
    producers: tuple[str, ...]
    consumers: tuple[Consumer, ...]
    partitions: int
    compacted: bool
    retention_ms: int | None
    """How long an event is kept; None for a compacted topic, which keeps the last event of each key."""
    acl: Acl
    twin_of: str | None
    """The topic whose facts are told here when they are about a case that few may know of."""

    @property
    def dead_letters(self) -> bool:
        """Whether the topic holds messages that a service could not read."""
        return not self.types

    def kafka_config(self) -> dict[str, str]:
        """Return the topic settings for Kafka's CreateTopics."""
        if self.compacted:
            return {"cleanup.policy": "compact"}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


def dead_letter_topic(service: str) -> str:
    """Return the name of the topic where a service puts what it cannot read."""
    return f"slrt.{service}.dlq.v1"


def read_registry(text: str) -> Mapping[str, Topic]:
    """Return the topics of a registry document by name."""
    entries: list[dict[str, Any]] = json.loads(text)["topics"]
    return MappingProxyType({entry["name"]: _topic(entry) for entry in entries})


def _topic(entry: dict[str, Any]) -> Topic:
    return Topic(
        name=entry["name"],
        description=entry["description"],
        owner=entry["owner"],
        audience=Audience(entry["audience"]),
        key=entry["key"],
        types=tuple(entry["types"]),
        producers=tuple(entry["producers"]),
        consumers=tuple(Consumer(**consumer | {"types": tuple(consumer["types"])}) for consumer in entry["consumers"]),
        partitions=entry["partitions"],
        compacted=entry["compacted"],
        retention_ms=entry["retention_ms"],
        acl=Acl(write=tuple(entry["acl"]["write"]), read=tuple(entry["acl"]["read"])),
        twin_of=entry.get("twin_of"),
    )


TOPICS: Final = read_registry((files("slrt_contracts") / REGISTRY_FILE).read_text(encoding="utf-8"))
"""Topic name → topic. A file of this package, not a connection: reading it at import is safe."""
