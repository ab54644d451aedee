"""Rows of acceptance: durable 201 at one API process, its latency, and what it does at three times what it can take."""

import psycopg
from tests.perf import anchors
from tests.perf.load import Result, percentile, register_closed_loop, register_open_loop, run
from tests.perf.stack import LOAD_SECONDS, Bench

MANY, FEW = 32, 8
OVERLOAD = 3
# More than may wait inside the process, or the overload would wait at our end of the connections.
OVERLOAD_CONNECTIONS = 1500


def measure(bench: Bench) -> None:
    """One API process alone on the machine with PostgreSQL and the load, beside pgbench committing the same rows."""
    bench.stop_services()
    with bench.own_process("api") as port:
        token = bench.token()
        run(register_closed_loop(port, token, connections=FEW, seconds=2))
        many = bench.measured(lambda: run(register_closed_loop(port, token, connections=MANY, seconds=LOAD_SECONDS)))
        few = run(register_closed_loop(port, token, connections=FEW, seconds=LOAD_SECONDS / 2))
        before = _cases(bench)
        asked = OVERLOAD * many.rate
        flood = run(
            register_open_loop(port, token, per_second=asked, seconds=LOAD_SECONDS, connections=OVERLOAD_CONNECTIONS)
        )
        added = _cases(bench) - before
    many.demand_all_accepted()
    few.demand_all_accepted()
    _durable(bench, many, few)
    _overload(bench, flood, capacity=many.rate, added=added)


def same_rows(bench: Bench) -> float:
    """pgbench committing what one registration writes; measured once in a run."""
    if not bench.same_rows:
        bench.same_rows = anchors.pgbench(bench.database, anchors.SAME_ROWS, bench.folder, seconds=LOAD_SECONDS // 2)
        with psycopg.connect(bench.database, autocommit=True) as connection:
            connection.execute("DELETE FROM outbox WHERE topic = 'slrt.bench.none.v1'")
            connection.execute("DELETE FROM audit_unsealed WHERE entry NOT LIKE '{%'")
    return bench.same_rows


def _durable(bench: Bench, many: Result, few: Result) -> None:
    same = same_rows(bench)
    with psycopg.connect(bench.database, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS contacts_bare (id uuid PRIMARY KEY, body text)")
    two = anchors.pgbench(bench.database, anchors.TWO_INSERTS, bench.folder, seconds=LOAD_SECONDS // 2)
    bench.add(
        "durable-201",
        many.rate,
        "1/s",
        anchor=("pgbench, same rows, 32 clients", same),
        goal=">= 1.10 of it",
        met=many.rate >= 1.1 * same,
    )
    bench.add("durable-201-beside-two-inserts", many.rate, "1/s", anchor=("pgbench, two bare inserts", two))
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        beside = percentile(few.seconds, share) * 1000
        limit = {"goal": "< 5 ms", "met": beside < 5} if name == "p99" else {}
        bench.add(f"durable-201-{name}-of-{FEW}", beside, "ms", anchor=("limit", 5), **limit)
        value = percentile(many.seconds, share) * 1000
        bench.add(f"durable-201-{name}-of-{MANY}", value, "ms", anchor=(f"{name} at {FEW} connections", beside))


def _overload(bench: Bench, flood: Result, *, capacity: float, added: int) -> None:
    """Of what comes at three times the capacity as much is taken as ever, the rest is told so at once."""
    if flood.refusals:
        raise RuntimeError(f"{len(flood.refusals)} odd answers to an overload: {flood.refusals[0][:500]!r}")
    lost = len(flood.seconds) - added
    if lost:
        raise RuntimeError(f"{lost} cases were acknowledged and are not there")
    rate = flood.rate
    bench.add(
        "overload-accepted",
        rate,
        "1/s",
        anchor=("closed loop, 32 connections", capacity),
        goal=">= 0.90 of it",
        met=rate >= 0.9 * capacity,
    )
    refused = len(flood.refused) / flood.elapsed
    bench.add("overload-refused", refused, "1/s", anchor=("asked for", OVERLOAD * capacity))
    p99 = percentile(flood.refused, 0.99) * 1000 if flood.refused else 0.0
    bench.add("overload-refused-p99", p99, "ms", anchor=("limit", 20), goal="< 20 ms", met=0 < p99 < 20)


def _cases(bench: Bench) -> int:
    with psycopg.connect(bench.database) as connection:
        row = connection.execute("SELECT count(*) FROM cases").fetchone()
    return int(row[0]) if row else 0
