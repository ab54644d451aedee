"""Which office a need goes to under the policy that comes with the service, and under any policy."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS
from slrt_contracts.codes import AttributeName, NeedCode
from slrt_contracts.types import CaseId, DistrictCode, NeedId
from slrt_kit.clock import day_of, new_uuid7
from slrt_referral.domain.offices import Office, OfficeLevel, Offices, region_at
from slrt_referral.domain.policy import RoutingPolicy
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.routing import NeedToRefer, plan_referrals
from slrt_referral.domain.transitions import ReferralStatus
from slrt_referral.testing import packaged_routing

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 2, tzinfo=UTC)
SHIPPED = packaged_routing().at("00")


def need(code: str, *, urgent: bool = False, **attributes: str) -> NeedToRefer:
    """A need with its catalogue's programme."""
    return NeedToRefer(
        need_id=NeedId(new_uuid7()),
        need_code=NeedCode(code),
        programme_code=NEEDS[code].programme,
        urgent=urgent,
        attributes=attributes,
    )


def plan(policy: RoutingPolicy, *needs: NeedToRefer, district: str = "12.74.05") -> dict[str, Referral]:
    """The referrals of a case by need code."""
    made = plan_referrals(
        needs,
        case_id=CaseId(new_uuid7()),
        district_code=DistrictCode(district),
        policy=policy,
        at=AT,
        new_id=new_uuid7,
    )
    return {referral.need_code: referral for referral in made}


