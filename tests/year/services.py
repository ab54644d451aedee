"""Intake and referral as their apps compose them, on real PostgreSQL, in warped time.

The broker is the only part that is not there: what a service commits is handed to the other's consumers at once and
in its order, which is what the backbone promises (`tests/simulation` shows that it keeps it).
"""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import slrt_intake.app
import slrt_intake.consumers
import slrt_referral.app
from slrt_contracts.types import CaseId, ReferralId
from slrt_intake.domain.case import Case
from slrt_intake.store.cases import CaseStore
from slrt_intake.store.duties import DutyStore
from slrt_intake.usecases.cases import load_case
from slrt_kit.access import Scope
from slrt_kit.clocks.commands import ClockCommands, ClockParts
from slrt_kit.clocks.timers import Timers
from slrt_kit.db import Database
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.handlers import Handlers
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.runtime import Runtime
from slrt_kit.stalls.checker import StallCheck
from slrt_kit.testing import FixedClock, TestIssuer, environment_of, packaged_book, vault_of
from slrt_referral.consumers.cases import CaseParts
from slrt_referral.consumers.cases import cases as cases_told
from slrt_referral.consumers.duties import duties as duties_told
from slrt_referral.domain.referral import Referral
from slrt_referral.settings import ReferralSettings
from slrt_referral.store.referrals import ReferralStore
from slrt_referral.usecases import load_referral

EVERYWHERE: Final = Scope(subject="tahun", everywhere=True)
_TAKE: Final = """
    WITH taken AS (DELETE FROM outbox RETURNING seq, topic, partition_key, headers, payload)
    SELECT c.wakes_at, t.* FROM (SELECT min(wake_at) AS wakes_at FROM clocks WHERE wake_at IS NOT NULL) AS c
    LEFT JOIN taken t ON true ORDER BY t.seq
    """


class Ids:
    """UUIDs of version 7 that tell the warped time, and count: the same story gives the same ids."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._numbers = count(1)

    def __call__(self) -> UUID:
        millis = int(self._clock.now().timestamp() * 1000)
        return UUID(int=millis << 80 | 7 << 76 | 2 << 62 | next(self._numbers))


@dataclass
class Service:
    """One service: its database, its timers, and what it does with the other's events."""

    database: Database
    timers: Timers
    stalls: StallCheck
    clocks: ClockParts
    hears: Sequence[Processor[Any]]
    copies: Processor[Any] | None = None
    wakes_at: datetime | None = None
    has_news: bool = True

    async def news(self) -> list[RawEvent]:
        """What it has told since it was asked last, in its order."""
        if not self.has_news:
            return []
        self.has_news = False
        async with self.database.statement() as connection:
            rows = await connection.rows(_TAKE)
        self.wakes_at = rows[0].wakes_at
        return [
            RawEvent(row.topic, row.partition_key, [(name, value.encode()) for name, value in row.headers], row.payload)
            for row in rows
            if row.seq is not None
        ]

    async def hear(self, events: Sequence[RawEvent]) -> None:
        """Handle what the other one tells.

        Raises:
            RuntimeError: it could not.
        """
        for event in events:
            for processor in self.hears:
                outcome = await processor.process(event)
                if outcome not in (Outcome.APPLIED, Outcome.IGNORED):
                    raise RuntimeError(f"{dict(event.headers)['ce_type']!r} became {outcome}")
                self.has_news = self.has_news or outcome is Outcome.APPLIED
        if events and self.copies is not None and not await self.copies.process_batch(events):
            raise RuntimeError("what others tell could not be copied")

    async def fire(self, at: datetime) -> None:
        """Do what is due by then."""
        if self.wakes_at is not None and self.wakes_at <= at:
            self.has_news = bool(await self.timers.once()) or self.has_news


