"""What it costs to look for what is held up: among ever more closed cases, with as many open ones."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from types import MappingProxyType

import psycopg
from tests.perf.stack import Bench

from slrt_intake.store.stalls import watched
from slrt_kit.db import Database
from slrt_kit.outbox import Outbox
from slrt_kit.stalls.checker import StallCheck
from slrt_kit.testing import packaged_deadlines

OPEN, FEW, MANY = 10_000, 10_000, 200_000
CASES = 500_000
"""Each with a need at an office: a million open things."""
GOAL = 1.5
GOAL_S = 20.0
_ROUNDS = 15
_WARM_UP = 3
# As in life each case has had clocks, needs with offices and a timeline; of one in six the last is still there.
_CASES = """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at, key_id, policy_version)
    SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 1, 1, 'stalls-' || n, %(status)s, 'facilitator',
           '12.74.0' || n %% 6 + 1 || '.1001', false, false, 'kader-9001', now(), 1, '00:1,12.74:1'
    FROM generate_series(%(first)s, %(last)s) AS n
    """
_NEEDS = """
    INSERT INTO needs (need_id, case_id, position, need_code, urgent, attributes, status)
    SELECT CAST(lpad(to_hex(n), 32, 'a') AS uuid), CAST(lpad(to_hex(n), 32, '0') AS uuid), 0, 'PIP', false, '{}',
           %(need)s FROM generate_series(%(first)s, %(last)s) AS n
    """
_OFFICES = """
    INSERT INTO office_needs (referral_id, need_id, office_code, case_id, sent_at)
    SELECT need_id, need_id, '12.74.DIKBUD', case_id, now() FROM needs
    WHERE case_id >= CAST(lpad(to_hex(%(first)s), 32, '0') AS uuid)
      AND case_id <= CAST(lpad(to_hex(%(last)s), 32, '0') AS uuid)
    """
_CLOCKS = """
    INSERT INTO clocks (clock_id, version, subject_kind, subject_id, case_id, region, step, owner_kind, owner,
                        sla_class, calendar_id, policy_version, state, started_at, due_at, takes, stopped_at, next_step)
    SELECT CAST(lpad(to_hex(n), 31, 'c') || step AS uuid), 1, 'case', id, id,
           '12.74.0' || n %% 6 + 1 || '.1001', 'decided', 'role',
           'back_office', 'standard', 'office', '00:1,12.74:1', CASE WHEN step = last THEN %(clock)s ELSE 'stopped' END,
           now(), now() + interval '9 days', interval '9 days',
           CASE WHEN step = last AND %(clock)s <> 'stopped' THEN NULL ELSE now() END, 1
    FROM (SELECT n, CAST(lpad(to_hex(n), 32, '0') AS uuid) AS id, step, %(clocks)s AS last
          FROM generate_series(%(first)s, %(last)s) AS n, generate_series(1, %(clocks)s) AS step) AS made
    """
_DUTIES = """
    INSERT INTO duties (duty_id, version, event_sequence, officer, officer_id, role, area_code, first_day, made_by,
                        made_at)
    SELECT gen_random_uuid(), 1, 1, role, gen_random_uuid(), role, area, '2026-01-01', 'bench', now()
    FROM (VALUES ('back_office', '12.74'), ('supervisor', '12.74'), ('manager', '12.74'), ('head_of_office', '12.74'),
                 ('province_desk', '12')) AS d(role, area)
    """
_FIRST: Mapping[str, int] = MappingProxyType({"open": 0x5000000, "closed": 0x5100000})


def measure(bench: Bench) -> None:
    """One look at 10,000 open cases, beside 10,000 and beside 200,000 closed ones; and one at a million open things."""
    bench.stop_services()
    url = bench.database
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM duties")
        connection.execute(_DUTIES)
    _fill(url, "open", OPEN, status="decided", need="referred", clock="running")
    _fill(url, "closed", FEW, status="closed", need="outcome_recorded", clock="stopped")
    few = bench.measured(lambda: asyncio.run(_look(url)))
    _fill(url, "closed", MANY - FEW, status="closed", need="outcome_recorded", clock="stopped", after=FEW)
    many = bench.measured(lambda: asyncio.run(_look(url)))
    bench.add(
        f"stall-check-{MANY // 1000}k",
        many,
        "ms for 10 k open",
        anchor=(f"the same among {FEW:,} closed", few),
        goal=f"< {GOAL} of it",
        met=many < GOAL * few,
    )
    _fill(url, "open", CASES - OPEN, after=OPEN, clocks=1, status="decided", need="referred", clock="running")
    million = bench.measured(lambda: asyncio.run(_look(url, rounds=3))) / 1000
    bench.add(
        "stall-check-1m-open",
        million,
        "s for 1 M open",
        anchor=("10 k open", many / 1000),
        goal=f"< {GOAL_S:.0f} s",
        met=million < GOAL_S,
    )
    with psycopg.connect(url, autocommit=True) as connection:
        # No row after this one needs what those before it have left, and deleting so much would take minutes.
        connection.execute("TRUNCATE cases, clocks, stalls CASCADE")
        connection.execute("DELETE FROM duties")


def _fill(url: str, kind: str, count: int, *, after: int = 0, clocks: int = 4, **states: str) -> None:
    first = _FIRST[kind] + after
    values = {"first": first, "last": first + count - 1, "clocks": clocks, **states}
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (_CASES, _NEEDS, _OFFICES, _CLOCKS):
            connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE cases, needs, office_needs, clocks")


async def _look(url: str, rounds: int = _ROUNDS) -> float:
    """Milliseconds of a look that finds nothing."""
    database, times = Database(url, pool_size=2), list[float]()
    warm_up = min(rounds, _WARM_UP)
    check = StallCheck(database, packaged_deadlines("intake"), watched(Outbox("intake")), service="intake")
    for number in range(rounds + warm_up):
        began = time.perf_counter()
        # What other rows of the bench have left may be held up, and is on record after the first looks.
        if (found := await check.once()) and number >= warm_up:
            raise RuntimeError(f"{found} of what was made is held up")
        if number >= warm_up:
            times.append((time.perf_counter() - began) * 1_000)
    await database.close()
    return statistics.median(times)
