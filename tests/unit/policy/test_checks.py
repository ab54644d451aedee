"""What must hold of the entries of a kind together."""

import pytest

from slrt_kit.policy.rules import PolicyRules

REFERRAL, INTAKE = PolicyRules.of("referral"), PolicyRules.of("intake")
LABEL = "label: {id: a, en: a}"


def codes(rules: PolicyRules, kind: str, entries: str) -> list[tuple[int, str]]:
    layers = rules.layers({"00": (1, {kind: "entries:\n" + entries})})
    return [(each.place.line, each.code) for each in rules.findings(layers)]


OFFICES = """\
  12.74.A1: {functions: [SOSIAL], name: Lama, valid_from: 2024-01-01, valid_to: 2026-06-30}
  12.74.B1: {functions: [SOSIAL, PMD], name: Baru, valid_from: 2026-07-01}
"""


def test_offices_that_follow_one_another_are_well() -> None:
    assert codes(REFERRAL, "offices", OFFICES) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2026-06-30", "2026-07-01", (3, "two-offices")),
        ("valid_to: 2026-06-30", "valid_to: 2023-12-31", (2, "ends-before-it-begins")),
        ("[SOSIAL, PMD]", "[SOSIAL, PASAR]", (3, "unknown-code")),
        ("12.74.B1", "12.74.b", (3, "wrong-value")),
    ],
)
def test_a_table_of_offices_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert expected in codes(REFERRAL, "offices", OFFICES.replace(old, new))


def test_an_office_of_another_region_is_found_in_a_layer() -> None:
    layers = REFERRAL.layers({"12.74": (1, {"offices": "entries:\n" + OFFICES.replace("12.74.B1", "34.04.B1")})})
    assert [(each.place.line, each.code) for each in REFERRAL.findings(layers)] == [(3, "outside-layer")]


FLOW = f"""\
  open:
    {LABEL}
    initial: true
    owner: manager
    clock: light
    actions:
      close: {{to: closed, by: [manager]}}
  closed: {{{LABEL}, final: true}}
"""


def test_a_workflow_with_a_way_through_is_well() -> None:
    assert codes(INTAKE, "workflow", FLOW) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("initial: true", "initial: false", (0, "no-initial-state")),
        ("final: true", "final: true, initial: true", (9, "two-initial-states")),
        ("to: closed", "to: shut", (8, "unknown-code")),
        ("by: [manager]", "by: [boss]", (8, "unknown-code")),
        ("to: closed", "to: open", (9, "unreachable-state")),
        ("to: closed", "to: open", (2, "state-without-exit")),
        ("    clock: light\n", "", (2, "step-without-clock")),
        ("    owner: manager\n", "", (5, "clock-without-owner")),
        ("clock: light", "clock: light\n    need_clocks: {BAKSO: light}", (7, "unknown-code")),
        ("owner: manager", "owner: boss", (5, "unknown-code")),
        ("en: a}\n    initial", "en: ''}\n    initial", (3, "missing-translation")),
        ("label: {id: a, en: a}\n    initial", "label: {id: a}\n    initial", (3, "missing-translation")),
    ],
)
def test_a_workflow_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert expected in codes(INTAKE, "workflow", FLOW.replace(old, new))


def test_a_circle_that_never_ends_has_no_exit() -> None:
    text = FLOW.replace("close: {to: closed", "go: {to: back").replace(
        "  closed:",
        f"  back: {{{LABEL}, owner: manager, clock: light, actions: {{go: {{to: open, by: [manager]}}}}}}\n  closed:",
    )
    assert {"state-without-exit", "unreachable-state"} == {code for _, code in codes(INTAKE, "workflow", text)}


TREE = f"""\
  top: {{{LABEL}}}
  mid: {{{LABEL}, parent: top}}
  leaf: {{{LABEL}, parent: mid, need: JALAN, synonyms: [jalan rusak]}}
"""


def test_a_tree_of_any_depth_is_well() -> None:
    assert codes(INTAKE, "taxonomy", TREE) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("need: JALAN", "need: JALUR", (4, "unknown-code")),
        ("parent: top", "parent: tip", (3, "unknown-code")),
        ("  top: {label: {id: a, en: a}}", "  top: {label: {id: a, en: a}, parent: leaf}", (2, "taxonomy-cycle")),
        (", need: JALAN", "", (4, "leaf-without-need")),
        ("parent: top}", "parent: top, synonyms: [JALAN  Rusak]}", (4, "synonym-twice")),
    ],
)
def test_a_taxonomy_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert expected in codes(INTAKE, "taxonomy", TREE.replace(old, new))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  PKH: {label: {id: a, en: a}, function: SOSIAL, needs: [PKH]}\n", []),
        ("  PKH: {label: {id: a, en: a}, function: SOSIL, needs: [PKH]}\n", [(2, "unknown-code")]),
        ("  PKX: {label: {id: a, en: a}, function: SOSIAL, needs: [PKH]}\n", [(2, "unknown-code")]),
        ("  PKH: {label: {id: a, en: a}, function: SOSIAL, needs: [HKP]}\n", [(2, "unknown-code")]),
        ("  PKH: {label: {id: a, en: a}, function: SOSIAL, needs: []}\n", [(2, "wrong-value")]),
    ],
)
def test_a_programme_names_codes_that_there_are(text: str, expected: list[tuple[int, str]]) -> None:
    assert codes(INTAKE, "programmes", text) == expected
