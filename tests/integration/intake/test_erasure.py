"""When the registry erases a person, nothing of them can be read at intake: not in the rows, not in a copy of them."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from slrt_contracts.events import PersonErased
from slrt_intake.consumers import ConsumerParts, erasures
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, SealedRow
from slrt_kit.testing import raw_event

REPORT = """Nama : Mawar Karangan
NIK : 1274035203879001
Alamat : Jalan Contoh 9
Desa/Kelurahan : Sirantau
Kecamatan : Datuk Bandar
Permasalahan : rumah gelap
Layanan dibutuhkan : listrik
"""
PEOPLE = [
    {"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001", "sex": "P"},
    {"relation": "spouse", "name": "Melati Contoh"},
    {"relation": "child", "name": "Kenanga Contoh", "birth_date": "2014-06-12"},
]


@pytest.fixture
def hear(intake: Any) -> Any:
    """Intake hears that the registry has erased somebody."""
    parts = ConsumerParts(outbox=Outbox("intake"), vault=intake.vault, cases=intake.stores)
    processor = Processor(consumer="slrt.intake.erasures", database=intake.database, handlers=erasures, deps=parts)

    async def erased(*cases: tuple[dict[str, Any], list[UUID]]) -> Outcome:
        told = [{"case_id": case["case_id"], "party_ids": parties} for case, parties in cases]
        event = PersonErased(person_id=uuid4(), reason="requested", cases=told)
        raw = raw_event(event)
        outcome = await processor.process(raw)
        await processor.process(raw)
        return outcome

    return erased


async def parties(intake: Any, case: dict[str, Any]) -> dict[str, Any]:
    headers = intake.asking("coordinator")
    answer = await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def copies(intake: Any, table: str, case: dict[str, Any]) -> list[SealedRow]:
    """The sealed values of a case as an old backup has them."""
    row_id = {"persons": "t.person_id", "contacts": "t.case_id", "needs": "t.need_id", "drafts": "t.draft_id"}[table]
    key = "t.key_id" if table in ("persons", "drafts") else "c.key_id"
    order = "t.position" if table == "persons" else row_id
    rows = await intake.rows(
        f"SELECT {key}, t.sealed, {row_id} FROM {table} t JOIN cases c USING (case_id) "  # noqa: S608 — fixed names
        f"WHERE t.case_id = %(id)s AND t.sealed IS NOT NULL ORDER BY {order}",
        id=case["case_id"],
    )
    return [SealedRow(*row) for row in rows]


async def test_a_member_goes_and_the_others_stay(intake: Any, hear: Any) -> None:
    case = await intake.register(persons=PEOPLE)
    copy = await copies(intake, "persons", case)
    gone = copy[1].row
    assert await hear((case, [gone])) is Outcome.APPLIED
    seen = await parties(intake, case)
    assert [(p["name"], p["erased"]) for p in seen["persons"]] == [
        ("Mawar Karangan", False),
        (None, True),
        ("Kenanga Contoh", False),
    ]
    assert (seen["erased"], seen["address"]) == (False, "Jalan Contoh 9")
    opened = await intake.vault.unseal(copy, table="persons")
    assert [fields is ERASED for fields in opened] == [False, True, False]


async def test_with_the_client_goes_what_the_case_has_of_contact_words_and_draft(intake: Any, hear: Any) -> None:
    drafts = (await intake.post("/v1/drafts", {"text": REPORT})).json()["drafts"]
    draft = f"/v1/drafts/{drafts[0]['draft_id']}"
    content = (await intake.get(draft)).json()["content"] | {
        "village_code": "12.74.03.1002",
        "contact": {"phone": "0812-0000-9901", "address": "Jalan Contoh 9"},
    }
    headers = intake.token() | {"If-Match": '"1"'}
    assert (await intake.client.put(draft, json=content, headers=headers)).status_code == 200
    case = (await intake.post(f"{draft}/confirm", version=2)).json()
    other = await intake.register()
    copy = {table: await copies(intake, table, case) for table in ("persons", "contacts", "needs", "drafts")}
    assert all(copy.values())
    assert (await intake.client.post("/v1/tracking", json=_known(case))).status_code == 200

    assert await hear((case, [row.row for row in copy["persons"]])) is Outcome.APPLIED

    for table, rows in copy.items():
        assert set(await intake.vault.unseal(rows, table=table)) == {ERASED}, table
        assert await copies(intake, table, case) == [], table
    seen = await parties(intake, case)
    assert (seen["erased"], seen["address"], seen["phone"], seen["kk_number"]) == (True, None, None, None)
    gone = await intake.get(draft)
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:slrt:problem:erased")
    assert (await intake.client.post("/v1/tracking", json=_known(case))).status_code == 404
    # The case itself stays for the counts, and nobody else has lost anything.
    assert (await intake.get(f"/v1/cases/{case['case_id']}")).status_code == 200
    assert (await parties(intake, other))["persons"][0]["name"] == "Mawar Karangan"


async def test_with_the_last_person_of_a_case_goes_its_contact_whoever_they_were(intake: Any, hear: Any) -> None:
    case = await intake.register(persons=PEOPLE[1:])
    one, other = await copies(intake, "persons", case)
    contacts = await copies(intake, "contacts", case)
    await hear((case, [one.row]))
    assert ERASED not in await intake.vault.unseal(contacts, table="contacts")
    await hear((case, [other.row]))
    assert await intake.vault.unseal(contacts, table="contacts") == [ERASED]


async def test_a_person_of_several_cases_goes_from_all_of_them(intake: Any, hear: Any) -> None:
    cases = [await intake.register() for _ in range(2)]
    copy = [row for case in cases for row in await copies(intake, "persons", case)]
    await hear(*((case, [row.row]) for case, row in zip(cases, copy, strict=True)))
    assert await intake.vault.unseal(copy, table="persons") == [ERASED, ERASED]


async def test_a_resident_who_was_erased_is_reached_by_nobody(intake: Any, hear: Any) -> None:
    case = await intake.register()
    (row,) = await copies(intake, "persons", case)
    await hear((case, [row.row]))
    headers = intake.asking("service", "contact", region=None)
    contact = (await intake.client.get(f"/v1/cases/{case['case_id']}/contact", headers=headers)).json()
    assert (contact["phone"], contact["email"]) == (None, None)


async def test_who_is_not_known_here_changes_nothing(intake: Any, hear: Any) -> None:
    case = await intake.register()
    async with intake.unchanged(but="inbox"):
        assert await hear((case, [uuid4()])) is Outcome.APPLIED


def _known(case: dict[str, Any]) -> dict[str, str]:
    return {"ticket_number": case["ticket_number"], "phone_last4": "9901"}
