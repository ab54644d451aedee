"""A wrong policy is refused, and the message names the entry; bad input first, the good ones at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.codes import NeedCode
from slrt_kit.regions import Regions
from slrt_local.offices import OFFICES as LOCAL_OFFICES
from slrt_referral.adapters.policy_files import load_policy
from slrt_referral.domain.offices import Office
from slrt_referral.domain.policy import PolicyError, RoutingPolicy

ROUTING = """
version: 2026.11.1
entries:
  manager-queue:
    function: SLRT
    levels: [regency, national]
    reroutes_before_queue: 2
    needs: [NO_RULE]
  papers:
    need: ADMINDUK
    to: {function: DUKCAPIL, level: regency}
    programme: ADMINDUK
  school:
    need: PIP
    to: {function: PENDIDIKAN, level: regency}
    programme: PIP
    after: [ADMINDUK]
  road:
    need: JALAN
    when: need.centre_line in ['yellow', 'white'] && regency == '12.74'
    to: {function: PUPR, level: regency}
    priority: 5
  road-elsewhere:
    need: JALAN
    to: {function: PUPR, level: regency}
""".replace("NO_RULE", ", ".join(need for need in NEEDS if need not in ("ADMINDUK", "PIP", "JALAN")))
OFFICES = """
offices:
  - {code: 00.SLRT, functions: [SLRT], name: Seknas SLRT, valid_from: 2024-01-01}
  - {code: 12.74.DUKCAPIL, functions: [DUKCAPIL], name: Disdukcapil, valid_from: 2024-01-01}
  - {code: 12.74.DIKBUD, functions: [PENDIDIKAN], name: Disdikbud, valid_from: 2024-01-01}
  - {code: 12.74.PUPR, functions: PUPR, name: Dinas PUPR, aliases: [PU, Bina Marga], valid_from: 2024-01-01}
"""

Load = Callable[[str, str], RoutingPolicy]


@pytest.fixture
def load(tmp_path: Path, regions: Regions) -> Load:
    """Load a policy from two texts."""

    def read(routing: str, offices: str) -> RoutingPolicy:
        (tmp_path / "00").mkdir(exist_ok=True)
        (tmp_path / "00" / "routing.yaml").write_text(routing, encoding="utf-8")
        (tmp_path / "offices.yaml").write_text(offices, encoding="utf-8")
        return load_policy(tmp_path, regions)

    return read


def changed(text: str, old: str, new: str) -> str:
    """The text with one place changed; the place must be there."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


