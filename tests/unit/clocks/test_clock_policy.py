"""Calendars, SLA classes and escalation chains as policy: what is refused, what the shipped entries say."""

import copy
import json
from dataclasses import replace
from datetime import date
from importlib import resources
from typing import Any

import jsonschema_rs
import pytest
from tests.clocks.policies import KINDS, national_kinds, national_policy, policy_of

from slrt_kit.clocks.checks import CHECKS
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.policy import ClockPolicy, UnknownTermError, clock_policy
from slrt_kit.clocks.telling import told_version
from slrt_kit.clocks.zones import WIT

Kinds = dict[str, dict[str, dict[str, Any]]]


def validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    text = resources.files("slrt_kit.policy").joinpath("schemas", f"{kind}.json").read_text(encoding="utf-8")
    return jsonschema_rs.Draft202012Validator(json.loads(text))


def found(kinds: Kinds) -> list[str]:
    """The codes of all findings, by the schemas and then by the checks."""
    wrong = [
        f"schema:{kind}"
        for kind in KINDS
        for entry in kinds.get(kind, {}).values()
        if not validator(kind).is_valid(entry)
    ]
    return wrong or [finding.code for kind in KINDS for finding in CHECKS[kind](policy_of(kinds))]


def changed(kind: str, key: str, **fields: Any) -> Kinds:
    kinds = copy.deepcopy(national_kinds())
    kinds[kind].setdefault(key, {"label": {"id": "x", "en": "x"}}).update(fields)
    return kinds


def day(text: str, **more: Any) -> dict[str, Any]:
    return {"date": text, "label": {"id": "Hari jadi", "en": "Anniversary"}, **more}


def step(at: str, effect: str = "escalate", *whom: str) -> dict[str, Any]:
    return {"at": at, "effect": effect, "whom": list(whom or ("next_level",))}


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (changed("calendar", "days", adds_to="office", days_off=[day("2026-12-27"), day("2026-12-27")]), "day-twice"),
        (
            changed("calendar", "days", adds_to="office", days_off=[day("2026-12-27")], days_on=[day("2026-12-27")]),
            "day-twice",
        ),
        (changed("calendar", "days", adds_to="office", days_off=[day("2027-02-29")]), "no-such-date"),
        (changed("calendar", "days", adds_to="office", days_off=[day("2019-02-28")]), "unknown-year"),
        (changed("calendar", "days", adds_to="ofice", days_off=[day("2026-12-27")]), "unknown-calendar"),
        (changed("calendar", "office", hours={"monday": [{"from": "12:00", "to": "08:00"}]}), "hours-overlap"),
        (
            changed("calendar", "d", adds_to="office", days_on=[day("2026-12-27", hours=[{"from": "9", "to": "10"}])]),
            "schema:calendar",
        ),
        (changed("calendar", "office", days_of=[]), "schema:calendar"),
        (changed("calendar", "office", label={"id": "Jam kerja"}), "schema:calendar"),
        (changed("calendar", "office", time_zone="Asia/Singapore"), "schema:calendar"),
        (changed("sla", "urgent", escalation="nobody"), "unknown-escalation"),
        (changed("sla", "urgent", calendar="hospital"), "unknown-calendar"),
        (changed("sla", "urgent", length={"working_days": 1, "hours": 1}), "schema:sla"),
        (changed("sla", "urgent", length={"working_days": 0}), "schema:sla"),
        (changed("sla", "urgent", remind_at=1), "schema:sla"),
        (changed("sla", "urgent", extension={"most": {"working_days": 2}, "times": 1}), "extension-too-long"),
        (changed("sla", "urgent", extension={"most": {"hours": 1}, "times": 1}), "extension-too-long"),
        (changed("escalation", "standard", steps=[step("0"), step("-20%", "remind", "owner")]), "escalation-order"),
        (changed("escalation", "standard", steps=[step("0"), step("0", "auto_close")]), "escalation-order"),
        (changed("escalation", "standard", steps=[step("-20%", "remind", "owner")]), "escalation-hole"),
        (changed("escalation", "standard", steps=[step("0", "escalate", "manager")]), "escalation-hole"),
        (
            changed("escalation", "standard", steps=[{"at": "0", "effect": "escalate", "whom": []}, step("+3wd")]),
            "escalation-hole",
        ),
        (
            changed(
                "escalation",
                "standard",
                steps=[step("0", "escalate", "manager"), step("+3wd", "escalate", "owner"), step("+7wd")],
            ),
            "escalation-cycle",
        ),
        (changed("escalation", "standard", steps=[step("+3 days")]), "schema:escalation"),
        (changed("escalation", "standard", steps=[]), "schema:escalation"),
        (changed("escalation", "standard", steps=[step("0", "punish")]), "schema:escalation"),
    ],
)
def test_a_policy_that_is_wrong_has_the_finding(kinds: Kinds, code: str) -> None:
    assert code in found(kinds)


def test_every_finding_says_in_both_languages_what_to_do() -> None:
    kinds = changed("escalation", "standard", steps=[step("0", "escalate", "manager")])
    (finding,) = [finding for kind in KINDS for finding in CHECKS[kind](policy_of(kinds))]
    assert finding.line("en").startswith("00/escalation.yaml:1 escalation-hole: ")
    assert all([finding.what.id, finding.what.en, finding.remedy.id, finding.remedy.en])
    assert finding.line("id") != finding.line("en")


