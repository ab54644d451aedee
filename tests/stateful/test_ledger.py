"""The ledger of cases on a real PostgreSQL, under any life: every microsecond has one holder, whatever comes late,
twice, out of order, or is killed in the middle."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

from slrt_contracts.codes import (
    Channel,
    ClosedBy,
    DecidedByLevel,
    DeclineReason,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.events import ReferralCompleted, ReferralDeclined, ReferralSent
from slrt_contracts.types import CaseId
from slrt_intake.consumers import ConsumerParts, outcomes
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact
from slrt_intake.domain.transitions import SealReason
from slrt_intake.store.cases import CaseStore
from slrt_intake.store.holdings import CASES, lock_case
from slrt_intake.store.officers import Officers
from slrt_intake.testing import packaged_stores
from slrt_intake.usecases import access
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.holdings import holdings_of
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.problems import ProblemError
from slrt_kit.regions import RegionCode
from slrt_kit.testing import FixedClock, raw_event, vault_of

VILLAGES = ("12.74.03.1002", "12.74.05.1010", "12.71.01.1001")
OFFICES = ("12.74.PUPR", "12.ESDM", "12.74.DUKCAPIL")
CONTACT = Contact(phone=None, email=None, language="id", kk_number=None, address=None)
MOST_CASES = 3
FRONT, BACK, COORDINATOR, RESIDENT = "front_office", "back_office", "coordinator", "resident"

microseconds = st.one_of(st.integers(0, 3), st.integers(0, 90_000_000_000))
Step = Callable[[Case, UnitOfWork, CaseStore], Awaitable[None]]


@dataclass
class Known:
    """What the test itself knows of a case, and which rows its ledger must have: (holder, office, district, reason),
    since when."""

    case_id: UUID
    village: str
    stage: str = "registered"
    paused: str | None = None
    needs: dict[UUID, str] = field(default_factory=dict)
    sent: dict[UUID, tuple[datetime, str, UUID]] = field(default_factory=dict)
    rows: list[tuple[tuple[Any, ...], datetime]] = field(default_factory=list)
    registered_at: datetime | None = None
    ended_at: datetime | None = None

    def holder(self) -> tuple[Any, ...]:
        """Whose turn it is, worked out without a database."""
        kind: str = {"registered": FRONT, "screening": BACK, "in_handling": COORDINATOR}.get(self.stage, BACK)
        office = None
        if self.stage == "decided":
            waiting = [
                (at, referral, office)
                for referral, (at, office, need) in self.sent.items()
                if self.needs[need] == "referred"
            ]
            if all(state == "done" for state in self.needs.values()):
                kind = RESIDENT
            elif waiting:
                kind, office = "office", min(waiting)[2]
        if self.paused is not None:
            return "paused", None, self.village[:8], self.paused
        return kind, office, self.village[:8], None

    def changed(self, at: datetime) -> None:
        """Something happened at ``at``: the ledger gets a row where the holder is another one now."""
        if self.stage != "closed" and (not self.rows or self.rows[-1][0] != self.holder()):
            self.rows.append((self.holder(), max([at, *(since for _, since in self.rows)])))


class LedgerLife(RuleBasedStateMachine):
    """Any command at any time; events of referrals late, twice, in any order among referrals, some at a time."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        # Others in each life, in the same order in each: what is drawn among them must not hang on chance.
        self.ids = itertools.count(uuid4().int & ~0xFFFF)
        self.loop = asyncio.Runner()
        self.clock = FixedClock()
        self.database = Database(self.url, pool_size=2, clock=self.clock)
        self.vault: Vault = vault_of("intake", self.url)
        self.outbox = Outbox("intake")
        self.stores = packaged_stores(self.vault)
        parts = ConsumerParts(self.outbox, self.vault, self.stores)
        self.processor = Processor(
            consumer="slrt.intake.outcomes", database=self.database, handlers=outcomes, deps=parts
        )
        self.cases: list[Known] = []
        self.told: dict[UUID, list[tuple[RawEvent, Callable[[datetime], None], datetime]]] = {}
        self.heard: list[RawEvent] = []
        self.open: dict[UUID, tuple[UUID, Known, UUID, str]] = {}

    def _id(self) -> UUID:
        return UUID(int=next(self.ids))

    def teardown(self) -> None:
        async def close() -> None:
            await self.database.close()
            await self.vault.close()

        self.loop.run(close())
        self.loop.close()

    # -- time -------------------------------------------------------------------------------------------------------

    @rule(by=microseconds)
    def time_passes(self, by: int) -> None:
        self.clock.move(seconds=by / 1_000_000)

    # -- commands ---------------------------------------------------------------------------------------------------

    @initialize(needs=st.integers(1, 3), village=st.sampled_from(VILLAGES), heard=st.integers(0, 3))
    def first(self, needs: int, village: str, heard: int) -> None:
        """A case that was decided, with some of its offices at work: by chance few lives would get there."""
        self.register(needs, village)
        for take in (self.screen, self.recommend):
            self.clock.move(minutes=1)
            take(0, dies=False)
        self.clock.move(minutes=1)
        self.decide(0, [False, False, False])
        for referral in list(self.told)[:heard]:
            self.clock.move(minutes=1)
            self._hear([referral])

    @rule(needs=st.integers(1, 3), village=st.sampled_from(VILLAGES))
    def register(self, needs: int, village: str) -> None:
        if len(self.cases) == MOST_CASES:
            return
        made = [
            Need(need_id=self._id(), need_code=NeedCode.JALAN, person_id=None, urgent=False, description=None)
            for _ in range(needs)
        ]
        case = Case.register(
            case_id=CaseId(self._id()),
            ticket_number=uuid4().hex,
            channel=Channel.PUSKESOS,
            village_code=RegionCode(village),
            needs=made,
            has_subject=False,
            reachable_by=(),
            by="kader",
            at=self.clock.now(),
        )

        async def add() -> None:
            async with self.database.unit_of_work() as work:
                await self.stores(work).add(case, persons=(), contact=CONTACT)
                await work.commit()

        self.loop.run(add())
        known = Known(case.case_id, village, needs={need.need_id: "open" for need in made})
        known.registered_at = self.clock.now()
        known.changed(self.clock.now())
        self.cases.append(known)

    def _do(self, known: Known, step: Step, *, dies: bool = False) -> bool:
        """Whether it was allowed. When it ``dies``, PostgreSQL ends our session before the commit."""

        async def unit() -> bool:
            async with self.database.unit_of_work() as work:
                store = self.stores(work)
                case = await store.get(CaseId(known.case_id))
                assert case is not None
                try:
                    await step(case, work, store)
                except ProblemError:
                    return False
                if dies:
                    pid = await work.connection.value("SELECT pg_backend_pid()")
                    with psycopg.connect(self.url, autocommit=True) as other:
                        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
                    with pytest.raises(DATABASE_DOWN):
                        await work.commit()
                else:
                    await work.commit()
            return not dies

        return self.loop.run(unit())

    which = st.sampled_from([0, 0, 0, 1, 2])

    @rule(place=which, dies=st.sampled_from([False, False, False, True]))
    def screen(self, place: int, dies: bool) -> None:
        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            case.screen(registry_status=RegistryStatus.LISTED, at=work.clock.now())
            await store.save(case)

        self._advance(place, step, "registered", "screening", dies=dies)

    @rule(place=which, dies=st.sampled_from([False, False, False, True]))
    def recommend(self, place: int, dies: bool) -> None:
        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            proposals = {need.need_id: Recommendation.REFER for need in case.needs}
            case.recommend(proposals, by="bo", at=work.clock.now())
            await store.save(case)

        self._advance(place, step, "screening", "in_handling", dies=dies)

    def _advance(self, place: int, step: Step, before: str, after: str, *, dies: bool) -> None:
        known = self.cases[place % len(self.cases)]
        assert self._do(known, step, dies=dies) == (known.stage == before and not dies)
        if known.stage == before and not dies:
            known.stage, known.paused = after, None
            known.changed(self.clock.now())

    @rule(place=which, local=st.lists(st.booleans(), min_size=3, max_size=3))
    def decide(self, place: int, local: list[bool]) -> None:
        known = self.cases[place % len(self.cases)]
        here = dict(zip(known.needs, local, strict=False))

        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            said = {
                need_id: NeedDecision.SOLVED_LOCALLY if at_once else NeedDecision.REFER
                for need_id, at_once in here.items()
            }
            case.decide(said, by="koordinator", level=DecidedByLevel.VILLAGE, at=work.clock.now())
            await store.save(case)

        if self._do(known, step):
            known.stage, known.paused = "decided", None
            known.needs = {need: "done" if at_once else "referred" for need, at_once in here.items()}
            known.changed(self.clock.now())
            for need, at_once in here.items():
                if not at_once:
                    self._send(known, need, self.clock.now(), OFFICES[0])

    @rule(place=which)
    def close(self, place: int) -> None:
        known = self.cases[place % len(self.cases)]

        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            case.close(closed_by=ClosedBy.RESIDENT, satisfied=True, at=work.clock.now())
            await store.save(case)

        if self._do(known, step):
            known.stage = "closed"
            known.ended_at = self.clock.now()

    @rule(place=which, village=st.sampled_from(VILLAGES))
    def transfer(self, place: int, village: str) -> None:
        known = self.cases[place % len(self.cases)]

        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            case.transfer(RegionCode(village), at=work.clock.now())
            Officers(work).let_go_of(case.case_id)
            await store.save(case)

        if self._do(known, step):
            known.village = village
            known.changed(self.clock.now())

    @rule(place=which, seal=st.booleans())
    def edit(self, place: int, seal: bool) -> None:
        """What changes no holder: an officer in charge, a seal."""
        known = self.cases[place % len(self.cases)]

        async def step(case: Case, work: UnitOfWork, store: CaseStore) -> None:
            if seal and case.sealed_at is None:
                await access.seal(case, SealReason.SAFETY, cases=store, by="kepala", at=work.clock.now())
            elif seal:
                await access.unseal(case, cases=store, at=work.clock.now())
            else:
                officers = Officers(work)
                await access.assign(case, "bo-2", cases=store, officers=officers, by="manajer", at=work.clock.now())

        assert self._do(known, step)

    @rule(
        place=which,
        reason=st.sampled_from([None] * 4 + ["waiting-for-resident", "external-decision"]),
        late=microseconds,
    )
    def pause(self, place: int, reason: str | None, late: int) -> None:
        known = self.cases[place % len(self.cases)]
        at = self.clock.now() - timedelta(microseconds=late)

        async def unit() -> None:
            async with self.database.unit_of_work() as work:
                lock_case(work.connection, CaseId(known.case_id))
                if reason is None:
                    CASES.resume(work.connection, known.case_id, at=at, now=work.clock.now())
                else:
                    CASES.pause(work.connection, known.case_id, reason=reason, at=at, now=work.clock.now())
                await work.commit()

        self.loop.run(unit())
        known.paused = reason
        known.changed(at)

    # -- what offices do, and when it is heard ----------------------------------------------------------------------

    def _tell(self, referral: UUID, event: Any, at: datetime, then: Callable[[datetime], None]) -> None:
        waiting = self.told.setdefault(referral, [])
        waiting.append((raw_event(event, at=at, key_sequence=len(waiting) + 1), then, at))

    def _send(self, known: Known, need: UUID, at: datetime, office: str) -> None:
        referral = self._id()
        names = {"referral_id": referral, "case_id": known.case_id, "need_id": need, "office_code": office}
        event = ReferralSent(**names, need_code="JALAN", district_code=known.village[:8], urgent=False)

        def then(heard_at: datetime) -> None:
            known.sent[referral] = (at, office, need)
            known.changed(heard_at)

        self._tell(referral, event, at, then)
        self.open[referral] = (referral, known, need, office)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), skew=st.sampled_from([0, 0, 1, 5_000_000, -7_000_000]))
    def office_acts(self, data: st.DataObject, skew: int) -> None:
        """An office completes or declines; its clock may run before or after ours."""
        referral = data.draw(st.sampled_from(sorted(self.open)), label="referral")
        _, known, need, office = self.open.pop(referral)
        at = self.clock.now() + timedelta(microseconds=skew)
        names = {"referral_id": referral, "case_id": known.case_id, "need_id": need, "office_code": office}
        if data.draw(st.booleans(), label="completes"):

            def completed(heard_at: datetime) -> None:
                known.needs[need] = "done"
                if all(state == "done" for state in known.needs.values()):
                    known.paused = None
                known.changed(heard_at)

            event = ReferralCompleted(**names, programme_code=None, outcome_code=OutcomeCode.FULFILLED)
            self._tell(referral, event, at, completed)
        else:

            def declined(heard_at: datetime) -> None:
                known.sent.pop(referral)
                known.changed(heard_at)

            self._tell(referral, ReferralDeclined(**names, reason_code=DeclineReason.OTHER_OWNER), at, declined)
            self._send(known, need, at, data.draw(st.sampled_from(OFFICES), label="next office"))

    @precondition(lambda self: any(self.told.values()))
    @rule(data=st.data(), together=st.integers(1, 3))
    def hear(self, data: st.DataObject, together: int) -> None:
        """The first event of some referrals, in any order: one by one, or in one transaction."""
        waiting = sorted(referral for referral, events in self.told.items() if events)
        self._hear(data.draw(st.permutations(waiting), label="order")[:together])

    def _hear(self, some: list[UUID]) -> None:
        events = [self.told[referral].pop(0) for referral in some]
        raws = [raw for raw, _, _ in events]

        async def process() -> None:
            if len(raws) > 1:
                assert await self.processor.process_batch(raws)
            else:
                assert await self.processor.process(raws[0]) is Outcome.APPLIED

        self.loop.run(process())
        for _, then, at in events:
            then(min(at, self.clock.now()))
        self.heard += raws

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        again = data.draw(st.sampled_from(self.heard), label="again")
        assert self.loop.run(self.processor.process(again)) is Outcome.DUPLICATE

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def every_microsecond_has_one_holder(self) -> None:
        async def look() -> list[Any]:
            async with self.database.read() as session:
                return [await holdings_of(session, known.case_id) for known in self.cases]

        now = self.clock.now()
        for known, holdings in zip(self.cases, self.loop.run(look()), strict=True):
            assert known.registered_at is not None
            assert sum((each.lasted(now) for each in holdings), timedelta()) == (
                (known.ended_at or now) - known.registered_at
            )
            assert holdings[0].since == known.registered_at
            assert [each.until for each in holdings[:-1]] == [each.since for each in holdings[1:]]
            assert holdings[-1].until == known.ended_at
            found = [
                ((h.holder.kind, h.holder.office_code, h.holder.district_code, h.holder.reason), h.since)
                for h in holdings
            ]
            assert found == known.rows
            assert not any(each.reconstructed for each in holdings)


def test_the_ledger_of_any_life_adds_up_to_the_microsecond(service_database: Callable[[str], str]) -> None:
    LedgerLife.url = service_database("intake")
    few = settings(
        max_examples=50,
        stateful_step_count=40,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(LedgerLife, settings=few)
