"""Measure what waits in a service's own database, at the moment when metrics are asked for.

Every process of a service can tell it: an outbox that grows because its relay died is seen all the same.
"""

import asyncio
from collections.abc import Mapping
from math import nan

import psycopg
from prometheus_client import Gauge

from slrt_kit import metrics
from slrt_kit.db import DATABASE_DOWN, Database, NoConnectionFreeError
from slrt_kit.logs import get_logger
from slrt_kit.outbox_queue import LOCK_KEY

log = get_logger(__name__)

TIMEOUT_S = 5.0
"""Less than Prometheus waits for a page (10 s): a slow database must not cost the other metrics too."""
COUNTED_TO = 10_000
"""Counting a million rows takes PostgreSQL seconds, each time and for each process; who needs the number asks
``outbox status``."""

RELAY_IS_ACTIVE = f"""
    EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND (classid::bigint << 32 | objid::bigint) = hashtext('{LOCK_KEY}'))
    """  # noqa: S608 — a constant of ours
_OUTBOX = f"""
    SELECT (SELECT count(*) FROM (SELECT FROM outbox ORDER BY seq LIMIT {COUNTED_TO}) AS first) AS pending,
           (SELECT extract(epoch FROM now() - created_at)::float8 FROM outbox ORDER BY seq LIMIT 1) AS oldest,
           {RELAY_IS_ACTIVE} AS has_relay
    """  # noqa: S608 — a constant of ours
_PARKED = f"""
    SELECT consumer, count(*) AS events, count(DISTINCT (topic, partition_key)) AS keys,
           extract(epoch FROM now() - min(parked_at))::float8 AS oldest
    FROM (SELECT consumer, topic, partition_key, parked_at FROM parked ORDER BY id LIMIT {COUNTED_TO}) AS first
    GROUP BY consumer
    """  # noqa: S608 — a constant of ours

_AUDIT = """
    SELECT (SELECT extract(epoch FROM now() - CAST(CAST(entry AS jsonb) ->> 'at' AS timestamptz))::float8
            FROM audit_unsealed ORDER BY id LIMIT 1) AS unsealed,
           (SELECT count(*) FROM audit_reviews WHERE closed_at IS NULL) AS reviews,
           (SELECT extract(epoch FROM now() - min(opened_at))::float8 FROM audit_reviews WHERE closed_at IS NULL)
               AS oldest_review
    """
_RETENTION = "SELECT extract(epoch FROM now() - ended_at)::float8 AS age FROM retention_round"

_GAUGES = (
    metrics.OUTBOX_PENDING,
    metrics.OUTBOX_AGE,
    metrics.OUTBOX_HAS_RELAY,
    metrics.AUDIT_UNSEALED_AGE,
    metrics.AUDIT_REVIEWS_OPEN,
    metrics.AUDIT_REVIEWS_AGE,
    metrics.RETENTION_AGE,
)


async def measure_backlog(database: Database) -> None:
    """Set the gauges of the database, its outbox and its parked events; what cannot be asked is shown as NaN.

    Beside them those of `Database.own_backlog`, each the only number of a query of the service.
    """
    own = database.own_backlog
    try:
        async with asyncio.timeout(TIMEOUT_S), database.read() as session:
            (outbox,), parked, (audit,), (retention,), *found = await session.rows_of(
                (_OUTBOX, {}), (_PARKED, {}), (_AUDIT, {}), (_RETENTION, {}), *((query, {}) for _, query in own)
            )
    except (TimeoutError, psycopg.Error, *DATABASE_DOWN) as error:
        # A pool without a free connection says nothing about the database, and a refusal is an answer.
        is_away = isinstance(error, (TimeoutError, *DATABASE_DOWN)) and not isinstance(error, NoConnectionFreeError)
        metrics.DATABASE_UP.set(not is_away)
        log.warning("backlog not measured", error=type(error).__name__)
        for gauge in (*_GAUGES, *(gauge for gauge, _ in own)):
            gauge.set(nan)
        for family in (metrics.PARKED_EVENTS, metrics.PARKED_KEYS, metrics.PARKED_AGE):
            for _, child in family.children():
                child.set(nan)
        return
    metrics.DATABASE_UP.set(1)
    metrics.OUTBOX_PENDING.set(outbox.pending)
    metrics.OUTBOX_AGE.set(max(outbox.oldest or 0.0, 0.0))
    metrics.OUTBOX_HAS_RELAY.set(outbox.has_relay)
    metrics.AUDIT_UNSEALED_AGE.set(max(audit.unsealed or 0.0, 0.0))
    metrics.AUDIT_REVIEWS_OPEN.set(audit.reviews)
    metrics.AUDIT_REVIEWS_AGE.set(max(audit.oldest_review or 0.0, 0.0))
    metrics.RETENTION_AGE.set(max(retention.age, 0.0))
    for (gauge, _), ((number,),) in zip(own, found, strict=True):
        gauge.set(number)
    _show(metrics.PARKED_EVENTS, {row.consumer: row.events for row in parked})
    _show(metrics.PARKED_KEYS, {row.consumer: row.keys for row in parked})
    _show(metrics.PARKED_AGE, {row.consumer: max(row.oldest, 0.0) for row in parked})


def _show(family: metrics.Bounded[Gauge], found: Mapping[str, float]) -> None:
    """A consumer that was shown and has nothing parked any more shows 0."""
    for (consumer,), child in family.children():
        child.set(found.get(consumer, 0))
    for consumer, value in found.items():
        family.labels(consumer).set(value)
