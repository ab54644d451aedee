"""The API: who may see and do what, preconditions, idempotency, paging, bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from slrt_kit.runtime import Runtime
from slrt_kit.testing import api_client
from slrt_referral.app import PACKAGE, build_app
from slrt_referral.settings import ReferralSettings

if TYPE_CHECKING:
    from tests.integration.referral.conftest import Service

PROBLEM = "urn:slrt:problem:"


async def one(service: Service, need: str = "ADMINDUK") -> dict[str, Any]:
    """A fresh referral that was sent."""
    return (await service.referrals(await service.decide(need)))[need]


async def test_an_officer_of_another_office_neither_sees_nor_moves_a_referral(service: Service) -> None:
    referral = await one(service)
    other = service.officer("12.74.PUPR")
    seen = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=other)
    assert (seen.status_code, seen.json()["type"]) == (404, PROBLEM + "not-found")
    for action, body in (
        ("accept", None),
        ("start", None),
        ("complete", {"outcome_code": "fulfilled"}),
        ("decline", {"reason_code": "unclear"}),
    ):
        refused = await service.act(referral, action, body, headers=other)
        assert (refused.status_code, refused.json()["type"]) == (404, PROBLEM + "not-found"), action
    listed = await service.client.get("/v1/referrals", params={"office": referral["office_code"]}, headers=other)
    assert listed.json()["items"] == []
    assert (await service.referrals(referral["case_id"]))["ADMINDUK"] == referral


async def test_an_office_does_not_see_what_still_waits(service: Service) -> None:
    case_id = await service.decide("ADMINDUK", "PIP")
    waiting = (await service.referrals(case_id))["PIP"]
    school = service.officer("12.74.DIKBUD")
    assert (await service.client.get("/v1/referrals", headers=school)).json()["items"] == []
    assert (await service.client.get(f"/v1/referrals/{waiting['referral_id']}", headers=school)).status_code == 404
    assert (await service.act(waiting, "accept")).status_code == 404


@pytest.mark.parametrize("region", ["36.04", "12.75", "12.74.03", "12.7"])
async def test_another_region_sees_nothing(service: Service, region: str) -> None:
    referral = await one(service)
    headers = service.issuer.headers("supervisor", region=region)
    assert (await service.client.get("/v1/referrals", headers=headers)).json()["items"] == []
    answer = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("region", ["12", "12.74", "12.74.05"])
async def test_every_region_above_sees_the_referral(service: Service, region: str) -> None:
    referral = await one(service)
    headers = service.issuer.headers("supervisor", region=region)
    assert [r["referral_id"] for r in (await service.client.get("/v1/referrals", headers=headers)).json()["items"]] == [
        referral["referral_id"]
    ]


async def test_a_role_without_the_permission_is_forbidden(service: Service) -> None:
    referral = await one(service)
    for role in ("facilitator", "resident", "leadership", "admin", "auditor"):
        headers = service.issuer.headers(role, region="12.74", office="12.74.DUKCAPIL")
        assert (await service.client.get("/v1/referrals", headers=headers)).status_code == 403, role
        assert (await service.act(referral, "accept", headers=headers)).status_code == 403, role


async def test_no_token_and_an_expired_token_are_told_apart(service: Service) -> None:
    assert (await service.client.get("/v1/referrals")).json()["type"] == PROBLEM + "unauthenticated"
    expired = service.issuer.headers("manager", region="12.74", ttl=-60)
    answer = await service.client.get("/v1/referrals", headers=expired)
    assert (answer.status_code, answer.json()["type"]) == (401, PROBLEM + "token-expired")


async def test_a_command_needs_the_version_that_was_read(service: Service) -> None:
    referral = await one(service)
    headers = service.officer(referral["office_code"]) | {"Idempotency-Key": "k1"}
    path = f"/v1/referrals/{referral['referral_id']}/accept"
    missing = await service.client.post(path, headers=headers)
    assert (missing.status_code, missing.json()["type"]) == (428, PROBLEM + "precondition-required")
    stale = await service.act(referral, "accept", version=referral["version"] + 1)
    assert (stale.status_code, stale.json()["type"]) == (412, PROBLEM + "stale-version")
    without_key = await service.client.post(
        path, headers=service.officer(referral["office_code"]) | {"If-Match": f'"{referral["version"]}"'}
    )
    assert (without_key.status_code, without_key.json()["type"]) == (400, PROBLEM + "idempotency-key-required")
    assert (await service.referrals(referral["case_id"]))["ADMINDUK"]["status"] == "sent"


async def test_a_repeated_key_gets_the_first_answer_and_another_body_a_refusal(service: Service) -> None:
    referral = await one(service, "JALAN")
    body = {"reason_code": "other_owner", "better_office_code": "12.PUPR"}
    first = await service.act(referral, "decline", body, key="the-key")
    again = await service.act(referral, "decline", body, key="the-key")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await service.act(referral, "decline", body | {"note": "lain"}, key="the-key")
    assert (other.status_code, other.json()["type"]) == (422, PROBLEM + "idempotency-key-reused")
    listed = await service.client.get("/v1/referrals", headers=service.manager())
    assert len(listed.json()["items"]) == 2


async def test_second_acceptance_is_refused(service: Service) -> None:
    referral = await one(service)
    accepted = (await service.act(referral, "accept")).json()
    again = await service.act(accepted, "accept")
    assert (again.status_code, again.json()["type"]) == (409, PROBLEM + "transition-refused")
    assert (again.json()["state"], again.json()["action"]) == ("accepted", "accept")


@pytest.mark.parametrize(
    ("office", "slug"),
    [
        ("12.74.PUPR", "same-office"),
        ("12.74.NOBODY", "unknown-office"),
        ("99.PUPR", "unknown-office"),
    ],
)
async def test_the_better_office_must_be_another_one_of_the_table(service: Service, office: str, slug: str) -> None:
    referral = await one(service, "JALAN")
    refused = await service.act(referral, "decline", {"reason_code": "other_owner", "better_office_code": office})
    assert (refused.status_code, refused.json()["type"]) == (422, PROBLEM + slug)
    assert (await service.referrals(referral["case_id"]))["JALAN"] == referral


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("decline", {}),
        ("decline", {"better_office_code": "12.PUPR"}),
        ("decline", {"reason_code": "do_not_like_it"}),
        ("decline", {"reason_code": "unclear", "better_office_code": "the provincial one"}),
        ("decline", {"reason_code": "unclear", "better_office_code": "12.74.05.1010.PUPR"}),
        ("decline", {"reason_code": "unclear", "note": ""}),
        ("decline", {"reason_code": "unclear", "note": "x" * 2001}),
        ("decline", {"reason_code": "unclear", "note": "jalan\x00rusak"}),
        ("decline", {"reason_code": "unclear", "extra": 1}),
        ("complete", {}),
        ("complete", {"outcome_code": "done"}),
        ("complete", {"outcome_code": "fulfilled", "name": "somebody"}),
    ],
)
async def test_a_body_that_does_not_fit_changes_nothing(service: Service, action: str, body: dict[str, Any]) -> None:
    referral = await one(service, "JALAN")
    refused = await service.act(referral, action, body)
    assert (refused.status_code, refused.json()["type"]) == (422, PROBLEM + "invalid-request")
    assert (await service.referrals(referral["case_id"]))["JALAN"] == referral


async def test_the_worklist_has_urgent_ones_first_then_the_oldest_page_by_page(
    service: Service, fixed_clock: Any
) -> None:
    cases = []
    for number in range(5):
        cases.append(await service.decide({"need_code": "ADMINDUK", "urgent": number in (1, 3)}))
        fixed_clock.move(minutes=1)
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        params: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await service.client.get("/v1/referrals", params=params, headers=service.officer("12.74.DUKCAPIL"))
        page = answer.json()
        seen += [item["case_id"] for item in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert seen == [str(cases[number]) for number in (1, 3, 0, 2, 4)]


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsMiwzXQ", "W3RydWUsIm5vdCBhIHRpbWUiLCJubyBpZCJd", "WzEsIjIwMjYtMDctMDEiLCJ4Il0"]
)
async def test_a_foreign_cursor_is_refused(service: Service, cursor: str) -> None:
    answer = await service.client.get("/v1/referrals", params={"cursor": cursor}, headers=service.manager())
    assert (answer.status_code, answer.json()["type"]) == (400, PROBLEM + "bad-cursor")


async def test_the_list_can_be_narrowed(service: Service) -> None:
    first = await one(service)
    second = await one(service, "JALAN")
    await service.act(first, "accept")

    async def listed(**params: Any) -> set[str]:
        answer = await service.client.get("/v1/referrals", params=params, headers=service.manager())
        return {item["referral_id"] for item in answer.json()["items"]}

    assert await listed(status="accepted") == {first["referral_id"]}
    assert await listed(status=["accepted", "sent"]) == {first["referral_id"], second["referral_id"]}
    assert await listed(office="12.74.PUPR") == {second["referral_id"]}
    assert await listed(case_id=first["case_id"]) == {first["referral_id"]}
    assert await listed(case_id=str(uuid4())) == set()
    assert (
        await service.client.get("/v1/referrals", params={"status": "lost"}, headers=service.manager())
    ).status_code == 422


async def test_the_history_tells_every_step_with_its_note(service: Service) -> None:
    referral = await one(service)
    accepted = (await service.act(referral, "accept")).json()
    started = (await service.act(accepted, "start")).json()
    await service.act(started, "complete", {"outcome_code": "partly", "note": "KTP tercetak, KIA menyusul"})
    answer = await service.client.get(
        f"/v1/referrals/{referral['referral_id']}", headers=service.officer("12.74.DUKCAPIL")
    )
    view = answer.json()
    assert answer.headers["etag"] == f'"{view["version"]}"'
    assert [(s["action"], s["to_status"]) for s in view["history"]] == [
        ("send", "sent"),
        ("accept", "accepted"),
        ("start", "in_service"),
        ("complete", "completed"),
    ]
    last = view["history"][-1]
    assert (last["outcome_code"], last["note"]) == ("partly", "KTP tercetak, KIA menyusul")
    assert last["by"] == "officer of 12.74.DUKCAPIL"
    assert (view["routing_rule"], view["policy_version"]) == ("civil-documents", "00:1,12:1,12.74:1")


@pytest.mark.parametrize("note", ["Robert'); DROP TABLE referrals; --", "محمد 🏠", "C:\\u0000", "a\u2028b\x1b[31m"])
async def test_a_strange_note_is_kept_to_the_letter(service: Service, note: str) -> None:
    referral = await one(service)
    accepted = (await service.act(referral, "accept")).json()
    await service.act(accepted, "complete", {"outcome_code": "partly", "note": note})
    answer = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=service.manager())
    assert answer.json()["history"][-1]["note"] == note


async def test_the_manager_works_the_queue_and_only_the_queue(service: Service) -> None:
    lost = await one(service, "LAINNYA")
    assert lost["office_code"] == "12.74.SLRT"
    manager = service.manager()
    unnamed = await service.act(lost, "decline", {"reason_code": "unclear"}, headers=manager)
    assert (unnamed.status_code, unnamed.json()["type"]) == (422, PROBLEM + "queue-needs-office")
    placed = await service.act(
        lost, "decline", {"reason_code": "other_owner", "better_office_code": "12.74.SOSIAL"}, headers=manager
    )
    assert placed.status_code == 200
    social = (await service.referrals(lost["case_id"]))["LAINNYA"]
    assert social["office_code"] == "12.74.SOSIAL"
    assert (await service.act(social, "accept", headers=manager)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"need_code": "ROAD"}, "need_code"),
        ({"attributes": {"centre_line": "adult"}}, "centre_line"),
        ({"attributes": {"colour": "yellow"}}, "colour"),
        ({"urgent": "yes"}, "urgent"),
        ({"district_code": "12.74"}, "district_code"),
        ({"district_code": None}, "district_code"),
        ({"name": "Saodah Beban Uji"}, "name"),
    ],
)
async def test_a_question_about_a_route_that_makes_no_sense_is_refused(
    service: Service, wrong: dict[str, Any], says: str
) -> None:
    headers = service.issuer.headers("facilitator", region="12.74.05")
    asked = {"need_code": "JALAN", "district_code": "12.74.05"} | wrong
    answer = await service.client.post("/v1/routing-rules/explain", json=asked, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, PROBLEM + "invalid-request")
    assert says in answer.text


async def test_a_question_about_a_district_that_does_not_exist_names_the_field(service: Service) -> None:
    headers = service.issuer.headers("facilitator", region="12.74.05")
    asked = {"need_code": "JALAN", "district_code": "12.74.99"}
    answer = await service.client.post("/v1/routing-rules/explain", json=asked, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, PROBLEM + "unknown-district")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/body/district_code"]


async def test_staff_may_ask_why_a_need_would_go_where(service: Service) -> None:
    headers = service.issuer.headers("facilitator", region="12.74.05")
    asked = {"need_code": "JALAN", "attributes": {"centre_line": "yellow"}, "district_code": "12.74.05"}
    answer = await service.client.post("/v1/routing-rules/explain", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["routing_rule"], found["office_code"], found["no_office"]) == ("road-yellow-line", "00.PUPR", False)
    assert [(each["clause"], each["holds"]) for each in found["counted"]["clauses"]] == [
        ("need.asset_class == 'unknown'", True),
        ("need.centre_line == 'yellow'", True),
    ]
    # Who owns the road counts more than a colour: one fact, and another rule decides.
    assert found["next"]["rule"] == "road-national"
    assert [(each["fact"], each["to"]) for each in found["next"]["changes"]] == [
        ("need.asset_class", ["national_road"])
    ]
    assert found["next"]["changes"][0]["sentence"]["id"] == "isi kelas jalan: jalan nasional"
    resident = service.issuer.headers("resident")
    assert (await service.client.post("/v1/routing-rules/explain", json=asked, headers=resident)).status_code == 403


async def test_a_referral_says_why_it_came_to_its_office(service: Service) -> None:
    case_id = await service.decide(
        {"need_code": "BPBL", "attributes": [{"name": "grid_nearby", "value": "no"}]}, "LAINNYA"
    )
    made = await service.referrals(case_id)

    async def routing(need: str, headers: dict[str, str]) -> Any:
        return await service.client.get(f"/v1/referrals/{made[need]['referral_id']}/routing", headers=headers)

    found = (await routing("BPBL", service.manager())).json()
    assert (found["routing_rule"], found["by_person"]) == ("new-connection-no-grid", False)
    assert (found["explanation"]["policy_version"], found["explanation"]["routing_rule"]) == (
        found["policy_version"],
        "new-connection-no-grid",
    )
    assert (found["in_force"]["routing_rule"], found["in_force"]["otherwise"]) == ("new-connection-no-grid", False)
    assert found["explanation"]["counted"]["clauses"][0]["sentence"]["en"] == "power grid nearby is no: true (it is no)"
    assert found["explanation"]["next"]["changes"][0]["sentence"]["en"] == "change power grid nearby from no to yes"
    other = (await routing("LAINNYA", service.manager())).json()
    assert (other["routing_rule"], other["explanation"]["counted"]) == ("manager-queue", None)
    assert (await routing("BPBL", service.officer("12.74.PUPR"))).status_code == 404
    assert (await routing("BPBL", service.issuer.headers("facilitator", region="12.74"))).status_code == 403


async def test_offices_and_rules_can_be_read_by_staff(service: Service) -> None:
    headers = service.issuer.headers("facilitator", region="12.74.05")
    offices = {office["code"]: office for office in (await service.client.get("/v1/offices", headers=headers)).json()}
    assert offices["12.74.DIKBUD"]["functions"] == ["PENDIDIKAN"]
    assert offices["00.PUPR"]["level"] == "national"
    policy = (await service.client.get("/v1/routing-rules", headers=headers)).json()
    assert policy["version"] == "00:1"
    rules = {rule["id"]: rule for rule in policy["rules"]}
    assert rules["school-cash-after-identity"]["after"] == ["ADMINDUK"]
    assert rules["road-yellow-line"]["when"] == "need.asset_class == 'unknown' && need.centre_line == 'yellow'"
    assert rules["road-unknown-owner"]["when"] == "true"
    resident = service.issuer.headers("resident")
    assert (await service.client.get("/v1/routing-rules", headers=resident)).status_code == 403
    assert (await service.client.get("/v1/offices", headers=resident)).status_code == 403


async def test_the_service_is_ready_on_its_own_database_alone(service: Service) -> None:
    assert (await service.client.get("/readyz")).text == "ready"


async def test_a_process_that_has_not_read_the_policy_is_not_ready(service: Service) -> None:
    runtime = Runtime("referral", PACKAGE, ReferralSettings.load())
    runtime.database = service.database
    runtime.vault = service.vault
    async with api_client(build_app(runtime)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "policy not read yet")
    assert answer.headers["Retry-After"] == "2"
