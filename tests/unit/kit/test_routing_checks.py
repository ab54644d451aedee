"""Routing rules that do not hold together are found, with their line and what to do; bad ones first."""

from collections.abc import Mapping
from typing import Any

import pytest

from slrt_contracts.catalogue import NEEDS
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.routing import check

FILE = "00/routing.yaml"
PUPR = {"function": "PUPR", "level": "regency"}
QUEUE = {"function": "SLRT", "levels": ["regency", "national"], "reroutes_before_queue": 2}
NO_RULE = [need for need in NEEDS if need not in ("JALAN", "BPBL")]
GOOD: dict[str, dict[str, Any]] = {
    "queue": {**QUEUE, "needs": NO_RULE},
    "road-national": {"need": "JALAN", "when": "need.asset_class == 'national_road'", "to": PUPR, "priority": 20},
    "road": {"need": "JALAN", "to": PUPR},
    "power": {"need": "BPBL", "when": "need.grid_nearby != 'no'", "to": {"function": "ESDM", "level": "province"}},
    "power-none": {
        "need": "BPBL",
        "when": "need.grid_nearby == 'no'",
        "to": {"function": "BAPPEDA", "level": "regency"},
    },
}
OFFICES = {
    "00.SLRT": {"functions": ["SLRT"]},
    "12.ESDM": {"functions": ["ESDM"]},
    "12.74.PUPR": {"functions": ["PUPR", "BAPPEDA"]},
}


def policy(entries: Mapping[str, Any], *, region: str = "00", offices: Mapping[str, Any] = OFFICES) -> RegionPolicy:
    """A policy whose entries stand on lines 1, 11, 21 …, each field on the next line."""

    def entry(key: str, fields: Mapping[str, Any], file: str, number: int) -> Entry:
        places: dict[tuple[str | int, ...], Place] = {(): Place(file, number)}
        places |= {(name,): Place(file, number + 1 + at) for at, name in enumerate(fields)}
        return Entry(key, fields, places)

    rules = {key: entry(key, fields, FILE, 1 + 10 * at) for at, (key, fields) in enumerate(entries.items())}
    known = {key: entry(key, fields, "offices.yaml", 1 + at) for at, (key, fields) in enumerate(offices.items())}
    return RegionPolicy(region, f"{region}:1", {"routing": rules, "offices": known})


def found(entries: Mapping[str, Any], **more: Any) -> list[Finding]:
    """What is found in a policy of these entries."""
    return list(check(policy(entries, **more)))


def with_(**changes: Any) -> dict[str, dict[str, Any]]:
    """The good rules with fields of some of them changed, or with other rules (``_`` for ``-``)."""
    entries = {key: dict(fields) for key, fields in GOOD.items()}
    for name, fields in changes.items():
        entries.setdefault(name.replace("_", "-"), {}).update(fields)
    return entries


