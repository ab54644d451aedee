"""How the outbox and its archive stand: what waits, since when, and behind which row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from slrt_kit.backlog import RELAY_IS_ACTIVE

_STATUS = f"""
    SELECT (SELECT count(*) FROM outbox) AS pending,
           (SELECT extract(epoch FROM now() - min(created_at))::float8 FROM outbox) AS oldest_seconds,
           (SELECT topic FROM outbox ORDER BY seq LIMIT 1) AS next_topic,
           (SELECT partition_key FROM outbox ORDER BY seq LIMIT 1) AS next_key,
           (SELECT seq FROM outbox ORDER BY seq LIMIT 1) AS next_seq,
           (SELECT count(*) FROM outbox_archive) AS archived,
           (SELECT min(created_at) FROM outbox_archive) AS archived_since,
           (SELECT max(published_at) FROM outbox_archive) AS last_published_at,
           {RELAY_IS_ACTIVE} AS relay_is_active
    """  # noqa: S608 — a constant of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    """What waits to be published. ``next_…`` name the row that everything else waits behind. Times in UTC."""

    pending: int
    oldest_seconds: float | None
    next_seq: int | None
    next_topic: str | None
    next_key: str | None
    archived: int
    archived_since: datetime | None
    last_published_at: datetime | None
    relay_is_active: bool


async def outbox_status(connection: psycopg.AsyncConnection[Any]) -> OutboxStatus:
    """How the outbox of this database stands."""
    async with connection.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(_STATUS)
        row: Any = await cursor.fetchone()
    return OutboxStatus(**row._asdict())
