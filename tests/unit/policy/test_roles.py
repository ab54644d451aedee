"""How roles stand to each other is a region's to say, and what cannot work is named before it counts."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import ClockAudience, ClockPauseReason, DutyRole
from slrt_kit.clocks.clock import Owner
from slrt_kit.clocks.reporting import RegionRoles, packaged_roles
from slrt_kit.clocks.wording import owner_words
from slrt_kit.policy.checks.roster import held_by_nobody
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.policy.layers import Layers
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.schema import schema_of
from slrt_kit.problems import Text

RULES = PolicyRules.of("intake")
PACKAGED = packaged_documents("slrt_intake", RULES)
OTHER_LINE = """\
entries:
  coordinator: {label: {id: manajer SLRT, en: SLRT manager}, level: regency, reports_to: manager, hears: [supervisor]}
  supervisor: {reports_to: coordinator, hears: [], follows: [cases]}
  back_office: {reports_to: coordinator}
"""


def layers(own: str | None = None, *, others: Mapping[str, Mapping[str, str]] = PACKAGED) -> Layers:
    """The packaged layers, with what Tanjungbalai says of roles."""
    stated = {} if own is None else {"12.74": dict(others.get("12.74", {})) | {"roles": own}}
    return RULES.layers({code: (1, each) for code, each in {**others, **stated}.items()})


def findings(entries: str) -> list[Finding]:
    return list(RULES.findings(layers(f"entries:\n{entries}"), ["12.74"]))


def codes(entries: str) -> set[tuple[str, int, str]]:
    return {(each.place.file, each.place.line, each.code) for each in findings(entries)}


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "line", "code"),
    [
        (
            "  camat: {label: {id: camat, en: head of kecamatan}, level: regency, reports_to: manager}\n",
            2,
            "unknown-code",
        ),
        ("  service: {label: {id: mesin, en: machine}, level: regency, reports_to: manager}\n", 2, "unknown-code"),
        ("  supervisor: {reports_to: camat}\n", 2, "unknown-code"),
        ("  supervisor:\n    reports_to: head_of_division\n", 3, "unknown-code"),
        ("  supervisor:\n    reports_to: opd_officer\n", 3, "unknown-code"),
        ("  supervisor: {reports_to: supervisor}\n", 2, "reporting-cycle"),
        ("  manager:\n    reports_to: supervisor\n", 3, "reporting-cycle"),
        (
            "  head_of_office:\n    reports_to: manager\n  manager:\n    reports_to: head_of_office\n",
            5,
            "reporting-cycle",
        ),
        ("  supervisor:\n    reports_to: coordinator\n", 3, "reports-downward"),
        ("  province_desk:\n    reports_to: manager\n", 3, "reports-downward"),
        ("  supervisor:\n    hears: [boss]\n", 3, "unknown-code"),
        ("  supervisor:\n    hears: [owner]\n", 3, "unknown-code"),
        ("  supervisor:\n    hears: []\n", 3, "audience-nobody-hears"),
        ("  supervisor:\n    hears: []\n  opd_officer: {hears: [supervisor]}\n", 4, "audience-nobody-hears"),
        ("  facilitator:\n    hears_end_of: [the_moon]\n", 3, "unknown-code"),
        ("  facilitator:\n    follows: [everything]\n", 3, "unknown-code"),
        ("  facilitator:\n    level: moon\n", 3, "unknown-code"),
        ("  facilitator:\n    may: [read]\n", 3, "unknown-key"),
        ("  manager:\n    last_stand_in: perhaps\n", 3, "wrong-type"),
        ("  manager:\n    label: {id: manajer SLRT}\n", 3, "missing-translation"),
        ("  manager:\n    label: {id: manajer SLRT, en: ''}\n", 3, "missing-translation"),
        ("  manager:\n    label: {id: Ibu Rina Sitorus, en: manager}\n", 3, "personal-field"),
        ("  manager:\n    label: {id: manajer 0812345678, en: manager}\n", 3, "personal-field"),
        ("  manager:\n    label: {id: manajer, en: a@b.id}\n", 3, "personal-field"),
        ("  surveyor: {label: {id: surveyor, en: surveyor}, level: regency}\n", 2, "reports-to-nobody"),
        ("  manager:\n    last_stand_in: false\n", 3, "stand-in-without-end"),
        ("  surveyor: {removed: true}\n", 2, "removes-nothing"),
    ],
)
def test_a_line_that_cannot_work_is_named_with_its_place(entries: str, line: int, code: str) -> None:
    assert ("12.74/roles.yaml", line, code) in codes(entries)
    for each in findings(entries):
        assert all((*each.what, *each.remedy))


@pytest.mark.parametrize("role", ["front_office", "back_office"])
def test_a_role_that_a_step_needs_is_not_taken_away(role: str) -> None:
    found = {(file, code) for file, _, code in codes(f"  {role}: {{removed: true}}\n")}
    assert ("12.74/roles.yaml", "role-not-here") in found


def test_a_role_to_which_another_reports_is_not_taken_away() -> None:
    assert ("12.74/roles.yaml", "unknown-code") in {(f, c) for f, _, c in codes("  manager: {removed: true}\n")}


def test_a_role_that_somebody_has_is_not_taken_away_and_one_that_nobody_has_is() -> None:
    own = "entries:\n  facilitator: {removed: true}\n"
    assert RULES.findings(layers(own), ["12.74"]) == ()
    roster = {"12.74": frozenset({"manager", "facilitator"})}
    (found,) = held_by_nobody(layers(), layers(own), {"12.74"}, roster)
    assert (found.code, found.place.line) == ("role-still-held", 2)
    assert list(held_by_nobody(layers(), layers(own), {"12.74"}, {"12.74": frozenset({"manager"})})) == []


# -- what a region says -----------------------------------------------------------------------------------------------


def test_the_package_is_well_and_says_what_there_is_to_say_of_every_role_on_duty() -> None:
    roles = packaged_roles()
    assert all(role in roles for role in DutyRole)
    assert roles.line("facilitator")[1:4] == ("supervisor", "manager", "head_of_office")
    assert {roles.line(role)[-1] for role in DutyRole} == {"centre_desk"}
    assert roles.stand_ins("front_office") == ("front_office", "coordinator", "supervisor", "manager")
    assert roles.hears(ClockAudience.NEXT_LEVEL) == ("province_desk", "centre_desk")
    assert [roles.words_of_height(height).en for height in (1, 2, 3, 4)] == [
        "the supervisor",
        "the manager",
        "the head of the office",
        "the next level",
    ]


def test_the_schema_knows_the_audiences_and_pauses_of_the_contracts() -> None:
    fields = schema_of("roles")._document["properties"]
    assert set(fields["hears"]["items"]["enum"]) == set(ClockAudience) - {ClockAudience.OWNER}
    assert set(fields["hears_end_of"]["items"]["enum"]) == set(ClockPauseReason)


def test_another_line_says_who_stands_in_who_hears_and_what_they_are_called() -> None:
    assert RULES.findings(layers(OTHER_LINE), ["12.74"]) == ()
    here, elsewhere = (RegionRoles.of(layers(OTHER_LINE).policy(code)) for code in ("12.74", "12.71"))
    assert here.stand_ins("facilitator") == ("facilitator", "supervisor", "coordinator", "manager")
    assert elsewhere.stand_ins("facilitator") == ("facilitator", "supervisor", "manager")
    assert (here.height({"coordinator"}), elsewhere.height({"coordinator"})) == (1, None)
    assert (here.height({"supervisor"}), elsewhere.height({"supervisor"})) == (None, 1)
    assert (here.follows({"supervisor"}, "cases"), elsewhere.follows({"supervisor"}, "cases")) == (True, False)
    assert owner_words(Owner.role("coordinator"), here) == Text("manajer SLRT", "the SLRT manager")
    assert here.words_of_height(1).id == "manajer SLRT"
    assert owner_words(Owner.resident(), here).id == "warga"


def test_a_height_has_the_name_of_whoever_hears_it_there_also_of_one_who_hears_of_more() -> None:
    own = "entries:\n  supervisor: {hears: [supervisor, manager]}\n  manager: {hears: [head_of_office]}\n"
    both = "entries:\n  supervisor: {hears: [supervisor, manager]}\n"
    words = [RegionRoles.of(layers(each).policy("12.74")).words_of_height for each in (own, both)]
    assert [[says(height).en for height in (1, 2, 3)] for says in words] == [
        ["the supervisor", "the supervisor", "the manager"],
        ["the supervisor", "the manager", "the head of the office"],
    ]


def test_a_policy_that_is_older_than_the_kind_goes_by_the_line_of_the_package() -> None:
    older = RegionRoles.of(RegionPolicy("12.74", "00:1"))
    assert all(older.line(role) == packaged_roles().line(role) for role in DutyRole)


# -- whom a draft asks for --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "lines"), [({"supervisor"}, [3]), ({"coordinator"}, [3]), ({"supervisor", "manager"}, []), (set(), [])]
)
def test_a_line_to_somebody_whom_nobody_is_is_found_where_a_roster_is_kept(held: set[str], lines: list[int]) -> None:
    own = "entries:\n  front_office:\n    reports_to: back_office\n"
    roster = {"12.74": frozenset(held)}
    found = list(held_by_nobody(layers(), layers(own), {"12.74"}, roster))
    # Somebody stood in for the front office; by the new line nobody does.
    assert [(each.code, each.place.file, each.place.line) for each in found] == [
        ("role-nobody-holds", "12.74/roles.yaml", line) for line in lines
    ]
    assert all("front_office, back_office, manager" in each.what.en for each in found)
    assert list(held_by_nobody(layers(own), layers(own), {"12.74"}, roster)) == []


def test_an_audience_whose_new_ears_nobody_has_is_found() -> None:
    own = "entries:\n  supervisor: {hears: []}\n  coordinator:\n    hears: [supervisor]\n"
    roster = {"12.74": frozenset({"supervisor", "manager", "front_office", "back_office"})}
    found = list(held_by_nobody(layers(), layers(own), {"12.74"}, roster))
    assert [(each.code, each.place.line) for each in found] == [("role-nobody-holds", 4)]


AUDIENCES = [str(whom) for whom in ClockAudience if whom is not ClockAudience.OWNER]
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "reports_to": st.sampled_from([str(role) for role in DutyRole]),
        "level": st.sampled_from(["village", "regency", "province", "nation"]),
        "last_stand_in": st.sampled_from(["true", "false"]),
        "hears": st.lists(st.sampled_from(AUDIENCES), unique=True, max_size=3),
    },
)


@given(said=st.dictionaries(st.sampled_from(sorted(DutyRole)), _FIELDS, max_size=4))
def test_every_line_ends_and_one_without_findings_reaches_the_centre_and_every_ear(
    said: dict[str, dict[str, object]],
) -> None:
    stated = (
        f"  {role}: {{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}\n".replace("'", "")
        for role, fields in said.items()
    )
    made = layers(f"entries:\n{''.join(stated)}")
    policy = made.policy("12.74")
    roles = RegionRoles.of(policy)
    lines = [roles.line(role) for role in DutyRole]
    assert all(len(set(line)) == len(line) for line in lines)
    if RULES.findings(made, ["12.74"]):
        return
    tops = {line[-1] for line in lines}
    assert {policy.entries("roles")[each].fields["level"] for each in tops} == {"nation"}
    assert all(roles.hears(ClockAudience(whom)) for whom in AUDIENCES)
    for state in policy.entries("workflow").values():
        levels = [
            policy.entries("roles")[role].fields["level"]
            for role in roles.stand_ins(str(state.fields.get("owner")))
            if role in roles
        ]
        assert {"province", "nation"}.isdisjoint(levels if levels[:1] in (["village"], ["regency"]) else ())
