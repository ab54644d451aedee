"""The desk: screening, recommendation, decision, in that order, by the right people, each step once."""

from itertools import product
from typing import Any

import orjson
import pytest

VERBS = ("screen", "recommend", "decide")
TWO_NEEDS = {"needs": [{"need_code": "BPBL", "person_ref": 0}, {"need_code": "DOMISILI", "person_ref": 0}]}


async def _story(intake: Any, case: dict[str, Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """What the outbox tells of a case: (type, key sequence, payload), in the order of recording."""
    rows = await intake.rows(
        "SELECT headers, key_sequence, payload FROM outbox WHERE partition_key = %(id)s ORDER BY seq",
        id=case["case_id"],
    )
    return [(dict(row.headers)["ce_type"].split(".")[3], row.key_sequence, orjson.loads(row.payload)) for row in rows]


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "verb"), [(done, verb) for done, verb in product(range(4), VERBS) if done == 3 or verb != VERBS[done]]
)
async def test_a_step_out_of_order_is_refused(done: int, verb: str, intake: Any) -> None:
    case = await intake.register()
    for version, taken in enumerate(VERBS[:done], start=1):
        await intake.step(case, taken, version)
    async with intake.unchanged():
        answer = await intake.step(case, verb, done + 1, sub="somebody-else")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:transition-refused")


@pytest.mark.parametrize("own", ["kader-x", "bo-x"])
async def test_whoever_registered_or_recommended_cannot_decide(own: str, intake: Any, made: Any) -> None:
    case = (await intake.post("/v1/cases", made.registration(), sub="kader-x")).json()
    await intake.step(case, "screen", 1)
    await intake.step(case, "recommend", 2, sub="bo-x")
    async with intake.unchanged():
        answer = await intake.step(case, "decide", 3, sub=own)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:separation-of-duties")


@pytest.mark.parametrize("named", ["0", "01x", "0x", "010", "00"])
@pytest.mark.parametrize(("verb", "word"), [("recommend", "recommendation"), ("decide", "decision")])
async def test_every_need_must_be_named_exactly_once(named: str, verb: str, word: str, intake: Any) -> None:
    """``named``: 0 and 1 are the needs of the case, x is another case's."""
    case, other = await intake.register(**TWO_NEEDS), await intake.register()
    await intake.step(case, "screen", 1)
    if verb == "decide":
        await intake.step(case, "recommend", 2)
    ids = {"0": case["needs"][0], "1": case["needs"][1], "x": other["needs"][0]}
    version = 2 if verb == "recommend" else 3
    role = {"recommend": "back_office", "decide": "coordinator"}[verb]
    async with intake.unchanged():
        answer = await intake.post(
            f"/v1/cases/{case['case_id']}/{verb}",
            {"needs": [{"need_id": ids[name]["need_id"], word: "refer"} for name in named]},
            role,
            version=version,
        )
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:needs-mismatch")


@pytest.mark.parametrize(
    ("verb", "role", "body"),
    [
        ("screen", "front_office", {}),
        ("screen", "front_office", {"registry_status": "LISTED"}),
        ("screen", "front_office", {"registry_status": "listed", "decile": 1}),
        ("recommend", "back_office", {"needs": []}),
        ("recommend", "back_office", {"needs": [{"need_id": "1", "recommendation": "refer"}]}),
        ("decide", "coordinator", {"needs": [{"need_id": None, "decision": "refer"}]}),
        ("decide", "coordinator", {"needs": None}),
    ],
)
async def test_a_step_with_a_wrong_body_is_refused(verb: str, role: str, body: Any, intake: Any) -> None:
    case = await intake.register()
    async with intake.unchanged():
        answer = await intake.post(f"/v1/cases/{case['case_id']}/{verb}", body, role, version=1)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


# -- the way through ------------------------------------------------------------------------------------------------


async def test_a_case_goes_through_the_desk_step_by_step(intake: Any) -> None:
    case = await intake.register(**TWO_NEEDS)
    statuses = [case["status"]]
    for version, verb in enumerate(VERBS, start=1):
        answer = await intake.step(case, verb, version, decisions=("refer", "solved_locally"))
        assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{version + 1}"')
        statuses.append(answer.json()["status"])
    assert statuses == ["registered", "screening", "in_handling", "decided"]
    seen = await intake.get(f"/v1/cases/{case['case_id']}")
    assert seen.headers["ETag"] == '"4"'
    assert [(need["status"], need["outcome_code"]) for need in seen.json()["needs"]] == [
        ("referred", None),
        ("outcome_recorded", "fulfilled"),
    ]
    assert seen.json()["registry_status"] == "listed"
    story = await _story(intake, case)
    assert [(kind, sequence) for kind, sequence, _ in story] == [
        ("case-registered", 1),
        ("case-screened", 2),
        ("case-recommended", 3),
        ("case-decided", 4),
        ("need-outcome-recorded", 5),
    ]


@pytest.mark.parametrize(("role", "level"), [("coordinator", "village"), ("manager", "regency")])
async def test_the_decision_says_on_which_level_it_was_taken(role: str, level: str, intake: Any) -> None:
    case = await intake.register()
    await intake.step(case, "screen", 1)
    await intake.step(case, "recommend", 2)
    assert (await intake.step(case, "decide", 3, role=role)).status_code == 200
    [decided] = [payload for kind, _, payload in await _story(intake, case) if kind == "case-decided"]
    assert decided["decided_by_level"] == level
    assert decided["district_code"] == "12.74.03"


async def test_a_case_that_the_village_solves_alone_waits_only_for_the_resident(intake: Any) -> None:
    case = await intake.decided("solved_locally", "solved_locally", **TWO_NEEDS)
    assert case["resolved_at"] is not None
    assert [kind for kind, _, _ in await _story(intake, case)][-4:] == [
        "case-decided",
        "need-outcome-recorded",
        "need-outcome-recorded",
        "case-resolved",
    ]


async def test_a_registration_answers_with_ticket_address_and_version(intake: Any, made: Any) -> None:
    answer = await intake.post("/v1/cases", made.registration())
    case = answer.json()
    assert answer.headers["Location"] == f"/intake/v1/cases/{case['case_id']}"
    assert answer.headers["ETag"] == '"1"'
    assert case["ticket_number"].startswith("1274-")
    assert case["registered_at"] == intake.clock.now().isoformat().replace("+00:00", "Z")
    assert case["warnings"] == []
    assert "Mawar" not in answer.text


async def test_two_cases_that_draw_the_same_ticket_get_different_ones(
    intake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr("slrt_intake.usecases.cases.secrets.randbits", lambda _bits: next(drawn))
    first, second = await intake.register(), await intake.register()
    assert first["ticket_number"] != second["ticket_number"]


async def test_the_catalogue_of_needs_is_for_forms(intake: Any) -> None:
    catalogue = {entry["need_code"]: entry for entry in (await intake.get("/v1/need-codes")).json()}
    assert len(catalogue) == 36
    assert catalogue["BPBL"]["sector"] == "infrastruktur"
    assert catalogue["DOMISILI"]["programme_code"] is None
