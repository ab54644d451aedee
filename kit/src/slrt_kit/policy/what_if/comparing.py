"""The policy in force and the one with the drafts, as both hold in a region."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final, NamedTuple

from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.layers import Layers, merge

_MOST_KEPT: Final = 20_000


class Pair(NamedTuple):
    """What holds in a region, by the policy in force and with the drafts."""

    before: RegionPolicy
    after: RegionPolicy


class Comparison:
    """Both policies of a service, and over which time they are compared.

    ``since`` and ``until`` are aware instants; ``day`` is the day (WIB) whose offices are asked.
    """

    def __init__(
        self,
        before: Layers,
        after: Layers,
        drafts: Collection[str],
        *,
        since: datetime,
        until: datetime,
        day: date,
    ) -> None:
        self.since, self.until, self.day = since, until, day
        self._before, self._after, self._drafts = before, after, frozenset(drafts)
        self._made: dict[tuple[bool, str], Mapping[str, Mapping[str, Entry]]] = {}
        self._pairs: dict[str, Pair | None] = {}

    def of(self, region: str) -> Pair | None:
        """What holds in a region (dotted code); None where no draft reaches it."""
        if region not in self._pairs:
            if len(self._pairs) >= _MOST_KEPT:
                self._pairs.clear()
            self._pairs[region] = self._pair(region)
        return self._pairs[region]

    def _pair(self, region: str) -> Pair | None:
        if self._drafts.isdisjoint((*self._before.chain(region), *self._after.chain(region))):
            return None
        return Pair(self._policy(region, self._before), self._policy(region, self._after))

    def _policy(self, region: str, layers: Layers) -> RegionPolicy:
        label = layers.label(region)
        key = (layers is self._after, label)
        kinds = self._made.get(key)
        if kinds is None:
            kinds = self._made[key] = merge([layers.layer(code) for code in layers.chain(region)])
        return RegionPolicy(region, label, kinds)
