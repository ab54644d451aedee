"""Who looked at my data: every look at a case's data stands in its list, once, and in the list of no other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.intake.families import session_of

from slrt_contracts.events import (
    IntakeLooksRecorded,
    LooksRecorded,
    LookTold,
    PersonErased,
    PersonRecorded,
    ReferralLooksRecorded,
    RegistryLooksRecorded,
)
from slrt_contracts.types import CaseId, ChainId, FamilyId, LookedAtId, PersonId
from slrt_intake.consumers import ConsumerParts, erasures
from slrt_kit.audit import telling
from slrt_kit.audit.sealer import Sealer, connect
from slrt_kit.audit.statements import Signer
from slrt_kit.audit.telling import LookTeller
from slrt_kit.http.audit_log import AMONG_CASES
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import raw_event
from slrt_kit.testing.audit import LOOKS


class Told:
    """Looks as the services tell them, from positions of their own."""

    def __init__(self, intake: Any) -> None:
        self.intake = intake
        self.position = 0
        self.chain = ChainId(uuid4())

    def look(self, object_id: Any, kind: str = "person", **changes: Any) -> LookTold:
        self.position += 1
        values = {
            "position": self.position,
            "looked_at": self.intake.clock.now(),
            "action": "read",
            "object_type": kind,
            "object_id": LookedAtId(UUID(str(object_id))),
            "role": "front_office",
            "office_code": "12.74.SLRT",
            "purpose": "identity-check",
        }
        return LookTold(**(values | changes))  # type: ignore[arg-type]

    async def hear(self, *looks: LookTold, by: type[LooksRecorded] = RegistryLooksRecorded, times: int = 1) -> None:
        raw = raw_event(by(chain_id=self.chain, looks=looks))
        for number in range(times):
            expected = Outcome.APPLIED if number == 0 else Outcome.DUPLICATE
            assert await self.intake.looks.process(raw) is expected

    async def person(self, case: dict[str, Any], person_id: UUID, family_id: UUID | None = None) -> None:
        recorded = PersonRecorded(
            person_id=PersonId(person_id),
            family_id=None if family_id is None else FamilyId(family_id),
            nik_status="unverified",
            district_code="12.74.03",
            case_id=CaseId(UUID(case["case_id"])),
        )
        assert await self.intake.looks.process(raw_event(recorded)) is Outcome.APPLIED


@pytest.fixture
def told(intake: Any) -> Told:
    return Told(intake)


async def _at_desk(intake: Any, case: dict[str, Any], role: str = "manager", **more: Any) -> httpx.Response:
    headers = intake.token(role, **more.pop("claims", {})) | {"Purpose": more.pop("purpose", "resident-request")}
    return await intake.client.get(f"/v1/cases/{case['case_id']}/looks", headers=headers, params=more)


async def _count(intake: Any, case: dict[str, Any]) -> int:
    return len((await _at_desk(intake, case)).json()["items"])


# -- what stands in whose list --------------------------------------------------------------------------------------


async def test_a_look_at_a_person_that_names_no_case_is_in_the_list_of_every_case_of_the_person(
    intake: Any, told: Told
) -> None:
    first, second, other = [await intake.register() for _ in range(3)]
    person = uuid4()
    await told.hear(told.look(person))
    for case in (first, second):
        await told.person(case, person)
    assert [await _count(intake, case) for case in (first, second, other)] == [1, 1, 0], "also one that came before"


async def test_a_look_that_names_a_case_of_the_person_is_in_that_case_s_list_alone(intake: Any, told: Told) -> None:
    first, second = await intake.register(), await intake.register()
    person = uuid4()
    for case in (first, second):
        await told.person(case, person)
    await told.hear(told.look(person, case_id=second["case_id"]))
    assert [await _count(intake, case) for case in (first, second)] == [0, 1]


async def test_nobody_hides_a_look_by_naming_a_case_that_the_person_is_not_in(intake: Any, told: Told) -> None:
    mine, strange = await intake.register(), await intake.register()
    person = uuid4()
    await told.person(mine, person)
    await told.hear(told.look(person, case_id=strange["case_id"]), told.look(person, case_id=uuid4()))
    assert [await _count(intake, case) for case in (mine, strange)] == [2, 1]


async def test_an_open_case_does_not_betray_that_its_person_is_in_a_sensitive_one(intake: Any, told: Told) -> None:
    husband_s, wife_s = await intake.register(), await intake.register(restricted=True)
    wife, family = uuid4(), uuid4()
    for case in (husband_s, wife_s):
        await told.person(case, wife, family)
    await told.hear(
        told.look(wife), told.look(wife, case_id=wife_s["case_id"]), told.look(family, "family", action="read")
    )
    seen = await _own_looks(intake, wife_s)
    assert len(seen) == 3
    assert await _own_looks(intake, husband_s) == []


async def test_of_a_report_about_others_only_looks_that_belong_to_it_are_told(intake: Any, told: Told) -> None:
    report = await intake.register(reporter_secret=True)
    neighbour = uuid4()
    await told.person(report, neighbour)
    await told.hear(told.look(neighbour), told.look(neighbour, case_id=report["case_id"]))
    assert await _count(intake, report) == 1


async def test_looks_at_a_family_and_at_referrals_are_there_too(intake: Any, told: Told) -> None:
    case = await intake.register()
    person, family = uuid4(), uuid4()
    await told.person(case, person, family)
    await told.hear(told.look(family, "family", role="service", office_code=None, purpose="not-stated"))
    await told.hear(
        told.look(uuid4(), "referral", case_id=case["case_id"], role="opd_officer", office_code="12.74.ESDM"),
        by=ReferralLooksRecorded,
    )
    await told.hear(
        told.look(case["case_id"], "case-contact", role="service", office_code=None, purpose="resident-message"),
        by=IntakeLooksRecorded,
    )
    items = (await _at_desk(intake, case)).json()["items"]
    assert {item["what"] for item in items} == {"family", "referral", "case-contact"}
    assert {item["automatic"] for item in items if item["what"] == "referral"} == {False}


async def test_of_an_erased_person_nothing_leads_to_the_case_any_more(intake: Any, told: Told) -> None:
    case, person = await intake.register(), uuid4()
    await told.person(case, person)
    await told.hear(told.look(person))
    assert await _count(intake, case) == 1
    erased = PersonErased(person_id=PersonId(person), reason="requested", cases=())
    assert await intake.looks.process(raw_event(erased)) is Outcome.APPLIED
    assert await intake.rows("SELECT 1 FROM case_people WHERE person_id = %(id)s", id=person) == []
    assert await _count(intake, case) == 0


# -- once -----------------------------------------------------------------------------------------------------------


async def test_told_again_a_look_is_still_one(intake: Any, told: Told) -> None:
    case = await intake.register()
    look = told.look(case["case_id"], "case")
    await told.hear(look, times=3)
    await told.hear(look, told.look(case["case_id"], "case"))
    assert await _count(intake, case) == 2, "the same look in another event is known by its place in the log"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=8))
async def test_however_events_are_cut_repeated_and_mixed_each_look_is_listed_once(
    chunks: list[list[int]], intake: Any
) -> None:
    told = Told(intake)
    case = await intake.register()
    looks = [told.look(case["case_id"], "case") for _ in range(10)]
    for chunk in chunks:
        event = IntakeLooksRecorded(chain_id=told.chain, looks=tuple(looks[each] for each in chunk))
        assert await intake.looks.process(raw_event(event)) is Outcome.APPLIED
    assert await _count(intake, case) == len({each for chunk in chunks for each in chunk})


# -- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "id",
            (
                "Petugas depan",
                "Sekretariat SLRT, Kota Tanjungbalai",
                "pencocokan identitas dengan kartu",
                "nomor lengkap dibuka",
            ),
        ),
        (
            "en",
            (
                "Front office",
                "SLRT secretariat, Kota Tanjungbalai",
                "check of an identity against the card in hand",
                "numbers shown in full",
            ),
        ),
    ],
)
async def test_a_look_is_told_in_plain_words(language: str, words: Sequence[str], intake: Any, told: Told) -> None:
    case, person = await intake.register(), uuid4()
    await told.person(case, person)
    await told.hear(told.look(person, action="unmask"))
    headers = intake.token("manager") | {"Purpose": "resident-request", "Accept-Language": language}
    [item] = (await intake.client.get(f"/v1/cases/{case['case_id']}/looks", headers=headers)).json()["items"]
    assert (item["role_words"], item["office"], item["purpose_words"], item["action_words"]) == words
    assert set(item) == {
        *("at", "role", "role_words", "office", "automatic", "action", "action_words", "what", "what_words"),
        *("purpose", "purpose_words", "in_emergency"),
    }


async def test_a_code_that_this_build_does_not_know_is_another(intake: Any, told: Told) -> None:
    case = await intake.register()
    event = IntakeLooksRecorded(chain_id=told.chain, looks=(told.look(case["case_id"], "case"),))
    raw = raw_event(event)
    newer = replace(raw, payload=raw.payload.replace(b'"identity-check"', b'"space-travel"'))
    assert await intake.looks.process(newer) is Outcome.APPLIED
    [item] = (await _at_desk(intake, case)).json()["items"]
    assert (item["purpose"], item["purpose_words"]) == ("space-travel", "lainnya")


async def test_pages_follow_one_another_without_a_gap_whatever_comes_meanwhile(intake: Any, told: Told) -> None:
    case, person = await intake.register(), uuid4()
    await told.person(case, person)
    for _ in range(5):
        intake.clock.move(seconds=1)
        await told.hear(told.look(person), told.look(case["case_id"], "case", purpose="case-handling"))
    seen, cursor = [], None
    while True:
        page = (await _at_desk(intake, case, limit=3, **({"cursor": cursor} if cursor else {}))).json()
        seen += page["items"]
        intake.clock.move(seconds=1)
        await told.hear(told.look(person))
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 10
    assert [item["at"] for item in seen] == sorted((item["at"] for item in seen), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "W10", "ßß"])
async def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str, intake: Any) -> None:
    answer = await _at_desk(intake, await intake.register(), cursor=cursor)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:slrt:problem:bad-cursor")


# -- the desk -------------------------------------------------------------------------------------------------------


async def test_at_a_desk_the_list_is_for_those_who_read_the_access_log_for_a_purpose_on_record(intake: Any) -> None:
    case = await intake.register()
    for role in ("front_office", "back_office", "facilitator", "coordinator", "auditor", "admin", "service"):
        assert (await _at_desk(intake, case, role)).status_code == 403, role
    assert (await _at_desk(intake, case, "manager", claims={"region": "12.71"})).status_code == 404
    headers = intake.token("manager")
    assert (await intake.client.get(f"/v1/cases/{case['case_id']}/looks", headers=headers)).status_code == 400
    assert (await _at_desk(intake, case)).status_code == 200
    looks = await intake.rows(
        f"SELECT purpose, fields FROM {LOOKS} WHERE object_id = %(id)s AND subject = 'manager-1'",  # noqa: S608
        id=case["case_id"],
    )
    assert [(row.purpose, row.fields) for row in looks] == [("resident-request", ["looks"])]


async def test_at_a_desk_a_sensitive_case_is_for_those_in_charge_alone(intake: Any) -> None:
    case = await intake.register(restricted=True)
    assert (await _at_desk(intake, case)).status_code == 404


# -- the whole way inside one service -------------------------------------------------------------------------------


async def _own_looks(intake: Any, case: dict[str, Any]) -> list[dict[str, Any]]:
    """As the resident reads them, without those of the way in."""
    listed = await intake.client.get("/v1/tracking/looks", headers=await session_of(intake, case))
    assert listed.status_code == 200, listed.text
    return list(listed.json()["items"])


async def _seal_and_tell(intake: Any, url: str) -> None:
    """What the relay's process does: seal, tell; and what Kafka does: bring it back."""
    sealer = Sealer(database_url=url, service="intake", signer=Signer("5e" * 32), clock=intake.clock)
    async with await connect(url) as connection:
        while await sealer.seal(connection):
            pass
    teller = LookTeller(database_url=url, service="intake", clock=intake.clock)
    async with await telling.connect(url) as connection:
        while await teller.tell(connection):
            pass
    rows = await intake.rows(
        "SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox WHERE topic = 'slrt.intake.looks.v1'"
    )
    for row in rows:
        event = IntakeLooksRecorded.decode(row.payload)
        await intake.looks.process(raw_event(event))


