"""Records that were kept for their period are listed by one person and erased when another says yes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_contracts.events import CaseClosed, PersonErased
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

MakePerson = Callable[..., dict[str, Any]]
PROBLEM = "urn:slrt:problem:"
NIKS = ("1274034507849911", "1274031502109912", "1274035203879913", "1274035203879914")


class Office:
    """An auditor who lists, and the head of the office who decides."""

    def __init__(self, service: Any) -> None:
        self.service = service

    def headers(self, role: str = "auditor", **claims: Any) -> dict[str, str]:
        claims = {"sub": f"{role}-1"} | ({"region": "12.74"} if role != "auditor" else {}) | claims
        return dict(self.service.issuer.headers(role, **claims))

    async def due(self, regency: str = "12.74", **query: Any) -> list[str]:
        answer = await self.service.client.get(
            "/v1/disposals/due", params={"regency_code": regency, **query}, headers=self.headers()
        )
        assert answer.status_code == 200, answer.text
        return [each["person_id"] for each in answer.json()["items"]]

    async def post(
        self, path: str, body: Any = None, *, role: str = "auditor", version: Any = None, **claims: Any
    ) -> Any:
        headers = self.headers(role, **claims) | {"Idempotency-Key": uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.service.client.post(f"/v1/disposals{path}", json=body, headers=headers)

    async def propose(self, *ids: Any, **how: Any) -> Any:
        return await self.post("", {"person_ids": [str(each) for each in ids]}, **how)

    async def decide(self, disposal_id: str, what: str = "approve", *, role: str = "head_of_office", **how: Any) -> Any:
        return await self.post(f"/{disposal_id}/{what}", role=role, **{"version": 1, **how})

    async def erased(self) -> set[str]:
        rows = await self.service.rows("SELECT person_id::text FROM persons WHERE erased_at IS NOT NULL")
        return {row.person_id for row in rows}


@pytest.fixture
async def office(service: Any) -> Office:
    async with service.database.unit_of_work() as work:
        await work.connection.run("DELETE FROM disposal_persons")
        await work.connection.run("DELETE FROM disposals")
        await work.commit()
    return Office(service)


async def close(service: Any, case: Any) -> None:
    event = CaseClosed(case_id=case.case_id, closed_by="resident", satisfied=True)
    assert await service.cases.process(raw_event(event, at=service.clock.now())) is Outcome.APPLIED


async def ids_of(service: Any, case: Any) -> list[str]:
    rows = await service.rows("SELECT case_id::text, person_id::text FROM case_persons ORDER BY position")
    return [row.person_id for row in rows if row.case_id == str(case.case_id)]


@pytest.fixture
async def two(service: Any, person: MakePerson, office: Office) -> list[str]:
    """Two people of one family whose only case was closed more than its period ago."""
    case = await service.record(
        person("Marlina Damanik", nik=NIKS[0], born="1984-07-05", sex="P"), person("Bintang Damanik", nik=NIKS[1])
    )
    await close(service, case)
    service.clock.move(days=400)
    return sorted(await ids_of(service, case))


@pytest.mark.parametrize("role", ["facilitator", "manager", "supervisor", "admin", "service", "head_of_office"])
async def test_nobody_but_the_auditor_lists(service: Any, office: Office, two: list[str], role: str) -> None:
    assert (await office.propose(*two, role=role)).status_code == 403
    due = await service.client.get("/v1/disposals/due?regency_code=12.74", headers=office.headers(role))
    assert due.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"person_ids": []},
        {"person_ids": ["x"]},
        {"person_ids": [str(UUID(int=1))] * 2},
        {"person_ids": [str(UUID(int=n)) for n in range(101)]},
        {"person_ids": [str(UUID(int=1))], "reason": "x"},
    ],
)
async def test_a_list_of_nobody_of_too_many_or_of_somebody_twice_is_refused(office: Office, body: Any) -> None:
    assert (await office.post("", body)).status_code == 422


async def test_somebody_unknown_or_of_another_regency_or_an_older_version_is_refused(
    service: Any, office: Office, two: list[str], person: MakePerson
) -> None:
    assert (await office.propose(two[0], uuid4())).status_code == 404
    elsewhere = await service.record(person("Sari Contoh", nik=NIKS[2]), village="12.71.01.1001")
    await close(service, elsewhere)
    service.clock.move(days=400)
    (far,) = await ids_of(service, elsewhere)
    refused = await office.propose(two[0], far)
    assert (refused.status_code, refused.json()["type"]) == (422, PROBLEM + "disposal-regency")
    assert await office.due("12.71") == [far]
    listed = (await office.propose(*two)).json()
    assert (await office.decide(listed["disposal_id"], version=7)).status_code == 412
    assert (await office.decide(listed["disposal_id"], region="12.71")).status_code == 404
    assert (await office.decide(str(uuid4()))).status_code == 404
    assert await office.erased() == set()


async def test_who_listed_does_not_approve(office: Office, two: list[str]) -> None:
    listed = (await office.propose(*two)).json()
    for what in ("approve", "refuse"):
        answer = await office.decide(listed["disposal_id"], what, role="auditor")
        assert (answer.status_code, answer.json()["type"]) == (403, PROBLEM + "separation-of-duties")
    assert await office.erased() == set()


async def test_two_people_dispose_of_a_list_and_every_service_is_told(
    service: Any, office: Office, two: list[str]
) -> None:
    assert sorted(await office.due()) == two
    answer = await office.propose(*two)
    assert answer.status_code == 201
    listed = answer.json()
    assert (listed["person_count"], listed["regency_code"], listed["state"]) == (2, "12.74", "proposed")
    assert await office.due() == []
    waiting = await service.client.get("/v1/disposals", headers=office.headers("head_of_office"))
    assert [each["disposal_id"] for each in waiting.json()["items"]] == [listed["disposal_id"]]
    approved = await office.decide(listed["disposal_id"])
    assert approved.json() == {"disposal_id": listed["disposal_id"], "state": "approved", "erased_count": 2}
    assert await office.erased() == set(two)
    rows = await service.rows("SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq")
    told = [
        PersonErased.model_validate_json(row.payload)
        for row in rows
        if dict(row.headers)["ce_type"] == PersonErased.TYPE
    ]
    assert sorted(str(event.person_id) for event in told) == two
    assert {event.reason for event in told} == {"no_longer_needed"}
    entries = [row.entry for row in await service.rows("SELECT entry FROM audit_unsealed ORDER BY id")]
    assert [action for action in ("propose", "approve") if any(f'"action":"{action}"' in each for each in entries)] == [
        "propose",
        "approve",
    ]
    assert await service.rows("SELECT 1 FROM families WHERE sealed IS NOT NULL") == []
    again = await office.decide(listed["disposal_id"], version=2)
    assert (again.status_code, again.json()["type"]) == (409, PROBLEM + "disposal-decided")
    kept = await service.client.get(f"/v1/disposals/{listed['disposal_id']}", headers=office.headers("head_of_office"))
    assert sorted(kept.json()["person_ids"]) == two
    assert (kept.json()["proposed_by"], kept.json()["decided_by"]) == ("auditor-1", "head_of_office-1")


async def test_a_refused_list_erases_nobody_and_all_are_due_again(office: Office, two: list[str]) -> None:
    listed = (await office.propose(*two)).json()
    assert (await office.decide(listed["disposal_id"], "refuse")).json()["erased_count"] == 0
    assert await office.erased() == set()
    assert sorted(await office.due()) == two


async def hold(service: Any, person_id: str) -> None:
    async with service.database.statement() as connection:
        await connection.run(
            "UPDATE persons SET legal_hold = 'INSPEKTORAT-2026/14', version = version + 1 WHERE person_id = %(id)s",
            {"id": person_id},
        )


async def test_whoever_is_held_after_the_list_was_made_keeps_all_of_it_and_only_who_may_know_learns_why(
    service: Any, office: Office, two: list[str]
) -> None:
    listed = (await office.propose(*two)).json()
    await hold(service, two[1])
    head = (await office.decide(listed["disposal_id"])).json()
    assert head["type"] == PROBLEM + "disposal-outdated"
    assert "legal" not in str(head)
    other = (await office.decide(listed["disposal_id"], role="auditor", sub="auditor-2")).json()
    assert (other["type"], other["retention_class"], other["person_id"]) == (
        PROBLEM + "retention",
        "legal-hold",
        two[1],
    )
    assert await office.erased() == set()
    assert (await office.decide(listed["disposal_id"], "refuse")).status_code == 200
    assert await office.due() == [two[0]]
    refused = (await office.propose(*two)).json()
    assert (refused["retention_class"], refused["person_id"]) == ("legal-hold", two[1])


async def test_a_new_case_of_somebody_listed_keeps_the_list_from_being_approved(
    service: Any, office: Office, two: list[str], person: MakePerson
) -> None:
    listed = (await office.propose(*two)).json()
    await service.record(person("Marlina Damanik", nik=NIKS[0]))
    answer = (await office.decide(listed["disposal_id"], role="auditor", sub="auditor-2")).json()
    assert (answer["type"], answer["retention_class"]) == (PROBLEM + "retention", "open-case")
    assert await office.erased() == set()


async def test_whoever_was_erased_meanwhile_is_passed_over(service: Any, office: Office, two: list[str]) -> None:
    listed = (await office.propose(*two)).json()
    headers = office.headers(sub="dpo-1") | {"Idempotency-Key": uuid4().hex, "If-Match": '"1"'}
    gone = await service.client.post(
        f"/v1/persons/{two[0]}/erasure", json={"reason_code": "requested"}, headers=headers
    )
    assert gone.status_code == 200, gone.text
    assert (await office.decide(listed["disposal_id"])).json()["erased_count"] == 1
    assert await office.erased() == set(two)


async def test_pages_of_who_is_due_have_everybody_once(service: Any, office: Office, person: MakePerson) -> None:
    everybody = []
    for nik in NIKS:
        case = await service.record(person("Sari Contoh", nik=nik))
        await close(service, case)
        service.clock.move(days=1)
        everybody += await ids_of(service, case)
    service.clock.move(days=400)
    found, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = await service.client.get(
            "/v1/disposals/due", params={"regency_code": "12.74", **query}, headers=office.headers()
        )
        found += [each["person_id"] for each in answer.json()["items"]]
        if (cursor := answer.json()["next"]) is None:
            break
    assert found == everybody


_PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "closed": st.lists(st.integers(363, 367) | st.none() | st.integers(0, 800), min_size=1, max_size=3),
            "participation": st.none() | st.integers(1824, 1828) | st.integers(1700, 2000),
            "held": st.booleans() | st.just(False),
            "linked": st.just(True) | st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)


async def test_exactly_those_are_due_who_may_be_erased(service: Any, office: Office, person: MakePerson) -> None:
    """For persons with any cases, participations and holds: the list and the erasure's own check agree."""
    found: list[tuple[bool, bool]] = []

    async def check(people: list[dict[str, Any]]) -> None:
        for table in ("disposal_persons", "disposals", "case_persons", "participations", "cases", "persons"):
            async with service.database.statement() as connection:
                await connection.run(f"DELETE FROM {table}")  # noqa: S608 — names above
        async with service.database.unit_of_work() as work:
            await work.connection.run(
                "INSERT INTO families (regency_code, family_id, version, event_sequence, village_code, key_id) "
                "VALUES ('12.74', %(id)s, 1, 1, '12.74.03.1002', 1) ON CONFLICT DO NOTHING",
                {"id": UUID(int=7)},
            )
            ids = [await put(service, work.connection, uuid4(), one) for one in people]
            await work.commit()
        due = set(await office.due(limit=200))
        for person_id, version in ids:
            headers = office.headers() | {"Idempotency-Key": uuid4().hex, "If-Match": f'"{version}"'}
            answer = await service.client.post(
                f"/v1/persons/{person_id}/erasure", json={"reason_code": "no_longer_needed"}, headers=headers
            )
            assert answer.status_code in (200, 409), answer.text
            found.append((str(person_id) in due, answer.status_code == 200))

    # Just about the periods, beside what chance brings.
    near = [([days], None) for days in range(363, 368)] + [([500], days) for days in range(1823, 1830)]
    tries: list[list[dict[str, Any]]] = [
        [{"closed": closed, "participation": began, "held": False, "linked": True} for closed, began in near]
    ]

    @settings(max_examples=40, database=None, suppress_health_check=list(HealthCheck))
    @given(_PEOPLE)
    def collect(people: list[dict[str, Any]]) -> None:
        tries.append(people)

    collect()
    for people in tries:
        await check(people)
    assert [one for one in found if one[0] != one[1]] == []
    assert {one[0] for one in found} == {True, False}


