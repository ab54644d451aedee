"""Working-day arithmetic; claiming what is due among ever more clocks; how late effects are at 1,000 due per second."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from tests.clocks.world import POLICIES, REGIONS, policy_of
from tests.perf.stack import Bench

from slrt_intake.store.clock_events import tell_of_clocks
from slrt_kit.clocks.clock import Firing
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.store import ClockStore
from slrt_kit.clocks.telling import Notices
from slrt_kit.clocks.timers import EVERY_S, Timers
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.outbox import Outbox

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 100
DUE_PER_S, SECONDS = 1_000, 10
_ROUNDS = 60
ARITHMETIC_GOAL_US, LATE_GOAL_S, FLAT_GOAL = 5, 2, 1.5
# Cases of ids that a number makes, each with a clock that is due in some days.
_CASES = """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at, key_id)
    SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 1, 1, 'clocks-' || n, 'registered', 'facilitator', '12.74.05.1001',
           false, false, 'kader-9001', now(), 1
    FROM generate_series(%(first)s, %(last)s) AS n
    """
_CLOCKS = """
    INSERT INTO clocks (clock_id, version, subject_kind, subject_id, case_id, region, step, owner_kind, owner,
                        sla_class, calendar_id, policy_version, state, started_at, due_at, takes, next_step, next_at,
                        wake_at)
    SELECT id, 1, 'case', id, id, '12.74.05', 'screen', 'role', 'back_office', 'emergency', 'office', '00:1', 'running',
           due - interval '3 hours', due, interval '3 hours', 1, due, due
    FROM (SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid) AS id,
                 CAST(%(due)s AS timestamptz) + (n - %(first)s) * CAST(%(apart)s AS interval) AS due
          FROM generate_series(%(first)s, %(last)s) AS n) AS made
    """


def measure(bench: Bench) -> None:
    """The three rows, with the services stopped."""
    bench.stop_services()
    arithmetic(bench)
    url = bench.database
    costs: dict[int, float] = {}
    for size in SIZES:
        fill(url, size)
        costs[size] = asyncio.run(claim(url))
    ratio = costs[SIZES[-1]] / costs[SIZES[0]]
    bench.add(
        f"clock-claim-{SIZES[-1] // 1_000_000}m",
        costs[SIZES[-1]],
        "ms for 100",
        anchor=(f"the same among {SIZES[0]:,}", costs[SIZES[0]]),
        goal=f"< {FLAT_GOAL} of it",
        met=ratio < FLAT_GOAL,
    )
    late = bench.measured(lambda: asyncio.run(lateness(url)))
    bench.add(
        "clock-lateness-p99",
        late,
        "s",
        anchor=("how often one looks", EVERY_S),
        goal=f"< {LATE_GOAL_S} s",
        met=late < LATE_GOAL_S,
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clocks CASCADE")


def arithmetic(bench: Bench) -> None:
    """Microseconds to say when 14 working days are over, beside the plain addition of 14 days."""
    calendar, length = POLICIES[REGIONS[0]].calendar(), Length(Unit.WORKING_DAYS, 14)
    starts = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=35 * number) for number in range(200)]
    fortnight = timedelta(days=14)
    ours = bench.measured(lambda: _each(starts, lambda at: calendar.add(at, length)))
    worked = _each(starts, lambda at: calendar.add_worked(at, timedelta(hours=30)))
    plain = _each(starts, lambda at: at + fortnight)
    slower = max(ours, worked)
    bench.add(
        "clock-arithmetic",
        slower,
        "us",
        anchor=("datetime + timedelta", plain),
        goal=f"< {ARITHMETIC_GOAL_US} us",
        met=slower < ARITHMETIC_GOAL_US,
    )


def _each(starts: Sequence[datetime], work: Callable[[datetime], datetime]) -> float:
    times = []
    for _ in range(60):
        began = time.perf_counter()
        for start in starts:
            work(start)
        times.append((time.perf_counter() - began) / len(starts) * 1e6)
    return min(times)  # whatever else runs can only add


def fill(url: str, size: int) -> None:
    """So many clocks are open; 500 of them are due."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clocks CASCADE")
        first = 0x7000000
        due = datetime.now(UTC) + timedelta(days=2)
        values = {"first": first, "last": first + size - 501, "due": due, "apart": "0.5 seconds"}
        connection.execute(_CLOCKS, values)
        values = {
            "first": first + size,
            "last": first + size + 499,
            "due": due - timedelta(days=3),
            "apart": "1 second",
        }
        connection.execute(_CLOCKS, values)
        connection.execute("VACUUM ANALYZE clocks")


async def claim(url: str) -> float:
    """Milliseconds to claim the 100 oldest of those that are due, and give them back."""
    database, times = Database(url, pool_size=1), []
    for number in range(_ROUNDS + 10):
        async with database.unit_of_work() as unit:
            await unit.connection.rows("SELECT 1")
            began = time.perf_counter()
            due = await ClockStore(unit.connection).claim(limit=BATCH)
            if number >= 10:
                times.append((time.perf_counter() - began) * 1_000)
        if due is None or len(due.clocks) != BATCH:
            raise RuntimeError("not as many are due as were made")
    await database.close()
    return statistics.median(times)


async def lateness(url: str) -> float:
    """Seconds by which 99 of 100 effects are late, with 1,000 due in each second and a million open."""
    count = DUE_PER_S * SECONDS
    begins = datetime.now(UTC) + timedelta(seconds=6)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM clocks WHERE wake_at < now()")
        first = 0x6000000
        values = {"first": first, "last": first + count - 1}
        connection.execute(_CASES, values)
        connection.execute(_CLOCKS, values | {"due": begins, "apart": f"{1 / DUE_PER_S} seconds"})
    database, outbox, late = Database(url, pool_size=4), Outbox("intake"), list[float]()
    tell, stop, done = Notices(partial(tell_of_clocks, outbox)), asyncio.Event(), asyncio.Event()

    async def notice(work: UnitOfWork, firings: Sequence[Firing]) -> None:
        await tell(work, firings)
        now = datetime.now(UTC)
        late.extend((now - firing.due_since).total_seconds() for firing in firings)
        if len(late) >= count:
            done.set()

    workers = [Timers(database, {"remind": notice, "escalate": notice}, policy_of, service="intake") for _ in range(2)]
    tasks = [asyncio.create_task(worker.run(stop)) for worker in workers]
    async with asyncio.timeout(120):
        await done.wait()
    stop.set()
    await asyncio.gather(*tasks)
    await database.close()
    with psycopg.connect(url, autocommit=True) as connection:
        made = "(SELECT case_id FROM cases WHERE ticket_number LIKE 'clocks-%')"
        for table in ("clocks", "timeline", "cases"):
            connection.execute(f"DELETE FROM {table} WHERE case_id IN {made}")
    return statistics.quantiles(late, n=100)[98]
