"""Who is calling: without a good token, outside the region or without the role nothing is changed and nothing shown."""

from typing import Any
from uuid import uuid4

import pytest

from slrt_kit.testing import TestIssuer

ELSEWHERE = ["12.71", "12.74.05", "12.74.03.1001", "11", "12.7", "12.74.03.10", "", None]
"""Regions of a token that do not cover 12.74.03.1002."""
STEPS = ("screen", "recommend", "decide")


@pytest.fixture(scope="module")
async def case(intake: Any) -> dict[str, Any]:
    """A case that waits for its screening."""
    return await intake.register()


async def _command(intake: Any, headers: dict[str, str], body: dict[str, Any]) -> Any:
    return await intake.client.post("/v1/cases", json=body, headers={"Idempotency-Key": uuid4().hex} | headers)


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({}, "unauthenticated"),
        ({"Authorization": ""}, "unauthenticated"),
        ({"Authorization": "Bearer"}, "unauthenticated"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "unauthenticated"),
        ({"Authorization": "Bearer not-a-token"}, "token-invalid"),
        ({"Authorization": "Bearer a.b.c"}, "token-invalid"),
        ({"Authorization": "Bearer " + "x" * 5000}, "token-invalid"),
    ],
)
async def test_without_a_token_nothing_is_registered(
    headers: dict[str, str], slug: str, intake: Any, made: Any
) -> None:
    async with intake.unchanged():
        answer = await _command(intake, headers, made.registration())
    assert (answer.status_code, answer.json()["type"]) == (401, f"urn:slrt:problem:{slug}")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("claims", "slug"),
    [
        ({"ttl": -1}, "token-expired"),
        ({"ttl": -10_000}, "token-expired"),
        ({"aud": "someone-else"}, "token-invalid"),
        ({"iss": "https://elsewhere.test"}, "token-invalid"),
        ({"exp": None}, "token-invalid"),
        ({"iat": 4_000_000_000}, "token-invalid"),
        ({"roles": "facilitator"}, "token-invalid"),
        ({"sub": None}, "token-invalid"),
    ],
)
async def test_a_token_that_is_not_good_any_more_or_not_ours_changes_nothing(
    claims: dict[str, Any], slug: str, intake: Any, made: Any
) -> None:
    async with intake.unchanged():
        answer = await _command(intake, intake.token("facilitator", **claims), made.registration())
    assert (answer.status_code, answer.json()["type"]) == (401, f"urn:slrt:problem:{slug}")


async def test_a_token_of_another_issuer_s_key_is_refused(intake: Any, made: Any) -> None:
    stranger = TestIssuer(issuer=intake.issuer.issuer)
    async with intake.unchanged():
        answer = await _command(intake, stranger.headers("facilitator", region="12.74"), made.registration())
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:slrt:problem:token-invalid")


@pytest.mark.parametrize("region", ELSEWHERE)
async def test_a_token_of_another_region_cannot_register_here(region: str | None, intake: Any, made: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(), region=region)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:outside-your-area")


@pytest.mark.parametrize("region", ELSEWHERE)
async def test_a_case_of_another_region_does_not_exist_for_the_caller(
    region: str | None, intake: Any, case: dict[str, Any]
) -> None:
    path = f"/v1/cases/{case['case_id']}"
    nowhere = await intake.get(f"/v1/cases/{uuid4()}", region=region)
    async with intake.unchanged():
        answers = [
            await intake.get(path, region=region),
            await intake.client.get(f"{path}/parties", headers=intake.asking("coordinator", region=region)),
            *[await intake.step(case, verb, 1, region=region) for verb in STEPS],
        ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.json() | {"request_id": ""} == nowhere.json() | {"request_id": ""}


@pytest.mark.parametrize("region", ["12", "12.74", "12.74.03", "12.74.03.1002"])
async def test_a_region_above_or_of_the_village_reaches_the_case(
    region: str, intake: Any, case: dict[str, Any]
) -> None:
    answer = await intake.get(f"/v1/cases/{case['case_id']}", region=region)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("role", "verb"),
    [
        ("facilitator", "screen"),
        ("coordinator", "screen"),
        ("front_office", "recommend"),
        ("coordinator", "recommend"),
        ("back_office", "decide"),
        ("front_office", "decide"),
        ("supervisor", "decide"),
        ("admin", "decide"),
        ("resident", "screen"),
        ("service", "decide"),
    ],
)
async def test_a_step_of_somebody_else_s_role_is_refused(
    role: str, verb: str, intake: Any, case: dict[str, Any]
) -> None:
    async with intake.unchanged():
        answer = await intake.step(case, verb, 1, role=role)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:forbidden")


@pytest.mark.parametrize("role", ["coordinator", "back_office", "manager", "admin", "service", "opd_officer"])
async def test_who_does_not_sit_at_the_door_cannot_register(role: str, intake: Any, made: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(), role)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:forbidden")


async def test_a_repeated_key_is_answered_to_its_own_caller_alone(intake: Any, made: Any) -> None:
    key = uuid4().hex
    mine = await intake.post("/v1/cases", made.registration(), key=key, sub="kader-a")
    theirs = await intake.post("/v1/cases", made.registration(), key=key, sub="kader-b")
    assert theirs.status_code == 201
    assert "Idempotency-Replayed" not in theirs.headers
    assert mine.json()["case_id"] != theirs.json()["case_id"]
