"""The registry's API: who may see whom, how much, and what is put on record of it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from slrt_kit.testing.audit import LOOKS

MOTHER_NIK, KK = "1274035708859001", "1274031505159001"
HERE, NEXT_DOOR = "12.74.03.1002", "12.74.05.1001"
MakePerson = Callable[..., dict[str, Any]]
PURPOSE = {"Purpose": "case-handling"}
READERS = ["facilitator", "front_office", "back_office", "coordinator", "manager", "supervisor"]
OTHERS = [
    "resident",
    "surveyor",
    "opd_officer",
    "partner",
    "leadership",
    "admin",
    "auditor",
    "province_desk",
    "service",
]


@pytest.fixture
async def family(service: Any, person: MakePerson) -> dict[str, Any]:
    """A family of two with two needs, as the registry recorded it."""
    case = await service.record(
        person("Siti Aminah", nik=MOTHER_NIK, born="1985-08-17", sex="P"),
        person("Budi Santoso", born="2014-03-12", sex="L"),
        needs={"PIP": 1, "BPBL": None},
        kk=KK,
    )
    await service.complete(case, "PIP")
    found: dict[str, Any] = await service.records(case)
    return found


def addresses(family: dict[str, Any]) -> list[str]:
    return [
        f"/v1/persons/{family['persons'][0]['person_id']}",
        f"/v1/families/{family['family_id']}",
        f"/v1/cases/{family['case_id']}/records",
    ]


# -- what is refused --------------------------------------------------------------------------------------------


async def test_without_a_token_nothing_is_shown(service: Any, family: dict[str, Any]) -> None:
    for address in addresses(family):
        answer = await service.client.get(address, headers=PURPOSE)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:slrt:problem:unauthenticated")
    assert (await service.client.post("/v1/persons/search", json={"nik": MOTHER_NIK})).status_code == 401


async def test_a_role_without_the_permission_is_refused(service: Any, family: dict[str, Any]) -> None:
    for role in OTHERS:
        headers = service.issuer.headers(role, region="12.74", office="12.74.SOSIAL") | PURPOSE
        answers = [await service.client.get(address, headers=headers) for address in addresses(family)]
        answers.append(await service.client.post("/v1/persons/search", json={"nik": MOTHER_NIK}, headers=headers))
        assert {answer.status_code for answer in answers} == {403}


@pytest.mark.parametrize("region", [None, "12.75", "36", "12.74.05", "12.74.03.1001", "1"])
async def test_a_family_of_another_region_is_not_there(
    service: Any, family: dict[str, Any], region: str | None
) -> None:
    unknown = [f"/v1/persons/{uuid4()}", f"/v1/families/{uuid4()}", f"/v1/cases/{uuid4()}/records"]
    for role in READERS:
        headers = service.issuer.headers(role, region=region) | PURPOSE
        for there, nowhere in zip(addresses(family), unknown, strict=True):
            answer = await service.client.get(there, headers=headers)
            assert answer.status_code == 404
            # Word for word the answer to an id that nobody has, but for the request's own id.
            other = (await service.client.get(nowhere, headers=headers)).json()
            assert answer.json() | {"request_id": ""} == other | {"request_id": ""}
        for body in ({"nik": MOTHER_NIK}, {"name": "Siti Aminah", "birth_date": "1985-08-17"}):
            search = await service.client.post("/v1/persons/search", json=body, headers=headers)
            assert search.json() == {"persons": []}
    shown = await service.rows(f"SELECT FROM {LOOKS} WHERE action <> 'search'")
    assert shown == []


async def test_without_a_purpose_nobody_is_shown_and_nothing_is_on_record(service: Any, family: dict[str, Any]) -> None:
    headers = service.issuer.headers("manager", region="12.74")
    person, relatives, records = [await service.client.get(a, headers=headers) for a in addresses(family)]
    search = await service.client.post("/v1/persons/search", json={"nik": MOTHER_NIK}, headers=headers)
    for answer in (person, relatives, search):
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:slrt:problem:purpose-required")
    assert records.status_code == 200, "ids and codes need none"
    assert await service.count(LOOKS) == 0


@pytest.mark.parametrize("purpose", ["", "Melihat tetangga", "x" * 101])
async def test_a_purpose_that_is_no_code_is_refused(service: Any, family: dict[str, Any], purpose: str) -> None:
    headers = service.issuer.headers("manager", region="12.74") | {"Purpose": purpose}
    answer = await service.client.get(addresses(family)[0], headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body", [{}, {"name": "Siti Aminah"}, {"nik": MOTHER_NIK, "name": "Siti"}, {"nik": MOTHER_NIK, "region": "36"}]
)
async def test_a_search_that_is_neither_way_is_refused_and_tells_nothing_back(
    service: Any, family: dict[str, Any], body: dict[str, str]
) -> None:
    answer = await service.client.post("/v1/persons/search", json=body, headers=service.manager())
    assert answer.status_code == 422
    assert MOTHER_NIK not in answer.text


# -- what is shown ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["12.74.03.1002", "12.74.03", "12.74", "12"])
async def test_who_works_there_sees_the_family(service: Any, family: dict[str, Any], region: str) -> None:
    for role in READERS:
        headers = service.issuer.headers(role, region=region) | PURPOSE
        answers = [await service.client.get(address, headers=headers) for address in addresses(family)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_person_is_shown_masked_and_the_look_is_on_record(service: Any, family: dict[str, Any]) -> None:
    headers = service.manager() | {"X-Request-Id": "request-9"}
    answer = await service.client.get(addresses(family)[0], headers=headers)
    assert answer.json() == {
        "person_id": family["persons"][0]["person_id"],
        "erased": False,
        "name": "Siti Aminah",
        "nik": "1274••••••••9001",
        "nik_status": "unverified",
        "birth_year": 1985,
        "sex": "P",
        "village_code": HERE,
        "family_id": family["family_id"],
    }
    assert answer.headers["ETag"] == '"1"'
    (row,) = await service.rows(
        f"SELECT subject, purpose, action, object_type, object_id, fields, request_id FROM {LOOKS}"  # noqa: S608 — a constant
    )
    assert tuple(row[:4]) == ("manager-1", "case-handling", "read", "person")
    assert str(row.object_id) == family["persons"][0]["person_id"]
    assert (row.fields, row.request_id) == (["name", "nik-masked", "birth-year", "sex"], "request-9")


async def test_no_whole_number_and_no_birth_date_leaves_the_service(service: Any, family: dict[str, Any]) -> None:
    for address in addresses(family):
        answer = await service.client.get(address, headers=service.manager())
        for secret in (MOTHER_NIK, KK, "08-17", "03-12"):
            assert secret not in answer.text


async def test_a_family_is_shown_with_members_open_needs_and_participations(
    service: Any, family: dict[str, Any]
) -> None:
    answer = await service.client.get(addresses(family)[1], headers=service.manager())
    seen = answer.json()
    assert seen["kk_number"] == "1274••••••••9001"
    assert [member["name"] for member in seen["members"]] == ["Siti Aminah", "Budi Santoso"]
    assert [need["programme_code"] for need in seen["open_needs"]] == ["BPBL"]
    assert [p["programme_code"] for p in seen["participations"]] == ["PIP"]
    assert answer.headers["ETag"] == '"2"'
    looked_at = await service.rows(f"SELECT object_type FROM {LOOKS} ORDER BY id")  # noqa: S608 — a constant
    assert [row.object_type for row in looked_at] == ["family", "person", "person"]


async def test_what_became_of_a_case_is_shown_to_its_area(service: Any, family: dict[str, Any]) -> None:
    answer = await service.client.get(addresses(family)[2], headers=service.manager())
    assert answer.status_code == 200
    assert {(n["programme_code"], n["status"]) for n in answer.json()["needs"]} == {("PIP", "met"), ("BPBL", "unmet")}
    assert [p["person_id"] for p in answer.json()["participations"]] == [family["persons"][1]["person_id"]]


@pytest.mark.parametrize("written", [MOTHER_NIK, "1274 0357 0885 9001", " 1274.0357.0885.9001 "])
async def test_a_person_is_found_by_the_exact_nik(service: Any, family: dict[str, Any], written: str) -> None:
    answer = await service.client.post("/v1/persons/search", json={"nik": written}, headers=service.manager())
    assert [p["person_id"] for p in answer.json()["persons"]] == [family["persons"][0]["person_id"]]


@pytest.mark.parametrize("written", ["1274035708859002", "127403570885900", "1274", "%", "0000000000000000"])
async def test_a_nik_that_is_not_exact_finds_nobody(service: Any, family: dict[str, Any], written: str) -> None:
    answer = await service.client.post("/v1/persons/search", json={"nik": written}, headers=service.manager())
    assert (answer.status_code, answer.json()) == (200, {"persons": []})


@pytest.mark.parametrize(
    ("name", "birth_date", "found"),
    [
        ("Ibu Sitti Aminah", "1985-08-17", ["Siti Aminah"]),
        ("Siti Aminah", "1985-08-18", []),
        ("Rahmat Hidayat", "1985-08-17", []),
        ("-", "1985-08-17", []),
    ],
)
async def test_a_person_is_found_by_name_and_birth_date(
    service: Any, family: dict[str, Any], name: str, birth_date: str, found: list[str]
) -> None:
    body = {"name": name, "birth_date": birth_date}
    answer = await service.client.post("/v1/persons/search", json=body, headers=service.manager())
    assert [p["name"] for p in answer.json()["persons"]] == found


async def test_a_search_is_on_record_also_when_it_finds_nobody(service: Any, family: dict[str, Any]) -> None:
    for nik in (MOTHER_NIK, "1274035708859008"):
        await service.client.post("/v1/persons/search", json={"nik": nik}, headers=service.manager())
    rows = await service.rows(f"SELECT action, object_type, fields FROM {LOOKS} ORDER BY id")  # noqa: S608 — a constant
    assert [(row.action, row.object_type) for row in rows] == [
        ("search", "person-search"),
        ("find", "person"),
        ("search", "person-search"),
    ]
    assert rows[0].fields == ["nik"], "the number itself is not kept"


async def test_whoever_moved_is_seen_where_they_live_now(
    service: Any, person: MakePerson, family: dict[str, Any]
) -> None:
    await service.record(person("Siti Aminah", nik=MOTHER_NIK), kk=KK, village=NEXT_DOOR)
    here = service.issuer.headers("facilitator", region="12.74.03") | PURPOSE
    there = service.issuer.headers("facilitator", region="12.74.05") | PURPOSE
    for address in addresses(family)[:2]:
        assert (await service.client.get(address, headers=here)).status_code == 404
        assert (await service.client.get(address, headers=there)).status_code == 200


async def test_health_and_the_api_description_answer(service: Any) -> None:
    assert (await service.client.get("/readyz")).text == "ready"
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    assert set(paths) == {
        "/v1/persons/{person_id}",
        "/v1/persons/{person_id}/unmask",
        "/v1/persons/{person_id}/erasure",
        "/v1/persons/{person_id}/legal-hold",
        "/v1/persons/{person_id}/transfer",
        "/v1/persons/search",
        "/v1/disposals",
        "/v1/disposals/due",
        "/v1/disposals/{disposal_id}",
        "/v1/disposals/{disposal_id}/approve",
        "/v1/disposals/{disposal_id}/refuse",
        "/v1/families/{family_id}",
        "/v1/families/{family_id}/transfer",
        "/v1/cases/{case_id}/records",
        "/v1/audit/entries",
        "/v1/audit/reviews",
        "/v1/audit/reviews/{review_id}/close",
    }
