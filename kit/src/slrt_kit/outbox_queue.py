"""The relay's side of the outbox: who leads, what waits, what was published, and what the broker said of it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import psycopg
from aiokafka import TopicPartition
from psycopg.rows import class_row

from slrt_kit.archive import Chosen, keep_archive, put_back

LOCK_KEY = "slrt-relay"
"""Whoever holds this advisory lock in a service's database is its relay."""

_FETCH = """
    SELECT seq, topic, partition_key, headers, payload
    FROM outbox ORDER BY seq LIMIT %s
"""
# By explicit seq and never by range: identity values commit out of order, so a range could cover a row that
# became visible after it was read and was never sent.
_ARCHIVE = """
    WITH moved AS (DELETE FROM outbox WHERE seq = ANY(%s) RETURNING *), noted AS (
        INSERT INTO published (topic, topic_partition, last_offset)
        SELECT * FROM unnest(CAST(%s AS text[]), CAST(%s AS integer[]), CAST(%s AS bigint[]))
        ON CONFLICT (topic, topic_partition)
        DO UPDATE SET last_offset = GREATEST(published.last_offset, EXCLUDED.last_offset)
    )
    INSERT INTO outbox_archive
           (seq, event_id, topic, partition_key, key_sequence, headers, payload, created_at)
    SELECT seq, event_id, topic, partition_key, key_sequence, headers, payload, created_at FROM moved
"""
_OFFSETS = "SELECT topic, topic_partition, last_offset FROM published"
_FORGET = "DELETE FROM published WHERE topic = ANY(%s)"


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A row of the outbox that waits to be published."""

    seq: int
    topic: str
    partition_key: str
    headers: list[list[str]]
    payload: bytes | None


class QueueSession(Protocol):
    """What a relay does on its one connection. Everything raises `slrt_kit.db.DATABASE_DOWN`."""

    async def try_to_lead(self) -> bool:
        """Whether this session is the one that publishes; it stays so until the session ends, for whatever reason."""

    async def fetch(self, limit: int) -> list[PendingRow]:
        """What waits, in order."""

    async def archive(self, published: Sequence[int], last_offsets: Mapping[TopicPartition, int]) -> None:
        """Move those rows, by ``seq``, to the archive and note the broker's offsets, in one transaction."""

    async def last_offsets(self) -> dict[TopicPartition, int]:
        """The highest offset on record of each partition."""

    async def refill(self, topics: Collection[str]) -> int:
        """Put all that is archived of the topics in front of what waits and forget their offsets; returns how many."""

    async def keep_house(self, *, today: date, days: int) -> None:
        """Make and drop the archive's partitions."""


class OutboxQueue(Protocol):
    """The outbox of one service."""

    def session(self) -> AbstractAsyncContextManager[QueueSession]:
        """A connection of its own: losing it is losing the lead."""


class PostgresOutboxQueue:
    """The outbox in a service's database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    @asynccontextmanager
    async def session(self) -> AsyncIterator[QueueSession]:
        """See `OutboxQueue`."""
        async with await connect(self._url) as connection:
            yield _Session(connection)


class _Session:
    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def try_to_lead(self) -> bool:
        cursor = await self._connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (LOCK_KEY,))
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def fetch(self, limit: int) -> list[PendingRow]:
        async with self._connection.cursor(row_factory=class_row(PendingRow), binary=True) as cursor:
            await cursor.execute(_FETCH, (limit,))
            return await cursor.fetchall()

    async def archive(self, published: Sequence[int], last_offsets: Mapping[TopicPartition, int]) -> None:
        topics, partitions = [each.topic for each in last_offsets], [each.partition for each in last_offsets]
        await self._connection.execute(_ARCHIVE, (list(published), topics, partitions, list(last_offsets.values())))

    async def last_offsets(self) -> dict[TopicPartition, int]:
        cursor = await self._connection.execute(_OFFSETS)
        return {TopicPartition(topic, number): last for topic, number, last in await cursor.fetchall()}

    async def refill(self, topics: Collection[str]) -> int:
        async with self._connection.transaction():
            count = await put_back(self._connection, Chosen(topics=topics))
            await self._connection.execute(_FORGET, (list(topics),))
        return count

    async def keep_house(self, *, today: date, days: int) -> None:
        await keep_archive(self._connection, today=today, days=days)


async def connect(url: str, *, name: str = LOCK_KEY) -> psycopg.AsyncConnection[Any]:
    """A connection as the relay needs it: every statement commits, and a day is a day of UTC."""
    return await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=3,
        prepare_threshold=1,
        application_name=name,
        options="-c timezone=UTC",
    )
