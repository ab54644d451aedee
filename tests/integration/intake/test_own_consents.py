"""In the own session: which office got what, what was agreed to, and that a resident ends it as a desk does."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from tests.integration.intake.families import (
    BAZNAS,
    DUKCAPIL,
    GUARDIAN,
    MOTHER,
    PURPOSE,
    SON,
    Family,
    family_of,
    session_of,
    slug,
    told_events,
)
from tests.leaks.people import CONSENTING
from tests.leaks.scan import Scanner

from slrt_contracts.events import ClaimWithdrawn, ConsentEnded, SharingWithdrawn
from slrt_kit.purposes import purpose_table
from slrt_kit.testing.audit import LOOKS

SPOUSE = {"relation": "spouse", "name": "Jaya Karangan", "nik": "1274030103859003", "birth_date": "1985-03-01"}


@pytest.fixture
async def family(intake: Any) -> Family:
    """Both needs of both people are with two offices."""
    return await family_of(intake)


async def _get(family: Family, session: dict[str, str], what: str, language: str = "en", **asked: Any) -> Any:
    answer = await family.intake.client.get(
        f"/v1/tracking/{what}", headers=session | {"Accept-Language": language}, params=asked
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


async def _withdraw(
    family: Family, session: dict[str, str], consent: str, body: Any = None, *, key: str = "", language: str = "en"
) -> httpx.Response:
    headers = session | {"Idempotency-Key": key or uuid4().hex, "Accept-Language": language}
    answer: httpx.Response = await family.intake.client.post(
        f"/v1/tracking/consents/{consent}/withdrawal", json={} if body is None else body, headers=headers
    )
    return answer


# -- what is refused ------------------------------------------------------------------------------------------------


async def test_without_a_session_nothing_is_shown_and_nothing_ends(family: Family) -> None:
    consent = await family.given()
    officer = family.intake.token("manager")
    async with family.intake.unchanged():
        for headers in ({}, {"Resident-Session": "x" * 43}, officer):
            for what in ("sharings", "consents"):
                answer = await family.intake.client.get(f"/v1/tracking/{what}", headers=headers)
                assert (answer.status_code, slug(answer)) == (401, "session-ended")
            answer = await _withdraw(family, headers, consent)
            assert (answer.status_code, slug(answer)) == (401, "session-ended")


async def test_a_session_ends_also_for_withdrawing(family: Family) -> None:
    consent = await family.given()
    session = await session_of(family.intake, family.case)
    family.intake.clock.move(minutes=30)
    async with family.intake.unchanged():
        assert (await _withdraw(family, session, consent)).status_code == 401


async def test_a_withdrawal_needs_a_key_of_its_own(family: Family) -> None:
    consent = await family.given()
    session = await session_of(family.intake, family.case)
    async with family.intake.unchanged():
        path = f"/v1/tracking/consents/{consent}/withdrawal"
        answer = await family.intake.client.post(path, json={}, headers=session)
        assert (answer.status_code, slug(answer)) == (400, "idempotency-key-required")


@pytest.mark.parametrize("body", [{"reason": "karena begitu"}, {"note": "Mawar"}, {"given_by": "self"}, [], "x"])
async def test_what_is_no_withdrawal_is_refused(body: Any, family: Family) -> None:
    consent = await family.given()
    session = await session_of(family.intake, family.case)
    async with family.intake.unchanged():
        answer = await _withdraw(family, session, consent, body)
    assert (answer.status_code, slug(answer)) == (422, "invalid-request")


async def test_another_case_s_consent_is_not_there_and_costs_the_same_work(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await family_of(family.intake)
    theirs = await other.given()
    session = await session_of(family.intake, family.case)
    asked: list[list[str]] = []
    execute = psycopg.AsyncConnection.execute

    async def counted(connection: Any, statement: Any, *more: Any, **named: Any) -> Any:
        asked[-1].append(str(statement))
        return await execute(connection, statement, *more, **named)

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", counted)
    answers = []
    for consent in (theirs, str(uuid4())):
        asked.append([])
        answers.append(await _withdraw(family, session, consent))
    monkeypatch.undo()
    assert [answer.status_code for answer in answers] == [404, 404]
    first, second = (answer.json() | {"request_id": ""} for answer in answers)
    assert first == second
    assert len(asked[0]) > 2, "the statements were counted"
    assert asked[0] == asked[1]
    (row,) = await family.intake.rows("SELECT withdrawn_at FROM consents WHERE consent_id = %(id)s", id=theirs)
    assert row.withdrawn_at is None


async def test_what_rests_on_another_basis_cannot_be_withdrawn_and_why_stands_there(family: Family) -> None:
    session = await session_of(family.intake, family.case)
    async with family.intake.unchanged():
        answer = await _withdraw(family, session, "case-handling")
    assert (answer.status_code, slug(answer)) == (422, "invalid-request")
    for language, why in (
        ("id", "Tetap berjalan: tugas pemerintah, tidak berdasarkan persetujuan."),
        ("en", "Goes on: a public task, which does not rest on consent."),
    ):
        found = await _get(family, session, "consents", language)
        said = {each["purpose"]: each for each in found["without_consent"]}
        assert set(said) == {each.code for each in purpose_table().purposes.values() if not each.needs_consent}
        assert said["case-handling"]["why"] == why
        assert found["without_consent_says"].startswith(
            {"id": "Yang berikut tidak", "en": "What follows does"}[language]
        )
        assert all(each["why"] and each["purpose_words"] and each["basis_words"] for each in said.values())


async def test_another_adult_s_consent_is_theirs_and_a_child_s_is_the_parent_s(intake: Any) -> None:
    family = await family_of(intake, persons=[MOTHER, SON, SPOUSE])
    parties = await intake.client.get(f"/v1/cases/{family.case_id}/parties", headers=intake.asking("manager"))
    husband = next(each["person_id"] for each in parties.json()["persons"] if each["relation"] == "spouse")
    own, son_s, husband_s = (
        await family.given(),
        await family.given(person_id=family.son, **GUARDIAN),
        await family.given(person_id=husband),
    )
    session = await session_of(intake, family.case)
    shown = (await _get(family, session, "consents"))["consents"]
    assert {each["consent_id"] for each in shown} == {own, son_s}
    async with intake.unchanged():
        answer = await _withdraw(family, session, husband_s)
    assert (answer.status_code, slug(answer)) == (404, "not-found")
    assert (await _withdraw(family, session, son_s)).status_code == 200
    (record,) = await _records(family, son_s)
    assert [(each["given_by"], each["relation"]) for each in record["events"]] == [("guardian", "parent")] * 2


async def test_who_reported_in_secret_sees_and_ends_no_consent_of_those_it_is_about(intake: Any) -> None:
    family = await family_of(intake, reporter_secret=True)
    consent = await family.given()
    session = await session_of(intake, family.case)
    assert (await _get(family, session, "consents"))["consents"] == []
    async with intake.unchanged():
        assert (await _withdraw(family, session, consent)).status_code == 404
    await family.withdraw(consent)
    (ended,) = await _ended(family)
    assert ended.shown_to_resident is False, "and no message goes to the reporter"


# -- what is seen ---------------------------------------------------------------------------------------------------


async def test_the_resident_reads_what_the_offices_got_in_plain_words_and_no_account(family: Family) -> None:
    consent = await family.given()
    for office, role, purpose in ((BAZNAS, "partner", PURPOSE), (DUKCAPIL, "opd_officer", "referral-service")):
        assert (await family.fetch(office, role=role, purpose=purpose)).status_code == 200
        family.intake.clock.move(minutes=1)
    session = await session_of(family.intake, family.case)
    newest, oldest = (await _get(family, session, "sharings"))["items"]
    assert set(oldest) == {
        *("at", "office", "data", "purpose", "purpose_words", "basis", "basis_words"),
        *("state", "state_words", "withdrawn_at", "erase_by", "erased_at"),
    }
    assert (oldest["office"], oldest["purpose_words"]) == (
        "Zakat agency, Kota Tanjungbalai",
        "assistance beyond what an office must give",
    )
    assert (oldest["basis"], oldest["basis_words"], oldest["state"]) == ("consent", "consent", "held")
    assert [(each["field_words"], each["in_part"]) for each in oldest["data"]] == [
        ("name", False),
        ("NIK (identity number)", True),
        ("birth date", True),
        ("sex", False),
        ("address", False),
        ("phone number", False),
    ]
    assert (newest["purpose"], newest["basis"]) == ("referral-service", "public-task")
    assert newest["at"] > oldest["at"]
    assert oldest["at"].endswith("Z")
    hidden = ("partner-1", "opd_officer-1", consent, family.mother, "Mawar", "9001")
    assert not [each for each in hidden if each in f"{newest}{oldest}"]
    indonesian = (await _get(family, session, "sharings", "id"))["items"][1]
    assert (indonesian["basis_words"], indonesian["data"][1]["field_words"]) == ("persetujuan", "NIK")
    assert indonesian["state_words"] == "kantor itu masih menyimpannya"


async def test_pages_give_each_receipt_once_newest_first(family: Family) -> None:
    await family.given()
    for _ in range(5):
        await family.fetch()
    session = await session_of(family.intake, family.case)
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    for size in (2, 2, 1):
        page = await _get(family, session, "sharings", limit=2, **cursor)
        assert len(page["items"]) == size
        seen += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else {}
    assert cursor == {}
    assert seen == (await _get(family, session, "sharings"))["items"]
    bad = await family.intake.client.get("/v1/tracking/sharings?cursor=kucing", headers=session)
    assert (bad.status_code, slug(bad)) == (400, "bad-cursor")


async def test_a_session_shows_its_own_case_alone(family: Family) -> None:
    other = await family_of(family.intake)
    for each in (family, other):
        await each.given()
        await each.fetch()
    session = await session_of(family.intake, family.case)
    assert len((await _get(family, session, "sharings"))["items"]) == 1
    assert len((await _get(family, session, "consents"))["consents"]) == 1


async def test_the_resident_sees_what_was_agreed_to_masked(family: Family) -> None:
    consent = await family.given(offices=[BAZNAS], note="dibacakan oleh fasilitator", expires_at="2999-01-01T00:00:00Z")
    session = await session_of(family.intake, family.case)
    (shown,) = (await _get(family, session, "consents", "id"))["consents"]
    assert (shown["consent_id"], shown["person"], shown["relation"]) == (consent, "M••• K•••", "client")
    assert [each["purpose_words"] for each in shown["purposes"]] == ["bantuan di luar kewajiban pemerintah"]
    assert shown["offices"] == ["Baznas, Kota Tanjungbalai"]
    assert (shown["state"], shown["state_words"], shown["can_withdraw"]) == ("given", "berlaku", True)
    assert "fasilitator" not in str(shown)
    assert "Mawar" not in str(shown)


# -- withdrawing ----------------------------------------------------------------------------------------------------


async def test_what_the_resident_withdraws_ends_as_at_the_desk(family: Family) -> None:
    """Two cases that went the same way: one is ended at the desk, one by its resident; all that follows is the same."""
    at_the_desk = await family_of(family.intake)
    followed = []
    for each in (at_the_desk, family):
        consent = await each.given()
        receipts = [(await each.fetch(office)).json()["receipt_id"] for office in (BAZNAS, BAZNAS, DUKCAPIL)]
        session = await session_of(each.intake, each.case)
        if each is family:
            answer = await _withdraw(each, session, consent, {"reason": "troubled"})
            said = answer.json()
            assert said["offices_told"] == ["Zakat agency, Kota Tanjungbalai", "Civil registration, Kota Tanjungbalai"]
            assert [stopped["purpose"] for stopped in said["stopped"]] == [PURPOSE]
            assert {gone["basis"] for gone in said["goes_on"]} == {"public-task", "legal-obligation", "vital-interest"}
        else:
            answer = await each.withdraw(consent, {"reason": "troubled"})
        assert answer.status_code == 200, answer.text
        assert slug(await each.fetch()) == "consent-missing"
        assert (await each.fetch(DUKCAPIL, role="opd_officer", purpose="referral-service")).status_code == 200
        told = [event for event in await told_events(each.intake) if str(getattr(event, "consent_id", "")) == consent]
        gone = {str(event.receipt_id) for event in await told_events(each.intake) if isinstance(event, ClaimWithdrawn)}
        assert gone >= set(receipts)
        followed.append(
            (
                [
                    (type(event), event.office_code, len(event.receipt_ids), event.reason_code)
                    for event in told
                    if isinstance(event, SharingWithdrawn)
                ],
                [(event.reason_code, event.shown_to_resident) for event in told if isinstance(event, ConsentEnded)],
                sorted(
                    (row["office_code"], row["withdrawn_at"] is not None, row["erase_by"] is not None)
                    for row in await each.sharings()
                ),
            )
        )
    assert followed[0] == followed[1]
    assert followed[0][1] == [("withdrawn", True)]


async def test_it_is_recorded_as_the_resident_s_in_the_log_the_record_and_the_timeline(family: Family) -> None:
    consent = await family.given(note="dibacakan")
    session = await session_of(family.intake, family.case)
    assert (await _withdraw(family, session, consent, {"reason": "not_needed"})).status_code == 200
    (record,) = await _records(family, consent)
    assert record["state"] == "withdrawn"
    assert "/intake/v1/tracking/consents/" in record["withdrawal_method"]
    (_, end) = record["events"]
    assert (end["by"], end["given_by"], end["reason"], end["note"]) == ("resident", "self", "not_needed", None)
    looks = await family.intake.rows(
        f"SELECT action, subject, roles FROM {LOOKS} WHERE object_id = %(id)s AND action = 'withdraw'",  # noqa: S608
        id=consent,
    )
    assert [(look.subject, list(look.roles)) for look in looks] == [("resident", ["resident"])]
    (row,) = await family.intake.rows("SELECT by FROM consent_withdrawals WHERE consent_id = %(id)s", id=consent)
    assert row.by == "resident"
    timeline = (await family.intake.get(f"/v1/cases/{family.case_id}", "manager")).json()["timeline"]
    (entry,) = [each for each in timeline if each["event_type"] == "id.slrt.intake.consent-ended.v1"]
    assert (entry["facts"]["reason_code"], entry["facts"]["by_resident"]) == ("withdrawn", True)
    assert not [each for each in ("Mawar", PURPOSE, "not_needed") if each in str(entry)]


async def test_nothing_of_the_resident_s_stands_in_what_it_leaves_behind(family: Family) -> None:
    """Scanned as the whole suite is: events, timeline, kept answers, and entries of the audit log."""
    consent = await family.given(offices=[BAZNAS])
    await family.fetch()
    session = await session_of(family.intake, family.case)
    answer = await _withdraw(family, session, consent, {"reason": "troubled"})
    left = {"answer": answer.text, "sharings": str(await _get(family, session, "sharings"))}
    for table, column in (
        ("outbox", "convert_from(payload, 'UTF8')"),
        ("idempotency", "convert_from(body, 'UTF8')"),
        ("timeline", "facts::text"),
        ("audit_unsealed", "entry"),
        ("consent_withdrawals", "row_to_json(t)::text"),
    ):
        rows = await family.intake.rows(f"SELECT {column} AS said FROM {table} t")  # noqa: S608 — fixed names
        left[table] = "\n".join(row.said or "" for row in rows)
    assert Scanner(CONSENTING).leaks_in({"a name": "Mawar Karangan"}), "it finds what is there"
    assert Scanner(CONSENTING).leaks_in(left) == []
    assert session["Resident-Session"] not in str(left)


async def test_a_repeated_withdrawal_gets_the_first_answer_and_a_second_one_is_refused(family: Family) -> None:
    consent, key = await family.given(), uuid4().hex
    session = await session_of(family.intake, family.case)
    first = await _withdraw(family, session, consent, key=key)
    async with family.intake.unchanged():
        again = await _withdraw(family, session, consent, key=key)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        second = await _withdraw(family, session, consent)
        assert (second.status_code, slug(second)) == (409, "transition-refused")
        assert (await family.withdraw(consent)).status_code == 409


async def test_desk_and_resident_at_once_end_it_once(family: Family) -> None:
    consent = await family.given()
    session = await session_of(family.intake, family.case)
    answers = await asyncio.gather(
        *(_withdraw(family, session, consent) for _ in range(3)), *(family.withdraw(consent) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len(await _ended(family)) == 1


async def test_what_was_withdrawn_and_erased_is_said_so(family: Family) -> None:
    consent = await family.given()
    receipt = (await family.fetch()).json()["receipt_id"]
    session = await session_of(family.intake, family.case)
    await _withdraw(family, session, consent)
    (owed,) = (await _get(family, session, "sharings"))["items"]
    assert (owed["state"], owed["erased_at"]) == ("to-erase", None)
    assert owed["erase_by"] > owed["withdrawn_at"]
    path = f"/v1/sharings/{receipt}/erasure"
    assert (await family.intake.post(path, None, "partner", region=None, office=BAZNAS)).status_code == 200
    (erased,) = (await _get(family, session, "sharings"))["items"]
    assert erased["state"] == "erased"
    assert erased["erased_at"] is not None
    (shown,) = (await _get(family, session, "consents"))["consents"]
    assert (shown["state"], shown["can_withdraw"], shown["ended_at"]) == ("withdrawn", False, owed["withdrawn_at"])


async def test_what_the_session_was_shown_is_on_record(family: Family) -> None:
    session = await session_of(family.intake, family.case)
    await _get(family, session, "sharings")
    await _get(family, session, "consents")
    looks = await family.intake.rows(
        f"SELECT subject, fields FROM {LOOKS} WHERE object_id = %(id)s AND action = 'see' ORDER BY id",  # noqa: S608
        id=family.case_id,
    )
    assert [(look.subject, list(look.fields)) for look in looks] == [
        ("resident", ["sharings"]),
        ("resident", ["consents", "masked"]),
    ]


async def _records(family: Family, consent: str) -> list[dict[str, Any]]:
    found = (await family.intake.get(f"/v1/cases/{family.case_id}/consents")).json()["consents"]
    return [each for each in found if each["record_id"] == consent]


async def _ended(family: Family) -> list[ConsentEnded]:
    told = await told_events(family.intake)
    return [each for each in told if isinstance(each, ConsentEnded) and each.case_id == UUID(family.case_id)]
