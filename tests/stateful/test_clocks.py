"""The clocks of cases under any life on a real PostgreSQL: commands, timers, transfers, kills, workers side by side.

A plain model beside the database knows what must have been told by now, and when each clock is due. It never looks
into a row of a clock, but takes the due instant that an answer says after it has checked it.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.clocks.model import Model
from tests.clocks.office import Office

from slrt_contracts.codes import (
    Channel,
    ClockExtensionReason,
    ClockPauseReason,
    DecidedByLevel,
    NeedCode,
    NeedDecision,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.types import CaseId, NeedId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact
from slrt_intake.domain.transitions import SealReason
from slrt_intake.store.officers import Officers
from slrt_intake.usecases import access
from slrt_kit.clocks.clock import Extension, Pause, reckon
from slrt_kit.clocks.lengths import Length
from slrt_kit.db import DATABASE_DOWN, UnitOfWork
from slrt_kit.holdings import holdings_of
from slrt_kit.holdings.model import HolderKind
from slrt_kit.regions import RegionCode

VILLAGES = ("12.74.03.1002", "51.71.01.1001", "91.71.01.1001")
CONTACT = Contact(phone=None, email=None, language="id", kk_number=None, address=None)
NEXT = {"registered": "screening", "screening": "in_handling", "in_handling": "resolved"}
TICK = timedelta(microseconds=1)
SPANS = (*(timedelta(hours=hours) for hours in (24 * 20, 24 * 9, 24 * 4, 24, 5, 1)), TICK)


class ClockLife(RuleBasedStateMachine):
    """Any command at any time; whoever works may die, or work beside somebody else."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        # Others in each life, in the same order in each: what is drawn among them must not hang on chance.
        self.ids = itertools.count(uuid4().int & ~0xFFFF)
        self.office = Office(self.url)
        self.models: list[Model] = []

    def teardown(self) -> None:
        self.office.close()

    # -- time and workers -------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from(SPANS))
    def time_passes(self, by: timedelta = TICK) -> None:
        self.office.clock.move(seconds=by.total_seconds())

    def _fire(self) -> None:
        for model in self.models:
            model.fire(self.office.clock.now())

    @rule(place=st.integers(0, 2), by=st.sampled_from(SPANS))
    def one_worker_takes_what_is_due_oldest_first(self, place: int, by: timedelta) -> None:
        self.time_passes(by)
        before = len(self.office.facts())
        self.office.loop.run(self.office.timers(self.office.workers[place], batch=1).once())
        self._fire()
        models = {model.case_id: model for model in self.models}
        since = [models[case_id].since[fact] for case_id, fact in self.office.facts()[before:]]
        assert since == sorted(since)

    @rule(batch=st.integers(1, 3), by=st.sampled_from(SPANS))
    def workers_side_by_side_and_woken_twice(self, batch: int, by: timedelta) -> None:
        self.time_passes(by)

        async def all_of_them() -> None:
            made = [self.office.timers(database, batch) for database in self.office.workers]
            await asyncio.gather(*[each.once() for each in (*made, made[0])])

        self.office.loop.run(all_of_them())
        self._catch_up()

    @precondition(lambda self: any(model.waits(self.office.clock.now()) for model in self.models))
    @rule(batch=st.sampled_from([1, 100]))
    def a_worker_dies_before_its_commit(self, batch: int) -> None:
        async def dies() -> None:
            with pytest.raises(DATABASE_DOWN):
                await self.office.timers(self.office.workers[1], batch, dies=True).once()

        self.office.loop.run(dies())

    def _catch_up(self) -> None:
        with psycopg.connect(self.url) as connection:
            # Whoever stood in somebody's way is tried again a second later, which does not pass here.
            connection.execute("UPDATE clocks SET wake_at = next_at WHERE wake_at > next_at")
        self.office.loop.run(self.office.timers(self.office.workers[0]).once())
        self._fire()

    # -- cases ------------------------------------------------------------------------------------------------------

    which = st.integers(0, 2)
    dying = st.sampled_from([False, False, False, True])

    @initialize(
        villages=st.permutations(VILLAGES),
        steps=st.lists(st.sampled_from([0, 1, 2, 3, 3]), min_size=3, max_size=3),
        later=st.sampled_from(SPANS),
        place=st.integers(0, 2),
    )
    def first(self, villages: list[str], steps: list[int], later: timedelta, place: int) -> None:
        """A case in each zone, an hour apart, at any step; and some time later. By chance few lives would get there."""
        for number, village in enumerate(villages):
            self.time_passes(timedelta(hours=1))
            self.register(village)
            for _ in range(steps[number]):
                self.step(number, dies=False)
        self.one_worker_takes_what_is_due_oldest_first(place, later)
        self.time_passes(later)

    def register(self, village: str) -> None:
        need_id, case_id = NeedId(UUID(int=next(self.ids))), CaseId(UUID(int=next(self.ids)))
        case = Case.register(
            case_id=case_id,
            ticket_number=uuid4().hex,
            channel=Channel.PUSKESOS,
            village_code=RegionCode(village),
            needs=[Need(need_id=need_id, need_code=NeedCode.JALAN, person_id=None, urgent=False, description=None)],
            has_subject=False,
            reachable_by=(),
            by="kader",
            at=self.office.clock.now(),
        )

        async def add() -> None:
            async with self.office.database.unit_of_work() as work:
                await self.office.stores(work).add(case, persons=(), contact=CONTACT)
                await work.commit()

        self.office.loop.run(add())
        model = Model(
            case_id,
            village,
            self.office.deadlines.at(village, self.office.clock.now()).version,
            self.office.clock.now(),
        )
        model.begin("registered", self.office.terms(model, "registered"), self.office.clock.now())
        self.models.append(model)

    @rule(place=which, dies=dying)
    def step(self, place: int, dies: bool) -> None:
        self.time_passes()
        model = self.models[place % len(self.models)]

        async def change(case: Case, work: UnitOfWork) -> None:
            at = work.clock.now()
            if model.status == "registered":
                case.screen(registry_status=RegistryStatus.LISTED, at=at)
            elif model.status == "screening":
                case.recommend({need.need_id: Recommendation.REFER for need in case.needs}, by="bo", at=at)
            else:
                said = {need.need_id: NeedDecision.SOLVED_LOCALLY for need in case.needs}
                case.decide(said, by="koordinator", level=DecidedByLevel.VILLAGE, at=at)
            await self.office.stores(work).save(case)

        goes_on = model.status in NEXT
        assert self.office.do(model, change, dies=dies) == (goes_on and not dies)
        if goes_on and not dies:
            model.begin(NEXT[model.status], self.office.terms(model, NEXT[model.status]), self.office.clock.now())

    @rule(place=which, village=st.sampled_from(VILLAGES), dies=dying)
    def transfer(self, place: int, village: str, dies: bool) -> None:
        self.time_passes()
        model = self.models[place % len(self.models)]

        async def change(case: Case, work: UnitOfWork) -> None:
            case.transfer(RegionCode(village), at=work.clock.now())
            Officers(work).let_go_of(case.case_id)
            await self.office.stores(work).save(case)

        goes = model.ended is None and village != model.village
        assert self.office.do(model, change, dies=dies) == (goes and not dies)
        if goes and not dies:
            model.village, old = village, model.terms
            model.terms = self.office.terms(model, model.status)
            if old.calendar is not model.terms.calendar:
                due, model.takes = reckon(model.terms, model.started, model.pauses, model.extensions)
                model.moved("calendar_changed", due, self.office.clock.now())

    @rule(place=which, seal=st.booleans())
    def edit(self, place: int, seal: bool) -> None:
        """What changes no time: an officer in charge, a seal."""
        self.time_passes()
        model = self.models[place % len(self.models)]

        async def change(case: Case, work: UnitOfWork) -> None:
            cases, at = self.office.stores(work), work.clock.now()
            if not seal:
                await access.assign(case, "bo-2", cases=cases, officers=Officers(work), by="manajer", at=at)
            elif case.sealed_at is None:
                await access.seal(case, SealReason.SAFETY, cases=cases, by="kepala", at=at)
            else:
                await access.unseal(case, cases=cases, at=at)

        before = self.office.rows("SELECT * FROM clocks ORDER BY clock_id")
        assert self.office.do(model, change, dies=False)
        assert self.office.rows("SELECT * FROM clocks ORDER BY clock_id") == before

    # -- what people do to clocks -----------------------------------------------------------------------------------

    @rule(place=which, reason=st.sampled_from(ClockPauseReason), dies=dying)
    def pause(self, place: int, reason: ClockPauseReason, dies: bool) -> None:
        self.time_passes()
        model = self.models[place % len(self.models)]
        done = self.office.loop.run(self.office.command(model, lambda commands: commands.pause(reason), dies=dies))
        assert (done is not None) == (model.pausable and not dies)
        if done is not None:
            model.pauses.append(Pause(self.office.clock.now(), reason))

    @rule(place=which, reason=st.sampled_from(ClockPauseReason))
    def pause_while_a_worker_works(self, place: int, reason: ClockPauseReason) -> None:
        """Either is first; what is told of the clock says which."""
        self.time_passes()
        model = self.models[place % len(self.models)]
        may, told = model.pausable, len(model.told)

        async def both() -> object:
            pausing = self.office.command(model, lambda commands: commands.pause(reason))
            return (await asyncio.gather(pausing, self.office.timers(self.office.workers[2], 2).once()))[0]

        assert (self.office.loop.run(both()) is not None) == may
        if may:
            if sum(case_id == model.case_id for case_id, _ in self.office.facts()) > told:
                model.fire(self.office.clock.now())
            model.pauses.append(Pause(self.office.clock.now(), reason))
        self._catch_up()

    @rule(place=which, dies=dying)
    def resume(self, place: int, dies: bool) -> None:
        self.time_passes()
        model = self.models[place % len(self.models)]
        done = self.office.loop.run(self.office.command(model, lambda commands: commands.resume(), dies=dies))
        assert (done is not None) == (model.ended is None and model.paused and not dies)
        if done is not None:
            last, now, due = model.pauses.pop(), self.office.clock.now(), done[0].due_at
            calendar, length = model.terms.calendar, model.terms.sla.length
            assert calendar.passed(now, due, length) == calendar.passed(last.since, model.due, length), "what was left"
            model.stood += now - last.since
            model.pauses.append(Pause(last.since, last.reason, now))
            model.moved("resumed", due, now, again=False)

    @rule(place=which, count=st.integers(1, 12), granted=st.sampled_from([True, True, False]), dies=dying)
    def extend(self, place: int, count: int, granted: bool, dies: bool) -> None:
        """Asked for by one, decided by another; what a death has left undecided is decided the next time."""
        self.time_passes()
        model = self.models[place % len(self.models)]
        most = model.terms.sla.most
        if model.ended is not None or most is None:
            return
        if model.asked is None:
            length, reason = Length(most.unit, count), ClockExtensionReason.FIELD_VISIT
            done = self.office.loop.run(
                self.office.command(model, lambda commands: commands.ask(length, reason, by="bo-9001"))
            )
            assert (done is not None) == model.extensible(length, self.office.clock.now())
            if done is not None:
                model.asked = (done[1].extension_id, length)  # type: ignore[attr-defined]
            return
        extension_id, length = model.asked
        may = not granted or model.extensible(length, self.office.clock.now())
        verdict = "approve" if granted else "refuse"
        done = self.office.loop.run(
            self.office.command(
                model, lambda commands: getattr(commands, verdict)(extension_id, by="manajer-9002"), dies=dies
            )
        )
        assert (done is not None) == (may and not dies)
        if done is not None:
            model.asked = None
        if done is not None and granted:
            due = model.terms.calendar.add(model.due, length)
            model.takes += model.terms.calendar.passed(model.due, due, model.terms.sla.length)
            model.extensions.append(Extension(self.office.clock.now(), length, "bo-9001", "manajer-9002"))
            model.moved("extended", due, self.office.clock.now())

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def each_effect_and_each_move_is_told_once(self) -> None:
        facts = self.office.facts()
        for model in self.models:
            assert [fact for case_id, fact in facts if case_id == model.case_id] == model.told
        numbers = self.office.rows("SELECT partition_key, array_agg(key_sequence ORDER BY seq) FROM outbox GROUP BY 1")
        assert all(each == list(range(1, len(each) + 1)) for _, each in numbers)

    @invariant()
    def the_open_clock_is_due_when_it_should_be(self) -> None:
        rows = self.office.rows("SELECT subject_id, state, due_at, started_at FROM clocks WHERE state <> 'stopped'")
        wanted = [
            (model.case_id, "paused" if model.paused else "running", model.due, model.started)
            for model in self.models
            if model.ended is None
        ]
        assert Counter(rows) == Counter(wanted)

    @invariant()
    def every_microsecond_has_one_holder(self) -> None:
        async def look() -> list[Any]:
            async with self.office.database.read() as session:
                return [await holdings_of(session, model.case_id) for model in self.models]

        now = self.office.clock.now()
        for model, holdings in zip(self.models, self.office.loop.run(look()), strict=True):
            assert sum((each.lasted(now) for each in holdings), timedelta()) == (model.ended or now) - model.began
            assert [each.until for each in holdings] == [*(each.since for each in holdings[1:]), model.ended]
            stood = sum((h.lasted(now) for h in holdings if h.holder.kind is HolderKind.PAUSED), timedelta())
            assert stood == model.held_since(now), "clock and ledger stand together"


def test_clocks_of_any_life_have_each_effect_once_and_stand_with_their_ledger(
    service_database: Callable[[str], str],
) -> None:
    ClockLife.url = service_database("intake")
    few = settings(
        max_examples=20,
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(ClockLife, settings=few)
