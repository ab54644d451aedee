"""A consent that has run out is ended by itself, once: whatever dies in between, and however many do it at once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.integration.intake.families import BAZNAS, DUKCAPIL, Family, family_of, session_of, slug, told_events

from slrt_contracts.events import ClaimWithdrawn, ConsentEnded, SharingWithdrawn
from slrt_contracts.events.registry import ErasedInCase, PersonErased
from slrt_intake import sweeps
from slrt_intake.consumers import ConsumerParts, erasures
from slrt_intake.store.consents import ConsentStore
from slrt_intake.sweeps import ExpirySweep
from slrt_kit.db import Database
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.testing import FixedClock, eventually, raw_event, running
from slrt_kit.testing.audit import LOOKS


@pytest.fixture
async def family(intake: Any) -> Family:
    """Both needs of both people are with two offices; what ran out in other tests was ended."""
    intake.clock.move(minutes=600)
    await _sweep(intake).once()
    return await family_of(intake)


def _sweep(intake: Any, database: Database | None = None) -> ExpirySweep:
    return ExpirySweep(database or intake.database, Outbox("intake"), intake.vault)


async def _running_out(family: Family, minutes: int = 60, **changes: Any) -> str:
    until = family.intake.clock.now() + timedelta(minutes=minutes)
    return await family.given(expires_at=until.isoformat(), **changes)


async def _ends(family: Family) -> list[ConsentEnded]:
    told = await told_events(family.intake)
    return [each for each in told if isinstance(each, ConsentEnded) and each.case_id == UUID(family.case_id)]


async def _told(family: Family) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for event in await told_events(family.intake):
        if isinstance(event, SharingWithdrawn) and event.case_id == UUID(family.case_id):
            assert event.office_code not in found, "told twice"
            assert event.reason_code == "expired"
            found[event.office_code] = {str(receipt) for receipt in event.receipt_ids}
    return found


# -- what is left alone ---------------------------------------------------------------------------------------------


async def test_what_has_not_run_out_and_what_was_withdrawn_is_left_alone(family: Family) -> None:
    await family.given(offices=[BAZNAS])
    withdrawn = await _running_out(family, offices=[DUKCAPIL])
    await family.withdraw(withdrawn)
    await _running_out(family, minutes=120, person_id=family.son, given_by="guardian", relation="parent")
    family.intake.clock.move(minutes=119)
    async with family.intake.unchanged():
        assert not await _sweep(family.intake).once()


async def test_a_consent_that_ended_is_not_withdrawn_any_more(family: Family) -> None:
    consent = await _running_out(family)
    await family.fetch()
    family.intake.clock.move(minutes=60)
    assert await _sweep(family.intake).once() == 1
    session = await session_of(family.intake, family.case)
    async with family.intake.unchanged():
        answer = await family.withdraw(consent)
        assert (answer.status_code, slug(answer)) == (409, "transition-refused")
        headers = session | {"Idempotency-Key": uuid4().hex}
        path = f"/v1/tracking/consents/{consent}/withdrawal"
        assert (await family.intake.client.post(path, json={}, headers=headers)).status_code == 409
    shown = (await family.intake.client.get("/v1/tracking/consents", headers=session)).json()["consents"]
    assert [(each["state"], each["can_withdraw"]) for each in shown] == [("expired", False)]
    # It may be given anew.
    assert (await family.give()).status_code == 201


@pytest.mark.parametrize("change", ["expired_at = NULL", "expired_at = now()", "withdrawn_at = now()"])
async def test_the_database_itself_ends_no_consent_twice(change: str, family: Family) -> None:
    consent = await _running_out(family)
    family.intake.clock.move(minutes=60)
    await _sweep(family.intake).once()
    refused = (psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation)
    with psycopg.connect(family.intake.database.url) as connection, pytest.raises(refused):
        connection.execute(f"UPDATE consents SET {change} WHERE consent_id = %s", [consent])  # noqa: S608


# -- what ends ------------------------------------------------------------------------------------------------------


async def test_each_office_is_told_of_its_own_as_by_a_withdrawal(family: Family) -> None:
    consent = await _running_out(family, note="dibacakan oleh fasilitator")
    receipts = [(await family.fetch(office)).json()["receipt_id"] for office in (BAZNAS, BAZNAS, DUKCAPIL)]
    family.intake.clock.move(minutes=60)
    assert slug(await family.fetch()) == "consent-missing"
    assert await _sweep(family.intake).once() == 1
    assert await _told(family) == {BAZNAS: set(receipts[:2]), DUKCAPIL: {receipts[2]}}
    gone = {str(each.receipt_id) for each in await told_events(family.intake) if isinstance(each, ClaimWithdrawn)}
    assert gone >= set(receipts)
    assert all(each["erase_by"] is not None for each in await family.sharings())
    (ended,) = await _ends(family)
    assert (ended.reason_code, ended.by_resident, ended.shown_to_resident) == ("expired", False, True)
    # The record says that it ran out, and when; nobody withdrew it.
    (record,) = (await family.intake.get(f"/v1/cases/{family.case_id}/consents")).json()["consents"]
    events = [(each["state"], each["by"]) for each in record["events"]]
    assert events == [("given", "front_office-1"), ("expired", None)]
    assert record["events"][1]["at"] == record["expires_at"]
    looks = await family.intake.rows(
        f"SELECT action, subject FROM {LOOKS} WHERE object_id = %(id)s AND action = 'expire'",  # noqa: S608
        id=consent,
    )
    assert [(look.action, look.subject) for look in looks] == [("expire", "slrt-intake")]


async def test_where_no_office_holds_anything_the_desk_still_sees_the_end(family: Family) -> None:
    await _running_out(family)
    family.intake.clock.move(minutes=60)
    assert await _sweep(family.intake).once() == 1
    assert await _told(family) == {}
    timeline = (await family.intake.get(f"/v1/cases/{family.case_id}", "manager")).json()["timeline"]
    assert [each["facts"]["reason_code"] for each in timeline if each["event_type"].endswith("consent-ended.v1")] == [
        "expired"
    ]


async def test_an_erased_person_s_consent_ends_too_and_no_key_is_asked_for(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _running_out(family, note="dibacakan")
    case = ErasedInCase(case_id=UUID(family.case_id), party_ids=(UUID(family.mother),))
    parts = ConsumerParts(outbox=Outbox("intake"), vault=family.intake.vault, cases=family.intake.stores)
    processor = Processor(
        consumer="slrt.intake.erasures", database=family.intake.database, handlers=erasures, deps=parts
    )
    event = PersonErased(person_id=uuid4(), reason="requested", cases=(case,))
    assert await processor.process(raw_event(event)) is Outcome.APPLIED
    family.intake.clock.move(minutes=60)

    async def away(*_: Any, **__: Any) -> Any:
        raise AssertionError("the sweep reads nobody's words")

    monkeypatch.setattr(Vault, "unseal", away)
    assert await _sweep(family.intake).once() == 1


# -- faults, and others beside it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["held", "save_expired"])
async def test_what_dies_in_the_middle_is_done_by_the_next_and_told_once(
    after: str, family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _running_out(family)
    receipt = (await family.fetch()).json()["receipt_id"]
    family.intake.clock.move(minutes=60)
    works = getattr(ConsentStore, after)

    async def dies(self: Any, *given: Any, **named: Any) -> Any:
        await works(self, *given, **named)
        raise psycopg.OperationalError("the process was killed here")

    async with family.intake.unchanged():
        with monkeypatch.context() as patch:
            patch.setattr(ConsentStore, after, dies)
            with pytest.raises(psycopg.OperationalError):
                await _sweep(family.intake).once()
    assert await _sweep(family.intake).once() == 1
    assert await _told(family) == {BAZNAS: {receipt}}


async def test_one_that_cannot_be_ended_holds_up_no_other_and_is_tried_again(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "_AT_ONCE", 1)
    bad = await _running_out(family)
    others = [await family_of(family.intake) for _ in range(2)]
    for each in others:
        await _running_out(each)
    family.intake.clock.move(minutes=60)
    works = ConsentStore.held

    async def fails(self: ConsentStore, consent: Any, **named: Any) -> Any:
        if str(consent.consent_id) == bad:
            raise ValueError("a bug")
        return await works(self, consent, **named)

    with monkeypatch.context() as patch:
        patch.setattr(ConsentStore, "held", fails)
        assert await _sweep(family.intake).once() == 2
    assert await _ends(family) == []
    assert await _sweep(family.intake).once() == 1
    assert [len(await _ends(each)) for each in (family, *others)] == [1, 1, 1]


async def test_several_replicas_at_once_end_each_once(family: Family) -> None:
    others = [family] + [await family_of(family.intake) for _ in range(4)]
    receipts = []
    for each in others:
        await _running_out(each)
        receipts.append((await each.fetch()).json()["receipt_id"])
    family.intake.clock.move(minutes=60)
    databases = [Database(family.intake.database.url, clock=family.intake.clock) for _ in range(4)]
    try:
        ended = await asyncio.gather(*(_sweep(family.intake, each).once() for each in databases))
    finally:
        for each in databases:
            await each.close()
    assert sum(ended) == len(others)
    for each, receipt in zip(others, receipts, strict=True):
        assert len(await _ends(each)) == 1
        assert await _told(each) == {BAZNAS: {receipt}}


async def test_a_delivery_that_is_under_way_is_waited_for_and_told(family: Family) -> None:
    """A process whose clock is behind writes its receipt while the sweep comes by: the next sweep tells of it."""
    consent = await _running_out(family)
    first = (await family.fetch()).json()["receipt_id"]
    family.intake.clock.move(minutes=60)
    second = uuid4()
    with psycopg.connect(family.intake.database.url) as delivery:
        delivery.execute("SELECT 1 FROM consents WHERE consent_id = %s FOR SHARE", [consent])
        delivery.execute(
            "INSERT INTO sharings SELECT (jsonb_populate_record(s, jsonb_build_object('receipt_id', %s::uuid))).* "
            "FROM sharings s WHERE receipt_id = %s",
            [second, first],
        )
        assert await _sweep(family.intake).once() == 0
        assert await _told(family) == {}
    assert await _sweep(family.intake).once() == 1
    assert await _told(family) == {BAZNAS: {first, str(second)}}


async def test_a_withdrawal_at_the_same_moment_and_the_sweep_are_one_end(family: Family) -> None:
    consent = await _running_out(family)
    await family.fetch()
    family.intake.clock.move(minutes=60)
    swept, answer = await asyncio.gather(_sweep(family.intake).once(), family.withdraw(consent))
    assert (swept, answer.status_code) in {(0, 200), (1, 409)}
    (end,) = await _ends(family)
    assert end.reason_code == ("expired" if swept else "withdrawn")


async def test_a_delivery_by_a_clock_that_is_slow_is_told_or_refused(family: Family) -> None:
    """Whose clock says that a consent is in force when another's says that it has run out, shares nothing after it."""
    await _running_out(family)
    early = FixedClock(family.intake.clock.now())
    family.intake.clock.move(minutes=60)
    assert await _sweep(family.intake).once() == 1
    slow, family.intake.database.clock = family.intake.database.clock, early
    try:
        assert slug(await family.fetch()) == "consent-missing"
    finally:
        family.intake.database.clock = slow


