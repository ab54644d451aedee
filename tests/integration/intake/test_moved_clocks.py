"""A holiday that is decreed moves the open clocks over it, once, with an event each; new rules hold for new cases."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from slrt_intake.store.clock_events import tell_of_clocks
from slrt_kit.audit.entries import Actor
from slrt_kit.clocks.moving import COUNT_UNMOVED, SETTLED_AFTER, ClockMover
from slrt_kit.clocks.steps import Deadlines
from slrt_kit.outbox import Outbox
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.changes import LEAD, PolicyChanges
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import APPROVED, PolicyStore

# A Wednesday, 15.00 in Tanjungbalai: three working days end on Monday the 6th, 16.00.
BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)
DUE, DUE_A_DAY_LATER = datetime(2026, 7, 6, 9, tzinfo=UTC), datetime(2026, 7, 7, 9, tzinfo=UTC)
FLOOD = """entries:
  flood:
    label: {id: Libur banjir, en: Flood holiday}
    adds_to: office
    source: Keputusan Wali Kota
    days_off:
      - {date: "2026-07-03", label: {id: Banjir, en: Flood}}
"""
SHORTER = """entries:
  verification:
    length: {working_days: 2}
"""


@dataclass
class Office:
    """An intake whose policy is in its database and may be changed."""

    intake: Any
    rules: PolicyRules
    deadlines: Deadlines
    at_once: int = 50

    def mover(self, tell: Any = None) -> ClockMover:
        """A worker's."""
        told = tell or partial(tell_of_clocks, Outbox("intake"))
        return ClockMover(self.intake.database, self.deadlines, told, service="intake", at_once=self.at_once)

    async def documents(self, layer: str) -> dict[str, str]:
        """What is in force of a layer."""
        async with self.intake.database.read() as session:
            store = PolicyStore(session)
            number = (await store.activations(layer))[-1].number
            return dict((await store.documents([(layer, number)]))[layer, number])

    async def decree(self, layer: str, **documents: str) -> datetime:
        """Change a layer's documents by two people; gives the instant from which they are in force."""
        changed = await self.documents(layer) | documents
        version = await self._do("propose", layer, changed, by="manajer", why="keputusan")
        await self._do("decide", layer, version.number, by="kepala", verdict=APPROVED, why=None)
        begins = self.intake.clock.now() + 2 * LEAD
        await self._do("activate", layer, version.number, by="kepala", effective_from=begins, why="keputusan")
        return begins

    async def _do(self, what: str, *arguments: Any, by: str, **more: Any) -> Any:
        async with self.intake.database.unit_of_work() as unit:
            unit.actor = Actor(subject=by)
            found = await getattr(PolicyChanges(unit, self.rules), what)(*arguments, by=by, **more)
            await unit.commit()
        return found


@pytest.fixture
async def office(intake: Any) -> Office:
    """It is Wednesday, nothing is open, and the policy is the one of the package."""
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    await intake.rows_changed("DELETE FROM clocks")
    await intake.rows_changed("DELETE FROM clock_moves")
    await intake.rows_changed("TRUNCATE policy_layers CASCADE")
    rules = PolicyRules.of("intake")
    await bring_in(intake.database, rules, packaged_documents("slrt_intake", rules))
    return Office(intake, rules, Deadlines(PolicyBook(rules, intake.database)))


async def rescheduled(intake: Any) -> list[dict[str, Any]]:
    """What was told of clocks that are due at another instant."""
    rows = await intake.rows("SELECT headers, payload FROM outbox ORDER BY seq")
    kind = "id.slrt.intake.case-clock-rescheduled.v1"
    return [orjson.loads(row.payload) for row in rows if dict(row.headers)["ce_type"] == kind]


async def due(intake: Any, case: dict[str, Any]) -> Any:
    """Its open clock."""
    rows = await intake.rows(
        "SELECT due_at, policy_version, version FROM clocks WHERE case_id = %(id)s AND state <> 'stopped'",
        id=case["case_id"],
    )
    return rows[0]


