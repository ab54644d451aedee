"""Forms of needs: what is wrong with them is found, and they take the answers that their schema takes."""

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import AttributeName
from slrt_kit.policy.forms import MISSING, NOT_AN_OPTION, NOT_ASKED, Form, read_forms
from slrt_kit.policy.forms_schema import schema_of_answers
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("intake")
LABEL = "label: {id: a, en: a}"
ROAD = f"""\
  JALAN.asset_class: {{{LABEL}}}
  JALAN.centre_line:
    {LABEL}
    required: true
    options: [yellow, 'no', unknown]
    shown_if: need.asset_class == 'unknown'
"""
PAPERS = f"""\
  card: {{{LABEL}, needs: [PIP, PKH], file_class: id_card, mandatory: true, instead: [family]}}
  family: {{{LABEL}, needs: [PIP, PKH], file_class: family_card, mandatory: false}}
"""


def found(kind: str, entries: str) -> list[tuple[int, str]]:
    layers = RULES.layers({"00": (1, {kind: "entries:\n" + entries})})
    return [(each.place.line, each.code) for each in RULES.findings(layers)]


def forms(region: str) -> dict[str, Form]:
    """Those that are packaged."""
    documents = packaged_documents("slrt_intake", RULES)
    return dict(read_forms(RULES.layers({code: (1, each) for code, each in documents.items()}).policy(region)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("JALAN.asset_class", "JALANAN.asset_class", (2, "unknown-code")),
        ("JALAN.asset_class", "JALAN.weather", (2, "unknown-code")),
        ("JALAN.asset_class", "asset_class", (2, "unknown-code")),
        ("'no', unknown", "purple, unknown", (6, "unknown-code")),
        ("[yellow, 'no', unknown]", "[yellow]", (6, "wrong-value")),
        ("[yellow, 'no', unknown]", "[yellow, yellow]", (6, "wrong-value")),
        ("required: true", "required: maybe", (5, "wrong-type")),
        ("label: {id: a, en: a}\n    required", "label: {id: a}\n    required", (4, "missing-translation")),
        ("== 'unknown'", "== 'purple'", (7, "unknown-code")),
        ("== 'unknown'", "==", (7, "expression-syntax")),
        ("need.asset_class ==", "need.grid_nearby ==", (7, "asks-no-field")),
        ("== 'unknown'", "== 'unknown' && need.asset_class == 'village_road'", (7, "never-true")),
        ("need.asset_class ==", "need.centre_line ==", (7, "form-cycle")),
    ],
)
def test_a_form_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in ROAD
    assert found("forms", ROAD) == []
    assert expected in found("forms", ROAD.replace(old, new, 1))


def test_questions_that_wait_for_each_other_are_found() -> None:
    text = ROAD.replace(f"asset_class: {{{LABEL}", f"asset_class: {{{LABEL}, shown_if: need.centre_line == 'white'")
    assert {code for _, code in found("forms", text)} == {"form-cycle"}
    assert {line for line, _ in found("forms", text)} == {2, 7}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[PIP, PKH], file_class: id_card", "[PIP, BAKSO], file_class: id_card", (2, "unknown-code")),
        ("id_card", "passport", (2, "unknown-code")),
        ("[family]", "[uncle]", (2, "unknown-code")),
        ("[family]", "[card]", (2, "replaced-by-nothing")),
        ("[PIP, PKH], file_class: family", "[PIP], file_class: family", (2, "replaced-by-nothing")),
        ("mandatory: true, ", "", (2, "incomplete-entry")),
    ],
)
def test_a_document_with_a_mistake_is_found(old: str, new: str, expected: tuple[int, str]) -> None:
    assert old in PAPERS
    assert found("documents", PAPERS) == []
    assert expected in found("documents", PAPERS.replace(old, new, 1))


def test_answers_are_judged_one_by_one_in_words() -> None:
    [form] = read_forms(RULES.layers({"00": (1, {"forms": "entries:\n" + ROAD})}).policy("00")).values()

    def wrong(**answers: str) -> list[tuple[str, str]]:
        return [(each.attribute, each.code) for each in form.wrong(answers)]

    assert wrong(asset_class="national_road") == []
    assert wrong() == wrong(asset_class="unknown") == [("centre_line", MISSING)]
    assert wrong(asset_class="unknown", centre_line="white") == [("centre_line", NOT_AN_OPTION)]
    assert wrong(asset_class="village_road", centre_line="yellow") == [("centre_line", NOT_ASKED)]
    assert wrong(asset_class="unknown", centre_line="unknown", grid_nearby="yes") == []
    [said] = form.wrong({"centre_line": "white"})
    assert said.detail == ("'a': pilih kuning, tidak, belum diketahui", "'a': choose yellow, no, unknown")


ANSWERS = st.fixed_dictionaries(
    {}, optional={str(name): st.sampled_from(sorted(ATTRIBUTES[name])) for name in AttributeName}
)
EVERY_FORM = [
    *forms("34.04").values(),
    *forms("12.74").values(),
    *read_forms(RULES.layers({"00": (1, {"forms": "entries:\n" + ROAD})}).policy("00")).values(),
]


@given(answers=ANSWERS, form=st.sampled_from(EVERY_FORM))
def test_the_schema_takes_exactly_the_answers_that_the_form_takes(answers: dict[str, str], form: Form) -> None:
    takes = jsonschema_rs.validator_for(schema_of_answers(form)).is_valid(answers)
    assert takes == (list(form.wrong(answers)) == [])


def test_only_sleman_asks_where_to_before_it_takes_a_trip() -> None:
    assert list(forms("00")["TRANSPORT"].wrong({})) == []
    [missing] = forms("34.04.07")["TRANSPORT"].wrong({})
    assert (missing.attribute, missing.code) == ("destination", MISSING)
    assert [each.code for each in forms("34.04")["TRANSPORT"].wrong({"destination": "school"})] == [NOT_AN_OPTION]


@given(answers=ANSWERS, form=st.sampled_from(EVERY_FORM))
def test_a_question_is_shown_exactly_where_its_condition_is_true(answers: dict[str, str], form: Form) -> None:
    facts = {f"need.{name}": answers.get(name, "unknown") for name in AttributeName}
    for field in form.fields:
        assert field.is_shown(answers) == (field.shown_if is None or field.shown_if.verdict(facts))
