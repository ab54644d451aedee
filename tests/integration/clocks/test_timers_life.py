"""Clocks and timers under whatever happens: time, pauses, extensions, crashes in the middle, workers side by side.

A pure clock beside each row lives the same life; whatever the timers went through, both are the same in the end.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.clocks.world import CLASSES, POLICIES, clock_id_of, effects, look, new_clock, seed, timers

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import Clock, ClockState, Firing
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.problems import ProblemError
from slrt_kit.testing import FixedClock

START = datetime(2026, 3, 16, 3, tzinfo=UTC)  # two days before a long run of holidays
COUNT = 6
numbers = st.integers(0, COUNT - 1)


class _Killed(BaseException):
    """The process is gone: nothing of ours runs after it."""


class Life(RuleBasedStateMachine):
    """Everything at any time."""

    url: ClassVar[str]

    @initialize(classes=st.lists(st.sampled_from(CLASSES), min_size=COUNT, max_size=COUNT))
    def begin(self, classes: list[str]) -> None:
        self.now = START
        self.runner = asyncio.Runner()
        self.model = [new_clock(number, sla_class=name, at=START) for number, name in enumerate(classes)]
        with psycopg.connect(self.url) as connection:
            connection.execute("DROP TABLE IF EXISTS clock_effects")
            connection.execute("TRUNCATE clocks, cases, timeline, outbox, audit_unsealed CASCADE")
        seed(self.url, self.model)
        for clock in self.model:
            clock.version = 1
        # Machines whose clocks are wrong by hours: only the database's time counts.
        self.databases = [
            Database(self.url, pool_size=2, clock=FixedClock(START + timedelta(hours=skew))) for skew in (0, -7, 9)
        ]

    async def _time(self) -> datetime:
        return self.now

    def _work(self, work: Callable[[], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            return await work()

        return self.runner.run(run())

    def _terms(self, clock: Clock) -> Any:
        return POLICIES[clock.region].terms(clock.sla_class)

    def _fire_model(self) -> None:
        for clock in self.model:
            while clock.next_at is not None and clock.next_at <= self.now:
                clock.fire(self._terms(clock), at=self.now)

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 4, 24 * 20]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def one_worker(self) -> None:
        self._work(lambda: timers(self.databases[0], at=self._time, batch=4).once())
        self._fire_model()

    @rule()
    def workers_side_by_side_and_woken_twice(self) -> None:
        async def all_of_them() -> None:
            made = [timers(database, at=self._time, batch=2) for database in self.databases]
            await asyncio.gather(*[each.once() for each in [*made, *made]])
            await made[0].once()  # what one had in hand when another passed over it

        self._work(all_of_them)
        self._fire_model()

    @rule(after=st.integers(0, 3))
    def a_worker_is_killed_in_the_middle(self, after: int) -> None:
        """Nothing of what it had in hand is there; what it had committed before is."""
        left = [after]

        async def killed(work: UnitOfWork, firings: Sequence[Firing]) -> None:
            await effects(Outbox("intake"))["auto_close"](work, firings)
            if not left[0]:
                await work.connection.rows("SELECT 1")  # all of it has arrived
                raise _Killed
            left[0] -= 1

        async def run() -> None:
            worker = timers(
                self.databases[1], at=self._time, batch=2, instead=dict.fromkeys(effects(Outbox("intake")), killed)
            )
            with pytest.raises(_Killed):
                await worker._fire(self.now, 2, [])  # one batch of it

        if any(clock.next_at is not None and clock.next_at <= self.now for clock in self.model):
            left[0] = 0
            self._work(run)

    @rule(number=numbers)
    def pause(self, number: int) -> None:
        self._settle()
        clock = self.model[number]
        if clock.state is ClockState.RUNNING:
            clock.pause(ClockPauseReason.WAITING_FOR_RESIDENT, at=self.now)
            self._command(
                lambda store: store.pause(
                    clock.subject.id, ClockPauseReason.WAITING_FOR_RESIDENT, at=self.now, step="screen"
                )
            )

    @rule(number=numbers)
    def resume(self, number: int) -> None:
        self._change(number, lambda clock: clock.resume(self._terms(clock), at=self.now))

    @rule(number=numbers, count=st.integers(1, 8))
    def extend(self, number: int, count: int) -> None:
        self._settle()
        length = Length(Unit.WORKING_DAYS, count)
        self._change(
            number,
            lambda clock: clock.extend(
                length, by="a-9001", approved_by="b-9002", terms=self._terms(clock), at=self.now
            ),
        )

    @rule(number=numbers)
    def stop(self, number: int) -> None:
        self._settle()
        clock = self.model[number]
        clock.stop(at=self.now)
        self._command(lambda store: store.stop(clock.subject.id, at=self.now))

    def _settle(self) -> None:
        """What is due fires first, so that the model need not guess who was quicker."""
        self.one_worker()

    def _command(self, do: Callable[[ClockStore], None]) -> None:
        async def run() -> None:
            async with self.databases[2].unit_of_work() as unit:
                do(ClockStore(unit.connection))
                await unit.commit()

        self._work(run)

    def _change(self, number: int, change: Callable[[Clock], object]) -> None:
        """The same step of the row and of the model: both take it, or both refuse it and stay as they are."""
        model = self.model[number]
        before = copy.deepcopy(model)
        try:
            change(model)
            refused = False
        except ProblemError:
            refused = True
            assert model == before

        async def run() -> None:
            async with self.databases[2].unit_of_work() as unit:
                store = ClockStore(unit.connection)
                clock = await store.get(clock_id_of(number))
                assert clock is not None
                try:
                    change(clock)
                except ProblemError:
                    assert refused
                    return
                store.save(clock)
                await unit.commit()

        self._work(run)

    @invariant()
    def rows_and_model_agree_where_nothing_waits(self) -> None:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT clock_id, state, due_at, next_step, next_at, fired, round FROM clocks ORDER BY clock_id"
            ).fetchall()
        for row, clock in zip(rows, self.model, strict=True):
            if clock.next_at is None or clock.next_at > self.now:
                assert row == (
                    clock.clock_id,
                    clock.state,
                    clock.due_at,
                    clock.next_step,
                    clock.next_at,
                    list(clock.fired),
                    clock.round,
                )
            assert clock.due_at == clock.due_at.astimezone(UTC)

    def teardown(self) -> None:
        if not hasattr(self, "databases"):
            return
        self.workers_side_by_side_and_woken_twice()
        found = look(self.url, self.now)
        for database in self.databases:
            self._work(database.close)
        self.runner.close()
        assert (found.doubled, found.missed, found.early, found.wrong) == (0, 0, 0, [])


def test_each_effect_happens_once_and_never_early(clocks_url: str) -> None:
    Life.url = clocks_url
    Life.TestCase.settings = settings(max_examples=8, stateful_step_count=15, suppress_health_check=list(HealthCheck))
    Life.TestCase().runTest()