async def passes(office: Office, begins: datetime, more: timedelta = timedelta(seconds=1)) -> None:
    """Time passes until a version is in force."""
    office.intake.clock.move(seconds=(begins + more - office.intake.clock.now()).total_seconds())


async def test_before_its_instant_a_holiday_moves_nothing(office: Office) -> None:
    case = await office.intake.register()
    await office.decree("12.74", calendar=FLOOD)
    assert await office.mover().once() == 0
    assert (await due(office.intake, case)).due_at == DUE


async def test_a_holiday_that_is_decreed_moves_open_clocks_over_it_and_nothing_else(office: Office) -> None:
    intake = office.intake
    case, before = await intake.register(), len(await rescheduled(intake))
    elsewhere = await intake.register(village_code="12.71.01.1001")
    decided = await intake.decided()
    closed = await intake.register()
    await intake.rows_changed(
        "UPDATE clocks SET state = 'stopped', stopped_at = now(), next_at = NULL, wake_at = NULL "
        "WHERE case_id = %(id)s",
        id=closed["case_id"],
    )
    untouched = await due(intake, elsewhere)
    begins = await office.decree("12.74", calendar=FLOOD)
    await passes(office, begins)
    moved = await office.mover().once()
    assert moved == 2, "that of the case, and of the one that was decided"
    told = (await rescheduled(intake))[before:]
    assert {each["case_id"] for each in told} == {case["case_id"], decided["case_id"]}
    (mine,) = [each for each in told if each["case_id"] == case["case_id"]]
    assert (mine["cause"], mine["policy_version"]) == ("calendar_changed", "00:1,12.74:2")
    assert (mine["old_due_at"], mine["due_at"]) == ("2026-07-06T09:00:00Z", "2026-07-07T09:00:00Z")
    clock = await due(intake, case)
    assert (clock.due_at, clock.policy_version) == (DUE_A_DAY_LATER, "00:1,12.74:1/00:1,12.74:2")
    assert await due(intake, elsewhere) == untouched
    assert await office.mover().once() == 0
    assert len(await rescheduled(intake)) == before + 2


async def test_what_goes_back_moves_back(office: Office) -> None:
    case = await office.intake.register()
    await passes(office, await office.decree("12.74", calendar=FLOOD))
    assert await office.mover().once() == 1
    await passes(office, await office.decree("12.74", calendar="entries: {}\n"))
    assert await office.mover().once() == 1
    assert (await due(office.intake, case)).due_at == DUE


async def test_a_clock_that_stands_is_moved_as_well(office: Office) -> None:
    intake = office.intake
    case = await intake.register()
    answer = await intake.post(
        f"/v1/cases/{case['case_id']}/clock/pauses", {"reason": "waiting_for_resident"}, "back_office", version=1
    )
    assert answer.status_code == 200, answer.text
    await passes(office, await office.decree("12.74", calendar=FLOOD))
    assert await office.mover().once() == 1
    assert (await due(intake, case)).due_at == DUE_A_DAY_LATER


async def test_another_length_holds_for_new_cases_unless_it_says_that_open_ones_move(office: Office) -> None:
    intake = office.intake
    case = await intake.register()
    await passes(office, await office.decree("12.74", sla=SHORTER))
    assert await office.mover().once() == 0
    assert (await due(intake, case)).due_at == DUE
    await passes(office, await office.decree("12.74", sla=f"{SHORTER}    open_cases: move\n"))
    assert await office.mover().once() == 1
    assert (await due(intake, case)).due_at == datetime(2026, 7, 3, 9, 30, tzinfo=UTC)
    assert (await rescheduled(intake))[-1]["cause"] == "class_changed"
    assert (await due(intake, case)).policy_version == "00:1,12.74:3"