async def test_looks_in_an_emergency_are_told_as_such_and_others_are_not(intake: Any) -> None:
    case = await intake.register(restricted=True)
    officer = "pejaga-malam"
    opened = await intake.post(
        "/v1/emergency-accesses",
        {"case_id": case["case_id"], "reason": "anak dalam bahaya malam ini"},
        "front_office",
        sub=officer,
    )
    assert opened.status_code == 201, opened.text
    intake.clock.move(minutes=1)
    assert (await intake.get(f"/v1/cases/{case['case_id']}", "front_office", sub=officer)).status_code == 200
    headers = intake.token("service", region=None, azp="slrt-registry") | {"Purpose": "registry-record"}
    assert (await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=headers)).status_code == 200
    await _seal_and_tell(intake, intake.url)
    seen = {(item["role"], item["what"]): item for item in await _own_looks(intake, case)}
    assert seen["front_office", "case"]["in_emergency"] is True
    assert seen["service", "case-parties"]["in_emergency"] is False
    assert seen["service", "case-parties"]["automatic"] is True
    assert officer not in str(seen)


async def test_a_resident_sees_that_somebody_tracked_the_ticket(intake: Any) -> None:
    case = await intake.register()
    await intake.client.post("/v1/tracking", json={"ticket_number": case["ticket_number"], "phone_last4": "9901"})
    await _seal_and_tell(intake, intake.url)
    seen = await _own_looks(intake, case)
    assert [(item["role"], item["action"]) for item in seen] == [("resident", "track")]


