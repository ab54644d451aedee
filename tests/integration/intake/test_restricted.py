"""Cases that are kept from most: for others they do not exist, in no list and in no number."""

from typing import Any
from uuid import uuid4

import pytest

VIOLENCE = {"needs": [{"need_code": "KEKERASAN", "person_ref": 0, "description": "di rumah"}]}
READERS = ["facilitator", "front_office", "back_office", "coordinator", "supervisor", "manager", "head_of_office"]


async def _statuses(intake: Any, case: dict[str, Any], role: str, **claims: Any) -> tuple[int, bool, int]:
    """Of a look at the case, whether the list has it, of a look at its people."""
    case_id = case["case_id"]
    headers = intake.asking(role, **claims)
    one = await intake.client.get(f"/v1/cases/{case_id}", headers=headers)
    listed = (await intake.client.get("/v1/cases?limit=200", headers=headers)).json()
    people = await intake.client.get(f"/v1/cases/{case_id}/parties", headers=headers)
    return one.status_code, case_id in str(listed), people.status_code


async def _assign(intake: Any, case: dict[str, Any], officer: str, version: int, **claims: Any) -> Any:
    path = f"/v1/cases/{case['case_id']}/assign"
    return await intake.post(path, {"officer": officer}, "manager", version=version, **claims)


# -- restricted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("need", ["KEKERASAN", "ANAK", "HIV", "ODGJ"])
async def test_a_sensitive_need_makes_the_case_restricted(need: str, intake: Any) -> None:
    case = await intake.register(needs=[{"need_code": need, "person_ref": 0}])
    assert case["restricted"]


