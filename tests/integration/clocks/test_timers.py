"""Timers on a real PostgreSQL: what fails holds up nobody, what is due goes oldest first, numbers have no holes."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from tests.clocks.world import effects, look, new_clock, policy_of, seed, timers

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import Clock, ClockState, Firing, Subject, SubjectKind
from slrt_kit.clocks.rows import as_json, clock_row, insert_clocks
from slrt_kit.clocks.store import COUNT_FAILING, COUNT_LATE, ClockStore
from slrt_kit.clocks.timers import GIVES_UP_AFTER, Timers
from slrt_kit.db import Database, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox

START = datetime(2026, 7, 6, 3, tzinfo=UTC)


def made(url: str, count: int, *, apart: timedelta = timedelta(minutes=7)) -> list[Clock]:
    """Clocks of emergencies (three hours), one after the other, in the database."""
    clocks = [new_clock(number, sla_class="emergency", at=START + number * apart) for number in range(count)]
    seed(url, clocks)
    return clocks


async def fire(database: Database, at: datetime, **more: object) -> int:
    async def then() -> datetime:
        return at

    return await timers(database, at=then, **more).once()  # type: ignore[arg-type]


async def test_an_effect_that_fails_holds_up_no_other_and_is_tried_again(
    clocks_url: str, clocks_database: Database
) -> None:
    clocks = made(clocks_url, 9)
    poisoned, told = clocks[3].clock_id, list[tuple[UUID, str]]()
    right = effects(Outbox("intake"))
    broken = True

    async def notice(work: UnitOfWork, firings: Sequence[Firing]) -> None:
        await right["remind"](work, firings)
        if broken and any(each.clock.clock_id == poisoned for each in firings):
            raise ZeroDivisionError

    async def violated(work: UnitOfWork, clock_id: UUID, error: str) -> None:
        told.append((clock_id, error))

    at = START + timedelta(hours=6)

    async def then() -> datetime:
        return at

    worker = Timers(
        clocks_database,
        dict.fromkeys(right, notice),
        policy_of,
        service="intake",
        at=then,
        violated=violated,
    )
    assert await worker.once() == 8
    for _ in range(GIVES_UP_AFTER + 1):
        at += timedelta(minutes=10)
        await worker.once()
    assert told == [(poisoned, "ZeroDivisionError")], "said once"
    async with clocks_database.read() as session:
        assert await session.value(COUNT_FAILING) == 1
        assert await session.value(COUNT_LATE) > 0
    broken, at = False, at + timedelta(minutes=11)
    await worker.once()
    async with clocks_database.read() as session:
        assert await session.value(COUNT_FAILING) == 0
    found = look(clocks_url, at)
    assert (found.doubled, found.missed, found.early, found.wrong) == (0, 0, 0, [])


async def test_an_effect_that_fails_is_put_off_also_where_nobody_can_be_told(
    clocks_url: str, clocks_database: Database
) -> None:
    made(clocks_url, 1)
    at = START + timedelta(hours=6)

    async def then() -> datetime:
        return at

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    worker = Timers(
        clocks_database, {"remind": broken, "escalate": broken}, policy_of, service="intake", at=then, violated=broken
    )
    for failures in range(1, GIVES_UP_AFTER + 2):
        with contextlib.suppress(ZeroDivisionError):
            await worker.once()
        async with clocks_database.read() as session:
            assert await session.value("SELECT attempts FROM clocks") == failures
        at += timedelta(minutes=10)


async def test_what_is_due_goes_oldest_first_over_all_batches(clocks_url: str, clocks_database: Database) -> None:
    made(clocks_url, 23)
    assert await fire(clocks_database, START + timedelta(hours=2, minutes=40), batch=4) > 0
    with psycopg.connect(clocks_url) as connection:
        due = [row[0] for row in connection.execute("SELECT due_since FROM clock_effects ORDER BY id")]
    assert due == sorted(due)
    assert len(due) == 3


async def test_a_step_of_somebody_who_holds_the_case_is_waited_for_a_moment_and_not_for_ever(
    clocks_url: str, clocks_database: Database
) -> None:
    first, *_ = made(clocks_url, 4)
    at = START + timedelta(hours=12)
    async with clocks_database.unit_of_work() as unit:
        await unit.connection.run(
            "UPDATE cases SET version = version + 1 WHERE case_id = %(id)s", {"id": first.subject.case_id}
        )
        assert await fire(clocks_database, at) == 3, "the other cases go on"
        # The command comes first: its own clock is free for it at once.
        ClockStore(unit.connection).stop(first.subject.id, at=at)
        await unit.commit()
    assert await fire(clocks_database, at + timedelta(minutes=5)) == 0
    found = look(clocks_url, at)
    assert (found.doubled, found.missed, found.wrong) == (0, 0, [])


async def test_a_clock_begins_in_the_statement_of_what_it_is_about(clocks_url: str, clocks_database: Database) -> None:
    made(clocks_url, 1)
    clock = new_clock(7, sla_class="verification", at=START)
    async with clocks_database.unit_of_work() as unit:
        count = await unit.connection.value(
            f"WITH clocks_added AS ({insert_clocks(only='k.subject_id = %(case_id)s')} RETURNING 1) "  # noqa: S608
            "SELECT count(*) FROM clocks_added",
            {"clocks": as_json([clock_row(clock)]), "case_id": clock.subject.id},
        )
        await unit.commit()
    assert count == 1
    async with clocks_database.unit_of_work() as unit:
        read = await ClockStore(unit.connection).get(clock.clock_id)
    clock.version = 1
    assert read == clock


async def test_a_clock_that_somebody_else_has_changed_is_not_overwritten(
    clocks_url: str, clocks_database: Database
) -> None:
    clock, *_ = made(clocks_url, 1)
    clock.version = 1
    async with clocks_database.unit_of_work() as unit:
        ClockStore(unit.connection).pause(clock.subject.id, ClockPauseReason.EXTERNAL_DECISION, at=START)
        await unit.commit()
    clock.stop(at=START)
    async with clocks_database.unit_of_work() as unit:
        ClockStore(unit.connection).save(clock)
        with pytest.raises(StaleVersionError):
            await unit.commit()


async def test_workers_share_what_is_due(clocks_url: str, clocks_database: Database) -> None:
    made(clocks_url, 60, apart=timedelta(seconds=1))
    at = START + timedelta(hours=2, minutes=30)
    counts = await asyncio.gather(*[fire(clocks_database, at, batch=5) for _ in range(3)])
    assert sum(counts) == 60
    found = look(clocks_url, at)
    assert (found.fired, found.doubled, found.missed, found.wrong) == (60, 0, 0, [])


async def test_a_case_that_ends_stops_the_clocks_of_its_needs(clocks_url: str, clocks_database: Database) -> None:
    (case,) = made(clocks_url, 1)
    case_id = case.subject.case_id
    need = new_clock(5, sla_class="standard", at=START)
    need.subject = Subject(SubjectKind.NEED, UUID(int=55), case_id)
    other = new_clock(6, sla_class="standard", at=START)
    async with clocks_database.unit_of_work() as unit:
        ClockStore(unit.connection).add(need, other)
        ClockStore(unit.connection).pause(need.subject.id, ClockPauseReason.EXTERNAL_DECISION, at=START)
        ClockStore(unit.connection).stop(case_id, at=START + timedelta(hours=1))
        await unit.commit()
    async with clocks_database.unit_of_work() as unit:
        store = ClockStore(unit.connection)
        stopped = await store.get(need.clock_id)
        states = [(await store.of_subject(each, open_only=False))[0].state for each in (case_id, other.subject.id)]
    assert stopped is not None
    assert stopped.pauses[0].until == START + timedelta(hours=1)
    assert (stopped.state, states) == (ClockState.STOPPED, [ClockState.STOPPED, ClockState.RUNNING])