WHEN = "    when: need.centre_line in ['yellow', 'white'] && regency == '12.74'\n"
BAD_ROUTING = [
    # -- YAML and shape; what CEL and the rules as a whole must not be: tests/unit/kit
    ("version: 2026.11.1", "version: [", ["00/routing.yaml:", "not YAML"]),
    ("version: 2026.11.1", "version: 2026.11", ["routing.yaml", "pattern"]),
    ("version: 2026.11.1\n", "", ["00/routing.yaml", "no version"]),
    ("entries:", "rules:", ["00/routing.yaml", "no entries"]),
    ("version: 2026.11.1", "version: 2026.11.1\nreroutes: 3", ["00/routing.yaml:3", "the key reroutes is unknown"]),
    (
        "reroutes_before_queue: 2",
        "reroutes_before_queue: many",
        ["00/routing.yaml:7", "manager-queue: reroutes_before_"],
    ),
    ("reroutes_before_queue: 2", "reroutes_before_queue: -1", ["00/routing.yaml:7", "reroutes_before_queue"]),
    ("reroutes_before_queue: 2", "reroutes: 2", ["00/routing.yaml", "reroutes_before_queue"]),
    (
        "    programme: PIP\n",
        "    programme: PIP\n    programme: PKH\n",
        ["00/routing.yaml:17", "'programme' stands twice"],
    ),
    ("  school:\n", "  papers:\n", ["00/routing.yaml:13", "'papers' stands twice"]),
    ("    priority: 5\n", "    prioriti: 5\n", ["00/routing.yaml", "road", "prioriti"]),
    ("    priority: 5\n", "    priority: high\n", ["00/routing.yaml:22", "road: priority"]),
    ("    priority: 5\n", "    priority: -1\n", ["road: priority"]),
    ("  papers:\n", "  'Papers, please':\n", ["routing.yaml", "Papers, please"]),
    ("    need: PIP\n", "", ["school", "need"]),
    ("    to: {function: PENDIDIKAN, level: regency}\n", "    to: PENDIDIKAN\n", ["00/routing.yaml:15", "school: to"]),
    (
        "{function: PENDIDIKAN, level: regency}",
        "{function: PENDIDIKAN, level: village}",
        ["school: to.level", "village"],
    ),
    (WHEN, "    when: !urgent\n", ["00/routing.yaml:20", "a tag", "into quotes"]),
    (WHEN, "    when: [urgent]\n", ["road: when"]),
    # -- what only this reader can know
    ("'white'] &&", "'pink'] &&", ["00/routing.yaml:20", "unknown-code", "pink"]),
    ("    need: PIP\n", "    need: SCHOOL\n", ["00/routing.yaml:14", "there is no code SCHOOL"]),
    ("  road:\n", "  better-owner-named:\n", ["00/routing.yaml:18", "better-owner-named is taken"]),
    ("{function: PENDIDIKAN, level: regency}", "{function: KESEHATAN, level: regency}", ["school: no regency office"]),
    ("levels: [regency, national]", "levels: [regency]", ["00/routing.yaml:6", "national"]),
    ("levels: [regency, national]", "levels: []", ["manager-queue: levels"]),
    ("function: SLRT", "function: SOSIAL", ["no national office of SOSIAL"]),
]
BAD_OFFICES = [
    ("offices:\n", "kantor:\n", ["offices.yaml: offices", "required"]),
    ("functions: PUPR", "functions: JALAN", ["office 12.74.PUPR", "functions", "JALAN"]),
    ("functions: PUPR", "functions: []", ["office 12.74.PUPR", "functions"]),
    ("12.74.DIKBUD", "12.74.dikbud", ["office 12.74.dikbud", "code"]),
    ("12.74.DIKBUD", "12.74.05.1010.DIKBUD", ["office 12.74.05.1010.DIKBUD", "code"]),
    ("12.74.DIKBUD", "98.74.DIKBUD", ["office 98.74.DIKBUD", "98.74 is not in the region table"]),
    ("12.74.DIKBUD", "12.74.PUPR", ["office 12.74.PUPR", "twice"]),
    ("name: Disdikbud, valid_from: 2024-01-01", "name: Disdikbud", ["office 12.74.DIKBUD", "valid_from"]),
    ("name: Disdikbud, valid_from: 2024-01-01", "name: D, valid_from: 1 Jan", ["DIKBUD: name", "DIKBUD: valid_from"]),
    (
        "name: Disdikbud, valid_from: 2024-01-01",
        "name: Disdikbud, valid_from: 2024-01-01, valid_to: 2023-12-31",
        ["office 12.74.DIKBUD", "ends before it begins"],
    ),
    (
        "functions: [DUKCAPIL]",
        "functions: [DUKCAPIL, PENDIDIKAN]",
        ["office 12.74.DIKBUD", "PENDIDIKAN in 12.74 at the same time as 12.74.DUKCAPIL"],
    ),
    (
        "name: Seknas SLRT, valid_from: 2024-01-01",
        "name: Seknas SLRT, valid_from: 2024-01-01, valid_to: 2030-01-01",
        ["no national office of SLRT without an end date"],
    ),
]


@pytest.mark.parametrize(("old", "new", "says"), BAD_ROUTING)
def test_wrong_rules_are_refused_by_name(load: Load, old: str, new: str, says: list[str]) -> None:
    with pytest.raises(PolicyError) as refusal:
        load(changed(ROUTING, old, new), OFFICES)
    assert all(part in str(refusal.value) for part in says), str(refusal.value)


