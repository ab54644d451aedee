"""The relay's side of the outbox: who leads, what waits, what was published, and what the broker said of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from aiokafka import TopicPartition
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row

from slrt_kit.archive import Chosen, keep_archive, put_back
from slrt_kit.connecting import ANSWER_WITHIN_S, BoundedConnection, open_connection
from slrt_kit.db import DATABASE_DOWN

LOCK_KEY = "slrt-relay"
"""Whoever holds this advisory lock in a service's database is its relay."""

_LONG_S = 3600.0
"""For what may move the whole archive, or waits until nobody reads the partition that goes."""
_ABANDONED_AFTER_S = 15.0
"""A session without a sign of life for so long is ended by PostgreSQL, and the lead is free.

TCP alone does not free it where something between us and PostgreSQL keeps up a connection that we have long left.
"""
_SIGNS_OF_LIFE = 5  # in that time

# A row may become visible late, with a number below those that were read before it.
_FETCH = """
    (SELECT seq, topic, partition_key, headers, payload FROM outbox
     WHERE seq <= %(last)s AND seq <> ALL(CAST(%(without)s AS bigint[])) ORDER BY seq LIMIT %(limit)s)
    UNION ALL
    (SELECT seq, topic, partition_key, headers, payload FROM outbox
     WHERE seq > %(last)s ORDER BY seq LIMIT %(limit)s)
    ORDER BY seq LIMIT %(limit)s
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

    async def fetch(self, limit: int, *, without: Sequence[int] = ()) -> list[PendingRow]:
        """What waits, in order; ``without`` those, by ``seq``, which are published and not archived yet."""

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

    def __init__(
        self,
        database_url: str,
        *,
        answer_within: float = ANSWER_WITHIN_S,
        abandoned_after: float = _ABANDONED_AFTER_S,
    ) -> None:
        """A statement without an answer for ``answer_within`` seconds ends the session.

        So does PostgreSQL when it has heard nothing from us for ``abandoned_after`` seconds.
        """
        self._url = database_url
        self._answer_within = answer_within
        self._abandoned_after = abandoned_after
        milliseconds = int(abandoned_after * 1000)
        self._settings: dict[str, object] = {
            "idle_session_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
        }

    @asynccontextmanager
    async def session(self) -> AsyncIterator[QueueSession]:
        """See `OutboxQueue`."""
        async with await connect(self._url, answer_within=self._answer_within, settings=self._settings) as connection:
            living = asyncio.create_task(_give_signs_of_life(connection, self._abandoned_after / _SIGNS_OF_LIFE))
            try:
                yield _Session(connection)
            finally:
                living.cancel()
                await asyncio.wait([living])


async def _give_signs_of_life(connection: BoundedConnection, every: float) -> None:
    """For as long as the relay waits for the broker, its session would look abandoned."""
    # The statement that finds the session gone ends this; the relay's next one finds the same and says so.
    with contextlib.suppress(*DATABASE_DOWN):
        while True:
            await asyncio.sleep(every)
            if connection.info.transaction_status == TransactionStatus.IDLE:
                await connection.execute("SELECT")


class _Session:
    def __init__(self, connection: BoundedConnection) -> None:
        self._connection = connection

    async def try_to_lead(self) -> bool:
        cursor = await self._connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (LOCK_KEY,))
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def fetch(self, limit: int, *, without: Sequence[int] = ()) -> list[PendingRow]:
        values = {"limit": limit, "without": list(without), "last": max(without, default=0)}
        async with self._connection.cursor(row_factory=class_row(PendingRow), binary=True) as cursor:
            await cursor.execute(_FETCH, values)
            return await cursor.fetchall()

    async def archive(self, published: Sequence[int], last_offsets: Mapping[TopicPartition, int]) -> None:
        topics, partitions = [each.topic for each in last_offsets], [each.partition for each in last_offsets]
        await self._connection.execute(_ARCHIVE, (list(published), topics, partitions, list(last_offsets.values())))

    async def last_offsets(self) -> dict[TopicPartition, int]:
        cursor = await self._connection.execute(_OFFSETS)
        return {TopicPartition(topic, number): last for topic, number, last in await cursor.fetchall()}

    async def refill(self, topics: Collection[str]) -> int:
        with self._connection.patient(_LONG_S):
            return await self._refill(topics)

    async def _refill(self, topics: Collection[str]) -> int:
        async with self._connection.transaction():
            count = await put_back(self._connection, Chosen(topics=topics))
            await self._connection.execute(_FORGET, (list(topics),))
        return count

    async def keep_house(self, *, today: date, days: int) -> None:
        with self._connection.patient(_LONG_S):
            await keep_archive(self._connection, today=today, days=days)


async def connect(
    url: str,
    *,
    name: str = LOCK_KEY,
    answer_within: float | None = None,
    settings: dict[str, object] | None = None,
) -> BoundedConnection:
    """A connection as the relay needs it; see `open_connection`."""
    return await open_connection(
        url, answer_within=answer_within, settings=settings, prepare_threshold=1, application_name=name
    )