async def _exported(intake: Any, village: str, *columns: str) -> str:
    """A file of rows that somebody of the back office fetched: its text."""
    body = {"purpose": "case-handling", "reason": "daftar kerja minggu ini", "filters": {"village_code": village}}
    asked = await intake.post("/v1/exports", body | {"columns": columns}, "back_office")
    assert asked.status_code == 201, asked.text
    at = f"/v1/exports/{asked.json()['export_id']}"
    assert (await intake.post(f"{at}/approve", None, "head_of_office", version=1)).status_code == 200
    content = await intake.get(f"{at}/content", "back_office")
    assert content.status_code == 200, content.text
    return str(content.text)


async def test_whoever_has_a_row_in_an_export_sees_so_and_nobody_else_does(intake: Any) -> None:
    village = "12.74.04.1001"
    cases = [await intake.register(village_code=village) for _ in range(3)]
    kept = await intake.register(village_code=village, restricted=True)
    elsewhere = await intake.register()
    await _exported(intake, village, "ticket_number", "name")
    intake.clock.move(minutes=1)
    await _exported(intake, village, "ticket_number", "status")
    await _seal_and_tell(intake, intake.url)
    for case in cases:
        seen = await _own_looks(intake, case)
        assert [(item["action"], item["what"]) for item in seen[:2]] == [("export", "case"), ("export", "case-parties")]
        told = {name: seen[0][name] for name in ("role", "office", "purpose", "action_words", "purpose_words")}
        assert told == {
            "role": "back_office",
            "office": seen[0]["office"],
            "purpose": "case-handling",
            "action_words": "dalam ekspor banyak kasus",
            "purpose_words": "penanganan kasus",
        }
        assert "back_office-1" not in str(seen)
    for case in (kept, elsewhere):
        assert "export" not in {item["action"] for item in await _own_looks(intake, case)}