class Services:
    """The two services that a case goes through."""

    def __init__(self, intake_url: str, referral_url: str, clock: FixedClock) -> None:
        self.clock = clock
        self.new_id = Ids(clock)
        self._issuer = TestIssuer()
        intake = self._runtime("intake", intake_url, slrt_intake.app.build_runtime)
        referral = self._runtime(
            "referral", referral_url, lambda: Runtime("referral", slrt_referral.app.PACKAGE, ReferralSettings.load())
        )
        self.cases = slrt_intake.app.build_stores(intake)
        self.referrals = slrt_referral.app.build_stores(referral)
        self.routing = slrt_referral.app.build_routing(referral)
        self.deadlines = intake.deadlines
        parts = slrt_intake.consumers.ConsumerParts(intake.outbox, intake.vault, self.cases)
        self.intake = Service(
            intake.database,
            slrt_intake.app.build_timekeeping(intake).timers(at=self._now),
            slrt_intake.app.build_timekeeping(intake).stall_check(),
            slrt_intake.app.build_timekeeping(intake).commands(),
            [_consumer("slrt.intake.outcomes", intake, slrt_intake.consumers.outcomes, parts)],
            _consumer("slrt.intake.timeline", intake, slrt_intake.consumers.timeline, parts),
        )
        self.duties = partial(DutyStore, outbox=intake.outbox)
        self.referral = Service(
            referral.database,
            slrt_referral.app.build_timekeeping(referral).timers(at=self._now),
            slrt_referral.app.build_timekeeping(referral).stall_check(),
            slrt_referral.app.build_timekeeping(referral).commands(),
            [
                _consumer("slrt.referral.cases", referral, cases_told, CaseParts(self.referrals, self.routing)),
                _consumer("slrt.referral.duties", referral, duties_told, None),
            ],
        )
        self._vaults = (intake.vault, referral.vault)

    async def close(self) -> None:
        """Let go of the databases."""
        for part in (self.intake.database, self.referral.database, *self._vaults):
            await part.close()

    @asynccontextmanager
    async def case(self, case_id: CaseId) -> AsyncIterator[tuple[Case, CaseStore]]:
        """A case, to be worked on and committed."""
        async with self.intake.database.unit_of_work() as unit:
            store = self.cases(unit)
            yield await load_case(case_id, cases=store, scope=EVERYWHERE), store
            await unit.commit()
        self.intake.has_news = True

    @asynccontextmanager
    async def referral_of(self, referral_id: ReferralId) -> AsyncIterator[tuple[Referral, ReferralStore]]:
        """A referral, to be worked on and committed."""
        async with self.referral.database.unit_of_work() as unit:
            store = self.referrals(unit)
            yield await load_referral(referral_id, referrals=store, scope=EVERYWHERE), store
            await unit.commit()
        self.referral.has_news = True

    @asynccontextmanager
    async def clock_of(self, referral_id: ReferralId) -> AsyncIterator[ClockCommands]:
        """The clock of a referral, to be commanded and committed."""
        async with self.referral.database.unit_of_work() as unit:
            yield await ClockCommands.on(unit, self.referral.clocks, referral_id)
            await unit.commit()
        self.referral.has_news = True

    async def look_for_stalls(self) -> int:
        """Have both services look for what is held up; gives how many stalls were found or ended."""
        found = 0
        for service in (self.intake, self.referral):
            changed = await service.stalls.once()
            service.has_news = bool(changed) or service.has_news
            found += changed
        return found

    async def hand_over(self) -> list[RawEvent]:
        """Hand all that was told to the other one, until nobody has more to tell; gives it in its order."""
        told: list[RawEvent] = []
        while self.intake.has_news or self.referral.has_news:
            for service, other in ((self.intake, self.referral), (self.referral, self.intake)):
                news = await service.news()
                await other.hear(news)
                told += news
        return told

    def _runtime(self, service: str, url: str, make: Callable[[], Runtime]) -> Runtime:
        with patch.dict(os.environ, environment_of(service, database_url=url, issuer=self._issuer)):
            runtime = make()
        database = Database(url, pool_size=2, clock=self.clock, new_id=self.new_id)
        runtime.database = runtime.worker_database = database
        runtime.vault = vault_of(service, url)
        runtime.policy_book = packaged_book(runtime)
        return runtime

    async def _now(self) -> datetime:
        return self.clock.now()


def _consumer(name: str, runtime: Runtime, handlers: Handlers[Any], deps: Any) -> Processor[Any]:
    return Processor(consumer=name, database=runtime.database, handlers=handlers, deps=deps)
