"""The routing policy: which rule takes a need to which office, and what must hold of the rules as a whole.

Source of the rules' shape: domain 13.4 (``need_code + attributes → programme → function → office(level, region)``,
tie-break by priority, default = the manager's queue).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Protocol

from slrt_contracts.codes import AttributeName, AttributeValue, FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import PolicyVersion, RuleId
from slrt_referral.domain.offices import NATIONAL_REGION, Office, OfficeLevel, OfficeTable

BETTER_OWNER_NAMED = RuleId("better-owner-named")
"""Stands where a rule's id stands when not a rule but a declining office chose."""


class PolicyError(Exception):
    """The policy is wrong; every problem names the entry that it is in."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Routable(Protocol):
    """What the rules may ask of a need."""

    @property
    def need_code(self) -> NeedCode: ...

    @property
    def programme_code(self) -> ProgrammeCode | None: ...

    @property
    def urgent(self) -> bool: ...

    @property
    def attributes(self) -> Mapping[str, str]: ...


def in_subtree(root: str, region: str) -> bool:
    """Whether a dotted region is ``root`` or below it; everything is below the nation."""
    return root in (NATIONAL_REGION, region) or region.startswith(root + ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule applies. What is None or absent does not matter.

    ``attributes`` names the values that will do; an attribute that the need does not state counts as ``unknown``.
    ``region`` is a dotted code and means its subtree.
    """

    need: NeedCode
    attributes: Mapping[AttributeName, frozenset[AttributeValue]] = field(default_factory=dict)
    urgent: bool | None = None
    region: str | None = None

    def holds(self, need: Routable, district_code: str) -> bool:
        """Whether a need of a case in that district meets it."""
        return (
            need.need_code == self.need
            and (self.urgent is None or need.urgent == self.urgent)
            and (self.region is None or in_subtree(self.region, district_code))
            and all(need.attributes.get(name, AttributeValue.UNKNOWN) in v for name, v in self.attributes.items())
        )

    def overlaps(self, other: "Condition") -> bool:
        """Whether some need could meet both."""
        return (
            self.need == other.need
            and (self.urgent is None or other.urgent is None or self.urgent == other.urgent)
            and _regions_overlap(self.region, other.region)
            and all(values & other.attributes.get(name, values) for name, values in self.attributes.items())
        )


