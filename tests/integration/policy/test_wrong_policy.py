"""Each thing that can be wrong with a policy is told alike on a terminal and over HTTP, and changes nothing."""

from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from tests.integration.policy.conftest import People, office, offices
from typer.testing import CliRunner

from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.testing import FixedClock
from slrt_local.cli import app

WHY = {"why": "Peraturan Wali Kota 7/2026"}
PACKAGED = packaged_documents("slrt_referral", PolicyRules.of("referral"))
_DAY = '{{date: "{0}", label: {{id: Hari jadi, en: Anniversary}}}}'


class Wrong(NamedTuple):
    """A document of a layer, and the finding that it must have."""

    layer: str
    kind: str
    text: str
    line: int
    code: str
    says: str


def changed(kind: str, old: str, new: str, code: str, says: str, *, line: int = 0) -> Wrong:
    """A document of the nation with one mistake; the finding is in its line, or in one that is given."""
    text = PACKAGED["00"][kind]
    assert text.count(old) == 1, text.count(old)
    return Wrong("00", kind, text.replace(old, new), line or text[: text.index(old)].count("\n") + 1, code, says)


def own(kind: str, text: str, code: str, says: str, *, line: int = 2, layer: str = "12.74") -> Wrong:
    """A document that a region adds."""
    return Wrong(layer, kind, text, line, code, says)


def days(*listed: str) -> str:
    """Days off that a city adds to the calendar of the nation."""
    label = "label: {id: Hari kota, en: Days of the city}"
    rows = "".join(f"      - {_DAY.format(each)}\n" for each in listed)
    return f"entries:\n  hari-kota:\n    {label}\n    source: test\n    adds_to: office\n    days_off:\n{rows}"


def rule(when: str) -> str:
    """A rule of a city for roads, with that condition in its third line."""
    return (
        "entries:\n  jalan-kota:\n"
        f'    when: "{when}"\n'
        "    need: JALAN\n    to: {function: PUPR, level: regency}\n    priority: 90\n"
    )