async def test_the_chore_goes_on_after_a_fault_and_stops_when_it_is_asked(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "EVERY_S", 0.05)
    await _running_out(family)
    family.intake.clock.move(minutes=60)
    sweep, faults, once = _sweep(family.intake), 2, ExpirySweep.once

    async def at_first_away(self: ExpirySweep) -> int:
        nonlocal faults
        if faults:
            faults -= 1
            raise psycopg.OperationalError("away")
        return await once(self)

    monkeypatch.setattr(ExpirySweep, "once", at_first_away)
    async with running(sweep.run):
        await eventually(lambda: _is_told(family), seconds=30, what="the end of the consent")
    assert faults == 0


async def _is_told(family: Family) -> bool:
    return len(await _ends(family)) == 1


async def test_what_nobody_ends_is_counted(family: Family) -> None:
    async def counted() -> float:
        page = (await family.intake.client.get("/metrics")).text
        (line,) = [line for line in page.splitlines() if line.startswith("slrt_consents_run_out ")]
        return float(line.split()[1])

    before = await counted()
    # The database's clock counts, as an operator's does; the clock of the test is another.
    with psycopg.connect(family.intake.database.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE consents DISABLE TRIGGER consents_are_kept")
        consent = await _running_out(family)
        connection.execute(
            "UPDATE consents SET given_at = '2020-01-01', expires_at = now() - interval '11 minutes' "
            "WHERE consent_id = %s",
            [consent],
        )
        connection.execute("ALTER TABLE consents ENABLE TRIGGER consents_are_kept")
    assert await counted() == before + 1
