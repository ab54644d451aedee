"""One mistake at a time in what is packaged: it is found once, in the line that makes it, and nothing beside it."""

from typing import NamedTuple

import pytest

from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.source import MAX_CHARS

RULES = {name: PolicyRules.of(name) for name in ("intake", "referral", "notification")}
PACKAGED = {name: packaged_documents(f"slrt_{name}", rules) for name, rules in RULES.items()}
LABEL = "label: {id: Uji, en: Test}"


class Seed(NamedTuple):
    """A document of a layer with one mistake, and the findings: file, line and code of each."""

    service: str
    layer: str
    kind: str
    text: str
    expected: list[str]


def own(service: str, kind: str, entries: str, *expected: str, layer: str = "12.74") -> Seed:
    """A document of a region; what is expected in it is given as ``line code``."""
    told = [f"{layer}/{kind}.yaml:{each}" if each[0].isdigit() else f"{layer}/{kind}.yaml {each}" for each in expected]
    return Seed(service, layer, kind, f"entries:\n{entries}", told)


def changed(service: str, kind: str, old: str, new: str, *expected: str) -> Seed:
    """A document of the nation in which something is otherwise."""
    text = PACKAGED[service]["00"][kind]
    assert old in text
    told = [f"00/{kind}.yaml:{each}" if each[0].isdigit() else f"00/{kind}.yaml {each}" for each in expected]
    return Seed(service, "00", kind, text.replace(old, new, 1), told)


def steps(*listed: str) -> str:
    """A standard chain of these steps; the first stands in the fourth line."""
    return "  standard:\n    steps:\n" + "".join(f"      - {{{each}}}\n" for each in listed)


DUE = 'at: "0", effect: escalate, whom: [owner, supervisor]'
LAST = 'at: "+14wd", effect: escalate, whom: [next_level]'
WHATSAPP = "{stage}. Pesan otomatis"

