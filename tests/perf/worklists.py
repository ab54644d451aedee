"""How long the first fifty of a worklist take, among ten thousand open cases and among a million."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
from tests.perf.stack import Bench

from slrt_intake.api.worklists import CaseWorkItem
from slrt_intake.store.worklists import list_cases_due
from slrt_kit.access import Principal
from slrt_kit.clocks.reporting import packaged_roles
from slrt_kit.clocks.worklist import Asked
from slrt_kit.db import Database
from slrt_kit.http.pages import Page
from slrt_kit.runtime import settle_memory, uvicorn_loop

SIZES = (10_000, 1_000_000)
LIMIT = 50
GOAL_MS = 10
_ROUNDS = 300
# A twentieth of all is one regency's, the rest is spread over 500 others; a twentieth is restricted, a fiftieth stands
# and a fiftieth has come up to a manager. Villages are numbers of the form of a code.
_FILL = """
    WITH numbers AS (
        SELECT n, CAST(lpad(to_hex(n + 117440512), 32, '0') AS uuid) AS id,
               CASE WHEN n %% 20 = 0 THEN '12.74'
                    ELSE lpad((13 + n %% 500 / 25)::text, 2, '0') || '.' || lpad((1 + n %% 25)::text, 2, '0') END
               || '.' || lpad((1 + n / 20 %% 20)::text, 2, '0') || '.' || (1001 + n / 400 %% 10)::text AS village
        FROM generate_series(1, %(size)s) AS n
    ), made AS (
        INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                           has_subject, restricted, registered_by, registered_at, key_id)
        SELECT id, 1, 1, 'worklist-' || n, 'screening', 'facilitator', village, false, false, n %% 20 = 7,
               'kader-9001', now() - n * interval '1 minute', 1
        FROM numbers
    )
    INSERT INTO clocks (clock_id, version, subject_kind, subject_id, case_id, region, step, owner_kind, owner,
                        sla_class, calendar_id, policy_version, state, started_at, due_at, takes, next_step, next_at,
                        wake_at, escalated, pauses)
    SELECT id, 1, 'case', id, id, village, 'screening', 'role',
           (ARRAY['front_office', 'back_office', 'coordinator', 'back_office'])[1 + n / 7 %% 4], 'standard', 'office',
           '00:1', CASE WHEN n %% 50 = 30 THEN 'paused' ELSE 'running' END, now(), due, interval '30 hours', 1,
           CASE WHEN n %% 50 <> 30 THEN due END, CASE WHEN n %% 50 <> 30 THEN due END,
           CASE WHEN n %% 50 = 10 THEN 2 ELSE 0 END,
           CASE WHEN n %% 50 = 30 THEN '[{"since": "2026-01-01T00:00:00Z", "until": null,
               "reason": "external_decision"}]'::jsonb ELSE '[]' END
    FROM numbers, LATERAL (SELECT now() + (n::bigint * 7919 %% 1000003) * interval '3 seconds' AS due) AS d
    """
# With all that the stack has had before: removing a million cases one by one asks every table that points at them.
_EMPTY = "TRUNCATE cases, clocks CASCADE"
CALLERS = {
    "back office of a regency": ("back_office", "12.74"),
    "front office of a district": ("front_office", "12.74.03"),
    "facilitator of a village": ("facilitator", "12.74.03.1002"),
    "manager of a regency": ("manager", "12.74"),
    "back office of a province": ("back_office", "13"),
}
WIDE = "back office of a province"
"""Read regency by regency: its cost is that of a page of each."""


def measure(bench: Bench) -> None:
    """The two rows, with the services stopped."""
    bench.stop_services()
    few, many = (bench.measured(lambda size=size: of_size(bench, size)) for size in SIZES)
    worst = max(many.keys() - {WIDE}, key=lambda caller: many[caller])
    bench.add(
        "worklist-of-50-p99",
        many[worst],
        "ms",
        anchor=(f"among {SIZES[0]:,}", few[worst]),
        goal=f"< {GOAL_MS} ms",
        met=many[worst] < GOAL_MS,
    )
    bench.add("worklist-of-a-province-p99", many[WIDE], "ms", anchor=(f"among {SIZES[0]:,}", few[WIDE]))


def of_size(bench: Bench, size: int) -> dict[str, float]:
    """Milliseconds in which 99 of 100 lists are there, by caller. Before and afterwards there is no case at all."""
    with psycopg.connect(bench.database, autocommit=True) as connection:
        connection.execute(_EMPTY)
        connection.execute(_FILL, {"size": size})
        connection.execute("VACUUM ANALYZE clocks")
        connection.execute("VACUUM ANALYZE cases")
        bench.checkpoint()
        try:
            with asyncio.Runner(loop_factory=uvicorn_loop()) as runner:
                return runner.run(_callers(bench.database))
        finally:
            connection.execute(_EMPTY)


async def _callers(url: str) -> dict[str, float]:
    settle_memory()
    database = Database(url, pool_size=1)
    try:
        return {name: await _p99(database, role, region) for name, (role, region) in CALLERS.items()}
    finally:
        await database.close()


async def _p99(database: Database, role: str, region: str) -> float:
    """From the decision to the JSON, in one process with PostgreSQL; the second page as often as the first."""
    principal = Principal(f"{role}-1", frozenset({role}), region, None, datetime.now(UTC) + timedelta(hours=1))
    times, after = list[float](), None
    for number in range(_ROUNDS + 20):
        began = time.perf_counter()
        found = await _page(database, principal, after if number % 2 else None)
        if number >= 20:
            times.append((time.perf_counter() - began) * 1000)
        after = found
    return statistics.quantiles(times, n=100)[98]


async def _page(
    database: Database, principal: Principal, after: tuple[datetime, object] | None
) -> tuple[datetime, object] | None:
    scope = principal.scope("intake.case.read")
    if scope is None:
        raise RuntimeError(f"{principal.subject} may not list")
    now = datetime.now(UTC)
    asked = Asked(now=now, roles_in=lambda _: packaged_roles(), limit=LIMIT, after=after)  # type: ignore[arg-type]
    async with database.read() as session:
        found: Sequence = await list_cases_due(session, scope, principal.roles, asked, owners=None)
    items = [CaseWorkItem.of_case(item, principal, now) for item in found[:LIMIT]]
    Page(items=items, next="position").model_dump_json()
    return (found[LIMIT - 1].clock.due_at, found[LIMIT - 1].clock.clock_id) if len(found) > LIMIT else None
