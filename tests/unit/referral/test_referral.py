"""One referral: what it tells, what it keeps to itself, how it waits and how it goes on."""

from collections.abc import Callable
from datetime import timedelta

from slrt_contracts.codes import DeclineReason, FunctionCode, OutcomeCode
from slrt_contracts.events.referral import ReferralCompleted, ReferralCreated, ReferralDeclined, ReferralSent
from slrt_contracts.types import OfficeCode, PolicyLabel, ReferralId, RuleId
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import FixedClock
from slrt_referral.domain.offices import Office
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import ReferralStatus

MakeReferral = Callable[..., Referral]
AT = FixedClock().now()
LATER = AT + timedelta(days=1)


def test_a_referral_without_waits_is_created_and_sent_at_once(make_referral: MakeReferral) -> None:
    referral = make_referral().open()
    created, sent = referral.raised
    assert isinstance(created.event, ReferralCreated)
    assert isinstance(sent.event, ReferralSent)
    assert (created.key_sequence, sent.key_sequence) == (1, 2)
    assert (referral.status, referral.sent_at) == (ReferralStatus.SENT, AT)
    assert created.event.routing_rule == "civil-documents"
    assert created.event.policy_version == "00:1"


def test_a_referral_that_waits_stays_a_draft_until_the_last_awaited_one_is_done(make_referral: MakeReferral) -> None:
    one, two = ReferralId(new_uuid7()), ReferralId(new_uuid7())
    referral = make_referral(waiting_on=(one, two)).open()
    assert [type(recorded.event) for recorded in referral.raised] == [ReferralCreated]
    referral.release(one, at=AT)
    assert (referral.status, referral.waiting_on) == (ReferralStatus.DRAFT, (two,))
    referral.release(two, at=LATER)
    assert (referral.status, referral.sent_at) == (ReferralStatus.SENT, LATER)


def test_a_referral_waits_for_the_successor_of_a_rerouted_one(make_referral: MakeReferral) -> None:
    one, two, successor = (ReferralId(new_uuid7()) for _ in range(3))
    referral = make_referral(waiting_on=(one, two)).open()
    referral.wait_on_successor(one, successor)
    assert referral.waiting_on == (successor, two)
    assert referral.status is ReferralStatus.DRAFT


def test_completion_tells_programme_and_outcome_and_not_the_note(make_referral: MakeReferral) -> None:
    referral = make_referral(status=ReferralStatus.ACCEPTED)
    referral.complete(OutcomeCode.PARTLY, by="officer", note="anak ketiga belum", at=LATER)
    (told,) = referral.raised
    assert isinstance(told.event, ReferralCompleted)
    assert (told.event.programme_code, told.event.outcome_code) == ("ADMINDUK", "partly")
    assert "anak" not in told.event.model_dump_json()
    assert referral.new_steps[0].note == "anak ketiga belum"
    assert referral.outcome_code is OutcomeCode.PARTLY


def test_a_decline_tells_reason_and_better_office_and_not_the_note(make_referral: MakeReferral) -> None:
    referral = make_referral(status=ReferralStatus.SENT)
    better = OfficeCode("36.04.DUKCAPIL")
    referral.decline(DeclineReason.OUT_OF_AREA, better_office=better, by="officer", note="KK Serang", at=LATER)
    (told,) = referral.raised
    assert isinstance(told.event, ReferralDeclined)
    assert (told.event.reason_code, told.event.better_office_code) == ("out_of_area", better)
    assert "KK Serang" not in told.event.model_dump_json()
    assert referral.new_steps[0].note == "KK Serang"


def test_the_successor_is_linked_carries_the_reason_and_is_sent(
    make_referral: MakeReferral, make_office: Callable[..., Office]
) -> None:
    referral = make_referral(status=ReferralStatus.DECLINED, reroute_count=1, urgent=True)
    merged = make_office("36.04.SEMUA", "SOSIAL", "DUKCAPIL")
    successor = referral.reroute(
        merged,
        function=FunctionCode.DUKCAPIL,
        reason=DeclineReason.OUT_OF_AREA,
        routing_rule=RuleId("better-owner-named"),
        policy_version=PolicyLabel("00:1"),
        successor_id=ReferralId(new_uuid7()),
        at=LATER,
    )
    assert (referral.status, referral.rerouted_to) == (ReferralStatus.REROUTED, successor.referral_id)
    assert (successor.rerouted_from, successor.reroute_reason) == (referral.referral_id, DeclineReason.OUT_OF_AREA)
    assert (successor.status, successor.reroute_count, successor.urgent) == (ReferralStatus.SENT, 2, True)
    assert (successor.case_id, successor.need_id) == (referral.case_id, referral.need_id)
    assert successor.function_code is FunctionCode.DUKCAPIL
    created = successor.raised[0].event
    assert isinstance(created, ReferralCreated)
    assert (created.rerouted_from, created.reroute_count) == (referral.referral_id, 2)
    assert (created.routing_rule, created.policy_version) == ("better-owner-named", "00:1")


def test_saving_forgets_what_was_told(make_referral: MakeReferral) -> None:
    referral = make_referral().open()
    referral.mark_saved()
    assert (referral.version, referral.raised, referral.new_steps) == (1, (), ())
    referral.accept(by="officer", at=LATER)
    assert referral.raised[0].key_sequence == 3