WRONG = {
    "syntax error": own(
        "offices", "entries:\n  12.74.X1: {functions: [SLRT\n", "syntax-error", "not valid YAML", line=3
    ),
    "unknown key": own("offices", "entires: {}\n", "unknown-key", "`entires` is not known here", line=1),
    "unknown field": own("sla", "entries:\n  urgent:\n    lenght: {hours: 3}\n", "unknown-key", "`lenght`", line=3),
    "kind nobody has": own("leters", "entries: {}\n", "unknown-kind", "there are: ", line=0),
    "layer above itself": own("layer", "parent: 12.74\n", "cyclic-inheritance", "12.74 → 12.74", line=1),
    "layer above that is below": own("layer", "parent: 12.74.05\n", "cyclic-inheritance", "→ 12.74.05", line=1),
    "type of an expression": own("routing", rule("urgent == 'yes'"), "wrong-type", "urgent", line=3),
    "name in an expression": own("routing", rule("need.colour == 'red'"), "unknown-name", "need.colour", line=3),
    "expression that is none": own("routing", rule("urgent &&"), "expression-syntax", "CEL", line=3),
    "loop in an expression": own("routing", rule("[1].all(x, x > 0)"), "not-allowed", "", line=3),
    "cost of an expression": own(
        "routing", rule(" || ".join(["district == '12.74.05'"] * 25)), "too-costly", "24", line=3
    ),
    "day twice": own("calendar", days("2026-12-27", "2026-12-27"), "day-twice", "2026-12-27 stands at", line=8),
    "29 February of no leap year": own("calendar", days("2027-02-29"), "no-such-date", "2027-02-29", line=7),
    "region that nobody knows": own("offices", "entries: {}\n", "unknown-region", "99.01", line=0, layer="99.01"),
    "region that was split": own(
        "offices",
        "entries: {}\n",
        "unknown-region",
        "since UU 14/2022 (Papua Selatan) its code is 93.01",
        line=0,
        layer="91.01",
    ),
    "state that nothing leads to": changed(
        "workflow",
        "      start: {to: in_service, by: [opd_officer, manager]}\n",
        "",
        "unreachable-state",
        "no action leads to in_service",
        line=33,
    ),
    "state without exit": changed(
        "workflow",
        "      reroute: {to: rerouted, by: [service]}",
        "      reroute: {to: declined, by: [service]}",
        "state-without-exit",
        "from declined no final state",
        line=49,
    ),
    "step without a clock": changed(
        "workflow", "    clock: owner-acceptance\n", "", "step-without-clock", "no clock runs in sent", line=11
    ),
    "time that is nobody's": own(
        "workflow",
        "entries:\n  periksa:\n    label: {id: Periksa, en: Check}\n    clock: urgent\n    actions:\n"
        "      selesai: {to: completed, by: [manager]}\n",
        "clock-without-owner",
        "the time in periksa is nobody's",
        line=4,
    ),
    "role that there is not": own(
        "workflow", "entries:\n  sent:\n    owner: camat\n", "unknown-code", "camat is a code nobody knows", line=3
    ),
    "class that there is not": own(
        "workflow", "entries:\n  sent:\n    clock: cepat\n", "unknown-code", "cepat is a code nobody knows", line=3
    ),
    "missing translation": own(
        "sla", "entries:\n  urgent:\n    label: {id: Mendesak}\n", "missing-translation", "has no text in en", line=3
    ),
    "hole in an escalation": changed(
        "escalation",
        '      - {at: "+14wd", effect: escalate, whom: [next_level]}\n',
        "",
        "escalation-hole",
        "nobody else after +7wd",
        line=10,
    ),
    "escalation in a circle": changed(
        "escalation",
        '{at: "+7wd", effect: escalate, whom: [head_of_office, office_head]}',
        '{at: "+7wd", effect: escalate, whom: [owner]}',
        "escalation-cycle",
        "comes back to whom it has passed",
    ),
    "escalation out of order": changed(
        "escalation", 'at: "+7wd"', 'at: "+2wd"', "escalation-order", "stands after +3wd"
    ),
    "shadowed rule": own(
        "routing",
        "entries:\n  jalan-kota:\n    need: JALAN\n    to: {function: PUPR, level: regency}\n    priority: 90\n",
        "shadowed-rule",
        "jalan-kota always comes first",
        line=0,
    ),
    "need with no route": own(
        "routing",
        "entries:\n  civil-documents: {removed: true}\n",
        "need-without-route",
        "ADMINDUK has no route",
        line=0,
    ),
    "function that nobody does": own(
        "routing",
        "entries:\n  jalan-kota:\n    need: JALAN\n    to: {function: PLN, level: regency}\n    priority: 90\n"
        "    when: urgent\n",
        "function-without-office",
        "no regency office does PLN",
        line=4,
    ),
    "calendar that there is not": own(
        "sla", "entries:\n  urgent: {calendar: kota}\n", "unknown-calendar", "there is no calendar kota"
    ),
}


def place_of(wrong: Wrong) -> str:
    return f"{wrong.layer}/" if wrong.code == "unknown-region" else f"{wrong.layer}/{wrong.kind}.yaml"


