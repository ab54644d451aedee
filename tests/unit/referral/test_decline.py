"""Declining: to the better office, at most twice, then to a person; and no need ever ends in nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_contracts.codes import DeclineReason, NeedCode, OutcomeCode
from slrt_contracts.events.referral import ReferralCreated, ReferralDeclined, ReferralRerouted, ReferralSent
from slrt_contracts.types import CaseId, DistrictCode, NeedId, ReferralId
from slrt_kit.clock import new_uuid7
from slrt_kit.problems import NotFoundError
from slrt_kit.testing import FixedClock
from slrt_referral import usecases
from slrt_referral.domain.offices import Office, Offices
from slrt_referral.domain.policy import RoutingPolicy
from slrt_referral.domain.problems import (
    QueueNeedsOfficeError,
    SameOfficeError,
    TransitionRefusedError,
    UnknownOfficeError,
)
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.routing import NeedToRefer
from slrt_referral.domain.transitions import ReferralStatus
from slrt_referral.testing import MemoryReferrals, packaged_routing
from slrt_referral.usecases import CompleteReferral, DeclineReferral, ReferNeeds

AT = FixedClock().now()
SHIPPED = packaged_routing().at("00")
OFFICES = ["12.74.PUPR", "12.PUPR", "00.PUPR", "12.74.PERKIM", "12.74.SLRT"]


async def refer(referrals: MemoryReferrals, *codes: NeedCode) -> list[Referral]:
    """The referrals of a fresh case."""
    needs = [
        NeedToRefer(need_id=NeedId(new_uuid7()), need_code=code, programme_code=None, urgent=False) for code in codes
    ]
    command = ReferNeeds(case_id=CaseId(new_uuid7()), district_code=DistrictCode("12.74.05"), needs=needs)
    return await usecases.refer_needs(command, referrals=referrals, policy=SHIPPED, at=AT, new_id=new_uuid7)


async def decline(
    referrals: MemoryReferrals, referral: Referral, better: str | None = None, policy: RoutingPolicy = SHIPPED
) -> Referral:
    """Decline it; returns the successor."""
    command = DeclineReferral(reason=DeclineReason.OTHER_OWNER, better_office=better, note=None)
    return await usecases.decline(
        referral, command, referrals=referrals, policy=policy, by="officer", at=AT, new_id=new_uuid7
    )


async def complete(referrals: MemoryReferrals, referral: Referral) -> None:
    """Accept and complete it."""
    await usecases.accept(referral, referrals=referrals, by="officer", at=AT)
    command = CompleteReferral(outcome=OutcomeCode.FULFILLED, note=None)
    await usecases.complete(referral, command, referrals=referrals, by="officer", at=AT)


@pytest.fixture
def referrals() -> MemoryReferrals:
    """Nothing yet."""
    return MemoryReferrals()


async def test_the_better_office_gets_it(referrals: MemoryReferrals) -> None:
    (road,) = await refer(referrals, NeedCode.JALAN)
    onward = await decline(referrals, road, "12.PUPR")
    assert (onward.office_code, onward.routing_rule, onward.reroute_count) == ("12.PUPR", "better-owner-named", 1)
    kinds = [type(event) for event in referrals.events[2:]]
    assert kinds == [ReferralDeclined, ReferralRerouted, ReferralCreated, ReferralSent]


async def test_without_a_better_office_a_person_gets_it(referrals: MemoryReferrals) -> None:
    (road,) = await refer(referrals, NeedCode.JALAN)
    onward = await decline(referrals, road)
    assert (onward.office_code, onward.routing_rule, onward.function_code) == ("12.74.SLRT", "manager-queue", "SLRT")


async def test_after_two_reroutes_a_person_gets_it_whatever_was_named(referrals: MemoryReferrals) -> None:
    (road,) = await refer(referrals, NeedCode.JALAN)
    second = await decline(referrals, road, "12.PUPR")
    third = await decline(referrals, second, "00.PUPR")
    assert third.office_code == "00.PUPR"
    fourth = await decline(referrals, third, "12.74.PUPR")
    assert (fourth.office_code, fourth.reroute_count) == ("12.74.SLRT", 3)
    told = [event for event in referrals.events if isinstance(event, ReferralDeclined)]
    assert told[-1].better_office_code == "12.74.PUPR"  # the person sees what was named


async def test_the_person_may_place_it_anywhere_and_the_next_decline_comes_back(referrals: MemoryReferrals) -> None:
    (lost,) = await refer(referrals, NeedCode.LAINNYA)
    for number in range(1, 4):
        placed = await decline(referrals, lost, "12.74.PUPR")
        assert (placed.office_code, placed.reroute_count) == ("12.74.PUPR", 2 * number - 1)
        lost = await decline(referrals, placed, "12.PUPR" if number > 1 else None)
        assert lost.office_code == "12.74.SLRT"


async def test_the_last_desk_names_an_office_or_completes(referrals: MemoryReferrals) -> None:
    (lost,) = await refer(referrals, NeedCode.LAINNYA)
    with pytest.raises(QueueNeedsOfficeError):
        await decline(referrals, lost)
    await complete(referrals, lost)
    assert lost.status is ReferralStatus.COMPLETED


async def test_a_merged_office_gets_it_by_the_function_that_was_asked_for(referrals: MemoryReferrals) -> None:
    (ponds, road) = await refer(referrals, NeedCode.PERIKANAN, NeedCode.JALAN)
    assert (await decline(referrals, ponds, "34.04.PERTANIAN")).function_code == "PERIKANAN"
    assert (await decline(referrals, road, "34.04.PERTANIAN")).function_code == "PERTANIAN"


async def test_a_secretariat_inside_another_office_is_a_desk_of_its_own(
    referrals: MemoryReferrals, make_office: Callable[..., Office]
) -> None:
    others = [office for office in SHIPPED.offices if office.code not in ("12.74.SLRT", "12.74.SOSIAL")]
    merged = replace(SHIPPED, offices=Offices([*others, make_office("12.74.SOSIAL", "SOSIAL", "SLRT")]))
    (aid,) = await refer(referrals, NeedCode.PKH)
    lost = await decline(referrals, aid, policy=merged)
    assert (lost.office_code, lost.function_code) == ("12.74.SOSIAL", "SLRT")
    with pytest.raises(QueueNeedsOfficeError):
        await decline(referrals, lost, policy=merged)


@pytest.mark.parametrize(
    ("better", "error"),
    [("12.74.PUPR", SameOfficeError), ("12.74.GHOST", UnknownOfficeError), ("", UnknownOfficeError)],
)
async def test_a_refused_decline_changes_nothing(
    referrals: MemoryReferrals, better: str, error: type[Exception]
) -> None:
    (road,) = await refer(referrals, NeedCode.JALAN)
    told = len(referrals.events)
    with pytest.raises(error):
        await decline(referrals, road, better)
    assert (road.status, road.raised, len(referrals.events)) == (ReferralStatus.SENT, (), told)


async def test_what_is_in_service_ends_with_an_outcome_and_is_not_declined(referrals: MemoryReferrals) -> None:
    (road,) = await refer(referrals, NeedCode.JALAN)
    await usecases.accept(road, referrals=referrals, by="officer", at=AT)
    await usecases.start(road, referrals=referrals, by="officer", at=AT)
    with pytest.raises(TransitionRefusedError):
        await decline(referrals, road, "12.PUPR")


async def test_a_notice_about_nothing_is_not_found(referrals: MemoryReferrals) -> None:
    with pytest.raises(NotFoundError):
        await usecases.still_with_office(ReferralId(new_uuid7()), referrals=referrals)
    with pytest.raises(NotFoundError):
        await usecases.note_received(ReferralId(new_uuid7()), referrals=referrals, at=AT)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(moves=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, *OFFICES])), max_size=14))
async def test_whatever_the_offices_do_every_need_is_on_one_desk_and_can_end(
    moves: list[tuple[int, str | None]],
) -> None:
    """A random walk of declines and completions over a case in which others wait for the papers."""
    referrals = MemoryReferrals()
    await refer(referrals, NeedCode.PIP, NeedCode.ADMINDUK, NeedCode.JALAN, NeedCode.ADMINDUK, NeedCode.PKH)
    for number, better in moves:
        desks = [referral for referral in referrals.all() if referral.status is ReferralStatus.SENT]
        if not desks:
            break
        await _move(referrals, desks[number % len(desks)], better)
        _check(referrals.all())
    # Whoever has something now completes it: then everything must have come to its end.
    while desks := [referral for referral in referrals.all() if referral.status is ReferralStatus.SENT]:
        await complete(referrals, desks[0])
        _check(referrals.all())
    ended = {ReferralStatus.COMPLETED, ReferralStatus.REROUTED}
    assert {referral.status for referral in referrals.all()} <= ended


async def _move(referrals: MemoryReferrals, referral: Referral, better: str | None) -> None:
    try:
        await decline(referrals, referral, better)
    except (QueueNeedsOfficeError, SameOfficeError):
        await complete(referrals, referral)


def _check(everything: list[Referral]) -> None:
    by_id: dict[Any, Referral] = {referral.referral_id: referral for referral in everything}
    running = [referral for referral in everything if referral.status is not ReferralStatus.REROUTED]
    assert len({referral.need_id for referral in running}) == len(running) == 5
    for referral in everything:
        if referral.status is ReferralStatus.DRAFT:
            awaited = {by_id[other].status for other in referral.waiting_on}
            assert awaited, "a draft that waits for nobody"
            assert awaited <= {ReferralStatus.SENT}, "it waits for what will never be completed"
        if referral.reroute_count > SHIPPED.reroutes_before_queue and referral.rerouted_from is not None:
            placed_by_person = by_id[referral.rerouted_from].office_code == "12.74.SLRT"
            assert referral.office_code == "12.74.SLRT" or placed_by_person