async def test_the_next_step_of_an_old_case_goes_by_its_rules_and_the_calendar_in_force(office: Office) -> None:
    begins = await office.decree("12.74", calendar=FLOOD, sla=SHORTER.replace("verification", "follow-up"))
    await passes(office, begins)
    await office.deadlines.refresh()
    old = await office.deadlines.of("00:1,12.74:1", "12.74.03.1002", office.intake.clock.now())
    step = old.of("screening", urgent=False)
    assert step is not None
    assert step.terms.sla.length.count == 5, "the class is the one that the case began under"
    assert not step.terms.calendar.is_working_day(date(2026, 7, 3))
    assert step.terms.version == "00:1,12.74:1/00:1,12.74:2"
    again = await Deadlines(PolicyBook(office.rules, office.intake.database)).policy(
        step.terms.version, "12.74.03.1002"
    )
    assert again.terms("follow-up").calendar is step.terms.calendar


async def test_a_mover_that_dies_in_the_middle_is_finished_by_the_next_and_nothing_is_told_twice(
    office: Office,
) -> None:
    intake = office.intake
    cases, before = [await intake.register() for _ in range(5)], len(await rescheduled(intake))
    office.at_once = 2
    await passes(office, await office.decree("12.74", calendar=FLOOD))
    calls = 0

    async def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError("killed")
        await tell_of_clocks(Outbox("intake"), *arguments)

    with pytest.raises(ConnectionError):
        await office.mover(dies).once()
    assert len(await rescheduled(intake)) == before + 2
    assert await office.mover().once() == 3
    told = [each["case_id"] for each in (await rescheduled(intake))[before:]]
    assert sorted(told) == sorted(each["case_id"] for each in cases)


async def test_several_workers_move_each_clock_once(office: Office) -> None:
    intake = office.intake
    cases, before = [await intake.register() for _ in range(6)], len(await rescheduled(intake))
    office.at_once = 2
    await passes(office, await office.decree("12.74", calendar=FLOOD))
    moved = await asyncio.gather(*(office.mover().once() for _ in range(3)))
    assert sum(moved) == len(cases)
    assert len(await rescheduled(intake)) == before + len(cases)


async def test_it_is_seen_what_became_of_open_clocks_and_what_is_left(office: Office) -> None:
    intake = office.intake
    await intake.register()
    begins = await office.decree("12.74", calendar=FLOOD)
    await passes(office, begins)
    await office.mover().once()
    (first, *_) = (await intake.get("/v1/policy/clock-moves", "manager")).json()["items"]
    assert (first["layer"], first["number"], first["moved"], first["done_at"]) == ("12.74", 2, 1, None)
    await passes(office, begins, SETTLED_AFTER)
    await office.mover().once()
    (first, *_) = (await intake.get("/v1/policy/clock-moves?limit=1", "manager")).json()["items"]
    assert first["done_at"] is not None
    (late,) = await intake.rows(f"SELECT ({COUNT_UNMOVED}) AS seconds")
    assert late.seconds == 0
    assert (await intake.get("/v1/policy/clock-moves?cursor=x", "manager")).status_code == 400


async def test_a_clock_that_began_by_the_policy_before_is_found_by_the_last_look(office: Office) -> None:
    intake = office.intake
    begins = await office.decree("12.74", calendar=FLOOD)
    await passes(office, begins)
    assert await office.mover().once() == 0
    # The process that registers it has not read the new version yet.
    case = await intake.register()
    await passes(office, begins, SETTLED_AFTER)
    assert await office.mover().once() == 1
    assert (await due(intake, case)).due_at > DUE


async def test_a_clock_that_cannot_be_reckoned_stays_as_it_was_and_holds_up_no_other(office: Office) -> None:
    intake = office.intake
    case, odd = await intake.register(), await intake.register()
    await intake.rows_changed("UPDATE clocks SET policy_version = '00:77' WHERE case_id = %(id)s", id=odd["case_id"])
    begins = await office.decree("12.74", calendar=FLOOD)
    await passes(office, begins)
    assert await office.mover().once() == 1
    assert await office.mover().once() == 0
    assert [(await due(intake, each)).due_at for each in (case, odd)] == [DUE_A_DAY_LATER, DUE]
    (first, *_) = (await intake.get("/v1/policy/clock-moves?limit=1", "manager")).json()["items"]
    assert (first["moved"], first["stayed"]) == (1, 1)
