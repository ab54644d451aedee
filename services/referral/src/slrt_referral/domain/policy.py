"""The routing policy: which rule takes a need to which office, and why that one.

Source of the rules' shape: domain 13.4 (``need_code + attributes → programme → function → office(level, region)``,
tie-break by priority, default = the manager's queue). What must hold of the rules as a whole: see
`slrt_kit.policy.routing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from slrt_contracts.codes import FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import PolicyLabel, RuleId
from slrt_kit.policy.expressions import Expression, Facts
from slrt_kit.policy.routing import routing_facts
from slrt_referral.domain.offices import Office, OfficeLevel, OfficeTable

BETTER_OWNER_NAMED = RuleId("better-owner-named")
"""Stands where a rule's id stands when not a rule but a declining office chose."""


class NoQueueError(LookupError):
    """No office is the manager's queue of a district: a policy that was checked has one in the nation, for ever."""


class Routable(Protocol):
    """What the rules may ask of a need. An attribute that it does not state counts as ``unknown``."""

    @property
    def need_code(self) -> NeedCode: ...

    @property
    def programme_code(self) -> ProgrammeCode | None: ...

    @property
    def urgent(self) -> bool: ...

    @property
    def attributes(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedNeed:
    """A need that is asked about, whosever it is (see `Routable`)."""

    need_code: NeedCode
    programme_code: ProgrammeCode | None
    urgent: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the routing table; ``when`` is over the facts of `slrt_kit.policy.routing.routing_context`.

    ``after`` names needs: a referral by this rule waits for those of the same case that are for such needs.
    """

    rule_id: RuleId
    need: NeedCode
    when: Expression
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
    """One version of the rules with the offices; `adapters.routing_book` makes them."""

    version: PolicyLabel
    rules: tuple[Rule, ...]
    queue: ManagerQueue
    reroutes_before_queue: int
    offices: OfficeTable
    _by_need: Mapping[NeedCode, Sequence[Rule]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[NeedCode, list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: -rule.priority):
            found.setdefault(rule.need, []).append(rule)
        object.__setattr__(self, "_by_need", found)

    def rules_for(self, need: NeedCode) -> Sequence[Rule]:
        """The rules for a need; the first of them that holds is the one that counts."""
        return self._by_need.get(need, ())

    def route(self, need: Routable, *, district_code: str, on: date) -> Route:
        """The office of a need of a case in that district. There always is one: at last the manager's queue."""
        facts = routing_facts(need.attributes, urgent=need.urgent, district=district_code)
        return self.route_by(self.rule_that_counts(need.need_code, facts), need, district_code=district_code, on=on)

    def rule_that_counts(self, need: NeedCode, facts: Facts) -> Rule | None:
        """The rule for a need of which these facts are known; None when none holds."""
        return next((rule for rule in self.rules_for(need) if rule.when.verdict(facts)), None)

    def route_by(self, rule: Rule | None, need: Routable, *, district_code: str, on: date) -> Route:
        """Where that rule sends the need, or the manager's queue when no office does it there."""
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
        raise NoQueueError(f"queue {self.queue.rule_id}: no office for {district_code} on {on}")
