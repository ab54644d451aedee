"""The policy that comes with the service: who is told of what, in which words."""

from datetime import UTC, datetime, time, timedelta
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
    LetterSigned,
    NeedSnapshot,
)
from slrt_contracts.events.referral import (
    ReferralAccepted,
    ReferralCompleted,
    ReferralDeclined,
    ReferralRerouted,
    ReferralSent,
)
from slrt_contracts.types import TemplateCode
from slrt_kit.clocks.zones import WIT
from slrt_kit.policy.messages.events import HEARD_EVENTS
from slrt_kit.policy.rules import PolicyRules
from slrt_notification import consumers
from slrt_notification.adapters.message_book import message_policy
from slrt_notification.domain.messages import ChannelSettings, Language, MessagePolicy, language_of
from slrt_notification.testing import packaged_policy

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
    (LetterSigned(letter_id=NEED, case_id=CASE, letter_type="dtsen-statement"), "letter-ready"),
    (NeedOutcomeRecorded(case_id=CASE, need_id=NEED, outcome_code="fulfilled"), None),
    (ReferralDeclined(**REFERRED, reason_code="other_owner"), None),
]


@pytest.fixture(scope="module")
def policy() -> MessagePolicy:
    """The packaged one."""
    return packaged_policy()


@pytest.mark.parametrize(("event", "template"), EVENTS)
def test_the_event_has_the_template_that_the_resident_expects(
    policy: MessagePolicy, event: Event, template: str | None
) -> None:
    found = policy.template_for(event)
    assert (None if found is None else found.code) == template
    assert found is None or set(found.channels) == set(NotificationChannel)


def test_every_event_that_is_heard_has_a_message_and_a_handler(policy: MessagePolicy) -> None:
    assert {template.event_type for template in policy.templates.values()} == set(HEARD_EVENTS)
    heard = {
        *consumers.cases.entries,
        *consumers.referrals.entries,
        *consumers.supervision.entries,
        *consumers.residents.entries,
        *consumers.consents.entries,
        *consumers.letters.entries,
    }
    assert heard - {event.TYPE for event in (CaseTransferred, CaseSealed, CaseUnsealed)} == set(HEARD_EVENTS)


def test_every_template_is_written_for_every_channel_and_language(policy: MessagePolicy) -> None:
    for template in policy.templates:
        for channel in NotificationChannel:
            for language in Language:
                message = policy.render(template, channel=channel, language=language, ticket_number=TICKET)
                assert TICKET in message.text
                assert "{" not in message.text
                assert (message.subject is not None) == (channel is NotificationChannel.EMAIL)


def test_a_forwarded_need_and_a_resolved_case_read_as_agreed(policy: MessagePolicy) -> None:
    def text(template: str) -> str:
        return policy.render(
            template,  # type: ignore[arg-type]
            channel=NotificationChannel.WHATSAPP,
            language=Language.INDONESIAN,
            ticket_number=TICKET,
        ).text

    assert "diteruskan ke dinas terkait" in text("referral-sent")
    assert "Beri tahu kami apakah ini membantu" in text("case-resolved")


MAIL = "{subject: Tiket, text: '{ticket_number} {stage}'}"
WORDING = "{text: '{ticket_number} {stage}'}"
LAYOUTS = f"entries: {{l: {{email: {{id: {MAIL}, en: {MAIL}}}, whatsapp: {{id: {WORDING}, en: {WORDING}}}}}}}"
CHANNELS = "entries: {email: {label: {id: a, en: a}, enabled: true, sender: SLRT, expires_after_hours: 1}}"


