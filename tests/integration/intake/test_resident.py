"""The resident's side beyond status: codes that nobody can guess or use twice, sessions, and the own case, masked."""

import asyncio
import re
from collections import Counter
from typing import Any
from uuid import uuid4

import httpx
import pytest

from slrt_contracts.events import PersonErased, ReferralSent
from slrt_contracts.types import CaseId, PersonId
from slrt_intake.consumers import ConsumerParts, erasures
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.testing import raw_event
from slrt_kit.testing.audit import LOOKS

RIGHT, WRONG = "9901", "1234"
CODE_REFUSED = (403, "urn:slrt:problem:code-not-accepted")


async def _ask(intake: Any, ticket: str, digits: str = RIGHT, *, key: str = "") -> httpx.Response:
    body = {"ticket_number": ticket, "phone_last4": digits}
    return await intake.client.post("/v1/tracking/codes", json=body, headers={"Idempotency-Key": key or uuid4().hex})


async def _challenge(intake: Any, ticket: str) -> str:
    answer = await _ask(intake, ticket)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["challenge_id"])


async def _codes(intake: Any, *case_ids: str, purpose: str | None = "resident-code", role: str = "service") -> Any:
    headers = intake.token(role, region=None, azp="slrt-notification") | ({"Purpose": purpose} if purpose else {})
    body = {"cases": [{"case_id": case_id, "event_id": str(uuid4())} for case_id in case_ids]}
    return await intake.client.post("/v1/codes/search", json=body, headers=headers)


async def _code(intake: Any, case_id: str) -> str:
    [found] = (await _codes(intake, case_id)).json()["codes"]
    assert found["case_id"] == case_id
    return str(found["code"])


async def _open(intake: Any, ticket: str, challenge: str, code: str) -> httpx.Response:
    body = {"ticket_number": ticket, "challenge_id": challenge, "code": code}
    return await intake.client.post("/v1/tracking/sessions", json=body)


async def _session(intake: Any, case: dict[str, Any]) -> dict[str, str]:
    challenge = await _challenge(intake, case["ticket_number"])
    answer = await _open(intake, case["ticket_number"], challenge, await _code(intake, case["case_id"]))
    assert answer.status_code == 201, answer.text
    return {"Resident-Session": answer.json()["token"]}


def _other(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06d}"


def _said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


# -- guesses --------------------------------------------------------------------------------------------------------


async def test_five_wrong_codes_kill_the_challenge_also_for_the_right_one(intake: Any) -> None:
    case = await intake.register()
    challenge, right = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    for number in range(1, 6):
        assert _said(await _open(intake, case["ticket_number"], challenge, _other(right, number))) == CODE_REFUSED
    async with intake.unchanged():
        assert _said(await _open(intake, case["ticket_number"], challenge, right)) == CODE_REFUSED
    assert (await _codes(intake, case["case_id"])).json() == {"codes": []}


async def test_many_guesses_at_once_are_no_more_than_five(intake: Any) -> None:
    case = await intake.register()
    challenge, right = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    guesses = (_open(intake, case["ticket_number"], challenge, _other(right, by)) for by in range(1, 13))
    assert Counter(map(_said, await asyncio.gather(*guesses))) == {CODE_REFUSED: 12}
    [row] = await intake.rows("SELECT wrong FROM resident_challenges WHERE challenge_id = %(id)s", id=challenge)
    assert row.wrong == 5