async def test_the_audit_log_tells_of_a_case_also_the_exports_that_it_was_in(intake: Any) -> None:
    village = "12.74.04.1003"
    case = await intake.register(village_code=village)
    for columns in (["ticket_number", "name"], ["ticket_number"]):
        await _exported(intake, village, *columns)
        intake.clock.move(minutes=1)
    await _seal_and_tell(intake, intake.url)
    at = f"/v1/audit/entries?object_id={case['case_id']}&limit=2"
    first = (await intake.get(at, "auditor")).json()
    second = (await intake.get(f"{at}&cursor={first['next']}", "auditor")).json()
    found = first["items"] + second["items"]
    assert [entry["action"] for entry in found] == ["export", "export", "case-registered"]
    assert [entry["fields"] for entry in found[:2]] == [["ticket_number"], ["ticket_number", "name:masked"]]
    assert {(*entry["cases"], entry["subject"]) for entry in found[:2]} == {(case["case_id"], "back_office-1")}
    other = (await intake.get(f"/v1/audit/entries?object_id={uuid4()}", "auditor")).json()
    assert other["items"] == []


async def test_exports_that_a_case_was_in_are_found_by_an_index(intake: Any) -> None:
    async with intake.database.unit_of_work() as work:
        await work.connection.run("SET LOCAL enable_seqscan = off")
        query = f"EXPLAIN SELECT position FROM audit WHERE {AMONG_CASES}"  # noqa: S608 — a constant
        plan = await work.connection.rows(query, {"object_id": str(uuid4())})
    assert "audit_of_many" in str(plan)


async def test_an_export_after_an_erasure_brings_nobody_back(intake: Any, told: Told) -> None:
    village = "12.74.04.1002"
    case = await intake.register(village_code=village)
    person = PersonId(uuid4())
    await told.person(case, person)
    (row,) = await intake.rows("SELECT person_id FROM persons WHERE case_id = %(id)s", id=case["case_id"])
    party = {"case_id": case["case_id"], "party_ids": [row.person_id]}
    raw = raw_event(PersonErased(person_id=person, reason="requested", cases=[party]))  # type: ignore[list-item]
    erasing = Processor(
        consumer="slrt.intake.erasures",
        database=intake.database,
        handlers=erasures,
        deps=ConsumerParts(outbox=Outbox("intake"), vault=intake.vault, cases=intake.stores),
    )
    for consumer in (intake.looks, erasing):
        assert await consumer.process(raw) is Outcome.APPLIED
    _, only = (await _exported(intake, village, "ticket_number", "name")).splitlines()
    assert only == f'"{case["ticket_number"]}",""'
    await _seal_and_tell(intake, intake.url)
    kept = str(await intake.rows("SELECT looks::text AS whole FROM looks"))
    assert case["case_id"] in kept
    assert str(person) not in kept
    assert str(row.person_id) not in kept
    assert await intake.rows("SELECT FROM case_people WHERE person_id = %(id)s", id=person) == []