SEEDS = {
    # -- steps ------------------------------------------------------------------------------------------------------
    "a layer leaves a state without a way to it": own(
        "referral",
        "workflow",
        "  accepted:\n    actions:\n      complete: {to: completed, by: [manager]}\n",
        "2 unreachable-state",
    ),
    "a layer takes a state away that others lead to": own(
        "referral", "workflow", "  in_service: {removed: true}\n", "2 unknown-code"
    ),
    "a state of a layer that nothing leads to": own(
        "intake",
        "workflow",
        f"  titip:\n    {LABEL}\n    owner: back_office\n    clock: urgent\n    actions:\n"
        "      go: {to: screening, by: [back_office]}\n",
        "2 unreachable-state",
    ),
    "a step with no clock on paper": own("referral", "workflow", "  sent: {clock: none}\n", "2 step-without-clock"),
    "an urgent step with no clock": own(
        "referral", "workflow", "  sent: {urgent_clock: none}\n", "2 step-without-clock"
    ),
    "a clock that would go on before any has begun": own(
        "referral", "workflow", "  draft: {clock: goes-on}\n", "2 step-without-clock"
    ),
    "a need's clock in a step that is nobody's": own(
        "referral", "workflow", "  declined: {need_clocks: {TRANSPORT: urgent}}\n", "2 clock-without-owner"
    ),
    "a workflow that is taken away": own(
        "intake",
        "workflow",
        "".join(
            f"  {state}: {{removed: true}}\n"
            for state in ("registered", "screening", "in_handling", "decided", "resolved", "closed")
        ),
        "nothing-left",
    ),
    # -- clocks and chains ------------------------------------------------------------------------------------------
    "all classes are taken away": changed(
        "intake", "sla", PACKAGED["intake"]["00"]["sla"], "entries: {}\n", "nothing-left"
    ),
    "a class that steps of the nation name": own(
        "referral", "sla", "  owner-acceptance: {removed: true}\n", "2 unknown-code"
    ),
    "a chain that passes over who is between": own("referral", "escalation", steps(DUE, LAST), "5 escalation-hole"),
    "a chain with nothing when it is due": own(
        "referral",
        "escalation",
        steps('at: "-20%", effect: remind, whom: [owner]', 'at: "+1wd", effect: escalate, whom: [supervisor]', LAST),
        "3 escalation-hole",
    ),
    "a chain that closes what nobody may close": own(
        "referral", "escalation", steps('at: "0", effect: auto_close, whom: [owner]'), "4 effect-not-possible"
    ),
    "a class that closes a step of an office": own(
        "intake", "sla", "  follow-up: {escalation: silence}\n", "2 effect-not-possible"
    ),
    "a chain with an effect that no service has": own(
        "intake",
        "escalation",
        '  silence:\n    steps:\n      - {at: "0", effect: reroute, whom: [owner]}\n',
        "4 effect-not-possible",
    ),
    # -- routing ----------------------------------------------------------------------------------------------------
    "a broader condition of the nation covers a rule": own(
        "referral",
        "routing",
        "  kota:\n    need: PBI-JK\n    when: urgent && need.age_band == 'child'\n    priority: 5\n"
        "    to: {function: SOSIAL, level: regency}\n",
        "4 shadowed-rule",
    ),
    "a broader condition of the layer covers another": own(
        "referral",
        "routing",
        "  luas:\n    need: SKTM\n    when: urgent || need.age_band in ['child', 'elderly']\n    priority: 20\n"
        "    to: {function: KECAMATAN, level: district}\n"
        "  sempit:\n    need: SKTM\n    when: urgent && need.age_band == 'elderly'\n    priority: 10\n"
        "    to: {function: SOSIAL, level: regency}\n",
        "9 shadowed-rule",
    ),
    "a rule of a layer covers one of the nation": own(
        "referral",
        "routing",
        "  kota:\n    need: SKTM\n    priority: 9\n    to: {function: KECAMATAN, level: district}\n",
        "2 shadowed-rule",
    ),
    "a need whose rule is taken away": own(
        "referral", "routing", "  letter-of-poverty: {removed: true}\n", "2 need-without-route"
    ),
    "a need that is misspelt": own("referral", "routing", "  transport: {need: TRANPORT}\n", "2 unknown-code"),
    "a function that is misspelt": own(
        "referral", "routing", "  transport: {to: {function: SOSAIL, level: regency}}\n", "2 unknown-code"
    ),
    "a rule for somewhere else": own(
        "referral",
        "routing",
        "  kota:\n    need: SKTM\n    when: regency == '34.04'\n    priority: 9\n"
        "    to: {function: SOSIAL, level: regency}\n",
        "4 never-true",
    ),
    "rules that wait for each other across layers": own(
        "referral", "routing", "  civil-documents: {after: [PBI-JK]}\n", "2 waits-in-a-circle"
    ),
    "no office of the nation is left": changed(
        "referral",
        "offices",
        PACKAGED["referral"]["00"]["offices"],
        "entries: {}\n",
    )._replace(expected=["00/routing.yaml:15 queue-without-office"]),
    "an office of a district that there is not": own(
        "referral",
        "offices",
        "  12.74.99.KECAMATAN: {functions: [KECAMATAN], name: Kecamatan, valid_from: 2024-01-01}\n",
        "2 unknown-region",
    ),
    # -- messages and words -----------------------------------------------------------------------------------------
    "a field that nobody knows": changed(
        "notification", "layouts", WHATSAPP, "{stage} {antrean}. Pesan otomatis", "10 unknown-placeholder"
    ),
    "a personal field in another spelling": changed(
        "notification", "layouts", WHATSAPP, "{stage} {birthDate}. Pesan otomatis", "10 personal-field"
    ),
    "a field in doubled braces": changed(
        "notification", "layouts", WHATSAPP, "{stage} {{ nik }}. Pesan otomatis", "10 unknown-placeholder"
    ),
    "braces that do not close": changed(
        "notification", "layouts", WHATSAPP, "{stage. Pesan otomatis", "10 unknown-placeholder"
    ),
    "a message without words in English": changed(
        "notification",
        "layouts",
        '"{sender}, ticket {ticket_number}: {stage}. This is an automatic message, no need to reply."',
        '""',
        "11 missing-translation",
    ),
    "a label of blanks": changed("intake", "workflow", "en: Screening}", "en: '  '}", "15 missing-translation"),
    "an event that is misspelt": changed(
        "notification", "notifications", "case-registered.v1", "case-registred.v1", "9 unknown-code"
    ),
    "no layout is left": changed(
        "notification", "layouts", PACKAGED["notification"]["00"]["layouts"], "entries: {}\n", "nothing-left"
    ),
    # -- calendars --------------------------------------------------------------------------------------------------
    "an entry that is no calendar and no days": own("intake", "calendar", f"  libur:\n    {LABEL}\n", "2 wrong-value"),
    "days that are added to the days of another": own(
        "intake", "calendar", f"  libur:\n    {LABEL}\n    adds_to: hari\n", "4 unknown-calendar"
    ),
}


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_a_mistake_is_found_once_where_it_is_made(seed: Seed) -> None:
    rules, packaged = RULES[seed.service], PACKAGED[seed.service]
    documents = packaged | {seed.layer: packaged.get(seed.layer, {}) | {seed.kind: seed.text}}
    found = rules.findings(rules.layers({code: (1, each) for code, each in documents.items()}))
    assert [f"{each.place} {each.code}" for each in found] == seed.expected, [each.line() for each in found]
    for finding in found:
        assert finding.what.id != finding.what.en
        assert finding.remedy.id != finding.remedy.en


def test_what_a_layer_breaks_above_says_where_it_shows() -> None:
    rules, packaged = RULES["referral"], PACKAGED["referral"]
    layers = packaged | {"12.74": packaged["12.74"] | {"sla": "entries:\n  owner-acceptance: {removed: true}\n"}}
    (finding,) = rules.findings(rules.layers({code: (1, each) for code, each in layers.items()}))
    assert finding.line().startswith(
        "12.74/sla.yaml:2 unknown-code: owner-acceptance is a code nobody knows (00/workflow.yaml:14) -> use one of: "
    )


