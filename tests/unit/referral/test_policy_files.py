"""A wrong policy is refused, and the message names the entry; bad input first, the good ones at the end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slrt_contracts.codes import NeedCode
from slrt_kit.regions import Regions
from slrt_local.offices import OFFICES as LOCAL_OFFICES
from slrt_referral.adapters.policy_files import load_policy
from slrt_referral.domain.offices import Office
from slrt_referral.domain.policy import PolicyError, RoutingPolicy

ROUTING = """
version: 2026.11.1
reroutes_before_queue: 2
default: {id: manager-queue, function: SLRT, levels: [regency, national]}
rules:
  - id: papers
    when: {need: ADMINDUK}
    to: {function: DUKCAPIL, level: regency}
    programme: ADMINDUK
  - id: school
    when: {need: PIP}
    to: {function: PENDIDIKAN, level: regency}
    programme: PIP
    after: [ADMINDUK]
  - id: road
    when: {need: JALAN, attributes: {centre_line: [yellow, white]}, region: 12.74}
    to: {function: PUPR, level: regency}
    priority: 5
"""
OFFICES = """
entries:
  00.SLRT: {functions: [SLRT], name: Seknas SLRT, valid_from: 2024-01-01}
  12.74.DUKCAPIL: {functions: [DUKCAPIL], name: Disdukcapil, valid_from: 2024-01-01}
  12.74.DIKBUD: {functions: [PENDIDIKAN], name: Disdikbud, valid_from: 2024-01-01}
  12.74.PUPR: {functions: [PUPR], name: Dinas PUPR, aliases: [PU, Bina Marga], valid_from: 2024-01-01}
"""

Load = Callable[[str, str], RoutingPolicy]


@pytest.fixture
def load(tmp_path: Path, regions: Regions) -> Load:
    """Load a policy from two texts."""

    def read(routing: str, offices: str) -> RoutingPolicy:
        (tmp_path / "routing.yaml").write_text(routing, encoding="utf-8")
        (tmp_path / "00").mkdir(exist_ok=True)
        (tmp_path / "00" / "offices.yaml").write_text(offices, encoding="utf-8")
        return load_policy(tmp_path, regions)

    return read


def changed(text: str, old: str, new: str) -> str:
    """The text with one place changed; the place must be there."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


