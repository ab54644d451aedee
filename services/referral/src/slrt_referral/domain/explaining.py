"""Why a need goes to its office: which rule counted, by which clauses, and what would have brought another one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from slrt_contracts.codes import NeedCode
from slrt_kit.policy.expressions import Change, Explanation, Fact, Facts
from slrt_kit.policy.expressions.boxes import Box, nearest, without
from slrt_kit.policy.expressions.explaining import changes_of
from slrt_kit.policy.routing import MOST_BOXES, routing_facts, winning
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
        """The rule that the fewest changes would make count, and of equally near ones the first.

        What a rule itself lacks is the least that must change. Mostly that is enough; where a rule that comes before it
        would still hold, the places where it counts are looked through.
        """
        rules = self.policy.rules_for(need)
        known = {} if not rules else rules[0].when.context.facts
        best: tuple[int, Box] | None = None
        held_back: dict[int, int] = {}
        for least, number, _, names, box in sorted(_least(rules, counted, facts, known)):
            if best is not None and least >= len(best[1]):
                break
            changed = {name: box[name] for name in names}
            part = _still_counts(changed, facts, known, rules[:number], rules[number].priority)
            if part is None:
                held_back.setdefault(number, least)
            else:
                best = number, part
        for number, least in held_back.items():
            if best is None or least + 1 < len(best[1]):
                box_ = nearest(self._where(need)[number], facts, known)
                if box_ is not None and (best is None or len(box_) < len(best[1])):
                    best = number, box_
        if best is None:
            return None
        rule = rules[best[0]]
        return RuleReason(rule, rule.when.explain(facts), changes_of(best[1], facts, known))

    def _where(self, need: NeedCode) -> list[tuple[Box, ...]]:
        found = self._counts.get(need)
        if found is None:
            found = self._counts[need] = winning(self.policy.rules_for(need))
        return found


def _least(
    rules: Sequence[Rule], counted: Rule | None, facts: Facts, known: Mapping[str, Fact]
) -> Iterator[tuple[int, int, int, list[str], Box]]:
    """For each box of each other rule how many facts must change, the rule's number, the box's, which facts, the box.

    Each explanation goes through all of them: written out, because the calls would cost more than the work.
    """
    for number, rule in enumerate(rules):
        if rule is counted:
            continue
        for which, box in enumerate(rule.when.holds):
            names = []
            for name, values in box.items():
                if (facts[name] in values.listed) is values.others:
                    if known[name].fixed:
                        break
                    names.append(name)
            else:
                yield len(names), number, which, names, box


def _still_counts(
    changed: Box, facts: Facts, known: Mapping[str, Fact], before: Sequence[Rule], priority: int
) -> Box | None:
    """A part of the changes with which none of the rules before holds; None when one of them does with all of them."""
    parts: list[Box] = [changed]
    for rule in before:
        if rule.priority == priority:
            break
        for box in rule.when.holds:
            if _may_hold(box, changed, facts):
                parts = list(without(parts, [{n: v for n, v in box.items() if n in changed}], known, most=MOST_BOXES))
                if not parts:
                    return None
    return parts[0]


def _may_hold(box: Box, changed: Box, facts: Facts) -> bool:
    """Whether nothing that stays as it is keeps the case out of the box."""
    return all(name in changed or facts.get(name) in values for name, values in box.items())