def test_a_mistake_of_the_nation_is_not_told_again_for_each_region() -> None:
    rules, packaged = RULES["notification"], PACKAGED["notification"]
    text = packaged["00"]["notifications"].replace("  case-registered:\n", "  case-resolved:\n", 1)
    layers = packaged | {"00": packaged["00"] | {"notifications": text}}
    found = rules.findings(rules.layers({code: (1, each) for code, each in layers.items()}))
    assert {each.place.file.partition("/")[0] for each in found} == {"00"}


def test_what_cannot_be_read_hides_no_mistake_of_another_kind() -> None:
    rules, packaged = RULES["referral"], PACKAGED["referral"]
    wrong = {
        "calendar": f"entries:\n  libur: {{{LABEL}, adds_to: office, days_off: [{{dat: 2027-01-04}}]}}\n",
        "offices": packaged["12.74"]["offices"].replace("[SOSIAL]", "[SOSAIL]", 1),
        "routing": "entries:\n  letter-of-poverty: {removed: true}\n",
        "workflow": "entries:\n  sent: {clock: none}\n",
        "letters": "entries: {}\n",
    }
    layers = packaged | {"12.74": packaged["12.74"] | wrong}
    found = {each.code for each in rules.findings(rules.layers({code: (1, each) for code, each in layers.items()}))}
    assert found >= {"unknown-key", "unknown-code", "need-without-route", "step-without-clock", "unknown-kind"}


def many(count: int, line: str) -> str:
    """So many entries; ``{n}`` is the number of each, ``{next}`` that of the next."""
    return "entries:\n" + "".join(line.replace("{n}", str(n)).replace("{next}", str(n + 1)) for n in range(count))


OVERFULL = {
    "offices of one function": (
        "referral",
        "offices",
        many(2500, "  12.74.A{n}: {functions: [SOSIAL], name: Kantor, valid_from: 2024-01-01}\n"),
        ("two-offices", 2499),
    ),
    "rules of one need": (
        "referral",
        "routing",
        many(
            1000,
            "  r{n}:\n    need: SKTM\n    when: urgent && district == '12.74.01'\n    priority: {n}\n"
            "    to: {function: KECAMATAN, level: district}\n",
        ),
        ("too-costly", 1),
    ),
    "needs that wait for each other without an end": (
        "referral",
        "routing",
        many(1200, "  r{n}:\n    need: N{n}\n    after: [N{next}]\n    to: {function: KECAMATAN, level: district}\n"),
        ("unknown-code", 2400),
    ),
    "messages about one event": (
        "notification",
        "notifications",
        many(
            1400,
            "  m{n}: {event: id.slrt.intake.case-closed.v1, layout: standard, priority: 3, "
            "stage: {id: tutup, en: closed}, channels: [email]}\n",
        ),
        ("ambiguous-messages", 1399),
    ),
    "a tree of needs without an end": (
        "intake",
        "taxonomy",
        many(3800, f"  t{{n}}: {{{LABEL}, parent: t{{next}}}}\n"),
        ("unknown-code", 1),
    ),
    "a tree of needs that is one circle": (
        "intake",
        "taxonomy",
        many(3000, f"  t{{n}}: {{{LABEL}, parent: t{{next}}}}\n") + f"  t3000: {{{LABEL}, parent: t0}}\n",
        ("taxonomy-cycle", 1),
    ),
}


@pytest.mark.parametrize(("service", "kind", "text", "expected"), OVERFULL.values(), ids=OVERFULL)
def test_a_document_as_large_as_may_be_has_as_many_findings_as_entries_and_not_as_pairs(
    service: str, kind: str, text: str, expected: tuple[str, int]
) -> None:
    rules, packaged = RULES[service], PACKAGED[service]
    assert len(text) <= MAX_CHARS
    documents = packaged | {"12.74": packaged.get("12.74", {}) | {kind: text}}
    found = rules.findings(rules.layers({code: (1, each) for code, each in documents.items()}))
    assert len([each for each in found if each.code == expected[0]]) == expected[1]
    assert len(found) < 8000


def test_where_looking_for_the_cause_takes_too_long_the_layer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.policy.judging._MOST_TRIED_IN_ALL", 0)
    rules = PolicyRules.of("referral")
    text = "entries:\n  in_service: {removed: true}\n"
    documents = PACKAGED["referral"] | {"12.74": PACKAGED["referral"]["12.74"] | {"workflow": text}}
    (found,) = rules.findings(rules.layers({code: (1, each) for code, each in documents.items()}))
    assert (found.place.file, found.code) == ("00/workflow.yaml", "unknown-code")
    assert found.what.en.startswith("12.74: ")
