"""The shipped regencies are whole: whatever residents need there has a way to an office, a clock, and words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import jsonschema_rs
import pytest

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS, PROGRAMMES, SECTORS
from slrt_contracts.codes import AttributeName, ClockAudience, FunctionCode, NeedCode, NotificationChannel
from slrt_kit.clocks.steps import StepClocks
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.forms import read_forms
from slrt_kit.policy.forms_schema import schema_of_answers
from slrt_kit.policy.layers import Layers
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.regions import Level, Regions
from slrt_notification.domain.messages import Language
from slrt_notification.testing import packaged_policy
from slrt_referral.domain.policy import AskedNeed
from slrt_referral.testing import packaged_routing

REGENCIES = ("12.74", "18.04", "34.04")
TODAY = date(2026, 11, 20)
FRIDAY_AFTERNOON = datetime(2026, 11, 20, 15, 0, tzinfo=UTC) - timedelta(hours=7)
"""15.00 WIB; offices work until 16.30."""
REGIONS = Regions.load()
ROUTING = packaged_routing()


def layers(service: str) -> Layers:
    rules = PolicyRules.of(service)
    return rules.layers({code: (1, each) for code, each in packaged_documents(f"slrt_{service}", rules).items()})


INTAKE, REFERRAL = layers("intake"), layers("referral")


def leaves(policy: RegionPolicy) -> Iterator[Entry]:
    """The needs that residents can state."""
    return (entry for entry in policy.entries("taxonomy").values() if "need" in entry.fields)


def districts(regency: str) -> list[str]:
    return [district.code for district in REGIONS.at(Level.DISTRICT) if district.code.startswith(f"{regency}.")]


def answers(policy: RegionPolicy, need: str) -> list[Mapping[str, str]]:
    """Nothing answered, and each answer that the form has, one by one."""
    form = read_forms(policy).get(need)
    asked = form.fields if form is not None else ()
    return [{}, *({str(field.attribute): str(option)} for field in asked for option in field.options)]


def asked_for(need: str, *, urgent: bool = False, **attributes: str) -> AskedNeed:
    return AskedNeed(
        need_code=NeedCode(need), programme_code=NEEDS[need].programme, urgent=urgent, attributes=attributes
    )


EVERY_NEED = [(regency, entry.key) for regency in REGENCIES for entry in leaves(INTAKE.policy(regency))]


@pytest.mark.parametrize(("regency", "key"), EVERY_NEED)
def test_a_need_gets_to_an_office_that_exists_from_every_district_whatever_is_answered(regency: str, key: str) -> None:
    policy = INTAKE.policy(regency)
    need = NeedCode(policy.entries("taxonomy")[key].fields["need"])
    for district in districts(regency):
        for urgent in (False, True):
            for stated in answers(policy, need):
                routing = ROUTING.at(district)
                asked = asked_for(need, urgent=urgent, **stated)
                route = routing.route(asked, district_code=district, on=TODAY)
                assert routing.offices.get(route.office.code, on=TODAY) == route.office
                is_for_people = need is NeedCode.LAINNYA
                assert (route.rule_id == routing.queue.rule_id) is is_for_people, (district, stated, route)


@pytest.mark.parametrize(("regency", "key"), EVERY_NEED)
def test_a_need_has_a_clock_and_an_escalation_that_reaches_the_next_level(regency: str, key: str) -> None:
    need = INTAKE.policy(regency).entries("taxonomy")[key].fields["need"]
    cases, referrals = StepClocks(INTAKE.policy(regency)), StepClocks(REFERRAL.policy(regency))
    for urgent in (False, True):
        at_the_desk = [
            cases.of(state, urgent=urgent) for state in ("registered", "screening", "in_handling", "decided")
        ]
        at_the_office = [referrals.of(state, urgent=urgent, need=need) for state in ("sent", "accepted", "in_service")]
        for step in (*at_the_desk, *at_the_office):
            assert step is not None
            reached = {audience for each in step.terms.chain.steps for audience in each.whom}
            assert {ClockAudience.OWNER, ClockAudience.SUPERVISOR, ClockAudience.NEXT_LEVEL} <= reached


@pytest.mark.parametrize(("regency", "key"), EVERY_NEED)
def test_a_need_and_its_form_have_words_in_both_languages(regency: str, key: str) -> None:
    policy = INTAKE.policy(regency)
    tree = policy.entries("taxonomy")
    node: Entry | None = tree[key]
    while node is not None:
        assert all(node.fields["label"][language].strip() for language in ("id", "en"))
        node = tree.get(node.fields.get("parent", ""))
    form = read_forms(policy).get(tree[key].fields["need"])
    if form is not None:
        jsonschema_rs.validator_for(schema_of_answers(form))
        assert all(field.label.id.strip() and field.label.en.strip() and field.options for field in form.fields)


@pytest.mark.parametrize("regency", REGENCIES)
def test_a_regency_has_every_sector_programme_and_message(regency: str) -> None:
    policy = INTAKE.policy(regency)
    tree = policy.entries("taxonomy")
    used = {entry.fields["parent"] for entry in leaves(policy)}
    assert len(used) == len(SECTORS)
    assert all("parent" not in tree[key].fields for key in used)
    assert set(policy.entries("programmes")) == set(PROGRAMMES)
    for programme in policy.entries("programmes").values():
        for district in districts(regency):
            assert _does(FunctionCode(programme.fields["function"]), district), programme.key
    messages = packaged_policy(regency)
    for code in messages.templates:
        for channel in NotificationChannel:
            for language in Language:
                said = messages.render(code, channel=channel, language=language, ticket_number="1274-7KQ4-M2XD")
                assert said.text.strip()
                assert "{" not in said.text


def _does(function: FunctionCode, district: str) -> bool:
    """Whether somebody does the function for a district, at whatever level."""
    table = ROUTING.offices
    levels = ("district", "regency", "province", "national")
    return any(table.find(function, each, district_code=district, on=TODAY) is not None for each in levels)  # type: ignore[arg-type]


def test_whatever_routing_asks_for_some_form_asks_too() -> None:
    rules = REFERRAL.policy("00").entries("routing").values()
    wanted = {name for rule in rules for name in AttributeName if f"need.{name}" in rule.fields.get("when", "")}
    asked = {field.attribute for form in read_forms(INTAKE.policy("00")).values() for field in form.fields}
    assert wanted <= asked
    assert asked <= set(ATTRIBUTES)


def test_a_trip_in_sleman_goes_to_the_transport_service_within_its_hours() -> None:
    asked = asked_for("TRANSPORT", destination="referral_place")
    for district in districts("34.04"):
        routing = ROUTING.at(district)
        route = routing.route(asked, district_code=district, on=TODAY)
        assert (route.office.code, route.rule_id) == ("34.04.PAIMAH", "transport")
    steps = StepClocks(REFERRAL.policy("34.04"))
    for urgent in (False, True):
        step = steps.of("sent", urgent=urgent, need="TRANSPORT")
        assert step is not None
        assert step.terms.sla.key == "transport-answer"
        due = step.terms.calendar.add(FRIDAY_AFTERNOON, step.terms.sla.length)
        # An hour and a half on Friday, the rest on Monday morning.
        assert due == datetime(2026, 11, 23, 8, 0, tzinfo=UTC) - timedelta(hours=7)
    other = steps.of("sent", urgent=False, need="PKH")
    assert other is not None
    assert other.terms.sla.key == "owner-acceptance"


def test_elsewhere_the_social_office_arranges_the_trip() -> None:
    asked = asked_for("TRANSPORT")
    for regency in ("12.74", "18.04"):
        district = districts(regency)[0]
        route = ROUTING.at(district).route(asked, district_code=district, on=TODAY)
        assert route.office.code == f"{regency}.SOSIAL"
        step = StepClocks(REFERRAL.policy(regency)).of("sent", urgent=False, need="TRANSPORT")
        assert step is not None
        assert step.terms.sla.key == "owner-acceptance"
