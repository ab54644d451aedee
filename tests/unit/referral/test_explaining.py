"""Why a need goes to its office: what is told is what decides, and no fewer changes bring another rule."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.codes import FunctionCode, NeedCode
from slrt_contracts.types import RuleId
from slrt_kit.policy.expressions import Facts, Value, compile_expression
from slrt_kit.policy.routing import routing_context, routing_facts
from slrt_kit.regions import Regions
from slrt_referral.domain.explaining import Explainer, RoutingReason
from slrt_referral.domain.offices import OfficeLevel
from slrt_referral.domain.policy import AskedNeed, RoutingPolicy, Rule
from slrt_referral.testing import packaged_routing

DAY = date(2026, 11, 20)
REGIONS = Regions.load()
CONTEXT = routing_context(REGIONS)
SHIPPED = packaged_routing().at("00")
LINE, GRID = "need.centre_line", "need.grid_nearby"
ASKED = {LINE: ("yellow", "white", "no", "unknown"), GRID: ("yes", "no", "unknown"), "urgent": (True, False)}


def asked(code: str, *, urgent: bool = False, **attributes: str) -> AskedNeed:
    """A need to ask about."""
    return AskedNeed(
        need_code=NeedCode(code), programme_code=NEEDS[code].programme, urgent=urgent, attributes=attributes
    )


def explained(need: AskedNeed, district: str = "12.74.05", policy: RoutingPolicy = SHIPPED) -> RoutingReason:
    """The reasons under the policy that comes with the service."""
    return Explainer(policy).explain(need, district_code=district, on=DAY)


def changes(reason: RoutingReason) -> Mapping[str, tuple[Value, ...]]:
    """What would bring the next rule."""
    assert reason.next is not None
    assert reason.next.changes is not None
    return {change.fact.name: change.to for change in reason.next.changes}


def test_a_need_without_a_rule_is_told_so() -> None:
    reason = explained(asked("LAINNYA"))
    assert (reason.counted, reason.no_office, reason.next) == (None, False, None)
    assert reason.route.rule_id == "manager-queue"


def test_a_rule_that_no_office_serves_is_told_beside_the_queue() -> None:
    reason = explained(asked("DOMISILI"), "36.04.11")
    assert reason.no_office
    assert reason.counted is not None
    assert (reason.counted.rule.rule_id, reason.route.rule_id) == ("letter-of-residence", "manager-queue")


def test_a_code_of_a_release_to_come_leaves_the_clause_unknown() -> None:
    reason = explained(asked("BPBL", grid_nearby="planned"))
    assert reason.counted is None
    assert reason.next is not None
    assert [clause.verdict for clause in reason.next.explanation.clauses] == [None]
    assert changes(reason) == {GRID: ("yes",)}


def test_the_rule_that_comes_next_says_what_it_lacks() -> None:
    reason = explained(asked("JALAN", centre_line="white"))
    assert reason.counted is not None
    assert (reason.counted.rule.rule_id, reason.counted.explanation.clauses) == ("road-unknown-owner", ())
    assert reason.next is not None
    assert reason.next.rule.rule_id == "road-national"
    assert changes(reason) == {"need.asset_class": ("national_road",)}


def test_what_held_back_a_rule_that_holds_is_what_has_to_change() -> None:
    reason = explained(asked("PBI-JK", urgent=True))
    assert reason.next is not None
    assert (reason.next.rule.rule_id, reason.next.explanation.verdict) == ("health-premium", True)
    assert changes(reason) == {"urgent": (False,)}


def test_asking_changes_nothing_and_routes_as_routing_does() -> None:
    need = asked("JALAN", centre_line="yellow")
    assert explained(need).route == SHIPPED.route(need, district_code="12.74.05", on=DAY)


# -- for any rules ------------------------------------------------------------------------------------------------

steady = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=80)
clauses = st.sampled_from(
    [f"{name} {operator} '{value}'" for name in (LINE, GRID) for value in ASKED[name] for operator in ("==", "!=")]
    + ["urgent", "!urgent", "regency == '12.74'", "district != '12.74.05'", f"{LINE} in ['yellow', 'no']"]
)
conditions = st.recursive(
    clauses,
    lambda inner: st.builds("({} && {})".format, inner, inner) | st.builds("({} || {})".format, inner, inner),
    max_leaves=3,
)


@st.composite
def policies(draw: st.DrawFn) -> RoutingPolicy:
    """Two to five rules for one need, each of another priority."""
    texts = draw(st.lists(conditions, min_size=2, max_size=5))
    rules = tuple(
        Rule(
            rule_id=RuleId(f"rule-{number}"),
            need=NeedCode.JALAN,
            when=compile_expression(text, CONTEXT),
            function=FunctionCode.PUPR,
            level=OfficeLevel.REGENCY,
            priority=number,
        )
        for number, text in enumerate(texts)
    )
    return replace(SHIPPED, rules=rules)


@steady
@given(
    policy=policies(),
    line=st.sampled_from(ASKED[LINE]),
    grid=st.sampled_from(ASKED[GRID]),
    urgent=st.booleans(),
    district=st.sampled_from(["12.74.05", "12.74.06", "34.04.07"]),
)
def test_no_fewer_changes_bring_another_rule(
    policy: RoutingPolicy, line: str, grid: str, *, urgent: bool, district: str
) -> None:
    need = asked("JALAN", urgent=urgent, centre_line=line, grid_nearby=grid)
    facts = routing_facts(need.attributes, urgent=urgent, district=district)
    reason = explained(need, district, policy)

    def decided_by(changed: Facts) -> str | None:
        rule = policy.rule_that_counts(need.need_code, changed)
        return None if rule is None else rule.rule_id

    now = decided_by(facts)
    assert (reason.counted.rule.rule_id if reason.counted else None) == now
    reached = [
        {decided_by(changed) for changed in _changed(facts, size)} - {now, None} for size in range(len(ASKED) + 1)
    ]
    if reason.next is None:
        assert not any(reached)
        return
    needed = changes(reason)
    assert not any(reached[: len(needed)])
    for values in product(*needed.values()):
        assert decided_by({**facts, **dict(zip(needed, values, strict=True))}) == reason.next.rule.rule_id


def _changed(facts: Facts, size: int) -> Iterator[dict[str, Any]]:
    for names in combinations(ASKED, size):
        for values in product(*(ASKED[name] for name in names)):
            yield {**facts, **dict(zip(names, values, strict=True))}


@pytest.mark.parametrize("district", ["12.74.05", "36.04.11", "32.03.01"])
def test_every_need_can_be_explained_everywhere(district: str) -> None:
    for code in NEEDS:
        reason = explained(asked(code), district)
        assert (reason.counted is None) == (code == "LAINNYA")
