"""The rules and offices that come with the service fit together, and fit the local stack."""

from collections.abc import Callable

import pytest

from slrt_contracts.codes import NeedCode
from slrt_local.offices import OFFICES as LOCAL_OFFICES
from slrt_referral.domain.offices import Office
from slrt_referral.domain.policy import RoutingPolicy


def test_every_need_has_a_rule_for_the_ordinary_case(policy: RoutingPolicy) -> None:
    ruled = {rule.need for rule in policy.rules}
    assert set(NeedCode) - ruled == {NeedCode.LAINNYA}


def test_the_offices_of_the_local_stack_are_in_the_table(policy: RoutingPolicy) -> None:
    assert set(LOCAL_OFFICES) <= {office.code for office in policy.offices}


def test_only_papers_are_waited_for(policy: RoutingPolicy) -> None:
    assert {need for rule in policy.rules for need in rule.after} == {NeedCode.ADMINDUK}
    assert all(rule.programme is None or rule.programme.value == rule.need.value for rule in policy.rules)


@pytest.mark.parametrize("regency", ["12.74", "18.04", "34.04", "36.04"])
def test_a_regency_that_joined_has_an_office_for_every_rule_of_its_level(
    policy: RoutingPolicy, regency: str, make_office: Callable[..., Office]
) -> None:
    here = {function for office in policy.offices if office.region == regency for function in office.functions}
    asked = {rule.function for rule in policy.rules if rule.level == "regency"} | {policy.queue.function}
    assert asked <= here
    province = {f for office in policy.offices if office.region == regency[:2] for f in office.functions}
    assert {rule.function for rule in policy.rules if rule.level == "province"} <= province