@pytest.mark.parametrize(("old", "new", "says"), BAD_OFFICES)
def test_wrong_offices_are_refused_by_name(load: Load, old: str, new: str, says: list[str]) -> None:
    with pytest.raises(PolicyError) as refusal:
        load(ROUTING, changed(OFFICES, old, new))
    assert all(part in str(refusal.value) for part in says), str(refusal.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "\x00", "a: *b\n"])
def test_a_file_that_is_no_policy_is_refused(load: Load, text: str) -> None:
    with pytest.raises(PolicyError, match=r"routing\.yaml"):
        load(text, OFFICES)
    with pytest.raises(PolicyError, match=r"offices\.yaml"):
        load(ROUTING, text)


def test_a_missing_file_is_refused(tmp_path: Path, regions: Regions) -> None:
    with pytest.raises(PolicyError, match=r"00/routing\.yaml unreadable: cannot be read"):
        load_policy(tmp_path, regions)


def test_every_problem_is_told_at_once(load: Load) -> None:
    with pytest.raises(PolicyError) as refusal:
        load(changed(ROUTING, "    priority: 5", "    prioriti: 5"), changed(OFFICES, "offices:", "kantor:"))
    assert all(part in str(refusal.value) for part in ("prioriti", "offices.yaml: offices", "offices.yaml: kantor"))


def test_offices_that_follow_one_another_are_fine(load: Load) -> None:
    offices = changed(
        OFFICES,
        "name: Disdikbud, valid_from: 2024-01-01",
        "name: Disdikbud, valid_from: 2024-01-01, valid_to: 2026-12-31",
    )
    successor = "  - {code: 12.74.DISDIK, functions: [PENDIDIKAN], name: Disdik, valid_from: 2027-01-01}\n"
    assert len(list(load(ROUTING, offices + successor).offices)) == 5


def test_yes_and_no_and_codes_are_read_as_written(load: Load) -> None:
    routing = changed(
        ROUTING, "    need: PIP\n", "    need: PIP\n    when: need.has_nik in ['no', 'unknown'] && !urgent\n"
    )
    rules = {str(rule.rule_id): rule for rule in load(routing + SCHOOL_ELSE, OFFICES).rules}
    assert [clause.text for clause in rules["school"].when.root.clauses()] == [
        "need.has_nik in ['no', 'unknown']",
        "urgent",
    ]
    assert rules["road"].priority == 5


SCHOOL_ELSE = """
  school-else:
    need: PIP
    when: need.has_nik == 'yes' || urgent
    to: {function: PENDIDIKAN, level: regency}
"""


# -- the policy that comes with the service ---------------------------------------------------------------------


def test_every_need_has_a_rule_for_the_ordinary_case(policy: RoutingPolicy) -> None:
    ruled = {rule.need for rule in policy.rules}
    assert set(NeedCode) - ruled == {NeedCode.LAINNYA}


def test_the_offices_of_the_local_stack_are_in_the_table(policy: RoutingPolicy) -> None:
    assert set(LOCAL_OFFICES) <= {office.code for office in policy.offices}


def test_only_papers_are_waited_for(policy: RoutingPolicy) -> None:
    assert {need for rule in policy.rules for need in rule.after} == {NeedCode.ADMINDUK}
    assert all(rule.programme is None or rule.programme.value == rule.need.value for rule in policy.rules)


@pytest.mark.parametrize("regency", ["12.74", "18.04", "34.04", "36.04"])
def test_a_regency_that_joined_has_an_office_for_every_rule_of_its_level(
    policy: RoutingPolicy, regency: str, make_office: Callable[..., Office]
) -> None:
    here = {function for office in policy.offices if office.region == regency for function in office.functions}
    asked = {rule.function for rule in policy.rules if rule.level == "regency"} | {policy.queue.function}
    assert asked <= here
    province = {f for office in policy.offices if office.region == regency[:2] for f in office.functions}
    assert {rule.function for rule in policy.rules if rule.level == "province"} <= province
