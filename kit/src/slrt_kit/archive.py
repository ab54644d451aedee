"""Keep what was published, by day, and put it back in front of the outbox when it must be sent again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from slrt_kit.logs import get_logger

log = get_logger(__name__)

_PARTITIONS_AHEAD_DAYS = 3

_CHOSEN = """
    (CAST(%(topics)s AS text[]) IS NULL OR topic = ANY(%(topics)s))
    AND (CAST(%(key)s AS text) IS NULL OR partition_key = %(key)s)
    AND (CAST(%(since)s AS timestamptz) IS NULL OR created_at >= %(since)s)
    AND (CAST(%(until)s AS timestamptz) IS NULL OR created_at < %(until)s)
    """
_COUNT = f"SELECT count(*) FROM outbox_archive WHERE {_CHOSEN}"  # noqa: S608 — a constant
# With their numbers of then: lower than those of all that waits, so the relay sends them first, and in their order.
_PUT_BACK = f"""
    WITH again AS (DELETE FROM outbox_archive WHERE {_CHOSEN} RETURNING *)
    INSERT INTO outbox (seq, event_id, topic, partition_key, key_sequence, headers, payload, created_at)
    OVERRIDING SYSTEM VALUE
    SELECT seq, event_id, topic, partition_key, key_sequence, headers, payload, created_at FROM again ORDER BY seq
    ON CONFLICT DO NOTHING
    """  # noqa: S608 — a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which archived events; None is all. ``since`` (inclusive) and ``until`` (exclusive) mean when it was recorded."""

    topics: Collection[str] | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def _values(self) -> dict[str, object]:
        topics = None if self.topics is None else list(self.topics)
        return {"topics": topics, "key": self.key, "since": self.since, "until": self.until}


async def count_archived(connection: psycopg.AsyncConnection[Any], chosen: Chosen) -> int:
    """How many archived events that is."""
    row = await (await connection.execute(_COUNT, chosen._values())).fetchone()
    return int(row[0]) if row else 0


async def put_back(connection: psycopg.AsyncConnection[Any], chosen: Chosen) -> int:
    """Move archived events back into the outbox; returns how many.

    The active relay sends them before all that waits, under their own ids, and archives them again. Consumers know
    an event by its id: what they have applied they pass over.
    """
    return (await connection.execute(_PUT_BACK, chosen._values())).rowcount


async def keep_archive(connection: psycopg.AsyncConnection[Any], *, today: date, days: int) -> None:
    """Make the archive's daily partitions ahead and drop those older than ``days``.

    A day's partition is not made while the default partition already holds rows of that day (PostgreSQL would
    refuse): they stay where they are, and the day's rows go on into the default partition.
    """
    for ahead in range(_PARTITIONS_AHEAD_DAYS + 1):
        day = today + timedelta(days=ahead)
        name = f"outbox_archive_{day:%Y%m%d}"
        async with connection.transaction():
            held = await connection.execute(
                "SELECT to_regclass(%s) IS NOT NULL OR EXISTS (SELECT FROM outbox_archive_default "
                "WHERE published_at >= %s AND published_at < %s)",
                (name, day, day + timedelta(days=1)),
            )
            row = await held.fetchone()
            if row and not row[0]:
                await connection.execute(
                    f"CREATE TABLE {name} PARTITION OF outbox_archive "
                    f"FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
                )
    oldest = today - timedelta(days=days)
    partitions = await connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^outbox_archive_[0-9]{8}$' ORDER BY relname"
    )
    for (name,) in await partitions.fetchall():
        if name < f"outbox_archive_{oldest:%Y%m%d}":
            await connection.execute(f"DROP TABLE {name}")
            log.info("archive partition dropped", partition=name)
    await connection.execute("DELETE FROM outbox_archive_default WHERE published_at < %s", (oldest,))
