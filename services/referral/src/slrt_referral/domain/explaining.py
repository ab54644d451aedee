"""Why a need goes to its office: which rule counted, by which clauses, and what would have brought another one."""

from dataclasses import dataclass
from datetime import date

from slrt_contracts.codes import NeedCode
from slrt_kit.policy.expressions import Change, Explanation, Facts
from slrt_kit.policy.expressions.boxes import Box, nearest
from slrt_kit.policy.expressions.explaining import changes_of
from slrt_kit.policy.routing import routing_facts, winning
from slrt_referral.domain.policy import Routable, Route, RoutingPolicy, Rule


@dataclass(frozen=True, slots=True)
class RuleReason:
    """A rule with each of its clauses.

    ``changes`` is a smallest set of facts to supply or to change with which this rule would count: none for the one
    that does; None when no such change makes it count.
    """

    rule: Rule
    explanation: Explanation
    changes: tuple[Change, ...] | None


@dataclass(frozen=True, slots=True)
class RoutingReason:
    """A route with its reasons.

    ``counted`` is the rule that holds and is first; None: no rule holds. ``no_office``: it counted, and no office does
    its function there, so the need goes to the queue. ``next`` is the rule that the fewest changes would make count.
    """

    route: Route
    counted: RuleReason | None
    no_office: bool
    next: RuleReason | None


class Explainer:
    """Routes by a policy and says why. Where each rule counts is worked out once for each need."""

    def __init__(self, policy: RoutingPolicy) -> None:
        self.policy = policy
        self._counts: dict[NeedCode, list[tuple[Box, ...]]] = {}

    def explain(self, need: Routable, *, district_code: str, on: date) -> RoutingReason:
        """The route as `RoutingPolicy.route` gives it, and its reasons."""
        facts = routing_facts(need.attributes, urgent=need.urgent, district=district_code)
        rule = self.policy.rule_that_counts(need.need_code, facts)
        route = self.policy.route_by(rule, need, district_code=district_code, on=on)
        return RoutingReason(
            route,
            None if rule is None else RuleReason(rule, rule.when.explain(facts), ()),
            no_office=rule is not None and route.rule_id != rule.rule_id,
            next=self._next(need.need_code, rule, facts),
        )

    def _next(self, need: NeedCode, counted: Rule | None, facts: Facts) -> RuleReason | None:
        """Of equally near rules the one of the highest priority."""
        best: tuple[Rule, Box] | None = None
        for rule, boxes in zip(self.policy.rules_for(need), self._where(need), strict=True):
            if rule is counted:
                continue
            box = nearest(boxes, facts, rule.when.context.facts)
            if box is not None and (best is None or len(box) < len(best[1])):
                best = rule, box
        if best is None:
            return None
        rule, box = best
        return RuleReason(rule, rule.when.explain(facts), changes_of(box, facts, rule.when.context.facts))

    def _where(self, need: NeedCode) -> list[tuple[Box, ...]]:
        found = self._counts.get(need)
        if found is None:
            found = self._counts[need] = winning(self.policy.rules_for(need))
        return found
