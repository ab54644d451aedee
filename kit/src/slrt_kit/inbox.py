"""Remember which events a consumer has handled, and keep those that cannot be handled yet, in its own database."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from slrt_kit.db import Connection

# One round trip for the questions that decide what happens to an event.
_CLAIM = """
    WITH handled AS (
        SELECT FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s
    ), waiting AS (
        SELECT bool_or(event_id = %(event_id)s) AS itself, true AS any FROM parked
        WHERE consumer = %(consumer)s AND topic = %(topic)s AND partition_key = %(key)s
        HAVING count(*) > 0
    ), claimed AS (
        INSERT INTO inbox (consumer, event_id)
        SELECT %(consumer)s, %(event_id)s WHERE NOT EXISTS (SELECT FROM waiting)
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM handled) AS handled,
           (SELECT itself FROM waiting) AS itself,
           EXISTS (SELECT FROM waiting) AS key_waits,
           EXISTS (SELECT FROM claimed) AS claimed
    """
_WAS_HANDLED = "SELECT EXISTS (SELECT FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s)"
_SEEN = """
    SELECT EXISTS (SELECT FROM inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s)
        OR EXISTS (SELECT FROM parked WHERE consumer = %(consumer)s AND topic = %(topic)s AND partition_key = %(key)s)
    """
_HANDLED = """
    SELECT ARRAY(SELECT event_id FROM inbox WHERE consumer = %(consumer)s AND event_id = ANY(%(event_ids)s)) AS handled,
           EXISTS (SELECT FROM parked WHERE consumer = %(consumer)s) AS parked
    """
_CLAIM_MANY = """
    WITH claimed AS (
        INSERT INTO inbox (consumer, event_id)
        SELECT %(consumer)s, event_id FROM unnest(CAST(%(event_ids)s AS uuid[])) AS event_id
        WHERE NOT EXISTS (SELECT FROM parked WHERE consumer = %(consumer)s)
        ORDER BY event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
    )
    SELECT ARRAY(SELECT event_id FROM claimed) AS claimed,
           EXISTS (SELECT FROM parked WHERE consumer = %(consumer)s) AS parked
    """
_CLAIM_PARKED = (
    "INSERT INTO inbox (consumer, event_id) VALUES (%(consumer)s, %(event_id)s) ON CONFLICT DO NOTHING RETURNING 1"
)
_PARK = """
    INSERT INTO parked (consumer, event_id, topic, partition_key, headers, payload, reason, next_attempt_at)
    VALUES (%(consumer)s, %(event_id)s, %(topic)s, %(key)s, CAST(%(headers)s AS jsonb), %(payload)s, %(reason)s,
            %(next_attempt_at)s)
    ON CONFLICT (consumer, event_id) DO NOTHING
    """
# The oldest parked event of a key, if it is due: taken by a lease, so that no other worker tries it meanwhile, and so
# that one whose worker dies becomes free again by itself.
_TAKE_DUE = """
    UPDATE parked SET leased_until = %(until)s
    WHERE id = (
        SELECT id FROM parked p
        WHERE consumer = %(consumer)s AND next_attempt_at <= %(now)s
          AND (leased_until IS NULL OR leased_until <= %(now)s)
          AND NOT EXISTS (SELECT FROM parked e WHERE e.consumer = p.consumer AND e.topic = p.topic
                          AND e.partition_key = p.partition_key AND e.id < p.id)
        ORDER BY next_attempt_at, id LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, event_id, topic, partition_key, headers, payload, reason, attempts, parked_at
    """
_TAKE_OUT = "DELETE FROM parked WHERE consumer = %(consumer)s AND event_id = %(event_id)s"
_RELEASE = "DELETE FROM parked WHERE id = %(id)s"
_POSTPONE = """
    UPDATE parked SET attempts = attempts + 1, next_attempt_at = %(next_attempt_at)s, reason = %(reason)s,
        leased_until = NULL
    WHERE id = %(id)s
    """


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it came: what is needed to handle it now or later. ``headers`` keep their order."""

    topic: str
    key: str
    headers: Sequence[tuple[str, bytes | None]]
    payload: bytes | None

    def readable(self) -> dict[str, Any]:
        """Headers and payload as text, for a person or a program; bytes that are none are replaced."""
        payload = self.payload
        return {
            "key": self.key,
            "headers": {name: (value or b"").decode(errors="replace") for name, value in self.headers},
            "payload": None if payload is None else payload.decode(errors="replace"),
        }


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """The oldest parked event of a key."""

    id: int
    event_id: UUID
    raw: RawEvent
    reason: str
    attempts: int
    parked_at: datetime


class Inbox:
    """The inbox and the parking lot of one consumer; every call works in the caller's transaction."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    async def seen(self, connection: Connection, event_id: UUID, raw: RawEvent) -> bool:
        """Whether the event was handled, is parked, or must queue behind a parked event of its key."""
        return bool(await connection.value(_SEEN, self._params(event_id, raw)))

    async def claim(self, connection: Connection, event_id: UUID, raw: RawEvent) -> str:
        """Take the event for handling in this transaction.

        Returns ``"claimed"``, ``"duplicate"`` (handled before, or parked itself), or ``"behind"`` (an earlier
        event of its key is parked).
        """
        row = await connection.one(_CLAIM, self._params(event_id, raw))
        if row.key_waits and not row.handled:
            return "duplicate" if row.itself else "behind"
        return "claimed" if row.claimed else "duplicate"

    async def handled(self, connection: Connection, event_ids: Sequence[UUID]) -> set[UUID] | None:
        """Those of a batch that were handled before. None: an event of this consumer is parked."""
        row = await connection.one(_HANDLED, {"consumer": self._consumer, "event_ids": list(event_ids)})
        return None if row.parked else set(row.handled)

    async def claim_many(self, connection: Connection, event_ids: Sequence[UUID]) -> set[UUID] | None:
        """Take a batch of events for handling in this transaction; returns those that had not been handled.

        None: an event of this consumer is parked, and nothing is taken.
        """
        row = await connection.one(_CLAIM_MANY, {"consumer": self._consumer, "event_ids": list(event_ids)})
        return None if row.parked else set(row.claimed)

    async def claim_parked(self, connection: Connection, parked: ParkedEvent) -> bool:
        """Take a parked event for handling and release it; False when it had been handled already."""
        found = await connection.value(_CLAIM_PARKED, {"consumer": self._consumer, "event_id": parked.event_id})
        connection.defer(_RELEASE, {"id": parked.id})
        return found is not None

    async def park(
        self, connection: Connection, event_id: UUID, raw: RawEvent, *, reason: str, until: datetime
    ) -> None:
        """Keep the event until it can be handled; later events of its key queue behind it."""
        headers = orjson.dumps([[_pack(name.encode()), _pack(value)] for name, value in raw.headers]).decode()
        await connection.run(
            _PARK,
            self._params(event_id, raw)
            | {"headers": headers, "payload": raw.payload, "reason": reason, "next_attempt_at": until},
        )

    async def take_due(self, connection: Connection, now: datetime, *, until: datetime) -> ParkedEvent | None:
        """Take the next parked event that is due, oldest of its key first; nobody else gets it before ``until``."""
        values = {"consumer": self._consumer, "now": now, "until": until}
        row = await connection.row(_TAKE_DUE, values)
        if row is None:
            return None
        raw = RawEvent(row.topic, row.partition_key, unpack_headers(row.headers), row.payload)
        return ParkedEvent(row.id, row.event_id, raw, row.reason, row.attempts, row.parked_at)

    async def postpone(self, connection: Connection, parked: ParkedEvent, *, reason: str, until: datetime) -> None:
        """Count a failed attempt."""
        await connection.run(_POSTPONE, {"id": parked.id, "reason": reason, "next_attempt_at": until})

    async def was_handled(self, connection: Connection, event_id: UUID) -> bool:
        """Whether it was handled before."""
        values = {"consumer": self._consumer, "event_id": event_id}
        return bool(await connection.value(_WAS_HANDLED, values))

    async def skip(self, connection: Connection, event_id: UUID) -> bool:
        """Let go of a parked event as if it had been handled; False when it is not parked."""
        values = {"consumer": self._consumer, "event_id": event_id}
        if not await connection.run(_TAKE_OUT, values):
            return False
        await connection.run(_CLAIM_PARKED, values)
        return True

    async def parked_count(self, connection: Connection) -> int:
        """How many events of this consumer are parked."""
        count = await connection.value(
            "SELECT count(*) FROM parked WHERE consumer = %(consumer)s", {"consumer": self._consumer}
        )
        return int(count or 0)

    def _params(self, event_id: UUID, raw: RawEvent) -> dict[str, object]:
        return {"consumer": self._consumer, "event_id": event_id, "topic": raw.topic, "key": raw.key}


def unpack_headers(stored: Sequence[Sequence[Any]]) -> tuple[tuple[str, bytes | None], ...]:
    """The headers of a parked event as they came."""
    return tuple(((_unpack(name) or b"").decode(), _unpack(value)) for name, value in stored)


def _pack(value: bytes | None) -> str | dict[str, str] | None:
    """Header bytes for jsonb: as text, so that an operator can read them, where they are text that jsonb can hold."""
    if value is None:
        return None
    try:
        text_value = value.decode()
    except UnicodeDecodeError:
        text_value = "\x00"
    return {"base64": b64encode(value).decode()} if "\x00" in text_value else text_value


def _unpack(packed: str | Mapping[str, str] | None) -> bytes | None:
    if packed is None or isinstance(packed, str):
        return None if packed is None else packed.encode()
    return b64decode(packed["base64"])
