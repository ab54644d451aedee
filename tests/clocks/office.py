"""Intake as people and workers use it, on a real database; whoever is at work may die before the commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from tests.clocks.model import START, Model

from slrt_contracts.types import CaseId
from slrt_intake.domain.case import Case
from slrt_intake.store.clock_events import tell_of_clocks
from slrt_intake.store.holdings import CasePauses, lock_case
from slrt_intake.sweeps import AutoClose
from slrt_intake.testing import packaged_stores
from slrt_kit.clocks.clock import Clock, Firing
from slrt_kit.clocks.commands import ClockCommands, ClockParts
from slrt_kit.clocks.policy import Terms
from slrt_kit.clocks.telling import Notices
from slrt_kit.clocks.timers import Effect, Timers
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.problems import ProblemError
from slrt_kit.testing import FixedClock, packaged_deadlines, vault_of


class Office:
    """The parts of intake, whose time stands until a test moves it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.loop = asyncio.Runner()
        self.clock = FixedClock(START)
        self.database = Database(self.url, pool_size=2, clock=self.clock)
        # Machines whose clocks are wrong by hours: only the database's time counts.
        self.workers = [
            Database(self.url, pool_size=2, clock=FixedClock(START + timedelta(hours=skew))) for skew in (0, -2, 2)
        ]
        self.vault = vault_of("intake", self.url)
        self.stores = packaged_stores(self.vault)
        self.deadlines = packaged_deadlines("intake")
        self.parts = ClockParts("intake", self.deadlines, partial(tell_of_clocks, Outbox("intake")), CasePauses())

    def close(self) -> None:
        """Leave nothing behind."""

        async def leave() -> None:
            for each in (self.database, *self.workers):
                await each.close()
            await self.vault.close()

        with psycopg.connect(self.url) as connection:
            connection.execute("TRUNCATE cases, clocks, holdings, outbox, timeline CASCADE")
        self.loop.run(leave())
        self.loop.close()

    async def time(self) -> datetime:
        """What the timers take for the time of the database."""
        return self.clock.now()

    def timers(self, database: Database, batch: int = 100, *, dies: bool = False) -> Timers:
        """A worker's, with the effects of intake; one that ``dies`` does so behind the first."""
        notices = Notices(self.parts.tell)
        effects: dict[str, Effect] = {"remind": notices, "escalate": notices, "auto_close": AutoClose(self.stores)}

        async def and_dies(effect: Effect, work: UnitOfWork, firings: Sequence[Firing]) -> None:
            await effect(work, firings)
            await self.kill(work)

        if dies:
            effects = {name: partial(and_dies, effect) for name, effect in effects.items()}
        return Timers(database, effects, self.deadlines.policy, service="intake", batch=batch, at=self.time)

    async def kill(self, work: UnitOfWork) -> None:
        """All of it has arrived, and PostgreSQL ends our session before the commit."""
        pid = await work.connection.value("SELECT pg_backend_pid()")
        with psycopg.connect(self.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    def do(self, model: Model, change: Callable[[Case, UnitOfWork], Awaitable[None]], *, dies: bool) -> bool:
        """Whether it was allowed, and is done."""

        async def unit() -> bool:
            async with self.database.unit_of_work() as work:
                case = await self.stores(work).get(CaseId(model.case_id))
                assert case is not None
                try:
                    await change(case, work)
                except ProblemError:
                    return False
                return await self.end(work, dies=dies)

        return self.loop.run(unit())

    async def end(self, work: UnitOfWork, *, dies: bool) -> bool:
        """Whether it is there for good."""
        if not dies:
            await work.commit()
            return True
        await self.kill(work)
        with pytest.raises(DATABASE_DOWN):
            await work.commit()
        return False

    async def command(
        self, model: Model, do: Callable[[ClockCommands], Awaitable[object]], *, dies: bool = False
    ) -> tuple[Clock, object] | None:
        """The clock as it is after the command, and what that gave; None where it was refused or died."""
        async with self.database.unit_of_work() as work:
            lock_case(work.connection, CaseId(model.case_id))
            commands = await ClockCommands.on(work, self.parts, model.case_id)
            try:
                gave = await do(commands)
            except ProblemError:
                return None
            return (commands.clock, gave) if await self.end(work, dies=dies) else None

    def terms(self, model: Model, status: str) -> Terms:
        """What the clock of a step runs by where the case is."""
        steps = self.loop.run(self.deadlines.of(model.version, model.village, self.clock.now()))
        found = steps.of(status, urgent=False)
        assert found is not None
        return found.terms

    def rows(self, query: str) -> list[Any]:
        """What is committed."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def facts(self) -> list[tuple[UUID, tuple[object, ...]]]:
        """What was told of clocks, in the order in which it was."""
        found = list[tuple[UUID, tuple[object, ...]]]()
        for case_id, payload in self.rows("SELECT partition_key, payload FROM outbox ORDER BY seq"):
            said = orjson.loads(payload)
            due = datetime.fromisoformat(said["due_at"]) if "due_at" in said else None
            if "offset" in said:
                found.append((UUID(case_id), (said["offset"], tuple(said["folded"]), due)))
            elif "old_due_at" in said:
                found.append((UUID(case_id), (said["cause"], datetime.fromisoformat(said["old_due_at"]), due)))
        return found
