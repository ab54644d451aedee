"""Rows of publishing and applying: a backlog drained by one relay, a topic applied by one consumer."""

import time

import psycopg
from tests.perf import apply
from tests.perf.accept import same_rows
from tests.perf.load import run
from tests.perf.machine import ForeignCpu
from tests.perf.stack import Bench

DRAIN_ROWS = 100_000
APPLY_EVENTS = 20_000
_MILLION = 1_000_000
_FILL = """
    INSERT INTO outbox (event_id, topic, partition_key, key_sequence, headers, payload, created_at)
    SELECT gen_random_uuid(), topic, gen_random_uuid()::text, 1, headers,
           convert_to(repeat('x', 1024), 'UTF8'), now()
    FROM (SELECT topic, headers FROM outbox_archive LIMIT 1) AS pattern, generate_series(1, %s)
    """
# From the first batch to the last, by when each was archived.
_RATE = """
    SELECT count(*) FILTER (WHERE published_at > first) / extract(epoch FROM max(published_at) - min(first))::float8
    FROM (SELECT published_at, min(published_at) OVER () AS first
          FROM (SELECT published_at FROM outbox_archive ORDER BY seq DESC LIMIT %s) AS drained) AS batches
    """


def drain(bench: Bench) -> None:
    """A backlog in the outbox, published by one relay process, archive kept."""
    bench.stop_services()
    with psycopg.connect(bench.database, autocommit=True) as connection:
        connection.execute(_FILL, (DRAIN_ROWS,))
        with ForeignCpu(bench.roots()) as foreign, bench.own_process("relay"):
            while connection.execute("SELECT FROM outbox LIMIT 1").rowcount:
                time.sleep(0.5)  # looking is work for PostgreSQL too
        (rate,) = connection.execute(_RATE, (DRAIN_ROWS,)).fetchone() or (0.0,)
        bench.cpu.append(foreign.share)
        connection.execute("VACUUM outbox")
        pages = connection.execute("SELECT pg_relation_size('outbox') / 1024.0").fetchone()
    same = same_rows(bench)
    bench.add(
        "relay-drain",
        rate,
        "events/s, 1 KB",
        anchor=("pgbench, same rows, 32 clients", same),
        goal=">= 5 times it",
        met=rate >= 5 * same,
    )
    million = _MILLION / rate
    bench.add("relay-drain-1m", million, "s, at that rate", anchor=("limit", 25), goal="< 25 s", met=million < 25)
    bench.add("outbox-afterwards", float(pages[0]) if pages else 0.0, "KiB", anchor=("1 KB rows", DRAIN_ROWS))


def applied(bench: Bench) -> None:
    """One consumer's projection: inbox and rows in one transaction for each batch, beside COPY of the same rows."""
    bench.stop_services()
    rate = bench.measured(lambda: run(apply.apply(bench.database, APPLY_EVENTS)))
    copied = apply.copy_rows(bench.database)
    bench.add(
        "consumer-apply",
        rate,
        "events/s",
        anchor=("COPY of the same rows", copied),
        goal=">= 0.18 of it",
        met=rate >= 0.18 * copied,
    )
