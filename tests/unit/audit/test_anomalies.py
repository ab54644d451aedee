"""The anomaly rules: bad ones are refused, good ones count what they say."""

from typing import Any

import orjson
import pytest

from slrt_kit.audit.anomalies import Rule, RuleError, rules, rules_of, suspects, times

GOOD = {"id": "r", "because": "x", "match": {"action": ["read"]}, "within_minutes": 5, "more_than": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        {"match": {"acton": ["read"]}},
        {"without": {"role": ["service"]}},
        {"match": {}},
        {"match": None},
        {"within_minutes": 0},
        {"more_than": -1},
        {"withn": 3},
        {"within_minutes": None},
    ],
)
def test_a_rule_that_cannot_mean_anything_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(RuleError, match="rule r: "):
        rules_of(orjson.dumps({"rules": [GOOD | wrong]}).decode())


def rule(name: str) -> Rule:
    (found,) = [each for each in rules() if each.id == name]
    return found


def entry(**changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "action": "read",
        "object_type": "person",
        "result": "ok",
        "roles": ["front_office"],
        "subject": "officer-1",
        "at": "2026-07-01T08:00:00.000000Z",
    }
    return {name: value for name, value in (known | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("name", "fitting", "other"),
    [
        ("many-look-ups", {}, {"roles": ["service"]}),
        ("many-look-ups", {"object_type": "case-parties", "case_id": "c"}, {"object_type": "referral"}),
        ("look-ups-without-a-case", {}, {"case_id": "c"}),
        ("neighbours", {"near": True}, {"near": None}),
        ("neighbours", {"near": True}, {"near": True, "case_id": "c"}),
        (
            "many-rows-exported",
            {"action": "fetch", "object_type": "export"},
            {"action": "request", "object_type": "export"},
        ),
        ("refused-again-and-again", {"result": "refused"}, {}),
        ("refused-again-and-again", {"result": "refused"}, {"result": "refused", "subject": "anonymous"}),
        ("emergency-access", {"action": "emergency-access-opened"}, {}),
    ],
)
def test_a_rule_fits_what_it_is_for(name: str, fitting: dict[str, Any], other: dict[str, Any]) -> None:
    assert rule(name).fits(entry(**fitting))
    assert not rule(name).fits(entry(**other))


def test_whoever_matches_is_asked_about_once_for_a_batch_at_their_last() -> None:
    batch = [(7, entry()), (8, entry(subject="officer-2")), (9, entry(at="2026-07-01T09:30:00.000000Z"))]
    found = suspects([(position, orjson.dumps(each).decode()) for position, each in batch], [rule("many-look-ups")])
    assert [(each.subject, each.position, each.since) for each in found] == [
        ("officer-1", 9, "2026-07-01T08:30:00.000000Z"),
        ("officer-2", 8, "2026-07-01T07:00:00.000000Z"),
    ]


def test_an_entry_that_stands_for_many_counts_as_many() -> None:
    refused = [entry(result="refused"), entry(result="refused", times=40), entry()]
    assert times(rule("refused-again-and-again"), [orjson.dumps(each).decode() for each in refused]) == 41