ROAD_LINE, NATIONAL_WHEN = 21, 13
BAD: list[tuple[dict[str, Any], str, int, str]] = [
    # -- expressions
    (with_(road_national={"when": "need.asset_class == "}), "expression-syntax", NATIONAL_WHEN, "does not end"),
    (with_(road_national={"when": "need.asset_klass == 'a'"}), "unknown-name", NATIONAL_WHEN, "need.asset_klass"),
    (with_(road_national={"when": "need.asset_class"}), "wrong-type", NATIONAL_WHEN, "need.asset_class"),
    (with_(road_national={"when": "need.asset_class == 'adult'"}), "unknown-code", NATIONAL_WHEN, "national_road"),
    (with_(road_national={"when": "regency == '12.7'"}), "unknown-code", NATIONAL_WHEN, "12.7"),
    (with_(road_national={"when": "regency == '12'"}), "unknown-code", NATIONAL_WHEN, "12"),
    (with_(road_national={"when": "province == '99'"}), "unknown-code", NATIONAL_WHEN, "99"),
    # -- codes
    (with_(road={"need": "ROAD"}), "unknown-code", ROAD_LINE + 1, "ROAD"),
    (with_(road={"to": {"function": "PU", "level": "regency"}}), "unknown-code", ROAD_LINE + 2, "PU"),
    (with_(road={"programme": "JLN"}), "unknown-code", ROAD_LINE + 3, "JLN"),
    (with_(road={"after": ["KTP"]}), "unknown-code", ROAD_LINE + 3, "KTP"),
    (with_(queue={"needs": [*NO_RULE, "NONE"]}), "unknown-code", 5, "NONE"),
    # -- the queue
    ({key: fields for key, fields in GOOD.items() if key != "queue"}, "one-queue", 1, "0 queues"),
    (with_(other=QUEUE), "one-queue", 51, "2 queues"),
    (with_(queue={"levels": ["regency"]}), "queue-without-end", 3, "national"),
    (with_(queue={"function": "SOSIAL"}), "queue-without-office", 2, "SOSIAL"),
    (
        with_(better_owner_named={"need": "JALAN", "to": PUPR, "when": "urgent", "priority": 9}),
        "reserved-name",
        51,
        "taken",
    ),
    # -- rules beside each other
    (with_(second={"need": "JALAN", "to": PUPR}), "ambiguous-rules", 51, "second and road both apply, and"),
    (with_(second={"need": "JALAN", "to": PUPR, "when": "urgent"}), "ambiguous-rules", 54, "when urgent"),
    (
        with_(
            here={"need": "JALAN", "to": PUPR, "when": "regency == '12.74'", "priority": 5},
            there={"need": "JALAN", "to": PUPR, "when": "district == '12.74.05' && urgent", "priority": 5},
        ),
        "ambiguous-rules",
        64,
        "here",
    ),
    (
        with_(
            yes={"need": "JALAN", "to": PUPR, "when": "urgent", "priority": 5},
            no={"need": "JALAN", "to": PUPR, "when": "!urgent", "priority": 4},
        ),
        "shadowed-rule",
        21,
        "road is never used: road-national, yes, no",
    ),
    (
        with_(
            again={"need": "JALAN", "to": PUPR, "when": "need.asset_class == 'national_road' && urgent", "priority": 10}
        ),
        "shadowed-rule",
        54,
        "road-national always comes first",
    ),
    (
        with_(never={"need": "JALAN", "to": PUPR, "when": "urgent && !urgent", "priority": 30}),
        "never-true",
        54,
        "never",
    ),
    (
        with_(
            never={"need": "JALAN", "to": PUPR, "when": "district == '12.74.05' && province == '34'", "priority": 30}
        ),
        "never-true",
        54,
        "never",
    ),
    # -- needs without a route
    (with_(queue={"needs": NO_RULE[1:]}), "need-without-route", 1, f"{NO_RULE[0]} has no route"),
    (with_(road={"when": "urgent"}), "need-without-route", ROAD_LINE, "JALAN has no route when"),
    (
        with_(power={"when": "need.grid_nearby == 'yes'"}),
        "need-without-route",
        41,
        "BPBL has no route when need.grid_nearby == 'unknown'",
    ),
    # -- offices
    (with_(road={"to": {"function": "BPBD", "level": "regency"}}), "function-without-office", 23, "BPBD"),
    (with_(road={"to": {"function": "PUPR", "level": "province"}}), "function-without-office", 23, "province"),
    (
        with_(there={"need": "JALAN", "to": PUPR, "when": "regency == '36.04'", "priority": 5}),
        "function-without-office",
        53,
        "where the rule applies",
    ),
    # -- waiting
    (with_(road={"after": ["JALAN"]}), "waits-in-a-circle", ROAD_LINE + 3, "JALAN after JALAN"),
    (
        with_(road={"after": ["BPBL"]}, power={"after": ["JALAN"]}),
        "waits-in-a-circle",
        35,
        "JALAN after BPBL after JALAN",
    ),
]


@pytest.mark.parametrize(("entries", "code", "line", "says"), BAD)
def test_what_does_not_hold_together_is_found_at_its_line(
    entries: dict[str, Any], code: str, line: int, says: str
) -> None:
    findings = found(entries)
    matching = [finding for finding in findings if finding.code == code]
    assert matching, [finding.line() for finding in findings]
    assert matching[0].place == Place(FILE, line), matching[0].line()
    assert says in matching[0].line()
    assert all(finding.what.id and finding.remedy.id and finding.remedy.en for finding in findings)


def test_good_rules_have_no_findings() -> None:
    assert found(GOOD) == []


def test_a_rule_that_another_one_leaves_something_to_is_not_shadowed() -> None:
    assert (
        found(
            with_(half={"need": "JALAN", "to": PUPR, "when": "urgent && need.centre_line != 'yellow'", "priority": 5})
        )
        == []
    )


def test_what_is_asked_of_a_region_is_asked_of_it_alone() -> None:
    """In Tanjungbalai a rule for Serang is dead, and the nation's rule that its own one covers is never used."""
    rules = with_(
        serang={"need": "JALAN", "to": PUPR, "when": "regency == '36.04'", "priority": 5},
        here={"need": "JALAN", "to": PUPR, "when": "regency == '12.74'", "priority": 6},
    )
    codes = {(finding.code, finding.place.line) for finding in found(rules, region="12.74")}
    assert codes >= {("never-true", 54), ("shadowed-rule", 21)}
    assert {finding.code for finding in found(rules)} == {"function-without-office"}


def test_a_need_without_a_route_is_one_in_the_region_asked_for() -> None:
    rules = with_(road={"when": "province == '12'"})
    assert found(rules, region="12.74") == []
    assert [finding.code for finding in found(rules)] == ["need-without-route"]


def test_the_rules_of_a_district_are_checked_for_its_district() -> None:
    assert found(with_(road={"when": "district == '12.74.05'"}), region="12.74.05") == []
    assert [f.code for f in found(with_(road={"when": "district == '12.74.05'"}), region="12.74.06")] == [
        "never-true",
        "need-without-route",
    ]