@pytest.mark.parametrize(
    ("asked", "district", "office", "rule"),
    [
        (need("ADMINDUK"), "12.74.05", "12.74.DUKCAPIL", "civil-documents"),
        (need("PIP"), "12.74.05", "12.74.DIKBUD", "school-cash-after-identity"),
        (need("PIP"), "34.04.07", "34.04.PENDIDIKAN", "school-cash-after-identity"),
        (need("BPBL", grid_nearby="yes"), "12.74.05", "12.ESDM", "new-connection"),
        (need("BPBL", grid_nearby="unknown"), "12.74.05", "12.ESDM", "new-connection"),
        (need("BPBL"), "34.04.07", "34.PUP-ESDM", "new-connection"),
        (need("BPBL", grid_nearby="no"), "12.74.05", "12.74.BAPPEDA", "new-connection-no-grid"),
        (need("JALAN"), "12.74.05", "12.74.PUPR", "road-unknown-owner"),
        (need("JALAN", asset_class="unknown"), "12.74.05", "12.74.PUPR", "road-unknown-owner"),
        (need("JALAN", centre_line="white"), "12.74.05", "12.74.PUPR", "road-unknown-owner"),
        (need("JALAN", centre_line="yellow"), "12.74.05", "00.PUPR", "road-yellow-line"),
        (need("JALAN", asset_class="national_road"), "18.04.04", "00.PUPR", "road-national"),
        (need("JALAN", asset_class="provincial_road"), "12.74.05", "12.PUPR", "road-provincial"),
        # What is known of the owner counts more than a colour.
        (need("JALAN", asset_class="provincial_road", centre_line="yellow"), "18.04.04", "18.BMBK", "road-provincial"),
        (need("JALAN", asset_class="village_road"), "12.74.05", "12.74.P3APM", "road-village"),
        (need("JALAN", asset_class="regency_road"), "34.04.07", "34.04.PUPKP", "road-regency"),
        (need("PBI-JK"), "12.74.05", "12.74.SOSIAL", "health-premium"),
        (need("PBI-JK", urgent=True), "12.74.05", "12.74.SOSIAL", "health-premium-urgent"),
        (need("DOMISILI"), "12.74.05", "12.74.05.KECAMATAN", "letter-of-residence"),
        (need("PERIKANAN"), "34.04.07", "34.04.PERTANIAN", "fisheries-aid"),
        (need("RUTILAHU"), "36.04.11", "36.04.PERKIM", "home-repair"),
        (need("ZAKAT"), "12.74.05", "12.74.BAZNAS", "zakat"),
        # Nothing fits: a person.
        (need("LAINNYA"), "12.74.05", "12.74.SLRT", "manager-queue"),
        # A rule fits, and nobody does it there: a person. No kecamatan of Serang is in the table.
        (need("DOMISILI"), "36.04.11", "36.04.SLRT", "manager-queue"),
        # A regency that has not joined: the national secretariat.
        (need("ADMINDUK"), "32.03.01", "00.SLRT", "manager-queue"),
        # An attribute value of a newer contract is none of those that the rules name.
        (need("BPBL", grid_nearby="planned"), "12.74.05", "12.74.SLRT", "manager-queue"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_need_goes_to_its_office(
    policy: RoutingPolicy, asked: NeedToRefer, district: str, office: str, rule: str
) -> None:
    route = policy.route(asked, district_code=district, on=DAY)
    assert (route.office.code, route.rule_id) == (office, rule)
    assert route.programme == asked.programme_code


def test_papers_come_first_for_what_needs_them(policy: RoutingPolicy) -> None:
    made = plan(policy, need("PIP"), need("JALAN"), need("ADMINDUK"), need("BPBL"), need("PKH"))
    identity = made["ADMINDUK"].referral_id
    assert {code: referral.waiting_on for code, referral in made.items()} == {
        "PIP": (identity,),
        "PKH": (identity,),
        "JALAN": (),
        "ADMINDUK": (),
        "BPBL": (),
    }
    assert {code for code, referral in made.items() if referral.status is ReferralStatus.DRAFT} == {"PIP", "PKH"}


def test_nothing_waits_when_no_papers_are_asked_for(policy: RoutingPolicy) -> None:
    made = plan(policy, need("PIP"), need("PKH"))
    assert all(referral.status is ReferralStatus.SENT for referral in made.values())


def test_an_urgent_health_premium_does_not_wait_for_papers(policy: RoutingPolicy) -> None:
    made = plan(policy, need("PBI-JK", urgent=True), need("ADMINDUK"))
    assert made["PBI-JK"].status is ReferralStatus.SENT


def test_a_need_waits_for_all_papers_of_the_family(policy: RoutingPolicy) -> None:
    made = plan_referrals(
        [need("ADMINDUK"), need("PIP"), need("ADMINDUK")],
        case_id=CaseId(new_uuid7()),
        district_code=DistrictCode("12.74.05"),
        policy=policy,
        at=AT,
        new_id=new_uuid7,
    )
    assert made[1].waiting_on == (made[0].referral_id, made[2].referral_id)


def test_an_office_is_found_by_the_day(make_office: Callable[..., Office]) -> None:
    old = make_office("12.74.PU", "PUPR", valid_to=date(2026, 6, 30))
    new = make_office("12.74.PUPR", "PUPR", valid_from=date(2026, 7, 1))
    offices = Offices([old, new])

    def found(on: date) -> str | None:
        office = offices.find(new.functions[0], OfficeLevel.REGENCY, district_code="12.74.05", on=on)
        return None if office is None else office.code

    assert found(date(2023, 12, 31)) is None
    assert found(date(2024, 1, 1)) == found(date(2026, 6, 30)) == "12.74.PU"
    assert found(date(2026, 7, 1)) == "12.74.PUPR"
    assert offices.get("12.74.PU", on=date(2026, 7, 1)) is None
    assert offices.get("12.74.PUPR", on=date(2026, 6, 30)) is None


def test_the_day_of_an_office_begins_at_midnight_in_jakarta() -> None:
    assert day_of(datetime(2026, 6, 30, 16, 59, tzinfo=UTC)) == date(2026, 6, 30)
    assert day_of(datetime(2026, 6, 30, 17, 0, tzinfo=UTC)) == date(2026, 7, 1)


def test_an_office_knows_its_level(make_office: Callable[..., Office]) -> None:
    assert [make_office(code, "PUPR").level for code in ("00.PUPR", "12.PUPR", "12.74.PUPR", "12.74.05.PUPR")] == [
        OfficeLevel.NATIONAL,
        OfficeLevel.PROVINCE,
        OfficeLevel.REGENCY,
        OfficeLevel.DISTRICT,
    ]


# -- for every need anywhere ------------------------------------------------------------------------------------

regencies = st.sampled_from(["12.74", "18.04", "34.04", "36.04", "32.03", "12.75", "91.99"])
districts = st.builds("{}.{:02}".format, regencies, st.integers(1, 99))
# A busy machine is no fault of the rules.
steady = settings(suppress_health_check=[HealthCheck.too_slow])


@st.composite
def needs(draw: st.DrawFn) -> NeedToRefer:
    """Any need with any attributes, also values that its contract does not know."""
    stated = draw(st.sets(st.sampled_from(list(AttributeName))))
    attributes = {
        str(name): str(draw(st.sampled_from([*sorted(ATTRIBUTES[name]), "of_tomorrow"]))) for name in sorted(stated)
    }
    return need(draw(st.sampled_from(list(NeedCode))), urgent=draw(st.booleans()), **attributes)


@steady
@given(asked=needs(), district=districts, day=st.dates(date(2024, 1, 1), date(2035, 1, 1)))
def test_every_need_has_an_office_that_serves_its_place_on_its_day(
    asked: NeedToRefer, district: str, day: date
) -> None:
    route = SHIPPED.route(asked, district_code=district, on=day)
    assert route.office.valid_on(day)
    assert route.function in route.office.functions
    assert route.office.region == region_at(route.office.level, district)


@steady
@given(asked=needs(), district=districts, order=st.randoms(use_true_random=False))
def test_the_order_of_the_rules_does_not_matter(asked: NeedToRefer, district: str, order: Any) -> None:
    shuffled = list(SHIPPED.rules)
    order.shuffle(shuffled)
    other = replace(SHIPPED, rules=tuple(shuffled))
    assert other.route(asked, district_code=district, on=DAY) == SHIPPED.route(asked, district_code=district, on=DAY)


@steady
@given(asked=st.lists(needs(), max_size=8), district=districts)
def test_nobody_waits_for_himself_or_in_a_circle_or_for_another_case(asked: list[NeedToRefer], district: str) -> None:
    made = plan_referrals(
        asked,
        case_id=CaseId(new_uuid7()),
        district_code=DistrictCode(district),
        policy=SHIPPED,
        at=AT,
        new_id=new_uuid7,
    )
    assert [referral.need_id for referral in made] == [entry.need_id for entry in asked]
    waiting = {referral.referral_id: set(referral.waiting_on) for referral in made}
    while waiting:
        free = {referral_id for referral_id, awaited in waiting.items() if not awaited & set(waiting)}
        assert free, "a circle"
        waiting = {referral_id: awaited for referral_id, awaited in waiting.items() if referral_id not in free}
