"""What is wrong with messages, layouts and channels is found, with the line and what to do."""

import pytest

from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.regions import Regions

RULES = PolicyRules.of("notification", Regions.load())
PACKAGED = packaged_documents("slrt_notification", RULES)


def found(kind: str, entries: str, *, layer: str = "12.05") -> list[tuple[str, int, str]]:
    """What is wrong with a layer of a regency over what is packaged: file, line and code."""
    own = {layer: {kind: "entries:\n" + entries}}
    layers = RULES.layers({code: (1, each) for code, each in (PACKAGED | own).items()})
    return [(each.place.file, each.place.line, each.code) for each in RULES.findings(layers, [layer])]


def test_what_is_packaged_is_well() -> None:
    layers = RULES.layers({code: (1, each) for code, each in PACKAGED.items()})
    assert RULES.findings(layers) == ()


CLOSED = """\
  own-close:
    event: id.slrt.intake.case-closed.v1
    when: {closed_by: resident}
    priority: 5
    layout: standard
    stage: {id: selesai, en: closed}
    channels: [email]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("case-closed", "case-vanished", (3, "unknown-code")),
        ("intake.case-closed", "registry.person-recorded", (3, "unknown-code")),
        ("{closed_by: resident}", "{mood: good}", (4, "unknown-condition")),
        ("{closed_by: resident}", "{closed_by: nobody}", (4, "unknown-condition")),
        ("{closed_by: resident}", "{satisfied: 'yes, very'}", (4, "unknown-condition")),
        ("{closed_by: resident}", "{closed_by.name: x}", (4, "unknown-condition")),
        ("{closed_by: resident}", "{closed_by: []}", (4, "wrong-value")),
        ("priority: 5", "priority: 0", (3, "ambiguous-messages")),
        ("layout: standard", "layout: fancy", (6, "unknown-code")),
        ("layout: standard", "layout: code", (6, "code-without-place")),
        ("layout: standard", "layuot: standard", (6, "unknown-key")),
        ("en: closed", "jv: rampung", (7, "missing-translation")),
        ("en: closed", "en: ''", (7, "missing-translation")),
        ("id: selesai", "id: '  '", (7, "missing-translation")),
        ("id: selesai", 'id: "selesai\\nBcc: x"', (7, "not-one-line")),
        ("id: selesai", "id: 'tiket {ticket_number}'", (7, "unknown-placeholder")),
        ("id: selesai", "id: 'Bapak {name}'", (7, "personal-field")),
        ("id: selesai", "id: bantuan PKH Anda disetujui", (7, "tells-too-much")),
        ("id: selesai", "id: program keluarga harapan disetujui", (7, "tells-too-much")),
        ("id: selesai", "id: diteruskan ke dinas kesehatan", (7, "tells-too-much")),
        ("id: selesai", "id: hubungi 081200009901", (7, "tells-too-much")),
        ("[email]", "[pigeon]", (8, "unknown-code")),
        ("[email]", "[email, email]", (8, "wrong-value")),
        ("[email]", "[email]\n    to: supervisor", (9, "wrong-recipient")),
    ],
)
def test_a_message_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in CLOSED
    assert found("notifications", CLOSED) == []
    assert ("12.05/notifications.yaml", *expected) in found("notifications", CLOSED.replace(old, new))


def test_a_message_that_is_taken_away_leaves_its_event_without_one() -> None:
    assert found("notifications", "  case-closed: {removed: true}\n") == [
        ("12.05/notifications.yaml", 2, "event-without-message")
    ]
    assert found("notifications", "  case-closed: {channels: []}\n") == []


def test_a_code_that_nobody_is_sent_is_found() -> None:
    assert found("notifications", "  resident-code: {channels: []}\n") == [
        ("12.05/notifications.yaml", 2, "message-without-channel")
    ]
    assert found("notifications", "  resident-code: {layout: standard}\n") == [
        ("12.05/notifications.yaml", 2, "code-without-place")
    ]


MAIL = """\
  standard:
    email:
      id:
        subject: "Tiket {ticket_number}"
        text: "{sender}: {ticket_number} {stage}"
      en: {subject: Ticket, text: "{ticket_number} {stage}"}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"{sender}: {', '"{name}: {', (6, "personal-field")),
        ('"{sender}: {', '"{resident_phone}: {', (6, "personal-field")),
        ('"{sender}: {', '"{weather}: {', (6, "unknown-placeholder")),
        ('"{sender}: {', '"{}: {', (6, "unknown-placeholder")),
        ('{stage}"\n      en', '{stage} {stage.__class__}"\n      en', (6, "unknown-placeholder")),
        ("{sender}: {ticket_number}", "{ticket_number!r}", (6, "unknown-placeholder")),
        ("{sender}: {ticket_number}", "{ticket_number", (6, "unknown-placeholder")),
        ("{sender}: {ticket_number}", "Kabar:", (6, "missing-placeholder")),
        ("{sender}: {ticket_number}", "Perbaikan jalan {ticket_number}", (6, "tells-too-much")),
        ("{sender}: {ticket_number}", "{code} {ticket_number}", (7, "missing-placeholder")),
        ("{sender}: {ticket_number}", "{ticket_number}" + "x" * 600, (6, "wrong-value")),
        ("Tiket {ticket_number}", "Tiket {code}", (5, "unknown-placeholder")),
        ("Tiket {ticket_number}", "Tiket\\nBcc: x", (5, "not-one-line")),
        ("      en: {subject: Ticket, ", "      jv: {subject: Ticket, ", (2, "missing-translation")),
        ("{subject: Ticket, ", "{", (7, "incomplete-entry")),
        ("    email:", "    pigeon:", (3, "unknown-key")),
    ],
)
def test_a_layout_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in MAIL
    assert found("layouts", MAIL) == []
    shown = [each for each in found("layouts", MAIL.replace(old, new)) if each[0] == "12.05/layouts.yaml"]
    assert expected[1] in {code for _, _, code in shown}
    if expected[1] != "missing-translation":
        assert ("12.05/layouts.yaml", *expected) in shown


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("email: {sender: 'SLRT {nik}'}", "personal-field"),
        ("email: {sender: 'SLRT {stage}'}", "unknown-placeholder"),
        ("email: {sender: Kantor PKH}", "tells-too-much"),
        ("email: {enabled: maybe}", "wrong-type"),
        ("email: {expires_after_hours: 0}", "wrong-value"),
        ('email: {quiet_hours: {from: "21:00", to: "21:00"}}', "quiet-all-day"),
        ('email: {quiet_hours: {from: "21:00", to: "25:00"}}', "wrong-value"),
        ('email: {quiet_hours: {from: "21:00"}}', "incomplete-entry"),
        ("pigeon: {label: {id: a, en: a}, enabled: true, sender: SLRT, expires_after_hours: 1}", "unknown-code"),
    ],
)
def test_a_channel_with_a_mistake_is_found(stated: str, expected: str) -> None:
    assert ("12.05/channels.yaml", 2, expected) in found("channels", f"  {stated}\n")


def test_a_region_that_switches_every_channel_of_a_message_off_is_told_where_it_does_so() -> None:
    said = found("channels", "  email: {enabled: false}\n")
    assert {code for _, _, code in said} == {"message-without-channel"}
    assert {file for file, _, _ in said} == {"12.05/channels.yaml"}
    assert len(said) == 1  # what only a mail may bring: the emergency access


@pytest.mark.parametrize("language", ["id", "en"])
def test_findings_say_what_to_do_in_both_languages(language: str) -> None:
    layers = RULES.layers(
        {code: (1, each) for code, each in PACKAGED.items()}
        | {"12.05": (1, {"notifications": "entries:\n" + CLOSED.replace("id: selesai", "id: '{name}'")})}
    )
    [finding] = RULES.findings(layers, ["12.05"])
    line = finding.line(language)
    assert line.startswith("12.05/notifications.yaml:7 personal-field: {name} ")
    assert ("take it out" in line) is (language == "en")