def _regions_overlap(one: str | None, two: str | None) -> bool:
    return one is None or two is None or in_subtree(one, two) or in_subtree(two, one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the routing table.

    ``after`` names needs: a referral by this rule waits for those of the same case that are for such needs.
    """

    rule_id: RuleId
    when: Condition
    function: FunctionCode
    level: OfficeLevel
    programme: ProgrammeCode | None = None
    priority: int = 0
    after: tuple[NeedCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerQueue:
    """Where everything goes that no rule or no office takes: a person looks at it. Tried level by level."""

    rule_id: RuleId
    function: FunctionCode
    levels: tuple[OfficeLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a need goes, and by which rule."""

    office: Office
    function: FunctionCode
    programme: ProgrammeCode | None
    rule_id: RuleId
    after: tuple[NeedCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPolicy:
    """One version of the rules with the offices. Make it by `checked`."""

    version: PolicyVersion
    rules: tuple[Rule, ...]
    queue: ManagerQueue
    reroutes_before_queue: int
    offices: OfficeTable

    def route(self, need: Routable, *, district_code: str, on: date) -> Route:
        """The office of a need of a case in that district. There always is one: at last the manager's queue."""
        rule = max(
            (rule for rule in self.rules if rule.when.holds(need, district_code)),
            key=lambda rule: rule.priority,
            default=None,
        )
        if rule is not None:
            office = self.offices.find(rule.function, rule.level, district_code=district_code, on=on)
            if office is not None:
                return Route(
                    office=office,
                    function=rule.function,
                    programme=rule.programme,
                    rule_id=rule.rule_id,
                    after=rule.after,
                )
        return Route(
            office=self.queue_office(district_code, on=on),
            function=self.queue.function,
            programme=need.programme_code,
            rule_id=self.queue.rule_id,
        )

    def queue_office(self, district_code: str, *, on: date) -> Office:
        """The office of the manager's queue for that district."""
        for level in self.queue.levels:
            office = self.offices.find(self.queue.function, level, district_code=district_code, on=on)
            if office is not None:
                return office
        raise PolicyError([f"queue {self.queue.rule_id}: no office for {district_code} on {on}"])


def checked(policy: RoutingPolicy) -> RoutingPolicy:
    """The same policy, when it is sound.

    Raises:
        PolicyError: with everything that is wrong.
    """
    problems = [*_office_problems(policy.offices), *_queue_problems(policy), *_rule_problems(policy)]
    problems += _ambiguities(policy.rules)
    problems += _wait_cycles(policy.rules)
    if problems:
        raise PolicyError(problems)
    return policy


def _office_problems(offices: OfficeTable) -> Iterator[str]:
    seen: set[str] = set()
    for office in offices:
        if office.code in seen:
            yield f"office {office.code}: stands twice in the table"
        seen.add(office.code)
        if office.valid_to is not None and office.valid_to < office.valid_from:
            yield f"office {office.code}: ends before it begins"
    for one, two in combinations(offices, 2):
        shared = set(one.functions) & set(two.functions)
        if one.code != two.code and one.region == two.region and shared and one.overlaps(two):
            yield f"office {two.code}: does {', '.join(sorted(shared))} in {two.region} at the same time as {one.code}"


def _queue_problems(policy: RoutingPolicy) -> Iterator[str]:
    queue = policy.queue
    last = queue.levels[-1] if queue.levels else None
    if last is not OfficeLevel.NATIONAL:
        yield f"queue {queue.rule_id}: the last level must be national, so that no need is without a desk"
    elif not any(
        office.level is last and queue.function in office.functions and office.valid_to is None
        for office in policy.offices
    ):
        yield f"queue {queue.rule_id}: there is no national office of {queue.function} without an end date"


def _rule_problems(policy: RoutingPolicy) -> Iterator[str]:
    taken = {BETTER_OWNER_NAMED, policy.queue.rule_id}
    for rule in policy.rules:
        if rule.rule_id in taken:
            yield f"rule {rule.rule_id}: the id is taken"
        taken.add(rule.rule_id)
        region = rule.when.region or NATIONAL_REGION
        if not any(
            rule.function in office.functions
            and office.level is rule.level
            and (in_subtree(region, office.region) or in_subtree(office.region, region))
            for office in policy.offices
        ):
            where = "" if rule.when.region is None else f" for {rule.when.region}"
            yield f"rule {rule.rule_id}: no {rule.level} office does {rule.function}{where}"


def _ambiguities(rules: Sequence[Rule]) -> Iterator[str]:
    for one, two in combinations(rules, 2):
        if one.priority == two.priority and one.when.overlaps(two.when):
            yield f"rule {two.rule_id}: may apply together with {one.rule_id}, and both have priority {two.priority}"


def _wait_cycles(rules: Sequence[Rule]) -> Iterator[str]:
    """Needs that wait for each other would wait for ever; each cycle is named once, by one of its rules."""
    waits: dict[NeedCode, dict[NeedCode, RuleId]] = {}
    for rule in rules:
        for awaited in rule.after:
            waits.setdefault(rule.when.need, {}).setdefault(awaited, rule.rule_id)
    done: set[NeedCode] = set()

    def visit(need: NeedCode, path: tuple[NeedCode, ...]) -> Iterator[str]:
        if need in path:
            cycle = (*path[path.index(need) :], need)
            yield f"rule {waits[path[-1]][need]}: waits in a circle: {' after '.join(cycle)}"
        elif need not in done:
            for awaited in waits.get(need, {}):
                yield from visit(awaited, (*path, need))
            done.add(need)

    for need in waits:
        yield from visit(need, ())
