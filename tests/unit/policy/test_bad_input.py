"""A policy that is wrong is told line by line, and says what to do; nothing of it is guessed."""

from collections.abc import Mapping

import pytest

from slrt_kit.policy.findings import Finding
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.regions import Regions

RULES = PolicyRules.of("referral", Regions.load())
CENTRE = 'entries:\n  00.SLRT: {functions: [SLRT], name: "Seknas", valid_from: 2024-01-01}\n'


def findings(layers: Mapping[str, Mapping[str, str]]) -> list[tuple[str, int, str]]:
    return [(each.place.file, each.place.line, each.code) for each in found(layers)]


def found(layers: Mapping[str, Mapping[str, str]]) -> tuple[Finding, ...]:
    return RULES.findings(RULES.layers({code: (1, documents) for code, documents in layers.items()}))


def of_offices(text: str) -> list[tuple[int, str]]:
    return [(line, code) for _, line, code in findings({"00": {"offices": text}})]


OFFICE = "  00.A1: {functions: [SLRT], name: Seknas, valid_from: 2024-01-01}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("entries:\n  00.A1: {functions: [SLRT\n", (3, "syntax-error")),
        ("entries:\n\t00.A1: {}\n", (2, "syntax-error")),
        ("", (1, "syntax-error")),
        ("just words", (1, "syntax-error")),
        ("- a\n- b\n", (1, "syntax-error")),
        ("entries: {}\n---\nentries: {}\n", (2, "syntax-error")),
        ("entries:\n" + "".join(" " * n + f"a{n}:\n" for n in range(1, 30)), (17, "syntax-error")),
        ("entries:\n  \x07: {}\n", (2, "syntax-error")),
        ("entries: &a\n  x: *a\n", (1, "not-plain-yaml")),
        ("entries: !!python/object:os.system {}\n", (1, "not-plain-yaml")),
        ("entires: {}\n", (1, "unknown-key")),
        (f"entries:\n{OFFICE}\nversion: 3\n", (3, "unknown-key")),
        (f"entries:\n{OFFICE}\n{OFFICE}\n", (3, "doubled-key")),
        ("entries: {}\nentries: {}\n", (2, "doubled-key")),
        ("entries:\n  00.A1:\n    functions: [SLRT]\n    fonctions: [SLRT]\n", (4, "unknown-key")),
        ("entries:\n  00.A1:\n    name: Seknas\n    name: Lain\n", (4, "doubled-key")),
        ("entries: [a, b]\n", (1, "wrong-type")),
        ("entries:\n  00.A1: Seknas\n", (2, "wrong-type")),
        ("entries:\n  00.A1:\n    functions: SLRT\n    name: Seknas\n    valid_from: 2024-01-01\n", (3, "wrong-type")),
        (
            "entries:\n  00.A1:\n    functions: [SLRT]\n    name: Seknas\n    valid_from: 2023-02-29\n",
            (5, "wrong-value"),
        ),
        ("entries:\n  00.A1: {functions: [SLRT], name: Seknas}\n", (2, "incomplete-entry")),
        ("entries:\n  00.A1: {removed: true}\n", (2, "removes-nothing")),
        ("entries:\n  00.A1: {removed: yes}\n", (2, "wrong-value")),
        ("entries:\n  00.A1: {removed: true, name: Seknas}\n", (2, "wrong-value")),
        ("entries:\n  ' ': {}\n", (2, "wrong-value")),
    ],
)
def test_what_is_wrong_is_found_in_its_line(text: str, expected: tuple[int, str]) -> None:
    assert expected in of_offices(text)


def test_yes_is_no_boolean_and_a_region_code_no_number() -> None:
    rules = PolicyRules.of("intake")
    text = "entries:\n  a:\n    label: {id: a, en: a}\n    initial: yes\n    clock: 12.74\n"
    layer = rules.layer("00", {"workflow": text})
    assert layer.kinds["workflow"]["a"].fields["clock"] == "12.74"
    assert [(each.place.line, each.code) for each in layer.findings] == [(4, "wrong-type")]
    assert "true or false" in layer.findings[0].remedy.en


def test_a_leap_day_is_a_day() -> None:
    assert of_offices(CENTRE.replace("2024-01-01", "2024-02-29")) == []


def test_a_kind_that_the_service_does_not_have_is_named_with_those_that_it_has() -> None:
    (finding,) = found({"00": {"offices": CENTRE, "letters": "entries: {}\n"}})
    assert (str(finding.place), finding.code) == ("00/letters.yaml", "unknown-kind")
    assert "offices" in finding.remedy.en


def test_a_region_that_nobody_knows_is_found() -> None:
    assert ("99.99/", 0, "unknown-region") in findings({"00": {"offices": CENTRE}, "99.99": {"offices": "entries: {}"}})


def test_inheritance_in_a_circle_is_found_once_where_a_parent_is_named() -> None:
    layers = {
        "00": {"offices": CENTRE},
        "12.74": {"layer": "# why\nparent: 34.04\n"},
        "34.04": {"layer": "parent: 12.74\n"},
    }
    assert findings(layers) == [("12.74/layer.yaml", 2, "cyclic-inheritance")]


@pytest.mark.parametrize(
    ("layer", "text", "code"),
    [
        ("12.74", "parent: 12.74\n", "cyclic-inheritance"),
        ("00", "parent: 12.74\n", "cyclic-inheritance"),
        ("12.74", "parent: 99.01\n", "unknown-region"),
        ("12.74", "parent: Tanjungbalai\n", "wrong-type"),
        ("12.74", "parent: [12]\n", "wrong-type"),
        ("12.74", "induk: 12\n", "unknown-key"),
    ],
)
def test_a_parent_that_cannot_be_one_is_found(layer: str, text: str, code: str) -> None:
    layers = {"00": {"offices": CENTRE}, "12.74": {}} | {layer: {"layer": text}}
    assert code in {each for _, _, each in findings(layers)}


def test_a_region_that_was_split_off_inherits_from_the_one_that_it_came_from() -> None:
    kept = 'entries:\n  12.05.DINSOS: {functions: [SOSIAL], name: "Dinas Sosial", valid_from: 2024-01-01}\n'
    layers = RULES.layers(
        {
            "00": (1, {"offices": CENTRE}),
            "12.05": (4, {"offices": kept}),
            "12.20": (1, {"layer": "# split off by law\nparent: 12.05\n"}),
        }
    )
    assert RULES.findings(layers) == ()
    policy = layers.policy("12.20.01")
    assert (policy.version, list(policy.entries("offices"))) == ("00:1,12.05:4,12.20:1", ["00.SLRT", "12.05.DINSOS"])


def test_an_entry_that_was_taken_away_above_is_stated_whole_or_found_incomplete() -> None:
    layers = {
        "00": {"offices": CENTRE},
        "12": {"offices": "entries:\n  00.SLRT: {removed: true}\n"},
        "12.74": {"offices": "entries:\n  00.SLRT: {name: Kita}\n"},
    }
    assert ("12.74/offices.yaml", 2, "incomplete-entry") in findings(layers)


def test_a_finding_has_both_languages_and_one_line() -> None:
    (finding,) = found({"00": {"offices": "entires: {}\n"}})
    assert finding.line() == "00/offices.yaml:1 unknown-key: `entires` is not known here -> there is: entries"
    assert "tidak dikenal" in finding.line("id")