BAD_ROUTING = [
    # -- YAML and shape
    ("version: 2026.11.1", "version: [", ["routing.yaml", "not YAML"]),
    ("version: 2026.11.1", "version: 2026.11", ["routing.yaml: version"]),
    ("version: 2026.11.1\n", "", ["routing.yaml: version", "required"]),
    ("reroutes_before_queue: 2", "reroutes_before_queue: many", ["routing.yaml: reroutes_before_queue"]),
    ("reroutes_before_queue: 2", "reroutes_before_queue: -1", ["routing.yaml: reroutes_before_queue"]),
    ("reroutes_before_queue: 2", "reroutes_before_queue: 2\nreroutes: 3", ["routing.yaml: reroutes", "Extra"]),
    ("    programme: PIP\n", "    programme: PIP\n    programme: PKH\n", ["routing.yaml", "'programme' stands twice"]),
    ("    priority: 5\n", "    prioriti: 5\n", ["rule road", "prioriti"]),
    ("    priority: 5\n", "    priority: high\n", ["rule road", "priority"]),
    ("    priority: 5\n", "    priority: -1\n", ["rule road", "priority"]),
    ("  - id: papers\n", "  - id: Papers, please\n", ["rule Papers, please", "id"]),
    ("  - id: papers\n", "  - name: papers\n", ["rule number 1", "id"]),
    ("    when: {need: PIP}\n", "", ["rule school", "when"]),
    ("    to: {function: PENDIDIKAN, level: regency}\n", "    to: PENDIDIKAN\n", ["rule school", "to"]),
    # -- codes
    ("{need: PIP}", "{need: SCHOOL}", ["rule school", "when.need", "SCHOOL"]),
    ("{need: PIP}", "{need: PIP, urgent: perhaps}", ["rule school", "when.urgent"]),
    ("centre_line: [yellow, white]", "colour: [yellow]", ["rule road", "colour"]),
    ("centre_line: [yellow, white]", "centre_line: [pink]", ["rule road", "pink"]),
    ("centre_line: [yellow, white]", "centre_line: [yellow, adult]", ["rule road", "centre_line cannot be adult"]),
    ("centre_line: [yellow, white]", "centre_line: []", ["rule road", "centre_line"]),
    ("{function: PENDIDIKAN, level: regency}", "{function: SEKOLAH, level: regency}", ["rule school", "SEKOLAH"]),
    ("{function: PENDIDIKAN, level: regency}", "{function: PENDIDIKAN, level: village}", ["rule school", "village"]),
    ("    programme: PIP\n", "    programme: KIP\n", ["rule school", "programme", "KIP"]),
    ("after: [ADMINDUK]", "after: [KTP]", ["rule school", "after", "KTP"]),
    ("region: 12.74", "region: 12.7", ["rule road", "12.7 is not in the region table"]),
    ("region: 12.74", "region: 99", ["rule road", "99 is not in the region table"]),
    # -- what must hold of the whole
    ("  - id: road\n", "  - id: school\n", ["rule school", "taken"]),
    ("  - id: road\n", "  - id: manager-queue\n", ["rule manager-queue", "taken"]),
    ("  - id: road\n", "  - id: better-owner-named\n", ["rule better-owner-named", "taken"]),
    ("{function: PENDIDIKAN, level: regency}", "{function: KESEHATAN, level: regency}", ["rule school", "no regency"]),
    ("{function: PENDIDIKAN, level: regency}", "{function: PENDIDIKAN, level: province}", ["rule school", "province"]),
    ("region: 12.74", "region: 36.04", ["rule road", "no regency office does PUPR for 36.04"]),
    (
        "    when: {need: PIP}\n",
        "    when: {need: ADMINDUK, urgent: yes}\n",
        ["rule school", "together with papers", "priority 0"],
    ),
    ("    when: {need: ADMINDUK}\n", "    when: {need: ADMINDUK}\n    after: ADMINDUK\n", ["rule papers", "circle"]),
    (
        "    when: {need: ADMINDUK}\n",
        "    when: {need: ADMINDUK}\n    after: [JALAN, PIP]\n",
        ["circle: ", "ADMINDUK", "PIP"],
    ),
    ("levels: [regency, national]", "levels: [regency]", ["queue manager-queue", "national"]),
    ("levels: [regency, national]", "levels: []", ["routing.yaml: default.levels"]),
    ("function: SLRT, levels", "function: SOSIAL, levels", ["queue manager-queue", "SOSIAL"]),
]
# What a table of offices may say is tested with the kit's kind; here only that it comes through.
BAD_OFFICES = [
    ("entries:\n", "kantor:\n", ["00/offices.yaml:2", "unknown-key"]),
    ("functions: [PUPR]", "functions: [JALAN]", ["00/offices.yaml:6", "unknown-code", "JALAN"]),
    ("12.74.DIKBUD", "12.74.dikbud", ["00/offices.yaml:5", "no code of an office"]),
    ("12.74.DIKBUD", "12.74.PUPR", ["00/offices.yaml:6", "doubled-key"]),
    ("name: Disdikbud, valid_from: 2024-01-01", "name: Disdikbud", ["00/offices.yaml:5", "`valid_from` is missing"]),
    (
        "functions: [DUKCAPIL]",
        "functions: [DUKCAPIL, PENDIDIKAN]",
        ["12.74.DUKCAPIL and 12.74.DIKBUD both do PENDIDIKAN in 12.74"],
    ),
    (
        "name: Seknas SLRT, valid_from: 2024-01-01",
        "name: Seknas SLRT, valid_from: 2024-01-01, valid_to: 2030-01-01",
        ["queue manager-queue", "without an end date"],
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
    with pytest.raises(PolicyError, match=r"routing\.yaml: cannot be read"):
        load_policy(tmp_path, regions)


def test_every_problem_is_told_at_once(load: Load) -> None:
    with pytest.raises(PolicyError) as refusal:
        load(changed(ROUTING, "{need: PIP}", "{need: SCHOOL}"), changed(OFFICES, "12.74.DIKBUD", "x"))
    assert len(refusal.value.problems) == 2


def test_offices_that_follow_one_another_are_fine(load: Load) -> None:
    offices = changed(
        OFFICES,
        "name: Disdikbud, valid_from: 2024-01-01",
        "name: Disdikbud, valid_from: 2024-01-01, valid_to: 2026-12-31",
    )
    successor = "  12.74.DISDIK: {functions: [PENDIDIKAN], name: Disdik, valid_from: 2027-01-01}\n"
    assert len(list(load(ROUTING, offices + successor).offices)) == 5


def test_yes_and_no_and_region_codes_are_read_as_written(load: Load) -> None:
    routing = changed(ROUTING, "{need: PIP}", "{need: PIP, attributes: {has_nik: [no, unknown]}, urgent: no}")
    policy = load(routing, OFFICES)
    rules = {str(rule.rule_id): rule for rule in policy.rules}
    assert sorted(next(iter(rules["school"].when.attributes.values()))) == ["no", "unknown"]
    assert rules["school"].when.urgent is False
    assert rules["road"].when.region == "12.74"


# -- the policy that comes with the service ---------------------------------------------------------------------


def test_every_need_has_a_rule_for_the_ordinary_case(policy: RoutingPolicy) -> None:
    ruled = {rule.when.need for rule in policy.rules}
    assert set(NeedCode) - ruled == {NeedCode.LAINNYA}


def test_the_offices_of_the_local_stack_are_in_the_table(policy: RoutingPolicy) -> None:
    assert set(LOCAL_OFFICES) <= {office.code for office in policy.offices}


def test_only_papers_are_waited_for(policy: RoutingPolicy) -> None:
    assert {need for rule in policy.rules for need in rule.after} == {NeedCode.ADMINDUK}
    assert all(rule.programme is None or rule.programme.value == rule.when.need.value for rule in policy.rules)


@pytest.mark.parametrize("regency", ["12.74", "18.04", "34.04", "36.04"])
def test_a_regency_that_joined_has_an_office_for_every_rule_of_its_level(
    policy: RoutingPolicy, regency: str, make_office: Callable[..., Office]
) -> None:
    here = {function for office in policy.offices if office.region == regency for function in office.functions}
    asked = {rule.function for rule in policy.rules if rule.level == "regency"} | {policy.queue.function}
    assert asked <= here
    province = {f for office in policy.offices if office.region == regency[:2] for f in office.functions}
    assert {rule.function for rule in policy.rules if rule.level == "province"} <= province
