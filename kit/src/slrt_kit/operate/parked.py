"""Events that a consumer could not apply: look at them, have them tried now, or let go of one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_kit.db import Connection, Database
from slrt_kit.inbox import Inbox, RawEvent, unpack_headers

_LIST = """
    SELECT p.consumer, p.event_id, p.topic, p.partition_key AS key, p.reason, p.attempts, p.parked_at,
           p.next_attempt_at, p.headers, p.payload,
           (SELECT count(*) FROM parked e WHERE e.consumer = p.consumer AND e.topic = p.topic
              AND e.partition_key = p.partition_key AND e.id < p.id) AS behind
    FROM parked p
    WHERE (CAST(%(consumer)s AS text) IS NULL OR consumer = %(consumer)s)
      AND (CAST(%(key)s AS text) IS NULL OR partition_key = %(key)s)
      AND (CAST(%(event_id)s AS uuid) IS NULL OR event_id = %(event_id)s)
    ORDER BY p.id LIMIT %(limit)s
    """
MOST = 1000
"""How many a look at them shows at most."""

# A worker that has one in hand keeps its lease: it is not tried twice at once.
_RETRY = """
    UPDATE parked SET next_attempt_at = %(now)s
    WHERE next_attempt_at > %(now)s
      AND (CAST(%(consumer)s AS text) IS NULL OR consumer = %(consumer)s)
      AND (CAST(%(key)s AS text) IS NULL OR partition_key = %(key)s)
      AND (CAST(%(event_id)s AS uuid) IS NULL OR event_id = %(event_id)s)
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A parked event. ``behind`` is how many of its key wait before it: only one with 0 is tried. Times in UTC."""

    consumer: str
    event_id: UUID
    event_type: str
    topic: str
    key: str
    reason: str
    attempts: int
    behind: int
    parked_at: datetime
    next_attempt_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which parked events; None is any."""

    consumer: str | None = None
    key: str | None = None
    event_id: UUID | None = None

    def values(self) -> dict[str, object]:
        """For the statements."""
        return {"consumer": self.consumer, "key": self.key, "event_id": self.event_id}


async def parked(connection: Connection, chosen: Selection, *, limit: int = 100) -> list[Parked]:
    """Those selected, oldest first."""
    return [_parked(row) for row in await connection.rows(_LIST, chosen.values() | {"limit": limit})]


async def whole(connection: Connection, chosen: Selection) -> list[dict[str, Any]]:
    """Those selected with headers and payload, as they came."""
    rows = await connection.rows(_LIST, chosen.values() | {"limit": MOST})
    return [
        {"parked": _parked(row)} | RawEvent(row.topic, row.key, unpack_headers(row.headers), row.payload).readable()
        for row in rows
    ]


async def retry(database: Database, chosen: Selection) -> int:
    """Have those selected tried within a second or so instead of when their rest is over; returns how many."""
    async with database.unit_of_work() as work:
        count = await work.connection.run(_RETRY, chosen.values() | {"now": database.clock.now()})
        await work.commit()
    return count


async def skip(database: Database, *, consumer: str, event_id: UUID) -> bool:
    """Let go of one for ever: it counts as handled, and those behind it go on. False when it is not parked."""
    async with database.unit_of_work() as work:
        found = await Inbox(consumer).skip(work.connection, event_id)
        await work.commit()
    return found


def _parked(row: Any) -> Parked:
    types = [value.decode() for name, value in unpack_headers(row.headers) if name == "ce_type" and value is not None]
    shared = {name: getattr(row, name) for name in Parked.__slots__ if name != "event_type"}
    return Parked(event_type=types[0] if types else "", **shared)
