"""Do what is due: claim clocks oldest first, and have effect, event and mark in one transaction.

The lock of the row is the lease: whoever dies gives it back with the connection, and nothing of what was done is there
(ADR 0037). Time is the database's, so that no worker's clock fires early.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled, SerializationFailure

from slrt_kit import metrics
from slrt_kit.audit.entries import Actor
from slrt_kit.chores import every
from slrt_kit.clock import StandingClock
from slrt_kit.clocks.clock import Clock, Firing
from slrt_kit.clocks.policy import ClockPolicy
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.logs import get_logger

log = get_logger(__name__)

EVERY_S: Final = 0.5
"""How often somebody looks; most of the lateness of a clock on an idle system."""
BATCH: Final = 100
GIVES_UP_AFTER: Final = 5
"""So many failures of one effect are a violation; it is tried again all the same, ever more seldom."""
_FIRST_S: Final = 1.0
_LONGEST_S: Final = 600.0
# A command holds its case and then wants its clock; we hold clocks and then want their cases. Whoever waits in such a
# circle is to be us, and long before PostgreSQL (1 s) ends one of the two by chance.
PATIENCE: Final = "SET LOCAL lock_timeout = '200ms'"
IN_THE_WAY: Final = (LockNotAvailable, DeadlockDetected, SerializationFailure, QueryCanceled)
"""What says that somebody else holds a row, and not that the database is away."""

Effect: TypeAlias = Callable[[UnitOfWork, Sequence[Firing]], Awaitable[None]]
"""Does what is due, of several clocks at once, in the given unit of work. What it raises undoes all of it."""
Policies: TypeAlias = Callable[[str, str], Awaitable[ClockPolicy]]
"""The policy of a version, as it holds in a region; kept in memory by whoever gives it."""
Violated: TypeAlias = Callable[[UnitOfWork, UUID, str], Awaitable[None]]
"""Tells, in the unit of work, that an effect of a clock fails for good, with the kind of error."""
Time: TypeAlias = Callable[[], Awaitable[datetime]]


class Timers:
    """Fires what is due with the effects of its service. Any number of them work side by side."""

    def __init__(
        self,
        database: Database,
        effects: Mapping[str, Effect],
        policies: Policies,
        *,
        service: str,
        batch: int = BATCH,
        violated: Violated | None = None,
        at: Time | None = None,
    ) -> None:
        """``effects`` are by the names of `slrt_kit.clocks.chain.EffectKind`; ``at`` is for tests and simulations."""
        self._database = database
        self._effects = effects
        self._policies = policies
        self._actor = Actor.service(service)
        self._batch = batch
        self._violated = violated
        self._at = at

    async def run(self, stop: asyncio.Event) -> None:
        """Fire what is due, every `EVERY_S`, until stopped. Whatever fails is waited out; an alert says so."""
        await every(EVERY_S, lambda: self.once(stop), stop, named="clocks", faults=(Exception,))

    async def once(self, stop: asyncio.Event | None = None) -> int:
        """Fire all that is due, oldest first, or until stopped; gives how many effects there were.

        Raises:
            psycopg.OperationalError: the database is away; what was not committed is still due.
        """
        fired = 0
        while stop is None or not stop.is_set():
            done, seen = await self._round()
            fired += done
            # One clock may have several effects that are due: they are taken one after the other.
            if seen < self._batch and not done:
                break
        return fired

    async def _round(self) -> tuple[int, int]:
        """One batch; how many effects, and how many clocks were claimed."""
        claimed: list[UUID] = []
        at = None if self._at is None else await self._at()
        try:
            return await self._fire(at, self._batch, claimed), len(claimed)
        except Exception as error:
            if _is_down(error) or not claimed:
                raise
            log.info("clocks go one by one", clocks=len(claimed), error=type(error).__name__)
        fired = 0
        for clock_id in claimed:
            fired += await self._alone(clock_id, at)
        return fired, len(claimed)

    async def _alone(self, clock_id: UUID, at: datetime | None) -> int:
        try:
            return await self._fire(at, 1, [], only=clock_id)
        except Exception as error:
            if _is_down(error):
                raise
            await self._failed(clock_id, at, type(error).__name__)
            log.warning("the effect of a clock failed", clock_id=str(clock_id), error=type(error).__name__)
            return 0

    async def _fire(self, at: datetime | None, limit: int, claimed: list[UUID], *, only: UUID | None = None) -> int:
        async with self._database.unit_of_work() as unit:
            unit.actor = self._actor
            unit.connection.defer(PATIENCE)
            store = ClockStore(unit.connection)
            due = await store.claim(limit=limit, at=at, only=only)
            if due is None:
                return 0
            # All that is done is done then: two clocks would end a case at one instant and its ledger at another.
            unit.clock = StandingClock(due.at)
            claimed += [clock.clock_id for clock in due.clocks]
            firings = [await self._take(clock, due.at) for clock in due.clocks]
            # Marked before what is done: an effect may stop the very clock that it is of.
            store.save(*due.clocks)
            for name, group in _by_effect(firings).items():
                await self._effects[name](unit, group)
            await unit.commit()
        for firing in firings:
            metrics.CLOCKS_FIRED.labels(firing.step.effect).inc()
            metrics.CLOCKS_FOLDED.inc(len(firing.folded))
            metrics.CLOCKS_LATENESS_SECONDS.observe((firing.at - firing.due_since).total_seconds())
        return len(firings)

    async def _take(self, clock: Clock, at: datetime) -> Firing:
        policy = await self._policies(clock.policy_version, clock.region)
        return clock.fire(policy.terms(clock.sla_class), at=at)

    async def _failed(self, clock_id: UUID, at: datetime | None, error: str) -> None:
        metrics.CLOCKS_FAILED.inc()
        async with self._database.unit_of_work() as unit:
            store = ClockStore(unit.connection)
            attempts = await store.put_off(clock_id, first=_FIRST_S, longest=_LONGEST_S, at=at)
            await unit.commit()
        # Apart: that it is put off must last, also where telling of it fails.
        if attempts == GIVES_UP_AFTER and self._violated is not None:
            async with self._database.unit_of_work() as unit:
                unit.actor = self._actor
                await self._violated(unit, clock_id, error)
                await unit.commit()


def _by_effect(firings: Sequence[Firing]) -> Mapping[str, list[Firing]]:
    found: dict[str, list[Firing]] = {}
    for firing in firings:
        found.setdefault(firing.step.effect, []).append(firing)
    return found


def _is_down(error: Exception) -> bool:
    """Whether the database is away, and not only a row in somebody's hands."""
    return isinstance(error, DATABASE_DOWN) and not isinstance(error, IN_THE_WAY)
