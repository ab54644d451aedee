"""Every action in every state: what the table allows happens, everything else is refused and changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from slrt_contracts.codes import DeclineReason, FunctionCode, OutcomeCode
from slrt_contracts.events.referral import (
    ReferralAccepted,
    ReferralCompleted,
    ReferralConfirmed,
    ReferralDeclined,
    ReferralReceived,
    ReferralRerouted,
    ReferralSent,
    ReferralServiceStarted,
)
from slrt_contracts.types import PolicyLabel, ReferralId, RuleId
from slrt_kit.clock import new_uuid7
from slrt_referral.domain.offices import Office
from slrt_referral.domain.problems import TransitionRefusedError
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import TRANSITIONS, ReferralAction, ReferralStatus

AT = datetime(2026, 7, 2, 1, tzinfo=UTC)
AWAITED = ReferralId(new_uuid7())

# Written out a second time on purpose: a slip in the table must not pass because the test reads the table.
ALLOWED = {
    "draft": {"send": "sent"},
    "sent": {"receive": "received", "accept": "accepted", "decline": "declined"},
    "received": {"accept": "accepted", "decline": "declined"},
    "accepted": {"start": "in_service", "complete": "completed", "decline": "declined"},
    "in_service": {"complete": "completed"},
    "completed": {"confirm": "confirmed_by_client"},
    "declined": {"reroute": "rerouted"},
    "confirmed_by_client": {},
    "rerouted": {},
    "returned_for_documents": {},
    "cancelled": {},
    "expired": {},
}


@pytest.fixture
def perform(make_office: Callable[..., Office]) -> Callable[[Referral, ReferralAction], None]:
    """Do an action to a referral by its own method."""
    elsewhere = make_office("36.04.DUKCAPIL", "DUKCAPIL")

    def do(referral: Referral, action: ReferralAction) -> None:
        methods: dict[ReferralAction, Callable[[], Any]] = {
            ReferralAction.SEND: lambda: referral.release(AWAITED, at=AT),
            ReferralAction.RECEIVE: lambda: referral.receive(at=AT),
            ReferralAction.ACCEPT: lambda: referral.accept(by="officer", at=AT),
            ReferralAction.START: lambda: referral.start(by="officer", at=AT),
            ReferralAction.COMPLETE: lambda: referral.complete(
                OutcomeCode.FULFILLED, by="officer", note="selesai", at=AT
            ),
            ReferralAction.CONFIRM: lambda: referral.confirm(at=AT),
            ReferralAction.DECLINE: lambda: referral.decline(
                DeclineReason.UNCLEAR, better_office=None, by="officer", note=None, at=AT
            ),
            ReferralAction.REROUTE: lambda: referral.reroute(
                elsewhere,
                function=FunctionCode.DUKCAPIL,
                reason=DeclineReason.UNCLEAR,
                routing_rule=RuleId("better-owner-named"),
                policy_version=PolicyLabel("00:1"),
                successor_id=ReferralId(new_uuid7()),
                at=AT,
            ),
        }
        methods[action]()

    return do


EVENTS = {
    ReferralAction.SEND: ReferralSent,
    ReferralAction.RECEIVE: ReferralReceived,
    ReferralAction.ACCEPT: ReferralAccepted,
    ReferralAction.START: ReferralServiceStarted,
    ReferralAction.COMPLETE: ReferralCompleted,
    ReferralAction.CONFIRM: ReferralConfirmed,
    ReferralAction.DECLINE: ReferralDeclined,
    ReferralAction.REROUTE: ReferralRerouted,
}


@pytest.mark.parametrize(("status", "action"), list(product(ReferralStatus, ReferralAction)))
def test_an_action_follows_the_table(
    make_referral: Callable[..., Referral],
    perform: Callable[[Referral, ReferralAction], None],
    status: ReferralStatus,
    action: ReferralAction,
) -> None:
    waiting = (AWAITED,) if status is ReferralStatus.DRAFT else ()
    referral = make_referral(status=status, waiting_on=waiting)
    target = ALLOWED[status].get(action)
    if target is None:
        before = vars(referral) | {"waiting_on": ()}
        with pytest.raises(TransitionRefusedError) as refusal:
            perform(referral, action)
        assert refusal.value.extra == {"state": status, "action": action}
        assert vars(referral) | {"waiting_on": ()} == before
        assert (referral.raised, referral.new_steps) == ((), ())
        return
    perform(referral, action)
    assert referral.status == target
    assert [type(recorded.event) for recorded in referral.raised] == [EVENTS[action]]
    step = referral.new_steps[0]
    assert (step.action, step.from_status, step.to_status, step.at) == (action, status, target, AT)


def test_the_table_holds_these_rows_and_no_others() -> None:
    rows = {(status, action): target for (status, action), target in TRANSITIONS.items()}
    assert rows == {(s, a): t for s, actions in ALLOWED.items() for a, t in actions.items()}


def test_every_state_that_the_table_reaches_comes_from_a_draft() -> None:
    reached = {ReferralStatus.DRAFT}
    while True:
        further = reached | {target for (status, _), target in TRANSITIONS.items() if status in reached}
        if further == reached:
            break
        reached = further
    assert reached == set(ReferralStatus) - {
        ReferralStatus.RETURNED_FOR_DOCUMENTS,
        ReferralStatus.CANCELLED,
        ReferralStatus.EXPIRED,
    }
