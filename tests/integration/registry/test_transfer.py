"""Whoever moves is seen where they live now, at once, and no longer where they lived."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from slrt_contracts.events import FamilyTransferred, PersonTransferred, decode_event

MakePerson = Callable[..., dict[str, Any]]
KK, NIK = "1274031505159001", "1274035708859001"
THERE = "12.71.01.1001"


@pytest.fixture
async def records(service: Any, person: MakePerson) -> dict[str, Any]:
    """A mother and a child."""
    case = await service.record(
        person("Siti Aminah", nik=NIK, born="1985-08-17"), person("Budi Santoso", born="2014-03-12"), kk=KK
    )
    found: dict[str, Any] = await service.records(case)
    return found


async def _move(service: Any, what: str, thing: str, village: Any = THERE, **more: Any) -> httpx.Response:
    version = more.pop("version", None) or await _version(service, f"/v1/{what}/{thing}")
    headers = service.manager(**more) | {"Idempotency-Key": uuid4().hex, "If-Match": version}
    answer: httpx.Response = await service.client.post(
        f"/v1/{what}/{thing}/transfer", json={"village_code": village}, headers=headers
    )
    return answer


async def _version(service: Any, path: str) -> str:
    return str((await service.client.get(path, headers=service.manager())).headers["ETag"])


async def _finds(service: Any, region: str) -> list[str]:
    headers = service.manager(region=region)
    answer = await service.client.post("/v1/persons/search", json={"nik": NIK}, headers=headers)
    return [each["person_id"] for each in answer.json()["persons"]]


async def _told(service: Any) -> list[Any]:
    rows = await service.rows("SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq")
    events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in rows]
    return [event for event in events if isinstance(event, PersonTransferred | FamilyTransferred)]


@pytest.mark.parametrize(
    ("village", "status"), [("12.71.01", 422), ("12.71.01.9999", 422), (None, 422), ("12.74.03.1002", 409)]
)
async def test_one_moves_to_a_village_that_there_is_and_not_to_where_one_lives(
    village: Any, status: int, service: Any, records: dict[str, Any]
) -> None:
    mother = records["persons"][0]["person_id"]
    assert (await _move(service, "persons", mother, village)).status_code == status
    assert (await _move(service, "families", records["family_id"], village)).status_code == status
    assert await _told(service) == []


async def test_a_person_who_moved_is_found_there_and_no_longer_here(service: Any, records: dict[str, Any]) -> None:
    mother, child = (each["person_id"] for each in records["persons"])
    assert (await _move(service, "persons", mother)).status_code == 200
    assert await _finds(service, "12.74") == []
    assert await _finds(service, "12.71") == [mother]
    assert (await service.client.get(f"/v1/persons/{mother}", headers=service.manager())).status_code == 404
    family = (await service.client.get(f"/v1/families/{records['family_id']}", headers=service.manager())).json()
    assert [member["person_id"] for member in family["members"]] == [child]
    (event,) = await _told(service)
    assert (str(event.person_id), event.district_code) == (mother, "12.71.01")


async def test_a_family_moves_with_all_who_belong_to_it(service: Any, records: dict[str, Any]) -> None:
    assert (await _move(service, "families", records["family_id"])).status_code == 200
    path = f"/v1/families/{records['family_id']}"
    assert (await service.client.get(path, headers=service.manager())).status_code == 404
    there = (await service.client.get(path, headers=service.manager(region="12.71"))).json()
    assert {member["village_code"] for member in there["members"]} == {THERE}
    assert sorted(type(event).__name__ for event in await _told(service)) == [
        "FamilyTransferred",
        "PersonTransferred",
        "PersonTransferred",
    ]


async def test_nobody_moves_whom_they_do_not_see(service: Any, records: dict[str, Any]) -> None:
    mother = records["persons"][0]["person_id"]
    assert (await _move(service, "persons", mother, region="12.71", version='"1"')).status_code == 404
    assert (await _move(service, "families", records["family_id"], region="12.71", version='"1"')).status_code == 404
    headers = service.issuer.headers("facilitator", region="12.74") | {"Idempotency-Key": "k", "If-Match": '"1"'}
    path = f"/v1/persons/{mother}/transfer"
    assert (await service.client.post(path, json={"village_code": THERE}, headers=headers)).status_code == 403


async def test_a_move_that_rests_on_an_old_look_is_refused(service: Any, records: dict[str, Any]) -> None:
    mother = records["persons"][0]["person_id"]
    assert (await _move(service, "persons", mother, version='"99"')).status_code == 412
