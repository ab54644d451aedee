"""Bad input: each kind gets its own problem, and every table stays as it was."""

import json
from typing import Any
from uuid import uuid4

import pytest

LONG = "x" * 4001
DEEP = "[" * 60_000 + "]" * 60_000

NOBODYS = "0198f0a0-0000-7000-8000-000000000001"


@pytest.fixture(scope="module")
async def case(intake: Any) -> dict[str, Any]:
    """A case that waits for its screening."""
    return await intake.register()


def _need(**changes: Any) -> dict[str, Any]:
    return {"needs": [{"need_code": "BPBL", "person_ref": 0, **changes}]}


def _person(**changes: Any) -> dict[str, Any]:
    return {"persons": [{"relation": "client", "name": "Mawar Karangan", **changes}]}


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "invalid-request"),
        (b"{", "malformed-json"),
        (b"{'needs': []}", "malformed-json"),
        (b'{"village_code": "12.74.03.1002",}', "malformed-json"),
        (b"\xff\xfe{}", "malformed-json"),
        (b'{"village_code": "\xe9"}', "malformed-json"),
        (DEEP.encode(), "malformed-json"),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "malformed-json"),
        (b'{"needs": [{"person_ref": ' + b"9" * 5000 + b"}]}", "malformed-json"),
        (b'{"needs": [{"person_ref": 1e999}]}', "invalid-request"),
        (b'{"needs": [{"person_ref": NaN}]}', "invalid-request"),
        (b"null", "invalid-request"),
        (b"[]", "invalid-request"),
        (b'"x"', "invalid-request"),
        (b'{"\\ud800": 1}', "invalid-request"),
        (b'{"\\u0000": 1}', "invalid-request"),
        (b'{"persons": [{"name": "\\ud800"}]}', "invalid-request"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else value,
)
async def test_a_body_that_is_no_good_json_is_refused(content: bytes, slug: str, intake: Any) -> None:
    headers = intake.token() | {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
    async with intake.unchanged():
        answer = await intake.client.post("/v1/cases", content=content, headers=headers)
    assert answer.json()["type"] == f"urn:slrt:problem:{slug}", answer.text[:300]
    assert answer.status_code == (400 if slug == "malformed-json" else 422)


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_does_not_say_it_is_json_is_refused(media: str, intake: Any, made: Any) -> None:
    headers = intake.token() | {"Idempotency-Key": uuid4().hex, "Content-Type": media}
    async with intake.unchanged():
        answer = await intake.client.post("/v1/cases", content=json.dumps(made.registration()), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


async def test_a_body_over_the_limit_is_refused(intake: Any, made: Any) -> None:
    body = json.dumps(made.registration(surprise="x" * 300_000))
    headers = intake.token() | {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
    async with intake.unchanged():
        answer = await intake.client.post("/v1/cases", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:slrt:problem:body-too-large")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"surprise": True}, "/body/surprise"),
        (_person(ktp="x"), "/body/persons/0/ktp"),
        (_person(name=7), "/body/persons/0/name"),
        (_person(name="x" * 201), "/body/persons/0/name"),
        (_person(birth_date=20260701), "/body/persons/0/birth_date"),
        (_need(description=LONG), "/body/needs/0/description"),
        (_need(urgent="sekali"), "/body/needs/0/urgent"),
        (_need(person_ref=10**30), "/body/needs/0/person_ref"),
        (_need(person_ref=-(10**30)), "/body/needs/0/person_ref"),
        (_need(attributes={"asset_class": "yellow"}), "/body/needs/0/attributes"),
        ({"needs": []}, "/body/needs"),
        ({"village_code": "12.74.03"}, "/body/village_code"),
        ({"contact": {"phone": "0812-0000-99O1"}}, "/body/contact/phone"),
        # What somebody was shown masked comes back as it was shown.
        (_person(nik="1274••••••••9001"), "/body/persons/0/nik"),
        (_person(nik="1274********9001"), "/body/persons/0/nik"),
        (_person(name="M•••• K•••••••"), "/body/persons/0/name"),
        ({"contact": {"kk_number": "1274••••••••9001"}}, "/body/contact/kk_number"),
        ({"contact": {"phone": "+628••••••9901"}}, "/body/contact/phone"),
        ({"contact": {"address": "Jl. ••••"}}, "/body/contact/address"),
    ],
)
async def test_a_field_that_does_not_fit_is_named(
    changes: dict[str, Any], pointer: str, intake: Any, made: Any
) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(**changes))
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:slrt:problem:invalid-request"
    assert pointer in [error["pointer"] for error in problem["errors"]]


async def test_a_refusal_repeats_nothing_that_was_sent(intake: Any, made: Any) -> None:
    secret = "1274035203879001"
    wrong = made.registration(
        village_code=secret,
        channel=secret,
        persons=[{"relation": secret, "name": {"x": secret}, "birth_date": secret, "sex": secret}],
        contact={"phone": secret + "0", "email": secret, "language": secret},
        needs=[{"need_code": secret, "urgent": secret, "person_ref": secret, "attributes": {"grid_nearby": secret}}],
    )
    answer = await intake.post("/v1/cases", wrong)
    assert answer.status_code == 422
    assert secret not in answer.text
    assert len(answer.json()["errors"]) >= 10


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        ("12.74.03.9999", 422, "unknown-region"),
        ("99.99.99.9999", 422, "unknown-region"),
        ("12.71.01.1001", 403, "outside-your-area"),
    ],
)
async def test_a_village_that_is_not_known_or_not_the_callers_is_refused(
    code: str, status: int, slug: str, intake: Any, made: Any
) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(village_code=code))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