async def test_a_code_opens_one_session_however_many_use_it_at_once(intake: Any) -> None:
    case = await intake.register()
    challenge, right = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    answers = await asyncio.gather(*(_open(intake, case["ticket_number"], challenge, right) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 403: 5}
    async with intake.unchanged():
        assert _said(await _open(intake, case["ticket_number"], challenge, right)) == CODE_REFUSED


async def test_one_answer_for_everything_that_opens_nothing(intake: Any) -> None:
    first, second = await intake.register(), await intake.register()
    challenge, right = await _challenge(intake, first["ticket_number"]), await _code(intake, first["case_id"])
    wrong = await _open(intake, first["ticket_number"], challenge, _other(right))
    async with intake.unchanged():
        others = [
            await _open(intake, second["ticket_number"], challenge, right),
            await _open(intake, first["ticket_number"], str(uuid4()), right),
            await _open(intake, "1274-0000-0000", challenge, right),
            await _open(intake, "kucing-kucing", challenge, right),
        ]
    for answer in others:
        assert _said(answer) == CODE_REFUSED
        assert answer.json() | {"request_id": ""} == wrong.json() | {"request_id": ""}


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", " 12345", "１２３４５６", None, 123456])
async def test_what_cannot_be_a_code_is_no_guess(code: Any, intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    challenge = await _challenge(intake, ticket)
    async with intake.unchanged():
        answer = await _open(intake, ticket, challenge, code)
    assert _said(answer) == (422, "urn:slrt:problem:invalid-request")


async def test_only_the_newest_code_is_good(intake: Any) -> None:
    case = await intake.register()
    old, old_code = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    intake.clock.move(seconds=60)
    new, new_code = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    assert old_code != new_code or old != new
    async with intake.unchanged():
        assert _said(await _open(intake, case["ticket_number"], old, old_code)) == CODE_REFUSED
    assert (await _open(intake, case["ticket_number"], new, new_code)).status_code == 201


async def test_a_code_dies_after_ten_minutes(intake: Any) -> None:
    case = await intake.register()
    challenge, right = await _challenge(intake, case["ticket_number"]), await _code(intake, case["case_id"])
    intake.clock.move(minutes=10)
    async with intake.unchanged():
        assert _said(await _open(intake, case["ticket_number"], challenge, right)) == CODE_REFUSED
        assert (await _codes(intake, case["case_id"])).json() == {"codes": []}


# -- asking ---------------------------------------------------------------------------------------------------------


async def test_without_the_digits_nobody_gets_a_code_and_the_guess_is_counted(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    async with intake.unchanged(but="ticket_failures"):
        assert _said(await _ask(intake, ticket, WRONG)) == (404, "urn:slrt:problem:ticket-not-found")
        assert _said(await _ask(intake, "1274-0000-0000")) == (404, "urn:slrt:problem:ticket-not-found")
    for _ in range(4):
        await _ask(intake, ticket, WRONG)
    assert _said(await _ask(intake, ticket)) == (429, "urn:slrt:problem:ticket-locked")


async def test_a_case_without_a_phone_gets_no_code(intake: Any) -> None:
    ticket = (await intake.register(contact={"email": "warga.9901@contoh.id"}))["ticket_number"]
    assert (await _ask(intake, ticket, "0000")).status_code == 404


async def test_codes_are_sent_a_minute_apart_and_three_in_an_hour(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    assert (await _ask(intake, ticket)).status_code == 202
    async with intake.unchanged():
        soon = await _ask(intake, ticket)
    assert (_said(soon), soon.headers["Retry-After"]) == ((429, "urn:slrt:problem:too-many-codes"), "61")
    for _ in range(2):
        intake.clock.move(seconds=60)
        assert (await _ask(intake, ticket)).status_code == 202
    intake.clock.move(seconds=60)
    fourth = await _ask(intake, ticket)
    assert (fourth.status_code, fourth.headers["Retry-After"]) == (429, "3421")
    intake.clock.move(seconds=3420)
    assert (await _ask(intake, ticket)).status_code == 202


async def test_many_who_ask_at_once_get_one_code(intake: Any) -> None:
    ticket = (await intake.register())["ticket_number"]
    answers = await asyncio.gather(*(_ask(intake, ticket) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 429: 5}


async def test_a_repeated_request_is_answered_as_the_first_time(intake: Any) -> None:
    ticket, key = (await intake.register())["ticket_number"], uuid4().hex
    first = await _ask(intake, ticket, key=key)
    async with intake.unchanged():
        again = await _ask(intake, ticket, key=key)
    assert (again.status_code, again.content) == (202, first.content)


async def test_the_answer_says_where_the_code_goes_and_until_when_it_lives(intake: Any) -> None:
    case = await intake.register(contact={"phone": "0812-0000-9901", "email": "warga.9901@contoh.id"})
    answer = (await _ask(intake, case["ticket_number"])).json()
    assert set(answer) == {"challenge_id", "expires_at", "channels"}
    assert answer["channels"] == ["whatsapp"]


async def test_the_code_stands_in_no_table_no_event_and_no_audit_entry(intake: Any) -> None:
    case = await intake.register()
    await _challenge(intake, case["ticket_number"])
    code = await _code(intake, case["case_id"])
    whole = re.compile(rf"(?<![0-9a-f.-]){code}(?![0-9a-f-])")
    for table in ("resident_challenges", "outbox", "audit_unsealed", "idempotency", "timeline", "inbox"):
        rows = await intake.rows(
            f"SELECT row_to_json(t)::text AS said FROM (SELECT * FROM {table}) t"  # noqa: S608 — fixed names
        )
        assert not [row.said for row in rows if whole.search(row.said)], table
    [event] = await intake.rows(
        "SELECT topic, convert_from(payload, 'UTF8')::jsonb AS told FROM outbox "
        "WHERE topic = 'slrt.intake.resident.v1' AND payload::text LIKE %(id)s OR "
        "topic = 'slrt.intake.resident.v1' AND convert_from(payload, 'UTF8') LIKE %(id)s",
        id=f"%{case['case_id']}%",
    )
    assert set(event.told) == {"challenge_id", "case_id", "expires_at", "reachable_by"}


async def test_a_code_request_is_on_no_timeline(intake: Any) -> None:
    case = await intake.register()
    await _challenge(intake, case["ticket_number"])
    types = await intake.rows("SELECT event_type FROM timeline WHERE case_id = %(id)s", id=case["case_id"])
    assert [row.event_type for row in types] == ["id.slrt.intake.case-registered.v1"]


@pytest.mark.parametrize(
    "changes",
    [{"reporter_secret": True}, {"restricted": True}, {"needs": [{"need_code": "KEKERASAN", "person_ref": 0}]}],
    ids=["secret reporter", "restricted", "violence"],
)
async def test_the_resident_of_a_sensitive_case_gets_in_as_any_other(changes: dict[str, Any], intake: Any) -> None:
    headers = await _session(intake, await intake.register(**changes))
    assert (await intake.client.get("/v1/tracking/case", headers=headers)).status_code == 200


async def test_the_resident_of_a_sealed_case_gets_in_as_any_other(intake: Any) -> None:
    case = await intake.register()
    sealed = await intake.post(f"/v1/cases/{case['case_id']}/seal", {"reason": "safety"}, "head_of_office", version=1)
    assert sealed.status_code == 200, sealed.text
    headers = await _session(intake, case)
    assert (await intake.client.get("/v1/tracking/case", headers=headers)).status_code == 200


# -- the claim check ------------------------------------------------------------------------------------------------


async def test_only_a_service_that_says_what_for_fetches_a_code_and_it_is_on_record(intake: Any) -> None:
    case = await intake.register()
    await _challenge(intake, case["ticket_number"])
    assert _said(await _codes(intake, case["case_id"], purpose=None))[0] == 400
    assert _said(await _codes(intake, case["case_id"], purpose="resident-message"))[0] == 403
    for role in ("front_office", "manager", "auditor", "admin", "opd_officer"):
        assert _said(await _codes(intake, case["case_id"], role=role))[0] == 403
    before = len(await intake.rows(f"SELECT 1 FROM {LOOKS} WHERE object_type = 'resident-code'"))  # noqa: S608
    assert len((await _codes(intake, case["case_id"], str(uuid4()))).json()["codes"]) == 1
    after = await intake.rows(f"SELECT purpose FROM {LOOKS} WHERE object_type = 'resident-code'")  # noqa: S608
    assert len(after) == before + 1
    assert after[-1].purpose == "resident-code"


# -- sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["case", "looks"])
@pytest.mark.parametrize("token", [None, "", "x", "a" * 43, "Bearer x", "é" * 20, "z" * 101])
async def test_without_a_session_nothing_is_shown(path: str, token: str | None, intake: Any) -> None:
    headers = {} if token is None else {"Resident-Session": token.encode("latin-1", "replace").decode("latin-1")}
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    async with intake.unchanged():
        answer = await intake.client.get(f"/v1/tracking/{path}", headers=encoded)
    assert answer.status_code in (401, 422)
    if answer.status_code == 401:
        assert answer.json()["type"] == "urn:slrt:problem:session-ended"
        assert answer.headers["WWW-Authenticate"] == "Resident-Session"


async def test_an_officer_s_token_is_no_session_and_a_session_is_no_officer_s_token(intake: Any) -> None:
    case = await intake.register()
    token = (await _session(intake, case))["Resident-Session"]
    officer = intake.token("manager")["Authorization"]
    assert (await intake.client.get("/v1/tracking/case", headers={"Authorization": officer})).status_code == 401
    assert (
        await intake.client.get("/v1/tracking/case", headers={"Resident-Session": officer.split()[1][:100]})
    ).status_code == 401
    for headers in ({"Authorization": f"Bearer {token}"}, {"Resident-Session": token}):
        answer = await intake.client.get(f"/v1/cases/{case['case_id']}", headers=headers)
        assert answer.status_code == 401


async def test_a_session_shows_its_own_case_and_ends_after_half_an_hour(intake: Any) -> None:
    first, second = await intake.register(), await intake.register()
    headers = await _session(intake, first)
    seen = (await intake.client.get("/v1/tracking/case", headers=headers)).json()
    assert seen["ticket_number"] == first["ticket_number"] != second["ticket_number"]
    intake.clock.move(minutes=29)
    assert (await intake.client.get("/v1/tracking/case", headers=headers)).status_code == 200
    intake.clock.move(minutes=1)
    assert (await intake.client.get("/v1/tracking/case", headers=headers)).status_code == 401


async def test_a_session_ends_when_its_resident_says_so_and_when_another_begins(intake: Any) -> None:
    case = await intake.register()
    first = await _session(intake, case)
    intake.clock.move(seconds=60)
    second = await _session(intake, case)
    assert (await intake.client.get("/v1/tracking/case", headers=first)).status_code == 401
    assert (await intake.client.get("/v1/tracking/case", headers=second)).status_code == 200
    for _ in range(2):
        assert (await intake.client.delete("/v1/tracking/sessions", headers=second)).status_code == 204
    assert (await intake.client.get("/v1/tracking/case", headers=second)).status_code == 401


async def test_the_token_stands_in_no_table(intake: Any) -> None:
    token = (await _session(intake, await intake.register()))["Resident-Session"]
    assert len(token) == 43, "256 bits"
    for table in ("resident_sessions", "outbox", "audit_unsealed", "idempotency"):
        rows = await intake.rows(f"SELECT row_to_json(t)::text AS said FROM {table} t")  # noqa: S608 — fixed names
        assert not [row.said for row in rows if token in row.said or token.encode().hex() in row.said]


async def test_an_erasure_ends_the_session(intake: Any) -> None:
    case = await intake.register()
    headers = await _session(intake, case)
    [person] = await intake.rows("SELECT person_id FROM persons WHERE case_id = %(id)s", id=case["case_id"])
    parts = ConsumerParts(outbox=intake.looks._deps.outbox, vault=intake.vault, cases=intake.stores)
    processor = Processor(consumer="slrt.intake.erasures", database=intake.database, handlers=erasures, deps=parts)
    erased = PersonErased(
        person_id=PersonId(uuid4()),
        reason="requested",
        cases=({"case_id": case["case_id"], "party_ids": (person.person_id,)},),
    )
    assert await processor.process(raw_event(erased)) is Outcome.APPLIED
    assert (await intake.client.get("/v1/tracking/case", headers=headers)).status_code == 401


# -- the own case ---------------------------------------------------------------------------------------------------


async def test_the_own_case_is_masked_and_names_no_officer(intake: Any) -> None:
    case = await intake.decided(
        contact={
            "phone": "0812-0000-9901",
            "email": "mawar.9901@contoh.id",
            "kk_number": "1274030101109001",
            "address": "Jalan Contoh 9",
        }
    )
    answer = await intake.client.get("/v1/tracking/case", headers=await _session(intake, case))
    for secret in (
        *("Mawar", "Karangan", "1274035203879001", "81200009901", "1274030101109001", "Jalan Contoh", "gelap"),
        *("mawar.9901", case["case_id"], "facilitator-1", "front_office-1", "back_office-1", "coordinator-1"),
    ):
        assert secret not in answer.text
    seen = answer.json()
    assert seen["persons"] == [{"relation": "client", "name": "M••• K•••", "nik": "1274••••••••9001", "erased": False}]
    assert seen["contact"]["phone"] == "+628••••••9901"
    assert seen["contact"]["email"] == "m•••@contoh.id"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", ["id", "en"])
async def test_the_own_case_tells_what_happened_when_and_which_office_has_it(language: str, intake: Any) -> None:
    case = await intake.decided()
    sent = ReferralSent(
        referral_id=uuid4(),
        case_id=CaseId(case["case_id"]),
        need_id=case["needs"][0]["need_id"],
        office_code="12.74.ESDM",
        need_code="BPBL",
        district_code="12.74.03",
        urgent=False,
    )
    await intake.hear(sent)
    headers = await _session(intake, case) | {"Accept-Language": language}
    seen = (await intake.client.get("/v1/tracking/case", headers=headers)).json()
    words = {
        "id": ["Laporan terdaftar", "Data sudah dicocokkan", "Laporan sudah diputuskan", "Kebutuhan dikirim ke dinas"],
        "en": [
            "The report was registered",
            "The data was checked",
            "The report was decided",
            "A need was sent to an office",
        ],
    }
    assert [step["says"] for step in seen["steps"]] == words[language]
    office = {"id": "Dinas Energi dan Sumber Daya Mineral, Kota Tanjungbalai", "en": "Energy, Kota Tanjungbalai"}
    assert seen["steps"][-1]["office"] == seen["details"][0]["office"] == office[language]
    assert seen["decided_at"] is not None
    assert seen["place"].endswith("Kota Tanjungbalai")


async def test_looking_at_the_own_case_is_on_record(intake: Any) -> None:
    case = await intake.register()
    headers = await _session(intake, case)
    await intake.client.get("/v1/tracking/case", headers=headers)
    looks = await intake.rows(
        f"SELECT action, subject FROM {LOOKS} WHERE object_id = %(id)s AND subject = 'resident' ORDER BY id",  # noqa: S608
        id=case["case_id"],
    )
    assert [row.action for row in looks] == ["session", "see"]
