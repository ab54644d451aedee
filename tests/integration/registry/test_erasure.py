"""A person is erased for good, unless something keeps the data; then it says what, and until when."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from tests.leaks.tables import everything_in

from slrt_contracts.events import CaseClosed, PersonErased
from slrt_contracts.types import CaseId
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.privacy import ERASED, SealedRow
from slrt_kit.testing import raw_event
from slrt_kit.testing.audit import LOOKS
from slrt_registry.consumers import erasures

MakePerson = Callable[..., dict[str, Any]]
NIK, KK = "1274034507849911", "1274031502109911"
PROBLEM = "urn:slrt:problem:"


class Dpo:
    """Who answers for the data: an auditor, of the whole country."""

    def __init__(self, service: Any) -> None:
        self.service = service

    async def post(self, person_id: Any, what: str, body: Any, *, version: Any = None, **claims: Any) -> Any:
        role = claims.pop("role", "auditor")
        headers = self.service.issuer.headers(role, sub="dpo-1", **claims) | {"Idempotency-Key": uuid4().hex}
        version = version or (await self.version_of(person_id))
        path = f"/v1/persons/{person_id}/{what}"
        return await self.service.client.post(path, json=body, headers=headers | {"If-Match": f'"{version}"'})

    async def erase(self, person_id: Any, **how: Any) -> Any:
        return await self.post(person_id, "erasure", {"reason_code": "requested"}, **how)

    async def version_of(self, person_id: Any) -> int:
        versions = dict(await self.service.rows("SELECT person_id::text, version FROM persons"))
        return int(versions[str(person_id)])


@pytest.fixture
def dpo(service: Any) -> Dpo:
    return Dpo(service)


async def close(service: Any, case: Any) -> None:
    event = CaseClosed(case_id=case.case_id, closed_by="resident", satisfied=True)
    assert await service.cases.process(raw_event(event, at=service.clock.now())) is Outcome.APPLIED


async def destroy(service: Any, person_id: Any) -> None:
    """The registry hears its own event."""
    rows = await service.rows("SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq")
    told = [row.payload for row in rows if dict(row.headers)["ce_type"] == PersonErased.TYPE]
    (event,) = [found for found in map(PersonErased.model_validate_json, told) if str(found.person_id) == person_id]
    processor = Processor(
        consumer="slrt.registry.erasures", database=service.database, handlers=erasures, deps=service.parts
    )
    raw = raw_event(event)
    assert await processor.process(raw) is Outcome.APPLIED
    assert await processor.process(raw) is not Outcome.PARKED


async def ids_of(service: Any, case: Any) -> list[str]:
    return [found["person_id"] for found in (await service.records(case))["persons"]]


@pytest.fixture
async def closed(service: Any, person: MakePerson) -> Any:
    """A case of two people, closed more than its period ago."""
    case = await service.record(
        person("Marlina Damanik", nik=NIK, born="1984-07-05", sex="P"),
        person("Bintang Damanik", born="2014-06-12"),
        kk=KK,
    )
    await close(service, case)
    service.clock.move(days=400)
    return case


@pytest.mark.parametrize(
    "role", ["facilitator", "front_office", "manager", "supervisor", "admin", "service", "head_of_office"]
)
async def test_nobody_but_the_dpo_erases_or_holds(service: Any, dpo: Dpo, closed: Any, role: str) -> None:
    (one, _) = await ids_of(service, closed)
    assert (await dpo.erase(one, role=role, region="12.74")).status_code == 403
    assert (await dpo.post(one, "legal-hold", {"hold": "X/1"}, role=role, region="12.74")).status_code == 403
    assert [fields["name"] for fields in await service.people()] == ["Bintang Damanik", "Marlina Damanik"]


async def test_a_stale_version_a_wrong_reason_and_nobody_are_refused(service: Any, dpo: Dpo, closed: Any) -> None:
    (one, _) = await ids_of(service, closed)
    assert (await dpo.erase(one, version=99)).status_code == 412
    assert (await dpo.post(one, "erasure", {"reason_code": "just because"})).status_code == 422
    assert (await dpo.erase(uuid4(), version=1)).status_code == 404
    assert len(await service.people()) == 2


async def test_an_open_case_keeps_the_person_and_says_so(service: Any, dpo: Dpo, person: MakePerson) -> None:
    case = await service.record(person("Marlina Damanik", nik=NIK))
    (one,) = await ids_of(service, case)
    answer = await dpo.erase(one)
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["type"], problem["retention_class"], problem["until"]) == (PROBLEM + "retention", "open-case", None)
    assert [fields["name"] for fields in await service.people()] == ["Marlina Damanik"]
    assert await service.rows("SELECT 1 FROM outbox WHERE headers::text LIKE '%person-erased%'") == []


async def test_a_period_that_runs_keeps_the_person_to_its_last_day(service: Any, dpo: Dpo, person: MakePerson) -> None:
    case = await service.record(person("Marlina Damanik", nik=NIK))
    (one,) = await ids_of(service, case)
    await close(service, case)  # on 1 July 2026, 15.00 in Jakarta
    service.clock.move(days=364)
    problem = (await dpo.erase(one)).json()
    assert (problem["retention_class"], problem["until"]) == ("case-record", "2027-07-01")
    service.clock.move(days=1)
    assert (await dpo.erase(one)).status_code == 200


async def test_aid_that_was_received_keeps_the_person_longer(service: Any, dpo: Dpo, person: MakePerson) -> None:
    case = await service.record(someone := person("Marlina Damanik", nik=NIK), needs={"PIP": 0})
    assert someone["person_id"]
    assert await service.complete(case, "PIP") is Outcome.APPLIED
    (one,) = await ids_of(service, case)
    await close(service, case)
    service.clock.move(days=400)
    problem = (await dpo.erase(one)).json()
    assert (problem["retention_class"], problem["until"]) == ("participation-record", "2031-07-01")
    service.clock.move(days=5 * 365)
    assert (await dpo.erase(one)).status_code == 200


async def test_a_legal_hold_keeps_whoever_could_go_until_it_is_lifted(service: Any, dpo: Dpo, closed: Any) -> None:
    (one, _) = await ids_of(service, closed)
    held = await dpo.post(one, "legal-hold", {"hold": "INSPEKTORAT-2026/14"})
    assert held.json() == {"person_id": one, "hold": "INSPEKTORAT-2026/14"}
    assert (await dpo.erase(one)).json()["retention_class"] == "legal-hold"
    held_by = await service.rows(f"SELECT subject, fields FROM {LOOKS} WHERE action = 'hold'")  # noqa: S608
    assert [tuple(row) for row in held_by] == [("dpo-1", ["legal-hold"])]
    assert (await dpo.post(one, "legal-hold", {"hold": None})).json()["hold"] is None
    assert (await dpo.erase(one)).status_code == 200


async def test_after_an_erasure_nothing_is_shown_found_or_kept(service: Any, dpo: Dpo, closed: Any) -> None:
    (one, other) = await ids_of(service, closed)
    people = await service.rows("SELECT key_id, sealed, person_id FROM persons")
    before = [row for row in people if str(row.person_id) == one]
    answer = await dpo.erase(one)
    assert (answer.status_code, answer.json()["case_count"]) == (200, 1)

    (event,) = [each for each in await told(service) if isinstance(each, PersonErased)]
    (case,) = event.cases
    parties = service.intake.parties[str(closed.case_id)]["persons"]
    assert (case.case_id, [str(party) for party in case.party_ids]) == (closed.case_id, [parties[0]["person_id"]])

    shown = await service.client.get(f"/v1/persons/{one}", headers=service.manager())
    assert shown.status_code == 200
    assert shown.json() | {"family_id": None} == {
        "person_id": one,
        "erased": True,
        "name": None,
        "nik": None,
        "nik_status": "unverified",
        "birth_year": None,
        "sex": None,
        "village_code": "12.74.03.1002",
        "family_id": None,
    }
    for body in ({"nik": NIK}, {"name": "Marlina Damanik", "birth_date": "1984-07-05"}):
        found = await service.client.post("/v1/persons/search", json=body, headers=service.manager())
        assert found.json() == {"persons": []}
    family = (await service.client.get(f"/v1/families/{shown.json()['family_id']}", headers=service.manager())).json()
    assert {member["person_id"]: member["erased"] for member in family["members"]} == {one: True, other: False}
    assert family["kk_number"] == "1274••••••••9911"

    assert await service.vault.unseal([SealedRow(*row) for row in before], table="persons") != [ERASED]
    await destroy(service, one)
    assert await service.vault.unseal([SealedRow(*row) for row in before], table="persons") == [ERASED]
    assert [fields["name"] for fields in await service.people()] == ["Bintang Damanik"]
    assert (await dpo.erase(one)).json()["type"] == PROBLEM + "erased"


async def test_a_new_report_of_the_same_human_makes_a_new_person(
    service: Any, dpo: Dpo, closed: Any, person: MakePerson
) -> None:
    (one, other) = await ids_of(service, closed)
    await dpo.erase(one)
    await destroy(service, one)
    again = await service.record(
        person("Marlina Damanik", nik=NIK, born="1984-07-05", sex="P"),
        person("Bintang Damanik", born="2014-06-12"),
        kk=KK,
    )
    found = (await service.records(again))["persons"]
    assert found[0]["person_id"] != one
    assert found[0]["found_by"] == "new"
    assert found[1]["person_id"] == other


async def test_with_the_last_of_its_people_a_family_is_erased_too_and_can_still_be_settled(
    service: Any, dpo: Dpo, closed: Any
) -> None:
    (one, other) = await ids_of(service, closed)
    rows = await service.rows("SELECT key_id, sealed, family_id FROM families")
    await dpo.erase(one)
    assert await service.rows("SELECT 1 FROM families WHERE sealed IS NULL") == []
    await dpo.erase(other)
    for each in (one, other):
        await destroy(service, each)
    assert await service.vault.unseal([SealedRow(*row) for row in rows], table="families") == [ERASED]
    assert await service.rows("SELECT 1 FROM families WHERE sealed IS NOT NULL OR kk_index IS NOT NULL") == []
    # An office may be late: its outcome is still written down.
    assert await service.complete(closed, "BPBL") is Outcome.APPLIED


async def test_a_case_of_before_that_does_not_know_intake_s_ids_is_not_half_erased(
    service: Any, dpo: Dpo, closed: Any
) -> None:
    (one, _) = await ids_of(service, closed)
    async with service.database.unit_of_work() as work:
        await work.connection.run("UPDATE case_persons SET party_ids = NULL")
        await work.commit()
    answer = await dpo.erase(one)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "unlinked-case")


async def test_a_restored_database_hears_of_the_erasure_again_and_takes_the_same_human_as_new(
    service: Any, dpo: Dpo, closed: Any, person: MakePerson
) -> None:
    (one, other) = await ids_of(service, closed)
    copied = ("persons", "families")
    async with service.database.unit_of_work() as work:
        for table in copied:
            await work.connection.run(f"CREATE TABLE {table}_before AS SELECT * FROM {table}")  # noqa: S608
        await work.commit()
    for each in (one, other):
        await dpo.erase(each)
        await destroy(service, each)
    async with service.database.unit_of_work() as work:  # the backup comes back, the keys do not
        for table in copied:
            await work.connection.run(
                f"UPDATE {table} t SET ({ROWS[table]}) = (SELECT {ROWS[table]} FROM {table}_before b "  # noqa: S608
                f"WHERE b.{table_id(table)} = t.{table_id(table)})"
            )
            await work.connection.run(f"DROP TABLE {table}_before")
        await work.connection.run("DELETE FROM inbox WHERE consumer = 'slrt.registry.erasures'")
        await work.commit()
    shown = await service.client.get(f"/v1/persons/{one}", headers=service.manager())
    assert (shown.status_code, shown.json()["erased"]) == (200, True)
    for each in (one, other):
        await destroy(service, each)
    again = await service.record(person("Marlina Damanik", nik=NIK, born="1984-07-05", sex="P"), kk=KK)
    assert [found["found_by"] for found in (await service.records(again))["persons"]] == ["new"]


ROWS = {
    "persons": "version, sealed, nik_index, birth_index, name_tokens, erased_at",
    "families": "version, sealed, kk_index",
}


def table_id(table: str) -> str:
    return {"persons": "person_id", "families": "family_id"}[table]


async def test_a_repeated_erasure_command_is_answered_as_the_first_time(service: Any, closed: Any) -> None:
    (one, _) = await ids_of(service, closed)
    headers = service.issuer.headers("auditor", sub="dpo-1") | {"Idempotency-Key": "once", "If-Match": '"1"'}
    path, body = f"/v1/persons/{one}/erasure", {"reason_code": "unlawful"}
    first, again = [await service.client.post(path, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_the_end_of_a_case_that_is_not_recorded_yet_waits(service: Any) -> None:
    event = CaseClosed(case_id=CaseId(uuid4()), closed_by="resident", satisfied=None)
    assert await service.cases.process(raw_event(event)) is Outcome.PARKED


# -- unmasking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "region", "status"),
    [
        ("front_office", "12.74", 200),
        ("back_office", "12.74.03", 200),
        ("manager", "12.74", 200),
        ("manager", "12.71", 404),
        ("facilitator", "12.74", 403),
        ("coordinator", "12.74", 403),
        ("supervisor", "12.74", 403),
        ("auditor", None, 403),
        ("admin", None, 403),
        ("service", None, 403),
    ],
)
async def test_numbers_are_shown_whole_to_a_desk_of_the_region_for_a_purpose_on_record(
    service: Any, closed: Any, role: str, region: str | None, status: int
) -> None:
    (one, _) = await ids_of(service, closed)
    headers = service.issuer.headers(role, region=region, sub="desk-9") | {"Purpose": "letter"}
    body = {"fields": ["nik", "kk_number"]}
    answer = await service.client.post(f"/v1/persons/{one}/unmask", json=body, headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"person_id": one, "nik": NIK, "birth_date": None, "kk_number": KK}
        assert answer.headers["Cache-Control"] == "no-store"
    else:
        assert NIK not in answer.text
    unmasked = await service.rows(f"SELECT purpose, fields FROM {LOOKS} WHERE action = 'unmask'")  # noqa: S608
    assert [tuple(row) for row in unmasked] == ([("letter", ["kk_number", "nik"])] if status == 200 else [])


async def test_without_a_purpose_or_a_field_nothing_is_unmasked(service: Any, closed: Any) -> None:
    (one, _) = await ids_of(service, closed)
    headers = service.issuer.headers("manager", region="12.74")
    path = f"/v1/persons/{one}/unmask"
    assert (await service.client.post(path, json={"fields": ["nik"]}, headers=headers)).status_code == 400
    purpose = headers | {"Purpose": "letter"}
    for body in ({"fields": []}, {"fields": ["name"]}, {}, {"fields": ["nik"], "all": True}):
        assert (await service.client.post(path, json=body, headers=purpose)).status_code == 422
    masked = await service.client.post(path, json={"fields": ["nik"]}, headers=service.manager())
    assert (masked.status_code, masked.json()["type"]) == (403, PROBLEM + "not-of-the-purpose")
    assert NIK not in masked.text
    for other in ("curiosity", "referral-service"):
        refused = await service.client.post(path, json={"fields": ["nik"]}, headers=headers | {"Purpose": other})
        assert refused.status_code in (422, 403)
        assert "letter" in refused.json()["possible"]


async def test_of_an_erased_person_nothing_is_unmasked(service: Any, dpo: Dpo, closed: Any) -> None:
    (one, _) = await ids_of(service, closed)
    await dpo.erase(one)
    headers = service.manager() | {"Purpose": "letter"}
    answer = await service.client.post(f"/v1/persons/{one}/unmask", json={"fields": ["nik"]}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (410, PROBLEM + "erased")


async def test_a_masked_number_is_no_search(service: Any) -> None:
    answer = await service.client.post(
        "/v1/persons/search", json={"nik": "1274••••••••9911"}, headers=service.manager()
    )
    assert answer.status_code == 422
    assert "masked" in answer.text


async def told(service: Any) -> list[Any]:
    rows = await service.rows("SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq")
    return [
        PersonErased.model_validate_json(row.payload)
        for row in rows
        if dict(row.headers)["ce_type"] == PersonErased.TYPE
    ]


async def test_the_tables_name_nobody_after_all(service: Any, dpo: Dpo, closed: Any) -> None:
    for each in await ids_of(service, closed):
        assert (await dpo.erase(each)).status_code == 200
    held = everything_in(service.database.url)
    rows = held["persons"].splitlines()
    assert len(rows) == 2
    assert all("\\\\x" not in row for row in rows)