async def test_a_need_of_a_person_who_is_not_in_the_case_is_refused(intake: Any, made: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(**_need(person_ref=1)))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:unknown-person-ref")


@pytest.mark.parametrize(
    ("nik", "warning"),
    [("123", "nik:length"), ("1274035203879OO1", "nik:characters"), ("9999995203879001", "nik:region")],
)
async def test_a_bad_nik_is_a_warning_and_no_refusal(nik: str, warning: str, intake: Any, made: Any) -> None:
    answer = await intake.post("/v1/cases", made.registration(**_person(nik=nik)))
    assert answer.status_code == 201
    assert f"persons/0/{warning}" in answer.json()["warnings"]
    assert nik not in answer.text


@pytest.mark.parametrize(
    ("version", "status", "slug"),
    [
        (None, 428, "precondition-required"),
        (2, 412, "stale-version"),
        (0, 412, "stale-version"),
        (10**17, 412, "stale-version"),
        ("x", 412, "stale-version"),
        (-1, 412, "stale-version"),
        ("1 OR 1=1", 412, "stale-version"),
        ("", 412, "stale-version"),
    ],
)
async def test_a_step_must_name_the_version_that_was_read(
    version: Any, status: int, slug: str, intake: Any, case: dict[str, Any]
) -> None:
    async with intake.unchanged():
        answer = await intake.step(case, "screen", version)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


@pytest.mark.parametrize("if_match", ["*", "1", '"1", "2"', 'W/"x"', '"1', "1" * 60, '"' + "9" * 19 + '"'])
async def test_an_if_match_of_no_version_of_ours_is_stale(if_match: str, intake: Any, case: dict[str, Any]) -> None:
    headers = intake.token("front_office") | {"Idempotency-Key": uuid4().hex, "If-Match": if_match}
    async with intake.unchanged():
        answer = await intake.client.post(
            f"/v1/cases/{case['case_id']}/screen", json={"registry_status": "listed"}, headers=headers
        )
    assert (answer.status_code, answer.json()["type"]) == (412, "urn:slrt:problem:stale-version")


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/drafts", "/v1/cases/{case_id}/screen", "/v1/tracking/confirmation"])
async def test_a_command_without_an_idempotency_key_is_refused(path: str, intake: Any, made: Any) -> None:
    case = await intake.register()
    bodies = {
        "/v1/cases": made.registration(),
        "/v1/drafts": {"text": "Nama : Mawar"},
        "/v1/cases/{case_id}/screen": {"registry_status": "listed"},
        "/v1/tracking/confirmation": {
            "ticket_number": case["ticket_number"],
            "phone_last4": "9901",
            "satisfied": True,
        },
    }
    role = "front_office" if "screen" in path else "facilitator"
    headers = intake.token(role) | {"If-Match": '"1"'}
    async with intake.unchanged():
        answer = await intake.client.post(path.format(**case), json=bodies[path], headers=headers)
    assert (answer.status_code, answer.json()["type"]) in [
        (400, "urn:slrt:problem:idempotency-key-required"),
        # The message is looked at before the key is.
        (422, "urn:slrt:problem:no-report-found"),
    ]


@pytest.mark.parametrize("key", ["x" * 201, "x" * 10_000])
async def test_an_idempotency_key_has_a_limit(key: str, intake: Any, made: Any) -> None:
    async with intake.unchanged():
        answer = await intake.post("/v1/cases", made.registration(), key=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/v1/cases/not-a-uuid", 422, "invalid-request"),
        ("GET", "/v1/cases/%00", 422, "invalid-request"),
        ("GET", "/v1/cases/../../etc/passwd", 404, "not-found"),
        ("GET", f"/v1/cases/{NOBODYS}", 404, "not-found"),
        ("GET", f"/v1/drafts/{NOBODYS}", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("DELETE", "/v1/cases", 405, "method-not-allowed"),
        ("GET", "/v1/cases?limit=0", 422, "invalid-request"),
        ("GET", "/v1/cases?limit=201", 422, "invalid-request"),
        ("GET", "/v1/cases?limit=99999999999999999999", 422, "invalid-request"),
        ("GET", "/v1/cases?limit=x", 422, "invalid-request"),
        ("GET", "/v1/cases?status=lost", 422, "invalid-request"),
        ("GET", "/v1/cases?status=%00", 422, "invalid-request"),
        ("GET", "/v1/cases?cursor=" + "x" * 501, 422, "invalid-request"),
    ],
)
async def test_an_address_that_leads_nowhere_says_so(
    method: str, path: str, status: int, slug: str, intake: Any
) -> None:
    async with intake.unchanged():
        answer = await intake.client.request(method, path, headers=intake.token())
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}"), answer.text


@pytest.mark.parametrize("language", ["id", "en"])
async def test_a_problem_speaks_the_callers_language(language: str, intake: Any) -> None:
    headers = intake.token() | {"Accept-Language": f"{language}-ID,{language};q=0.9"}
    answer = await intake.client.get(f"/v1/cases/{uuid4()}", headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == language
    assert answer.json()["title"] == {"id": "Tidak ditemukan", "en": "Not found"}[language]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
