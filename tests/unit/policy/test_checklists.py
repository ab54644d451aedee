"""Checklists of visits: wrong entries are found with their place, and a question takes its answers and no others."""

from typing import Any

import pytest

from slrt_kit.policy.checklists import Question, read_checklists
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("intake")
LABEL = "label: {id: a, en: b}"


def findings(entries: str) -> list[str]:
    layers = RULES.layers({"00": (1, {"checklists": "entries:\n" + entries})})
    return [each.code for each in RULES.findings(layers)]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("  earth_floor: {%s, answer: yes_no}", "not-a-question"),
        ("  Housing.floor: {%s, answer: yes_no}", "not-a-question"),
        ("  housing.floor.kind: {%s, answer: yes_no}", "not-a-question"),
        ("  housing.walls: {%s, answer: choice}", "options-do-not-fit"),
        (
            "  housing.floor: {%s, answer: yes_no, options: [{code: a, label: {id: a, en: b}}, "
            "{code: b, label: {id: a, en: b}}]}",
            "options-do-not-fit",
        ),
        (
            "  housing.walls: {%s, answer: choice, options: [{code: a, label: {id: a, en: b}}, "
            "{code: a, label: {id: c, en: d}}]}",
            "option-twice",
        ),
        ("  housing.floor: {%s, answer: yes_no, least: 1}", "bounds-do-not-fit"),
        ("  housing.area: {%s, answer: number, least: 9, most: 1}", "bounds-crossed"),
        ("  housing.a: {%s, answer: number}\n  other.a: {label: {id: a, en: b}, answer: text}", "asked-in-two-ways"),
    ],
)
def test_what_is_wrong_with_a_checklist_is_found(entry: str, code: str) -> None:
    assert findings(entry % LABEL) == [code]


def question(**changes: Any) -> Question:
    said = {"code": "a", "label": None, "help": None, "options": {}, "least": None, "most": None, "order": 0}
    return Question(**(said | changes))


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("yes_no", [True, False], [0, 1, "yes", None, []]),
        ("choice", ["x", "y"], ["z", True, ["x"], ""]),
        ("choices", [[], ["x"], ["y", "x"]], ["x", ["x", "x"], ["z"], [1], {"x": 1}]),
        ("whole_number", [0, 5, 10], [True, 1.0, "1", -1, 11]),
        ("number", [0, 0.5, 10], [False, "1", -0.1, 10.5]),
        ("text", ["a", "é" * 2000], ["", "  ", "x" * 2001, 1]),
        ("day", ["2026-07-01"], ["2026-7-1", "01-07-2026", "2026-02-30", "20260701", 1]),
    ],
)
def test_a_question_takes_its_answers_and_no_others(kind: str, right: list[Any], wrong: list[Any]) -> None:
    asked = question(answer=kind, options={"x": None, "y": None}, least=0, most=10)
    assert [each for each in right if not asked.takes(each)] == []
    assert [each for each in wrong if asked.takes(each)] == []


def test_the_nation_has_the_two_lists_of_the_facilitators() -> None:
    from slrt_kit.policy.book import PolicyBook
    from slrt_kit.testing import FixedClock

    book = PolicyBook.of(RULES, packaged_documents("slrt_intake", RULES))
    known = read_checklists(book.at("12.74.03.1002", FixedClock().now()))
    assert {name: len(questions) for name, questions in known.questions.items()} == {
        "socio_economic": 10,
        "housing": 8,
    }
    assert [each.code for each in known.questions["housing"]][:2] == ["floor_area_per_person", "walls"]
    assert known.question("housing", "went_hungry") is None
    assert known.question(None, "went_hungry") is not None
