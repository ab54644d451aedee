"""Consent is given once and withdrawn once; then sharing ends, and each office that holds something is told."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.integration.intake.families import (
    BAZNAS,
    DUKCAPIL,
    FAMILY,
    GUARDIAN,
    PURPOSE,
    Family,
    family_of,
    slug,
    told_events,
)

from slrt_contracts.events import ClaimWithdrawn, SharingWithdrawn
from slrt_contracts.events.registry import ErasedInCase, PersonErased
from slrt_intake.consumers import ConsumerParts, erasures
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import raw_event
from slrt_kit.testing.audit import LOOKS


@pytest.fixture
async def family(intake: Any) -> Family:
    """Both needs of both people are with two offices."""
    return await family_of(intake)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"purposes": []}, "invalid-request"),
        ({"purposes": ["Mencari tahu"]}, "invalid-request"),
        ({"purposes": ["curiosity"]}, "not-by-consent"),
        ({"purposes": [PURPOSE, "case-handling"]}, "not-by-consent"),
        ({"offices": ["Baznas"]}, "invalid-request"),
        ({"notice_version": ""}, "invalid-request"),
        ({"notice_language": "Indonesia"}, "invalid-request"),
        ({"method": "guessed"}, "invalid-request"),
        ({"method": "oral"}, "witness-needed"),
        ({"method": "thumb_mark"}, "witness-needed"),
        ({"given_by": "guardian"}, "invalid-request"),
        ({"relation": "parent"}, "invalid-request"),
        ({"given_at": "2026-07-01T10:00:00"}, "invalid-request"),
        ({"given_at": "2999-01-01T00:00:00Z"}, "consent-period"),
        ({"given_at": "2020-01-01T00:00:00Z", "expires_at": "2020-02-01T00:00:00Z"}, "consent-period"),
        ({"person_id": "019f1a00-0000-7000-8000-000000000009"}, "unknown-principal"),
        ({"note": ""}, "invalid-request"),
        ({"signature": "x"}, "invalid-request"),
    ],
)
async def test_a_consent_that_would_not_hold_is_refused(change: dict[str, Any], problem: str, family: Family) -> None:
    async with family.intake.unchanged():
        answer = await family.give(**change)
    assert (answer.status_code, slug(answer)) == (422, problem)


async def test_for_a_child_the_parent_agrees(family: Family) -> None:
    async with family.intake.unchanged():
        assert slug(await family.give(person_id=family.son)) == "guardian-needed"
    assert (await family.give(person_id=family.son, **GUARDIAN)).status_code == 201


async def test_the_same_is_not_agreed_to_twice(family: Family) -> None:
    first = await family.given()
    async with family.intake.unchanged():
        for change in ({}, {"offices": [BAZNAS]}):
            answer = await family.give(**change)
            assert (answer.status_code, slug(answer)) == (409, "consent-in-force")
            assert answer.json()["consent_id"] == first


async def test_two_who_record_the_same_at_once_are_told_apart(family: Family) -> None:
    answers = await asyncio.gather(*(family.give() for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_consent_is_of_its_own_case_and_area(family: Family) -> None:
    consent = await family.given()
    other = await family.intake.decided(**FAMILY)
    async with family.intake.unchanged():
        path = f"/v1/cases/{other['case_id']}/consents/{consent}/withdrawal"
        assert (await family.intake.post(path, {}, "front_office")).status_code == 404
        assert (await family.withdraw(consent, region="32.01")).status_code == 404
        assert (await family.intake.get(f"/v1/cases/{family.case_id}/consents", region="32.01")).status_code == 404
        assert (
            await family.intake.get(f"/v1/cases/{family.case_id}/sharings", "manager", region="32.01")
        ).status_code == 404


async def test_a_consent_is_withdrawn_once(family: Family) -> None:
    consent = await family.given()
    assert (await family.withdraw(consent)).status_code == 200
    async with family.intake.unchanged():
        answer = await family.withdraw(consent)
    assert (answer.status_code, slug(answer)) == (409, "transition-refused")


@pytest.mark.parametrize(
    "change",
    [
        "purposes = '{emergency-help}'",
        "expires_at = NULL, given_at = now()",
        "person_id = person_id, withdrawn_at = NULL",
        "method = 'electronic'",
        "sealed = '\\x00'",
    ],
)
async def test_the_database_itself_changes_no_consent(change: str, family: Family) -> None:
    consent = await family.given(expires_at="2999-01-01T00:00:00Z", note="dibacakan")
    await family.withdraw(consent)
    with psycopg.connect(family.intake.database.url) as connection:
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(f"UPDATE consents SET {change}")  # noqa: S608
        connection.rollback()
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("DELETE FROM consents")


# -- sharing --------------------------------------------------------------------------------------------------------


async def test_without_consent_nothing_is_shared_for_a_purpose_that_rests_on_it(family: Family) -> None:
    async with family.intake.unchanged():
        answer = await family.fetch()
    assert (answer.status_code, slug(answer)) == (403, "consent-missing")
    assert "Mawar" not in answer.text
    await family.intake.app.state.refusals.flush()
    (refused,) = await family.intake.rows(
        "SELECT count(*) AS times FROM audit_unsealed WHERE entry LIKE %(of)s AND entry LIKE '%%consent-missing%%'",
        of=f"%{family.case_id}%",
    )
    assert refused.times == 1


async def test_an_office_gets_those_who_agreed_and_a_receipt(family: Family) -> None:
    consent = await family.given()
    answer = await family.fetch()
    assert answer.status_code == 200, answer.text
    (person,) = answer.json()["persons"]
    assert person == {
        "person_id": family.mother,
        "relation": "client",
        "erased": False,
        "name": "Mawar Karangan",
        "nik": "1274••••••••9001",
        "birth_date": None,
        "birth_year": 1987,
        "sex": None,
    }
    assert (answer.json()["kk_number"], answer.json()["phone"]) == (None, "+6281200009901")
    (sharing,) = await family.sharings()
    assert sharing["receipt_id"] == answer.json()["receipt_id"]
    assert (sharing["office_code"], sharing["purpose"], sharing["basis"]) == (BAZNAS, PURPOSE, "consent")
    assert (sharing["consent_ids"], sharing["person_ids"]) == ([consent], [family.mother])
    assert len(sharing["referral_ids"]) == 1
    assert sharing["fields"] == ["name", "nik-masked", "birth_date-masked", "sex", "address", "phone"]


async def test_a_consent_for_one_office_is_none_for_another(family: Family) -> None:
    await family.given(offices=[BAZNAS])
    assert (await family.fetch()).status_code == 200
    assert (await family.fetch(DUKCAPIL, role="opd_officer")).status_code == 403


async def test_a_consent_that_has_run_out_shares_nothing(family: Family) -> None:
    consent = await family.given(expires_at=(family.intake.clock.now() + timedelta(hours=1)).isoformat())
    assert (await family.fetch()).status_code == 200
    family.intake.clock.move(minutes=60)
    assert slug(await family.fetch()) == "consent-missing"
    # It may be given anew; the old one may still be withdrawn, for the office holds what it got.
    assert (await family.give()).status_code == 201
    assert (await family.withdraw(consent)).json()["offices_told"] == [BAZNAS]


async def test_a_withdrawal_stops_sharing_and_tells_each_office_of_its_own(family: Family) -> None:
    consent = await family.given(note="dibacakan oleh fasilitator")
    receipts = [(await family.fetch(office)).json()["receipt_id"] for office in (BAZNAS, BAZNAS, DUKCAPIL)]
    answer = await family.withdraw(consent, {"reason": "troubled", "note": "sering didatangi"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["stopped"], said["offices_told"]) == ([PURPOSE], [BAZNAS, DUKCAPIL])
    assert set(said["receipt_ids"]) == set(receipts)
    assert {each["purpose"] for each in said["goes_on"]} >= {"case-handling", "referral-service", "data-correction"}
    assert {each["basis"] for each in said["goes_on"]} == {"public-task", "legal-obligation", "vital-interest"}
    assert all(each["why"].keys() == {"id", "en"} for each in said["goes_on"])
    # Stopped with the answer; what is the office's public task goes on.
    assert slug(await family.fetch()) == "consent-missing"
    assert (await family.fetch(DUKCAPIL, role="opd_officer", purpose="referral-service")).status_code == 200
    # Each office is told of its own receipts; partners that read topics of receipts alone.
    told = [
        event
        for event in await told_events(family.intake)
        if isinstance(event, SharingWithdrawn) and str(event.consent_id) == consent
    ]
    by_office = {event.office_code: {str(each) for each in event.receipt_ids} for event in told}
    assert by_office == {BAZNAS: set(receipts[:2]), DUKCAPIL: {receipts[2]}}
    gone = [event for event in await told_events(family.intake) if isinstance(event, ClaimWithdrawn)]
    assert {str(event.receipt_id) for event in gone} >= set(receipts)
    owed = [each for each in await family.sharings() if each["erase_by"] is not None]
    assert {each["receipt_id"] for each in owed} == set(receipts)
    assert {each["erase_by"] for each in owed} == {said["erase_by"]}


async def test_a_delivery_that_is_under_way_is_told_and_none_comes_after(family: Family) -> None:
    consent = await family.given()
    answers = await asyncio.gather(
        *(family.fetch() for _ in range(8)), family.withdraw(consent), *(family.fetch() for _ in range(8))
    )
    withdrawn = next(answer for answer in answers if "stopped" in answer.json())
    receipts = {answer.json()["receipt_id"] for answer in answers if "receipt_id" in answer.json()}
    assert receipts == set(withdrawn.json()["receipt_ids"]), "whoever got something is told, and nobody else"
    assert {answer.status_code for answer in answers} <= {200, 403}
    assert (await family.fetch()).status_code == 403


async def test_an_office_says_that_it_has_erased_its_own_and_is_told_no_more(family: Family) -> None:
    consent = await family.given()
    receipt = (await family.fetch()).json()["receipt_id"]
    path = f"/v1/sharings/{receipt}/erasure"
    async with family.intake.unchanged():
        assert (await family.intake.post(path, None, "partner", office=DUKCAPIL)).status_code == 404
        assert (
            await family.intake.post(f"/v1/sharings/{uuid4()}/erasure", None, "partner", office=BAZNAS)
        ).status_code == 404
        assert (await family.intake.post(path, None, "manager", office=BAZNAS)).status_code == 403
    assert (await family.intake.post(path, None, "partner", region=None, office=BAZNAS)).status_code == 200
    async with family.intake.unchanged():
        assert (await family.intake.post(path, None, "partner", office=BAZNAS)).status_code == 409
    assert (await family.withdraw(consent)).json()["offices_told"] == []


# -- reading, and the end of a person -------------------------------------------------------------------------------


async def test_the_record_is_one_of_iso_27560_and_says_what_needs_no_consent(family: Family) -> None:
    consent = await family.given(
        method="oral", witness_role="facilitator", offices=[BAZNAS], expires_at="2999-01-01T00:00:00Z", note="dibacakan"
    )
    await family.withdraw(consent, {"reason": "not_needed", "given_by": "proxy", "relation": "child"})
    found = (await family.intake.get(f"/v1/cases/{family.case_id}/consents")).json()
    (record,) = found["consents"]
    assert record["schema_version"].endswith("dpv-27560#record")
    assert (record["record_id"], record["pii_principal_id"]) == (consent, family.mother)
    assert (record["pii_controller"], record["jurisdiction"], record["recipients"]) == ("12.74", "ID", [BAZNAS])
    (processing,) = record["processing"]
    assert processing["purpose"]["basis_letter"] == "a"
    assert processing["keep_days"] == 365
    assert (record["collection_method"], record["witness_role"], record["note"]) == ("oral", "facilitator", "dibacakan")
    assert [(event["state"], event["reason"], event["relation"]) for event in record["events"]] == [
        ("given", None, None),
        ("withdrawn", "not_needed", "child"),
    ]
    assert {each["basis"] for each in found["without_consent"]} == {"public-task", "legal-obligation", "vital-interest"}


async def test_reading_and_writing_consents_is_on_record(family: Family) -> None:
    consent = await family.given()
    await family.intake.get(f"/v1/cases/{family.case_id}/consents", "manager")
    await family.withdraw(consent)
    looks = await family.intake.rows(
        f"SELECT action FROM {LOOKS} WHERE object_id = %(id)s ORDER BY id",  # noqa: S608
        id=consent,
    )
    assert [look.action for look in looks] == ["give", "read", "withdraw"]


async def test_the_words_of_an_erased_person_s_consent_are_gone_and_that_they_agreed_stays(family: Family) -> None:
    consent = await family.given(note="dibacakan")
    await family.withdraw(consent, {"note": "sering didatangi"})
    case = ErasedInCase(case_id=UUID(family.case_id), party_ids=(UUID(family.mother),))
    parts = ConsumerParts(outbox=Outbox("intake"), vault=family.intake.vault, cases=family.intake.stores)
    processor = Processor(
        consumer="slrt.intake.erasures", database=family.intake.database, handlers=erasures, deps=parts
    )
    event = PersonErased(person_id=uuid4(), reason="requested", cases=(case,))
    assert await processor.process(raw_event(event)) is Outcome.APPLIED
    (record,) = (await family.intake.get(f"/v1/cases/{family.case_id}/consents")).json()["consents"]
    assert (record["note"], [event["note"] for event in record["events"]]) == (None, [None, None])
    assert (await family.give()).status_code in (410, 422)


async def test_what_no_office_says_to_have_erased_in_three_days_is_counted(family: Family) -> None:
    consent = await family.given()
    receipt = (await family.fetch()).json()["receipt_id"]
    await family.withdraw(consent)
    # The clock of the test stands still, the database's does not.
    move = "UPDATE sharings SET erase_by = now() + %s * interval '1 day' WHERE receipt_id = %s"
    with psycopg.connect(family.intake.database.url, autocommit=True) as connection:
        connection.execute(move, [3, receipt])
        before = await _overdue(family)
        connection.execute(move, [0, receipt])
    assert await _overdue(family) == before + 1
    await family.intake.post(f"/v1/sharings/{receipt}/erasure", None, "partner", region=None, office=BAZNAS)
    assert await _overdue(family) == before


async def _overdue(family: Family) -> float:
    page = (await family.intake.client.get("/metrics")).text
    (line,) = [line for line in page.splitlines() if line.startswith("slrt_erasures_overdue ")]
    return float(line.split()[1])
