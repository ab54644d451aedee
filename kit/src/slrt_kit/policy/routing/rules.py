"""Routing rules as a policy's entries state them, and where each of them is the one that counts."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Protocol

from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.expressions import Context, Expression, always, compile_expression
from slrt_kit.policy.expressions.boxes import Box, without
from slrt_kit.policy.findings import Finding, PolicyError
from slrt_kit.policy.routing.context import REGION_LENGTHS
from slrt_kit.regions import NATION, Level, Regions

KIND = "routing"
MOST_BOXES = 4000
"""How entangled the rules of one need may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """A rule. ``level`` is ``district``, ``regency``, ``province`` or ``national``; codes are as they were written."""

    key: str
    need: str
    when: Expression
    function: str
    level: str
    programme: str | None
    priority: int
    after: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingQueue:
    """Where a person looks at what no rule or no office takes; tried level by level.

    ``needs`` are those that have no rule on purpose.
    """

    key: str
    function: str
    levels: tuple[str, ...]
    reroutes_before_queue: int
    needs: tuple[str, ...]
    entry: Entry


def read_rules(policy: RegionPolicy, context: Context) -> tuple[list[RoutingRule], list[Finding]]:
    """The rules in the order of the source, and what is wrong with the expressions of the others."""
    rules: list[RoutingRule] = []
    findings: list[Finding] = []
    for entry in policy.entries(KIND).values():
        if not _is_queue(entry):
            try:
                rules.append(_rule(entry, context))
            except PolicyError as error:
                findings += error.findings
    return rules, findings


def read_queues(policy: RegionPolicy) -> list[RoutingQueue]:
    """The queues; there should be one."""
    return [
        RoutingQueue(
            key=entry.key,
            function=entry.fields["function"],
            levels=tuple(entry.fields["levels"]),
            reroutes_before_queue=entry.fields["reroutes_before_queue"],
            needs=tuple(entry.fields.get("needs", ())),
            entry=entry,
        )
        for entry in policy.entries(KIND).values()
        if _is_queue(entry)
    ]


def _is_queue(entry: Entry) -> bool:
    return "levels" in entry.fields


def _rule(entry: Entry, context: Context) -> RoutingRule:
    fields = entry.fields
    when = fields.get("when")
    return RoutingRule(
        key=entry.key,
        need=fields["need"],
        when=always(context) if when is None else compile_expression(when, context, entry.place("when")),
        function=fields["to"]["function"],
        level=fields["to"]["level"],
        programme=fields.get("programme"),
        priority=fields.get("priority", 0),
        after=tuple(fields.get("after", ())),
        entry=entry,
    )


def by_need(rules: Iterable[RoutingRule]) -> dict[str, list[RoutingRule]]:
    """The rules of each need, those that count first first."""
    found: dict[str, list[RoutingRule]] = {}
    for rule in rules:
        found.setdefault(rule.need, []).append(rule)
    for several in found.values():
        several.sort(key=lambda rule: -rule.priority)
    return found


class Places:
    """The districts of a region, one for each way in which rules can tell them apart.

    A rule can ask for a district, its regency and its province, which belong together: whether there is a place that
    meets a box is asked here.
    """

    def __init__(self, regions: Regions, region: str, rules: Iterable[RoutingRule]) -> None:
        self._districts = _districts_of(regions, region)
        named = {
            value
            for rule in rules
            for clause in rule.when.root.clauses()
            if clause.fact.knows
            for value in clause.truth
        }
        kinds = {
            tuple(code if (code := place[:n]) in named else "" for n in (8, 5, 2)): place for place in self._districts
        }
        self._examples = tuple(kinds.values())

    def possible(self, box: Box) -> bool:
        """Whether some district meets the box."""
        return any(meets(box, place) for place in self._examples)

    def within(self, box: Box, region: str) -> bool:
        """Whether some district of that region does; ``00`` is everywhere."""
        if region == NATION:
            return self.possible(box)
        return any(place.startswith(region) and meets(box, place) for place in self._districts)


@lru_cache(maxsize=4)
def _all_districts(regions: Regions) -> tuple[str, ...]:
    """By code. Each of a nation's layers is checked, and each check asks for its districts."""
    return tuple(sorted(district.code for district in regions.at(Level.DISTRICT)))


def _districts_of(regions: Regions, region: str) -> tuple[str, ...]:
    known = _all_districts(regions)
    if region == NATION:
        return known
    # Every code of a subtree begins with "region.", and "/" comes right after ".".
    first, last = region[:8], f"{region[:8]}/"
    return known[bisect_left(known, first) : bisect_left(known, last)]


def meets(box: Box, district: str) -> bool:
    """Whether a box lets a district in, whatever else it asks."""
    return all(district[: REGION_LENGTHS[name]] in values for name, values in box.items() if name in REGION_LENGTHS)


class Ranked(Protocol):
    """What of a rule decides where it counts."""

    @property
    def when(self) -> Expression: ...

    @property
    def priority(self) -> int: ...


def winning(rules: Sequence[Ranked]) -> list[tuple[Box, ...]]:
    """Where each of the rules of one need (as `by_need` sorts them) counts: where it holds and none of a higher
    priority does. In the order of the rules.

    Raises:
        TooManyBoxesError
    """
    taken: list[Box] = []
    found: list[tuple[Box, ...]] = []
    for _, group in groupby(rules, key=lambda rule: rule.priority):
        peers = list(group)
        found += [without(rule.when.holds, taken, rule.when.context.facts, most=MOST_BOXES) for rule in peers]
        taken += [box for rule in peers for box in rule.when.holds]
    return found
