"""The entries of a policy as they hold in one region, each value with the place in the source that it comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from slrt_kit.policy.findings import Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One named entry of a kind (an SLA class, a rule, an office), merged over all layers that name it.

    ``fields`` are plain values as JSON has them. ``places`` knows, by the path of a value (``("steps", 0, "at")``, the
    empty path is the entry itself), where it stands; a path that is not there stands where its parent does.
    """

    key: str
    fields: Mapping[str, Any]
    places: Mapping[tuple[str | int, ...], Place]

    def place(self, *path: str | int) -> Place:
        """Where a value of the entry stands in the source."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


@dataclass(frozen=True, slots=True)
class RegionPolicy:
    """All kinds of one service's policy as they hold in one region: what every check and every reader works on.

    ``version`` names the versions of all layers that it is made of, such as ``00:3,12.74:2``: with it the same policy
    can be made again later. ``kinds`` is by kind (``sla``), then by key, in the order of the source.
    """

    region: str
    version: str
    kinds: Mapping[str, Mapping[str, Entry]] = field(default_factory=lambda: MappingProxyType({}))

    def entries(self, kind: str) -> Mapping[str, Entry]:
        """The entries of a kind by key; none where the service has no such policy."""
        return self.kinds.get(kind, {})

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        """Every entry with its kind."""
        for kind, entries in self.kinds.items():
            for entry in entries.values():
                yield kind, entry
