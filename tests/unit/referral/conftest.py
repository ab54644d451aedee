"""A small policy and referrals to play with; no I/O."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from slrt_contracts.codes import FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import CaseId, DistrictCode, NeedId, OfficeCode, PolicyLabel, ReferralId, RuleId
from slrt_kit.clock import new_uuid7
from slrt_kit.regions import Regions
from slrt_kit.testing import FixedClock
from slrt_referral.domain.offices import Office
from slrt_referral.domain.policy import RoutingPolicy
from slrt_referral.domain.referral import Referral
from slrt_referral.testing import packaged_routing

MakeReferral = Callable[..., Referral]
MakeOffice = Callable[..., Office]


@pytest.fixture(scope="session")
def regions() -> Regions:
    """The table of regions."""
    return Regions.load()


@pytest.fixture(scope="session")
def policy() -> RoutingPolicy:
    """The policy that comes with the service."""
    return packaged_routing().at("00")


@pytest.fixture(scope="session")
def make_office() -> MakeOffice:
    """``make_office("12.74.PUPR", "PUPR")``: an office without an end."""

    def make(code: str, *functions: str, **changes: Any) -> Office:
        values: dict[str, Any] = {
            "code": OfficeCode(code),
            "functions": tuple(FunctionCode(function) for function in functions),
            "name": code,
            "valid_from": date(2024, 1, 1),
        }
        return Office(**values | changes)

    return make


@pytest.fixture
def make_referral() -> MakeReferral:
    """A referral for civil documents to Disdukcapil, not opened yet; ``changes`` replace fields."""

    def make(**changes: Any) -> Referral:
        values: dict[str, Any] = {
            "referral_id": ReferralId(new_uuid7()),
            "case_id": CaseId(new_uuid7()),
            "need_id": NeedId(new_uuid7()),
            "need_code": NeedCode.ADMINDUK,
            "programme_code": ProgrammeCode.ADMINDUK,
            "function_code": FunctionCode.DUKCAPIL,
            "office_code": OfficeCode("12.74.DUKCAPIL"),
            "district_code": DistrictCode("12.74.05"),
            "urgent": False,
            "routing_rule": RuleId("civil-documents"),
            "policy_version": PolicyLabel("00:1"),
            "created_at": FixedClock().now(),
        }
        return Referral(**values | changes)

    return make
