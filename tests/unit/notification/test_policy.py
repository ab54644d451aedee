"""The policy that comes with the service: who is told of what, in which words."""

from typing import Any
from uuid import UUID

import pytest

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import CaseSealed, CaseTransferred, CaseUnsealed, ConsentEnded, Event, NeedOutcomeRecorded
from slrt_contracts.events.intake import (
    CaseClosed,
    CaseDecided,
    CaseRegistered,
    CaseResolved,
    DecidedNeed,
    NeedSnapshot,
)
from slrt_contracts.events.referral import (
    ReferralAccepted,
    ReferralCompleted,
    ReferralDeclined,
    ReferralRerouted,
    ReferralSent,
)
from slrt_notification import consumers
from slrt_notification.policy.loader import load_policy, parse_policy
from slrt_notification.policy.model import HEARD_EVENTS, Language, Policy, language_of

CASE = UUID("01920000-0000-7000-8000-000000000001")
NEED = UUID("01920000-0000-7000-8000-000000000002")
REFERRAL = UUID("01920000-0000-7000-8000-000000000003")
CONSENT = {"consent_id": UUID("01920000-0000-7000-8000-000000000004"), "case_id": CASE}
TICKET = "1274-7KQ4-M2XD"

SNAPSHOT = {"need_id": NEED, "need_code": "BPBL", "sector": "energi", "programme_code": "BPBL", "urgent": False}
REFERRED = {"referral_id": REFERRAL, "case_id": CASE, "need_id": NEED, "office_code": "12.74.PUPR"}


def decided(*decisions: str) -> CaseDecided:
    """A decision with one need for each of the given decisions."""
    return CaseDecided(
        case_id=CASE,
        district_code="12.74.03",
        decided_by_level="village",
        needs=[DecidedNeed(**SNAPSHOT, decision=decision) for decision in decisions],
    )


EVENTS: list[tuple[Event, str | None]] = [
    (
        CaseRegistered(
            case_id=CASE,
            channel="facilitator",
            district_code="12.74.03",
            urgent=False,
            has_subject=True,
            needs=[NeedSnapshot(**SNAPSHOT)],
        ),
        "case-registered",
    ),
    (decided("refer"), "case-decided-referred"),
    (decided("solved_locally", "refer"), "case-decided-referred"),
    (decided("solved_locally", "solved_locally"), "case-decided-locally"),
    (
        ReferralSent(**REFERRED, need_code="JALAN", programme_code="JALAN", district_code="12.74.03", urgent=False),
        "referral-sent",
    ),
    (ReferralAccepted(**REFERRED), "referral-accepted"),
    (
        ReferralRerouted(**REFERRED, new_referral_id=NEED, to_office_code="12.PUPR", reason_code="other_owner"),
        "referral-rerouted",
    ),
    (ReferralCompleted(**REFERRED, programme_code="JALAN", outcome_code="fulfilled"), "referral-completed"),
    (CaseResolved(case_id=CASE, outcomes=[{"need_id": NEED, "outcome_code": "fulfilled"}]), "case-resolved"),
    (CaseClosed(case_id=CASE, closed_by="resident", satisfied=True), "case-closed"),
    (CaseClosed(case_id=CASE, closed_by="policy"), "case-closed"),
    (ConsentEnded(**CONSENT, reason_code="withdrawn", by_resident=True, shown_to_resident=True), "consent-withdrawn"),
    (ConsentEnded(**CONSENT, reason_code="expired", by_resident=False, shown_to_resident=True), "consent-expired"),
    (ConsentEnded(**CONSENT, reason_code="withdrawn", by_resident=False, shown_to_resident=False), None),
    (ConsentEnded(**CONSENT, reason_code="expired", by_resident=False, shown_to_resident=False), None),
    (NeedOutcomeRecorded(case_id=CASE, need_id=NEED, outcome_code="fulfilled"), None),
    (ReferralDeclined(**REFERRED, reason_code="other_owner"), None),
]


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The packaged one."""
    return load_policy()


@pytest.mark.parametrize(("event", "template"), EVENTS)
def test_the_event_has_the_template_that_the_resident_expects(
    policy: Policy, event: Event, template: str | None
) -> None:
    rule = policy.rule_for(event)
    assert (None if rule is None else rule.template) == template
    assert rule is None or set(rule.channels) == set(NotificationChannel)


def test_every_event_that_is_heard_has_a_rule_and_a_handler(policy: Policy) -> None:
    assert {rule.event_type for rule in policy.rules} == set(HEARD_EVENTS)
    heard = {
        *consumers.cases.entries,
        *consumers.referrals.entries,
        *consumers.supervision.entries,
        *consumers.residents.entries,
        *consumers.consents.entries,
    }
    assert heard - {event.TYPE for event in (CaseTransferred, CaseSealed, CaseUnsealed)} == set(HEARD_EVENTS)


def test_every_template_is_written_for_every_channel_and_language(policy: Policy) -> None:
    for template in policy.templates:
        for channel in NotificationChannel:
            for language in Language:
                message = policy.render(template, channel=channel, language=language, ticket_number=TICKET)
                assert TICKET in message.text
                assert "{" not in message.text
                assert (message.subject is not None) == (channel is NotificationChannel.EMAIL)


def test_a_forwarded_need_and_a_resolved_case_read_as_agreed(policy: Policy) -> None:
    def text(template: str) -> str:
        return policy.render(
            template,  # type: ignore[arg-type]
            channel=NotificationChannel.WHATSAPP,
            language=Language.INDONESIAN,
            ticket_number=TICKET,
        ).text

    assert "diteruskan ke dinas terkait" in text("referral-sent")
    assert "Beri tahu kami apakah ini membantu" in text("case-resolved")


def test_the_first_rule_whose_condition_holds_is_taken() -> None:
    rules = """
rules:
  - event: id.slrt.intake.case-closed.v1
    when: {closed_by: resident, satisfied: [false]}
    template: t-one
    channels: [email]
  - event: id.slrt.intake.case-closed.v1
    when: {satisfied: null}
    template: t-two
    channels: [email]
  - event: id.slrt.intake.case-closed.v1
    when: {satisfied: true}
    template: t-three
    channels: [email]
"""
    wording = '{text: "{ticket_number} {stage}"}'
    mail = '{subject: "Tiket", text: "{ticket_number} {stage}"}'
    policy = parse_policy(
        "version: 1\nexpires_after_hours: 1\n"
        f"layouts: {{l: {{email: {{id: {mail}, en: {mail}}}, whatsapp: {{id: {wording}, en: {wording}}}}}}}\n"
        "templates:\n"
        + "".join(f"  {code}: {{layout: l, stage: {{id: a, en: b}}}}\n" for code in ("t-one", "t-two", "t-three"))
        + rules,
        origin="inline",
    )

    def template(**said: Any) -> str | None:
        rule = policy.rule_for(CaseClosed(case_id=CASE, **said))
        return None if rule is None else rule.template

    assert template(closed_by="resident", satisfied=False) == "t-one"
    assert template(closed_by="policy", satisfied=False) is None
    assert template(closed_by="policy", satisfied=None) == "t-two"
    assert template(closed_by="resident", satisfied=True) == "t-three"


@pytest.mark.parametrize(("wanted", "written"), [("id", "id"), ("en", "en"), ("jv", "id"), ("", "id"), ("EN", "id")])
def test_a_language_that_we_do_not_write_becomes_indonesian(wanted: str, written: str) -> None:
    assert language_of(wanted) == written