def test_the_message_whose_condition_holds_is_taken_and_the_higher_priority_first() -> None:
    entries = "".join(
        f"  {code}:\n    event: id.slrt.intake.case-closed.v1\n    layout: l\n    stage: {{id: a, en: a}}\n"
        f"    channels: [email]\n    when: {when}\n    priority: {priority}\n"
        for code, when, priority in (
            ("t-one", "{closed_by: resident, satisfied: [false]}", 10),
            ("t-two", "{satisfied: null}", 0),
            ("t-three", "{satisfied: true}", 0),
            ("t-four", "{closed_by: [resident, policy], satisfied: false}", 5),
        )
    )
    rules = PolicyRules.of("notification")
    documents = {"notifications": f"entries:\n{entries}", "layouts": LAYOUTS, "channels": CHANNELS}
    layers = rules.layers({"00": (1, documents)})
    assert {finding.code for finding in rules.findings(layers)} == {"event-without-message"}
    policy = message_policy(layers.policy("00"), "Asia/Jakarta")

    def template(**said: Any) -> str | None:
        found = policy.template_for(CaseClosed(case_id=CASE, **said))
        return None if found is None else found.code

    assert template(closed_by="resident", satisfied=False) == "t-one"
    assert template(closed_by="policy", satisfied=False) == "t-four"
    assert template(closed_by="policy", satisfied=None) == "t-two"
    assert template(closed_by="resident", satisfied=True) == "t-three"


def test_a_region_words_one_message_its_own_way_and_shares_the_rest() -> None:
    nation, city = packaged_policy(), packaged_policy("12.74.03")
    differs = {code for code in nation.templates if nation.templates[code] != city.templates[code]}
    assert differs == {"case-decided-locally"}
    assert "kelurahan" in city.templates[TemplateCode("case-decided-locally")].stage[Language.INDONESIAN]
    assert (nation.version, city.version) == ("00:1", "00:1,12.74:1")


def test_a_region_has_its_own_sender_and_a_message_names_it() -> None:
    message = packaged_policy("34.04").render(
        TemplateCode("case-closed"),
        channel=NotificationChannel.WHATSAPP,
        language=Language.ENGLISH,
        ticket_number=TICKET,
    )
    assert message.text.startswith(f"SLRT Sleman, ticket {TICKET}: ")
    assert message.sender == "SLRT Sleman"


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2026-03-02T20:59:59", None),
        ("2026-03-02T21:00:00", "2026-03-03T05:00:00"),
        ("2026-03-02T23:59:59", "2026-03-03T05:00:00"),
        ("2026-03-03T00:00:00", "2026-03-03T05:00:00"),
        ("2026-03-03T04:59:59", "2026-03-03T05:00:00"),
        ("2026-03-03T05:00:00", None),
        ("2028-02-28T22:00:00", "2028-02-29T05:00:00"),
    ],
)
def test_quiet_hours_go_over_midnight_in_the_time_of_the_region(local: str, until: str | None) -> None:
    at = datetime.fromisoformat(f"{local}+07:00").astimezone(UTC)
    policy = packaged_policy("18.04.01")
    closed = policy.templates[TemplateCode("case-closed")]
    found = policy.not_before(closed, NotificationChannel.WHATSAPP, at)
    assert found == (None if until is None else datetime.fromisoformat(f"{until}+07:00"))
    assert policy.not_before(closed, NotificationChannel.EMAIL, at) is None
    code = policy.templates[TemplateCode("resident-code")]
    assert policy.not_before(code, NotificationChannel.WHATSAPP, at) is None


def test_quiet_hours_within_a_day_are_within_that_day() -> None:
    settings = ChannelSettings(
        enabled=True, sender="SLRT", expires_after=timedelta(hours=1), quiet_hours=(time(12), time(13, 30))
    )
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=WIT)
    assert settings.quiet_until(noon - timedelta(seconds=1), WIT) is None
    assert settings.quiet_until(noon, WIT) == noon + timedelta(minutes=90)
    assert settings.quiet_until(noon + timedelta(minutes=90), WIT) is None


@pytest.mark.parametrize(("wanted", "written"), [("id", "id"), ("en", "en"), ("jv", "id"), ("", "id"), ("EN", "id")])
def test_a_language_that_we_do_not_write_becomes_indonesian(wanted: str, written: str) -> None:
    assert language_of(wanted) == written