@pytest.mark.parametrize("role", READERS)
async def test_a_restricted_case_does_not_exist_for_those_who_are_not_in_charge(role: str, intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    reads_people = role not in ("supervisor", "head_of_office")
    assert await _statuses(intake, case, role) == (404, False, 404 if reads_people else 403)


async def test_not_even_whoever_registered_it_finds_it_again(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    assert await _statuses(intake, case, "facilitator", sub="facilitator-1") == (404, False, 404)


async def test_a_case_is_restricted_also_when_it_is_asked_for(intake: Any) -> None:
    case = await intake.register(restricted=True)
    assert await _statuses(intake, case, "coordinator") == (404, False, 404)


async def test_whoever_is_put_in_charge_sees_it_and_works_on_it_until_that_is_ended(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    assert (await intake.step(case, "screen", 1)).status_code == 404
    assert (await _assign(intake, case, "front_office-1", 1)).json()["officers"] == ["front_office-1"]
    assert await _statuses(intake, case, "front_office") == (200, True, 200)
    assert await _statuses(intake, case, "front_office", sub="front_office-2") == (404, False, 404)
    assert (await intake.step(case, "screen", 2)).status_code == 200
    ended = await intake.post(
        f"/v1/cases/{case['case_id']}/unassign", {"officer": "front_office-1"}, "manager", version=3
    )
    assert ended.json()["officers"] == []
    assert await _statuses(intake, case, "front_office") == (404, False, 404)
    assert (await intake.step(case, "recommend", 4)).status_code == 404


async def test_a_surveyor_sees_what_he_was_sent_to_and_nothing_else(intake: Any) -> None:
    case, other = await intake.register(), await intake.register()
    assert (await _assign(intake, case, "surveyor-1", 1)).status_code == 200
    assert (await _statuses(intake, case, "surveyor"))[:2] == (200, True)
    assert (await _statuses(intake, other, "surveyor"))[:2] == (404, False)


async def test_who_assigns_learns_that_the_case_exists_and_nothing_that_it_says(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    found = (await intake.get("/v1/restricted-cases?limit=200", "manager")).json()["items"]
    mine = next(each for each in found if each["case_id"] == case["case_id"])
    assert set(mine) == {
        *("case_id", "version", "district_code", "status", "urgent", "sealed", "registered_at", "officers")
    }
    assert mine["district_code"] == "12.74.03"
    assert "KEKERASAN" not in str(found)
    assert case["ticket_number"] not in str(found)
    elsewhere = (await intake.get("/v1/restricted-cases?limit=200", "manager", region="12.71")).json()["items"]
    assert elsewhere == []


async def test_nobody_lets_himself_in(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    async with intake.unchanged():
        answer = await _assign(intake, case, "manager-1", 1)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:separation-of-duties")


@pytest.mark.parametrize("officer", ["", " ", "a b", "x" * 101, "-", "<b>", None, 1])
async def test_an_officer_is_named_as_a_token_names_him(officer: Any, intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    async with intake.unchanged():
        assert (await _assign(intake, case, officer, 1)).status_code == 422


async def test_there_is_an_end_to_how_many_are_in_charge(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    for number in range(20):
        assert (await _assign(intake, case, f"petugas-{number}", number + 1)).status_code == 200
    answer = await _assign(intake, case, "petugas-20", 21)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:too-many-officers")
    assert (await _assign(intake, case, "petugas-0", 21)).status_code == 200


async def test_whoever_is_not_in_charge_cannot_be_let_go(intake: Any) -> None:
    case = await intake.register()
    answer = await intake.post(f"/v1/cases/{case['case_id']}/unassign", {"officer": "x"}, "manager", version=1)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:not-assigned")


# -- figures --------------------------------------------------------------------------------------------------------


async def test_a_restricted_case_is_in_no_number(intake: Any) -> None:
    async def by_need() -> dict[str, Any]:
        answer = await intake.get("/v1/figures/cases?by=need_code", "leadership")
        return {each["cell"]: each["cases"] for each in answer.json()["figures"]}

    for _ in range(6):
        await intake.register(needs=[{"need_code": "ODGJ", "person_ref": 0}, {"need_code": "ZAKAT", "person_ref": 0}])
        await intake.register()
    before = await by_need()
    assert "ODGJ" not in before
    assert "ZAKAT" not in before
    for _ in range(6):
        await intake.register(needs=[{"need_code": "ZAKAT", "person_ref": 0}])
    assert (await by_need())["ZAKAT"] == 6


async def test_leadership_sees_no_case(intake: Any) -> None:
    case = await intake.register()
    headers = intake.asking("leadership")
    for path in ("/v1/cases", f"/v1/cases/{case['case_id']}", f"/v1/cases/{case['case_id']}/parties"):
        assert (await intake.client.get(path, headers=headers)).status_code == 403


# -- sealed ---------------------------------------------------------------------------------------------------------


async def test_a_sealed_case_is_closed_to_everybody_also_to_those_in_charge(intake: Any) -> None:
    case = await intake.register()
    await _assign(intake, case, "front_office-1", 1)
    path = f"/v1/cases/{case['case_id']}"
    assert (
        await intake.post(f"{path}/seal", {"reason": "court_order"}, "head_of_office", version=2)
    ).status_code == 200
    for role in READERS:
        assert (await _statuses(intake, case, role))[:2] == (404, False), role
    assert (await intake.step(case, "screen", 3)).status_code == 404
    again = await intake.post(f"{path}/seal", {"reason": "court_order"}, "head_of_office", version=3)
    assert (again.status_code, again.json()["type"]) == (409, "urn:slrt:problem:transition-refused")
    assert (await intake.post(f"{path}/unseal", None, "head_of_office", version=3)).json()["sealed"] is False
    assert (await _statuses(intake, case, "front_office"))[:2] == (200, True)


# -- transfer -------------------------------------------------------------------------------------------------------


async def test_a_transfer_moves_visibility_at_once_and_ends_every_charge(intake: Any) -> None:
    case = await intake.register()
    await _assign(intake, case, "surveyor-1", 1)
    path = f"/v1/cases/{case['case_id']}/transfer"
    moved = await intake.post(path, {"village_code": "12.71.01.1001"}, "manager", version=2)
    assert (moved.status_code, moved.json()["village_code"]) == (200, "12.71.01.1001")
    assert (await _statuses(intake, case, "front_office"))[:2] == (404, False)
    assert (await _statuses(intake, case, "surveyor"))[:2] == (404, False)
    assert (await _statuses(intake, case, "front_office", region="12.71"))[:2] == (200, True)
    assert (await intake.post(path, {"village_code": "12.74.03.1002"}, "manager", version=3)).status_code == 404


@pytest.mark.parametrize(
    ("village", "status"), [("12.74.03.9999", 422), ("12.74.03", 422), ("12.74.03.1002", 409), (None, 422)]
)
async def test_a_case_goes_only_where_there_is_a_village_and_it_is_not(village: Any, status: int, intake: Any) -> None:
    case = await intake.register()
    async with intake.unchanged():
        answer = await intake.post(
            f"/v1/cases/{case['case_id']}/transfer", {"village_code": village}, "manager", version=1
        )
    assert answer.status_code == status


# -- a reporter who asked for secrecy -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["facilitator", "front_office", "back_office", "coordinator", "manager"])
async def test_how_a_secret_reporter_is_reached_nobody_at_the_desk_learns(role: str, intake: Any) -> None:
    case = await intake.register(reporter_secret=True)
    headers = intake.asking(role)
    people = (await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=headers)).json()
    assert (people["phone"], people["address"], people["kk_number"]) == (None, None, None)
    assert people["persons"]


async def test_a_secret_reporter_is_told_all_the_same(intake: Any) -> None:
    case = await intake.register(reporter_secret=True)
    headers = intake.asking("service", "contact", region=None)
    contact = (await intake.client.get(f"/v1/cases/{case['case_id']}/contact", headers=headers)).json()
    assert contact["phone"] == "+6281200009901"


# -- emergency ------------------------------------------------------------------------------------------------------

REASON = "Anak dibawa ke UGD, butuh nama wali"


async def _open(intake: Any, role: str = "front_office", *, reason: str = REASON, **about: Any) -> Any:
    claims = {name: about.pop(name) for name in ("region", "sub", "key") if name in about}
    return await intake.post("/v1/emergency-accesses", about | {"reason": reason}, role, **claims)


async def test_an_emergency_opens_the_case_to_one_person_for_three_hours_to_read(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    opened = await _open(intake, case_id=case["case_id"])
    assert opened.status_code == 201
    assert (await _statuses(intake, case, "front_office")) == (200, False, 200)
    assert (await _statuses(intake, case, "front_office", sub="front_office-2"))[0] == 404
    assert (await intake.step(case, "screen", 1)).status_code == 404
    intake.clock.move(minutes=180, seconds=-1)
    assert (await _statuses(intake, case, "front_office"))[0] == 200
    intake.clock.move(seconds=1)
    assert (await _statuses(intake, case, "front_office")) == (404, False, 404)


async def test_a_ticket_number_opens_a_sealed_case_too(intake: Any) -> None:
    case = await intake.register()
    await intake.post(f"/v1/cases/{case['case_id']}/seal", {"reason": "safety"}, "head_of_office", version=1)
    assert (await _open(intake, ticket_number=case["ticket_number"])).status_code == 201
    assert (await _statuses(intake, case, "front_office"))[0] == 200


@pytest.mark.parametrize("role", ["admin", "auditor", "leadership", "opd_officer", "service", "partner", "supervisor"])
async def test_who_has_no_business_with_cases_opens_none_in_an_emergency(role: str, intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    async with intake.unchanged():
        assert (await _open(intake, role, case_id=case["case_id"])).status_code == 403


async def test_beside_the_administrator_no_other_role_counts(intake: Any) -> None:
    case = await intake.register()
    headers = intake.issuer.headers("admin", "manager", region="12.74", sub="both")
    assert (await intake.client.get(f"/v1/cases/{case['case_id']}", headers=headers)).status_code == 403


async def test_a_case_of_another_region_or_none_at_all_is_not_opened(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    assert (await _open(intake, case_id=case["case_id"], region="12.71")).status_code == 404
    assert (await _open(intake, case_id=str(uuid4()))).status_code == 404
    assert (await _open(intake, ticket_number="1274-0000-0000")).status_code == 404


async def test_a_case_that_is_open_anyway_needs_no_emergency(intake: Any) -> None:
    case = await intake.register()
    answer = await _open(intake, case_id=case["case_id"])
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slrt:problem:access-not-needed")


@pytest.mark.parametrize("about", [{}, {"case_id": str(uuid4()), "ticket_number": "1274-7KQ4-M2XD"}])
async def test_an_emergency_is_about_one_case(about: dict[str, str], intake: Any) -> None:
    assert (await _open(intake, **about)).status_code == 422


@pytest.mark.parametrize("reason", ["", "darurat", " " * 40, "x" * 1001])
async def test_an_emergency_needs_a_reason_in_a_sentence(reason: str, intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    assert (await _open(intake, case_id=case["case_id"], reason=reason)).status_code == 422


async def test_somebody_else_reviews_it_once(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    opened = (await _open(intake, "manager", case_id=case["case_id"])).json()
    queue = (await intake.get("/v1/emergency-accesses?limit=200", "supervisor")).json()["items"]
    mine = next(each for each in queue if each["access_id"] == opened["access_id"])
    assert (mine["opened_by"], mine["reason"]) == ("manager-1", REASON)
    path = f"/v1/emergency-accesses/{opened['access_id']}/review"
    own = await intake.post(path, {"justified": True}, "manager", version=1)
    assert (own.status_code, own.json()["type"]) == (403, "urn:slrt:problem:separation-of-duties")
    elsewhere = await intake.post(path, {"justified": True}, "supervisor", version=1, region="12.71")
    assert elsewhere.status_code == 404
    assert (await intake.post(path, {"justified": False}, "supervisor", version=1)).status_code == 200
    again = await intake.post(path, {"justified": True}, "supervisor", version=2)
    assert (again.status_code, again.json()["type"]) == (409, "urn:slrt:problem:reviewed-already")
    assert opened["access_id"] not in (await intake.get("/v1/emergency-accesses?limit=200", "supervisor")).text


async def test_what_is_told_of_an_emergency_says_who_and_why_to_nobody(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    opened = (await _open(intake, case_id=case["case_id"])).json()
    rows = await intake.rows("SELECT topic, payload FROM outbox WHERE partition_key = %(id)s", id=opened["access_id"])
    assert [row.topic for row in rows] == ["slrt.intake.access.v1"]
    assert b"UGD" not in rows[0].payload
    assert b"front_office" not in rows[0].payload


async def test_why_a_case_was_opened_is_sealed_with_the_case(intake: Any) -> None:
    case = await intake.register(**VIOLENCE)
    opened = (await _open(intake, case_id=case["case_id"])).json()
    [row] = await intake.rows("SELECT * FROM emergency_accesses WHERE access_id = %(id)s", id=opened["access_id"])
    assert "UGD" not in str(row._asdict())
    assert b"UGD" not in row.sealed
    vault = intake.app.state.parts.vault
    [key] = await intake.rows("SELECT key_id FROM cases WHERE case_id = %(id)s", id=case["case_id"])
    await vault.destroy([key.key_id])
    queue = (await intake.get("/v1/emergency-accesses?limit=200", "supervisor")).json()["items"]
    assert next(each for each in queue if each["access_id"] == opened["access_id"])["reason"] is None