def documents_of(wrong: Wrong) -> dict[str, str]:
    return PACKAGED.get(wrong.layer, {}) | {wrong.kind: wrong.text}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_a_line_on_the_terminal(wrong: Wrong, tmp_path: Path) -> None:
    (tmp_path / wrong.layer).mkdir()
    for kind, text in documents_of(wrong).items():
        (tmp_path / wrong.layer / f"{kind}.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["policy", "validate", str(tmp_path), "--service", "referral"])
    lines = [line for line in done.output.splitlines() if f" {wrong.code}: " in line and wrong.says in line]
    assert (done.exit_code, bool(lines)) == (1, True), done.output
    at = f"{place_of(wrong)}:{wrong.line} " if wrong.line else ""
    assert any(line.startswith(at) for line in lines), lines


async def test_what_is_wrong_is_refused_over_http_and_changes_nothing(people: People, policy_url: str) -> None:
    before = rows(policy_url)
    for name, wrong in WRONG.items():
        body = {"documents": documents_of(wrong)} | WHY
        answer = await people("centre_desk", "POST", f"/layers/{wrong.layer}/versions", body, region=None)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:policy-findings"), name
        found = [each for each in answer.json()["findings"] if each["code"] == wrong.code]
        assert any(wrong.says in each["what_en"] + each["remedy_en"] for each in found), (name, found)
        assert all(each["what"] != each["what_en"] for each in found), f"{name}: Indonesian and English"
        lines = {(each["file"], each["line"]) for each in found}
        assert not wrong.line or (place_of(wrong), wrong.line) in lines, (name, lines)
    assert rows(policy_url) == before


def rows(url: str) -> Any:
    """How much the policy's tables hold."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM policy_versions), (SELECT count(*) FROM policy_activations), "
            "(SELECT count(*) FROM policy_layers), (SELECT revision FROM policy_revision), "
            "(SELECT count(*) FROM outbox)"
        ).fetchone()


DRAFT = offices(office("12.74.SOSIAL"), office("12.74.PMD", functions="PMD"))


async def test_two_versions_that_would_begin_at_once_are_refused_by_name(people: People, policy_url: str) -> None:
    for number, code in enumerate(("12.74.SOSIAL", "12.74.DINSOS"), start=2):
        documents = offices(office(code), office("12.74.PMD", functions="PMD"))
        proposed = await people("manager", "POST", "/layers/12.74/versions", {"documents": documents} | WHY)
        assert proposed.status_code == 201, proposed.text
        await people("head_of_office", "POST", f"/layers/12.74/versions/{number}/approve", WHY)
    at = WHY | {"effective_from": "2026-12-01T00:00:00+07:00"}
    first = await people("head_of_office", "POST", "/layers/12.74/versions/2/activate", at)
    assert first.status_code == 200, first.text
    before = rows(policy_url)
    second = await people("head_of_office", "POST", "/layers/12.74/versions/3/activate", at)
    assert (second.status_code, second.json()["type"]) == (409, "urn:slrt:problem:policy-two-at-once")
    assert (second.json()["number"], rows(policy_url)) == (2, before)


async def test_an_activation_in_the_past_says_from_when_on_it_can_be(
    people: People, policy_url: str, fixed_clock: FixedClock
) -> None:
    await people("manager", "POST", "/layers/12.74/versions", {"documents": DRAFT} | WHY)
    await people("head_of_office", "POST", "/layers/12.74/versions/2/approve", WHY)
    before = rows(policy_url)
    body = WHY | {"effective_from": "2026-01-01T00:00:00+07:00"}
    answer = await people("head_of_office", "POST", "/layers/12.74/versions/2/activate", body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:policy-too-soon")
    assert (answer.json()["earliest"][:16], rows(policy_url)) == (fixed_clock.now().isoformat()[:16], before)


def on_duty(url: str, *duties: tuple[str, str]) -> None:
    """Somebody has these roles in these areas."""
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE duties")
        for role, area in duties:
            connection.execute(
                "INSERT INTO duties (duty_id, officer_id, role, area_code, first_day) "
                "VALUES (gen_random_uuid(), gen_random_uuid(), %s, %s, '2026-01-01')",
                (role, area),
            )


ASKS_FOR_A_COORDINATOR = PACKAGED["12.74"] | {"workflow": "entries:\n  sent:\n    owner: coordinator\n"}


@pytest.mark.parametrize(
    ("duties", "status"),
    [
        ([("manager", "12.74")], 422),
        ([("manager", "12.74"), ("coordinator", "34.04")], 422),
        ([("manager", "12.74"), ("coordinator", "12.74.05")], 201),
        ([("manager", "12.74"), ("coordinator", "12")], 201),
        ([("manager", "34.04")], 201),
        ([], 201),
    ],
)
async def test_a_step_of_a_role_that_nobody_has_there_is_refused_where_a_roster_is_kept(
    duties: list[tuple[str, str]], status: int, people: People, policy_url: str
) -> None:
    on_duty(policy_url, *duties)
    answer = await people("manager", "POST", "/layers/12.74/versions", {"documents": ASKS_FOR_A_COORDINATOR} | WHY)
    on_duty(policy_url)
    assert answer.status_code == status, answer.text
    if status == 422:
        (finding,) = answer.json()["findings"]
        assert (finding["file"], finding["line"], finding["code"]) == ("12.74/workflow.yaml", 3, "role-nobody-holds")
        assert finding["what_en"] == "in 12.74 nobody is on duty as coordinator"


async def test_a_hole_that_was_there_before_keeps_nobody_from_another_change(people: People, policy_url: str) -> None:
    on_duty(policy_url, ("facilitator", "12.74"))
    answer = await people("manager", "POST", "/layers/12.74/versions", {"documents": DRAFT} | WHY)
    on_duty(policy_url)
    assert answer.status_code == 201, answer.text
