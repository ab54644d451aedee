"""The permission table and what its scopes cover."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.access import Principal, Scope, ScopeKind, parse_access, permission_table
from slrt_kit.http.auth import require

ROLES = {
    "resident",
    "facilitator",
    "front_office",
    "back_office",
    "surveyor",
    "coordinator",
    "supervisor",
    "manager",
    "opd_officer",
    "head_of_division",
    "head_of_office",
    "province_desk",
    "centre_desk",
    "leadership",
    "admin",
    "auditor",
    "service",
    "partner",
}
SERVICES = {"intake", "referral", "registry", "notification"}

codes = st.builds(
    lambda parts, depth: ".".join([*(f"{part:02d}" for part in parts[:3]), f"{parts[3] % 20:04d}"][:depth]),
    st.lists(st.integers(10, 13), min_size=4, max_size=4),
    st.integers(1, 4),
)


def principal(*roles: str, region: str | None = None, office: str | None = None) -> Principal:
    return Principal("someone", frozenset(roles), region, office, datetime(2030, 1, 1, tzinfo=UTC))


def test_the_table_names_only_roles_that_exist() -> None:
    named = {role for grants in permission_table().values() for role in grants}
    assert named <= ROLES


def test_each_permission_is_service_thing_verb_and_granted_to_somebody() -> None:
    for permission, grants in permission_table().items():
        service, thing, verb = permission.split(".")
        assert service in SERVICES | {"audit", "policy"}, "each service has an audit log, and some a policy"
        assert thing
        assert verb
        assert grants, permission


def test_only_machines_and_the_centre_reach_everywhere() -> None:
    # The rules themselves are about nobody: whoever works with them may read them.
    rules = {"referral.policy.read", "policy.version.read"}
    about_somebody = {name: grants for name, grants in permission_table().items() if name not in rules}
    everywhere = {role for grants in about_somebody.values() for role, kind in grants.items() if kind is ScopeKind.ANY}
    assert everywhere <= {"service", "centre_desk", "admin", "auditor"}


def test_whoever_may_open_a_case_in_an_emergency_reads_cases_of_the_same_area() -> None:
    # An emergency lifts what keeps a case from most; it lends nobody an area that he has not.
    reads = permission_table()["intake.case.read"]
    assert all(reads.get(role) is kind for role, kind in permission_table()["intake.emergency.open"].items())


def test_a_route_cannot_demand_a_permission_that_is_not_in_the_table() -> None:
    with pytest.raises(KeyError):
        require("intake.case.destroy")


def test_a_dependency_says_which_permission_it_demands() -> None:
    annotated = require("intake.case.read")
    assert annotated.dependency.permission == "intake.case.read"
    assert not get_args(annotated)


@given(st.sampled_from(sorted(permission_table())), st.sets(st.sampled_from(sorted(ROLES))))
def test_a_caller_has_a_permission_only_by_a_role_that_the_table_names(permission: str, roles: set[str]) -> None:
    scope = principal(*roles, region="12.74", office="12.74.DUKCAPIL").scope(permission)
    # Beside an administrator's role no other counts.
    counting = roles & {"admin"} or roles
    assert (scope is not None) == bool(counting & set(permission_table()[permission]))


@pytest.mark.parametrize(
    "text",
    [
        "version: 2\npermissions: {}",
        "version: 2\nalone: []\npermissions: {}\nmore: 1",
        "version: 2\nalone: [nobody]\npermissions: {a.b.c: {admin: any}}",
        "version: 2\nalone: []\npermissions: {a.b.c: {admin: everywhere}}",
        "- 1",
    ],
)
def test_a_table_with_something_missing_or_unknown_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_access(text)


@given(st.sampled_from(sorted(permission_table())), st.sampled_from(sorted(ROLES)), codes)
def test_a_role_without_region_and_office_in_its_token_reaches_nothing(permission: str, role: str, code: str) -> None:
    scope = principal(role).scope(permission)
    if scope is not None and not scope.everywhere:
        assert not scope.covers(region=code, office="12.74.DUKCAPIL")
        assert not scope.covers()


@given(codes, codes)
def test_a_region_covers_exactly_its_subtree(mine: str, other: str) -> None:
    inside = other.split(".")[: len(mine.split("."))] == mine.split(".")
    assert Scope(everywhere=False, region=mine, office=None).covers(region=other) == inside


@pytest.mark.parametrize("claimed", ["", ".", "1", "12.", "12.7", "12.74.", "*", "%", "12.7_", "12.74.05 "])
def test_a_region_that_is_no_region_covers_nothing(claimed: str) -> None:
    scope = Scope(everywhere=False, region=claimed, office=None)
    for code in ("12", "12.74", "12.74.05", "12.74.05.1010"):
        assert not scope.covers(region=code)


def test_an_office_covers_its_own_things_and_no_region() -> None:
    scope = Scope(everywhere=False, region=None, office="12.74.DUKCAPIL")
    assert scope.covers(office="12.74.DUKCAPIL", region="31.01")
    assert not scope.covers(office="12.74.PUPR")
    assert not scope.covers(office="12.74.DUKCAPIL.SUB")
    assert not scope.covers(region="12.74")


def test_several_roles_reach_as_far_as_all_of_them_together() -> None:
    both = principal("opd_officer", "manager", region="12.74", office="12.71.PUPR").scope("referral.referral.read")
    assert both is not None
    assert both.covers(region="12.74.05")
    assert both.covers(office="12.71.PUPR")
    assert not both.covers(region="12.71", office="12.71.DUKCAPIL")