async def put(service: Any, connection: Any, person_id: UUID, said: dict[str, Any]) -> tuple[UUID, int]:
    (key,) = await service.vault.keys.take(1)
    sealed = service.vault.seal(
        key, {"name": "Sari Contoh", "nik": None, "birth_date": None, "sex": None}, table="persons", row=person_id
    )
    now = service.clock.now()
    await connection.run(
        "INSERT INTO persons (regency_code, person_id, version, event_sequence, village_code, nik_status, key_id, "
        "sealed, name_tokens, legal_hold) VALUES ('12.74', %(id)s, 1, 1, '12.74.03.1002', 'none', %(key)s, %(sealed)s, "
        "'{}', %(hold)s)",
        {"id": person_id, "key": key.key_id, "sealed": sealed, "hold": "X/1" if said["held"] else None},
    )
    for days in said["closed"]:
        case_id = uuid4()
        await connection.run(
            "INSERT INTO cases (case_id, region_code, handled_at, closed_at) VALUES (%(id)s, '12.74.03.1002', %(at)s, "
            "%(closed)s)",
            {"id": case_id, "at": now, "closed": None if days is None else now - timedelta(days=days)},
        )
        await connection.run(
            "INSERT INTO case_persons (case_id, position, person_id, found_by, party_ids) "
            "VALUES (%(case)s, 0, %(id)s, 'new', %(parties)s)",
            {"case": case_id, "id": person_id, "parties": [uuid4()] if said["linked"] else None},
        )
    if said["participation"] is not None:
        await connection.run(
            "INSERT INTO participations (regency_code, participation_id, family_id, person_id, programme_code, status, "
            "starts_on, case_id, referral_id) VALUES ('12.74', %(new)s, %(family)s, %(id)s, 'PIP', 'active', %(on)s, "
            "%(new)s, %(new)s)",
            {
                "new": uuid4(),
                "family": UUID(int=7),
                "id": person_id,
                "on": (now - timedelta(days=said["participation"])).date(),
            },
        )
    return person_id, 1
