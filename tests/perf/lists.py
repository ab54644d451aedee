"""What it adds to a list of fifty cases that callers see only their own, beside the list of one who sees all."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg
from tests.perf.stack import Bench

from slrt_intake.api.schemas import CaseReceipt
from slrt_intake.store.cases import list_cases
from slrt_kit.access import Principal
from slrt_kit.db import Database
from slrt_kit.http.pages import Page

CASES = 20_000
_ROUNDS = 400
_LIMIT = 50
# A tenth is another regency's, a twentieth restricted; as in life the newest are of everywhere.
_FILL = """
    WITH made AS (
        INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                           has_subject, restricted, reporter_secret, registered_by, registered_at, key_id)
        SELECT gen_random_uuid(), 1, 1, 'bench-' || n, status, channel,
               CASE WHEN n %% 10 = 0 THEN '12.71.01.1001' ELSE village_code END, urgent, has_subject, n %% 20 = 0,
               false, registered_by, registered_at - n * interval '1 minute', key_id
        FROM (SELECT * FROM cases WHERE NOT restricted ORDER BY registered_at LIMIT 1) AS one,
             generate_series(1, %(cases)s) AS n
        RETURNING case_id
    )
    INSERT INTO needs (need_id, case_id, position, need_code, urgent, attributes, status)
    SELECT gen_random_uuid(), case_id, 0, 'PIP', false, '{}', 'identified' FROM made
    """


def measure(bench: Bench) -> None:
    """Milliseconds of one list from the decision to the JSON, in one process with PostgreSQL; the two by turns."""
    with psycopg.connect(bench.database, autocommit=True) as connection:
        connection.execute(_FILL, {"cases": CASES})
        connection.execute("ANALYZE cases, needs")
    own, everything = bench.measured(lambda: asyncio.run(_measure(bench.database)))
    bench.add(
        "list-of-50",
        own,
        "ms",
        anchor=("the same list without access", everything),
        goal="< 1.05 of it",
        met=own < 1.05 * everything,
    )
    with psycopg.connect(bench.database, autocommit=True) as connection:
        connection.execute(
            "DELETE FROM needs n USING cases c WHERE c.case_id = n.case_id AND c.ticket_number LIKE 'bench-%'"
        )
        connection.execute("DELETE FROM cases WHERE ticket_number LIKE 'bench-%'")


async def _measure(url: str) -> tuple[float, float]:
    database = Database(url, pool_size=1)
    until = datetime.now(UTC) + timedelta(hours=1)
    officer = Principal("petugas-1", frozenset({"back_office"}), "12.74", None, until)
    machine = Principal("mesin", frozenset({"centre_desk"}), None, None, until)
    try:
        one = _list(database, officer, "intake.case.read")
        # Nobody reads cases everywhere: for the anchor the scope is taken from what the centre's desk may.
        all_of_it = _list(database, machine, "intake.report.read")
        for _ in range(20):
            await one(), await all_of_it()
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(_ROUNDS):
            for place, work in enumerate((one, all_of_it)):
                began = time.perf_counter()
                await work()
                times[place].append(time.perf_counter() - began)
    finally:
        await database.close()
    return statistics.median(times[0]) * 1000, statistics.median(times[1]) * 1000


def _list(database: Database, principal: Principal, permission: str) -> Callable[[], Awaitable[bytes]]:
    async def work() -> bytes:
        scope = principal.scope(permission)
        if scope is None:
            raise RuntimeError(f"{principal.subject} may not list")
        async with database.read() as session:
            found = await list_cases(session, scope, status=None, after=None, limit=_LIMIT + 1)
        if len(found) != _LIMIT + 1:
            raise RuntimeError(f"{len(found)} cases where {_LIMIT + 1} were expected")
        page = Page(items=[CaseReceipt.of(case) for case in found[:_LIMIT]], next="position")
        return page.model_dump_json().encode()

    return work