def test_the_shipped_entries_have_no_finding() -> None:
    assert found(national_kinds()) == []


def test_the_shipped_classes_are_those_of_their_sources() -> None:
    lengths = {key: sla.length for key, sla in national_policy().classes.items()}
    assert {key: length.count for key, length in lengths.items() if length.unit is Unit.WORKING_DAYS} == {
        "urgent": 1,
        "verification": 3,
        "follow-up": 5,
        "resident-reply": 10,
        "light": 2,
        "information": 5,
        "standard": 14,
        "examination": 60,
        "owner-acceptance": 3,
        "owner-feedback": 14,
    }
    assert lengths["emergency"] == Length(Unit.HOURS, 3)


def test_a_region_adds_days_and_copies_nothing() -> None:
    kinds = national_kinds()
    kinds["calendar"]["days-12"] = {"label": {}, "adds_to": "office", "days_off": [day("2026-04-15")]}
    kinds["calendar"]["days-12-74"] = {
        "label": {},
        "adds_to": "office",
        "days_off": [day("2026-12-28")],
        "days_on": [day("2026-07-11")],
        "decrees": [{"year": 2028, "source": "SKB 2028"}],
    }
    calendar = clock_policy(policy_of(kinds)).calendar()
    days = {text: calendar.is_working_day(day_of) for text, day_of in _days("2026-04-15 2026-12-28 2026-07-11")}
    assert days == {"2026-04-15": False, "2026-12-28": False, "2026-07-11": True}
    assert 2028 not in calendar.provisional_years


def _days(texts: str) -> list[tuple[str, Any]]:
    from datetime import date

    return [(text, date.fromisoformat(text)) for text in texts.split()]


def test_the_zone_is_the_provinces_unless_the_calendar_says_another() -> None:
    assert national_policy("94.01").calendar().zone is WIT
    kinds = changed("calendar", "office", time_zone="Asia/Jayapura")
    assert clock_policy(policy_of(kinds, region="12.74")).calendar().zone is WIT


def test_regions_of_one_calendar_share_it() -> None:
    assert national_policy("12.74").calendar() is national_policy("18.04").calendar()


def test_the_reminder_of_a_class_goes_at_its_own_share() -> None:
    kinds = changed("sla", "urgent", remind_at=0.5)
    policy = clock_policy(policy_of(kinds))
    assert [each.at for each in policy.terms("urgent").chain.steps][:2] == ["-50%", "0"]
    assert [each.at for each in policy.terms("light").chain.steps][:2] == ["-20%", "0"]


def test_a_class_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(UnknownTermError, match="express"):
        national_policy().terms("express")


def newer(kinds: Kinds, version: str = "00:2") -> ClockPolicy:
    """What is in force after a change."""
    return replace(clock_policy(policy_of(kinds)), version=version)


def test_a_version_that_changes_nothing_for_open_clocks_is_not_named() -> None:
    began = national_policy()
    assert began.under(newer(changed("sla", "standard", length={"working_days": 10}))) is began


def test_the_calendar_in_force_holds_for_what_began_under_another_version() -> None:
    began, flood = national_policy(), changed("calendar", "flood", adds_to="office", days_off=[day("2026-07-03")])
    both = began.under(newer(flood))
    terms = both.terms("verification")
    assert terms.version == both.version == f"{began.version}/00:2"
    assert not terms.calendar.is_working_day(date(2026, 7, 3))
    assert terms.sla == began.terms("verification").sla
    assert not began.agrees(both, "verification")
    assert began.same_class(both, "verification")


def test_a_class_that_says_so_holds_for_what_is_open_with_its_chain_and_nothing_is_left_of_the_old_one() -> None:
    began = national_policy()
    kinds = changed("sla", "verification", length={"working_days": 2}, open_cases="move")
    kinds["sla"]["standard"]["length"] = {"working_days": 10}
    both = began.under(newer(kinds))
    assert (both.terms("verification").sla.length.count, both.terms("verification").version) == (2, "00:2")
    assert both.terms("standard").sla.length.count == 14, "it does not say so"
    assert not began.same_class(both, "verification")


def test_a_calendar_that_is_gone_holds_on_for_what_needs_it() -> None:
    kinds = changed("calendar", "hospital", hours={"monday": [{"from": "00:00", "to": "24:00"}]})
    kinds["sla"]["emergency"]["calendar"] = "hospital"
    began = clock_policy(policy_of(kinds))
    both = began.under(newer(changed("calendar", "flood", adds_to="office", days_off=[day("2026-07-03")])))
    assert both.terms("emergency").calendar is began.terms("emergency").calendar


@pytest.mark.parametrize("said", ["moves", True, None, ""])
def test_whether_open_cases_move_is_said_in_one_of_two_words(said: Any) -> None:
    assert "schema:sla" in found(changed("sla", "verification", open_cases=said))


def test_events_name_the_version_in_force_and_no_village() -> None:
    assert told_version("00:1,12.74:1/00:2,12.74:1,12.74.03.1002:4") == "00:2,12.74:1"
    assert told_version("00:1,12.74:1") == "00:1,12.74:1"
