"""The promises of `ports.Referrals`, kept by the store and by its fake; and what only a database can show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import IntegrityError

from slrt_contracts.codes import DeclineReason, FunctionCode, NeedCode, OutcomeCode, ProgrammeCode
from slrt_contracts.types import CaseId, DistrictCode, NeedId, OfficeCode, PolicyLabel, ReferralId, RuleId
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database, StaleVersionError, UnitOfWork
from slrt_kit.privacy import Vault
from slrt_kit.testing import FixedClock, eventually
from slrt_referral import usecases
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import ReferralAction, ReferralStatus
from slrt_referral.store.referrals import history
from slrt_referral.testing import MemoryReferrals, packaged_stores
from slrt_referral.usecases import CompleteReferral

if TYPE_CHECKING:
    from slrt_referral.ports import Referrals

AT = FixedClock().now()


def a_referral(case_id: CaseId | None = None, **changes: Any) -> Referral:
    """A referral that nobody has kept yet."""
    values: dict[str, Any] = {
        "referral_id": ReferralId(new_uuid7()),
        "case_id": case_id or CaseId(new_uuid7()),
        "need_id": NeedId(new_uuid7()),
        "need_code": NeedCode.ADMINDUK,
        "programme_code": ProgrammeCode.ADMINDUK,
        "function_code": FunctionCode.DUKCAPIL,
        "office_code": OfficeCode("12.74.DUKCAPIL"),
        "district_code": DistrictCode("12.74.05"),
        "urgent": False,
        "routing_rule": RuleId("civil-documents"),
        "policy_version": PolicyLabel("00:1"),
        "created_at": AT,
    }
    return Referral(**values | changes).open()


@pytest.fixture
async def work(database: Database) -> AsyncIterator[UnitOfWork]:
    """An open unit of work."""
    async with database.unit_of_work() as unit:
        yield unit


@pytest.fixture(params=["memory", "postgres"])
def referrals(request: pytest.FixtureRequest) -> Referrals:
    """The port, kept by the fake and by the store."""
    if request.param == "memory":
        return MemoryReferrals()
    return packaged_stores(request.getfixturevalue("vault"))(request.getfixturevalue("work"))


class TestThePort:
    """Runs on both."""

    async def test_what_was_added_comes_back_as_it_was(self, referrals: Referrals) -> None:
        awaited = a_referral()
        await referrals.add(awaited)
        added = a_referral(
            awaited.case_id,
            need_code=NeedCode.DOMISILI,
            programme_code=None,
            urgent=True,
            waiting_on=(awaited.referral_id,),
            rerouted_from=awaited.referral_id,
            reroute_reason=DeclineReason.OUT_OF_AREA,
            reroute_count=2,
            attributes={"asset_class": "national_road"},
            routed_in=DistrictCode("12.74.05"),
        )
        await referrals.add(added)
        assert (added.version, added.raised, added.new_steps) == (1, (), ())
        assert await referrals.get(added.referral_id) == added
        assert await referrals.get_locked(added.referral_id) == added
        assert await referrals.get(ReferralId(new_uuid7())) is None

    async def test_what_was_saved_comes_back_as_it_is(self, referrals: Referrals) -> None:
        referral = a_referral()
        await referrals.add(referral)
        referral.accept(by="officer", at=AT)
        await referrals.save(referral)
        referral.complete(OutcomeCode.PARTLY, by="officer", note=None, at=AT)
        await referrals.save(referral)
        assert referral.version == 3
        assert await referrals.get(referral.referral_id) == referral

    async def test_a_referral_that_somebody_else_saved_is_stale(self, referrals: Referrals) -> None:
        referral = a_referral()
        await referrals.add(referral)
        first = await referrals.get(referral.referral_id)
        second = await referrals.get(referral.referral_id)
        assert first is not None
        assert second is not None
        first.accept(by="one", at=AT)
        await referrals.save(first)
        second.accept(by="two", at=AT)
        with pytest.raises(StaleVersionError):
            await referrals.save(second)

    async def test_the_drafts_that_wait_are_found_within_the_case(self, referrals: Referrals) -> None:
        awaited, other = a_referral(), a_referral()
        await referrals.add(awaited)
        await referrals.add(other)
        waiting = a_referral(awaited.case_id, waiting_on=(awaited.referral_id,))
        await referrals.add(waiting)
        await referrals.add(a_referral(other.case_id, waiting_on=(other.referral_id,)))
        assert await referrals.waiting_for(awaited) == [waiting]

    async def test_referrals_of_a_case_are_found_by_status(self, referrals: Referrals) -> None:
        sent = a_referral()
        await referrals.add(sent)
        draft = a_referral(sent.case_id, waiting_on=(sent.referral_id,))
        await referrals.add(draft)
        await referrals.add(a_referral())
        assert await referrals.of_case(sent.case_id, status=ReferralStatus.SENT) == [sent]
        assert await referrals.of_case(sent.case_id, status=ReferralStatus.DRAFT) == [draft]

    async def test_needs_that_have_a_referral_are_known(self, referrals: Referrals) -> None:
        referral = a_referral()
        await referrals.add(referral)
        unknown = NeedId(new_uuid7())
        assert await referrals.needs_with_referral([referral.need_id, unknown]) == {referral.need_id}
        assert await referrals.needs_with_referral([]) == frozenset()


async def test_the_history_keeps_steps_in_order_with_their_facts(work: UnitOfWork, vault: Vault) -> None:
    store = packaged_stores(vault)(work)
    referral = a_referral()
    await store.add(referral)
    referral.decline(
        DeclineReason.OTHER_OWNER, better_office=OfficeCode("36.04.DUKCAPIL"), by="officer", note="pindah", at=AT
    )
    await store.save(referral)
    sent, declined = await history(work.connection, vault, referral.referral_id)
    assert (sent.action, sent.by, sent.at) == (ReferralAction.SEND, "slrt-referral", AT)
    assert (declined.action, declined.by, declined.note) == (ReferralAction.DECLINE, "officer", "pindah")
    assert (declined.reason_code, declined.office_code) == (DeclineReason.OTHER_OWNER, "36.04.DUKCAPIL")
    assert (declined.from_status, declined.to_status) == (ReferralStatus.SENT, ReferralStatus.DECLINED)


async def test_a_need_cannot_be_on_its_way_twice(work: UnitOfWork, vault: Vault) -> None:
    store = packaged_stores(vault)(work)
    referral = a_referral()
    await store.add(referral)
    await store.add(a_referral(referral.case_id, need_id=referral.need_id))
    with pytest.raises(IntegrityError):
        await work.commit()


async def test_events_are_numbered_per_referral_without_a_gap(database: Database, vault: Vault) -> None:
    referral = a_referral()
    async with database.unit_of_work() as unit:
        store = packaged_stores(vault)(unit)
        await store.add(referral)
        referral.accept(by="officer", at=AT)
        await store.save(referral)
        await unit.commit()
    with psycopg.connect(database.url) as connection:
        rows = connection.execute("SELECT partition_key, key_sequence FROM outbox ORDER BY seq").fetchall()
    assert rows == [(str(referral.referral_id), number) for number in (1, 2, 3)]


async def test_two_awaited_referrals_that_end_at_the_same_moment_release_the_third_once(
    database: Database, vault: Vault
) -> None:
    one = a_referral()
    two = a_referral(one.case_id)
    third = a_referral(one.case_id, waiting_on=(one.referral_id, two.referral_id))
    async with database.unit_of_work() as unit:
        store = packaged_stores(vault)(unit)
        for referral in (one, two, third):
            await store.add(referral)
        for referral in (one, two):
            referral.accept(by="officer", at=AT)
            await store.save(referral)
        await unit.commit()

    async def complete(referral: Referral, unit: UnitOfWork) -> None:
        done = CompleteReferral(outcome=OutcomeCode.FULFILLED, note=None)
        store = packaged_stores(vault)(unit)
        await usecases.complete(referral, done, referrals=store, by="officer", at=AT)

    async with database.unit_of_work() as first, database.unit_of_work() as second:
        await complete(one, first)
        racing = asyncio.create_task(complete(two, second))
        await eventually(lambda: _somebody_waits_for_a_lock(database.url), what="the second completion waits")
        await first.commit()
        await racing
        await second.commit()
    async with database.unit_of_work() as unit:
        released = await packaged_stores(vault)(unit).get(third.referral_id)
    assert released is not None
    assert (released.status, released.waiting_on) == (ReferralStatus.SENT, ())
    with psycopg.connect(database.url) as connection:
        sent = connection.execute(
            "SELECT count(*) FROM referral_steps WHERE referral_id = %s AND action = 'send'", [third.referral_id]
        ).fetchone()
    assert sent == (1,)


def _somebody_waits_for_a_lock(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return row is not None and row[0] > 0
