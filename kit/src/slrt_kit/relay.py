"""Publish committed outbox rows to Kafka, in order per key, from the one active relay of a service."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from psycopg.rows import class_row

from slrt_kit import metrics
from slrt_kit.archive import Chosen, keep_archive, put_back
from slrt_kit.broker_memory import BrokerMemory
from slrt_kit.logs import get_logger
from slrt_kit.messaging.connection import Broker, client_arguments
from slrt_kit.messaging.topics import apply_topics

log = get_logger(__name__)

LOCK_KEY = "slrt-relay"
"""Whoever holds this advisory lock in a service's database is its relay."""
_FETCH = """
    SELECT seq, topic, partition_key, headers, payload, created_at
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
_HOUSEKEEPING_EVERY_S = 3600.0
_DISCARD_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay works. Times in seconds."""

    batch_size: int = 1000
    idle_poll_min: float = 0.01
    idle_poll_max: float = 0.1
    rest_max: float = 0.05
    retry_min: float = 0.2
    retry_max: float = 5.0
    send_timeout: float = 30.0
    archive_days: int = 30
    ask_broker_every: float = 10.0
    replication: int = 1  # of topics that must be made again


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    topic: str
    partition_key: str
    headers: list[list[str]]
    payload: bytes | None
    created_at: datetime


class Relay:
    """The relay of one service database.

    Standby copies may run: the one that holds a session advisory lock works, on the same connection that reads
    and deletes, so that losing the connection is losing the lock. A row leaves the outbox only after the broker
    has acknowledged it and everything before it in the batch; no row is ever skipped.

    A broker that has less than it once acknowledged (it came back empty, a topic was deleted) gets its topics made
    again and filled from the archive, in order.
    """

    def __init__(
        self, *, database_url: str, kafka_bootstrap: Broker | str, service: str, settings: RelaySettings
    ) -> None:
        self._database_url = database_url
        self._bootstrap = kafka_bootstrap
        self._service = service
        self._settings = settings
        self._nudge = asyncio.Event()

    def nudge(self) -> None:
        """Say that rows were just committed, so that the relay does not sleep out its poll."""
        self._nudge.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Faults of the database or the broker are waited out without end."""
        delay = self._settings.retry_min
        while not stop.is_set():
            try:
                await self._run_connected(stop)
                delay = self._settings.retry_min
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                log.warning("relay lost its database", error=type(error).__name__)
                delay = await self._back_off(stop, delay)
            finally:
                metrics.RELAY_ACTIVE.set(0)

    async def _run_connected(self, stop: asyncio.Event) -> None:
        async with await connect(self._database_url) as connection:
            while not stop.is_set() and not await self._try_lock(connection):
                await _wait(stop, self._settings.retry_min)
            if stop.is_set():
                return
            metrics.RELAY_ACTIVE.set(1)
            log.info("relay is active")
            await self._run_active(connection, stop)

    async def _try_lock(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (LOCK_KEY,))
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def _run_active(self, connection: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> None:
        delay = self._settings.retry_min
        memory = BrokerMemory(self._bootstrap, ask_every=self._settings.ask_broker_every)
        await memory.load(connection)
        while not stop.is_set():
            producer = self._new_producer()
            try:
                async with asyncio.timeout(self._settings.send_timeout):
                    await producer.start()
                delay = self._settings.retry_min
                memory.doubt()
                await self._publish_until_stopped(connection, producer, memory, stop)
            except (KafkaError, TimeoutError, OSError) as error:
                # What the broker holds of the batch is unknown now. The rows are still here; a new producer
                # sends them again, and consumers know the events by their ids.
                metrics.RELAY_ERRORS.inc()
                log.warning("relay discards its producer", error=type(error).__name__, detail=str(error))
                delay = await self._back_off(stop, delay)
            finally:
                await _discard(producer)

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **client_arguments(self._bootstrap),
            client_id=f"slrt-{self._service}-relay",
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=5000,
            retry_backoff_ms=100,
            max_batch_size=256 * 1024,
        )

    async def _publish_until_stopped(
        self,
        connection: psycopg.AsyncConnection[Any],
        producer: AIOKafkaProducer,
        memory: BrokerMemory,
        stop: asyncio.Event,
    ) -> None:
        sleep = self._settings.idle_poll_min
        housekeeping_due = 0.0
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            if loop.time() >= housekeeping_due:
                await self._keep_house(connection)
                housekeeping_due = loop.time() + _HOUSEKEEPING_EVERY_S
            if memory.is_doubtful(producer):
                await self._refill(connection, memory)
            self._nudge.clear()
            began = loop.time()
            rows = await self._fetch(connection)
            if rows:
                await self._publish(connection, producer, memory, rows)
                sleep = self._settings.idle_poll_min
            if len(rows) == self._settings.batch_size:
                continue
            if rows:
                # Rest as long as the batch took: on a busy machine the next one is larger instead of later.
                await _wait(stop, min(loop.time() - began, self._settings.rest_max))
            if not self._nudge.is_set():
                await self._sleep(sleep)
                sleep = min(sleep * 1.5, self._settings.idle_poll_max)

    async def _fetch(self, connection: psycopg.AsyncConnection[Any]) -> list[_Row]:
        async with connection.cursor(row_factory=class_row(_Row), binary=True) as cursor:
            await cursor.execute(_FETCH, (self._settings.batch_size,))
            rows = await cursor.fetchall()
        metrics.OUTBOX_PENDING.set(len(rows))
        age = (datetime.now(UTC) - rows[0].created_at).total_seconds() if rows else 0.0
        metrics.OUTBOX_AGE.set(max(age, 0.0))
        return rows

    async def _publish(
        self,
        connection: psycopg.AsyncConnection[Any],
        producer: AIOKafkaProducer,
        memory: BrokerMemory,
        rows: Sequence[_Row],
    ) -> None:
        acknowledged: list[int] = []
        sent: list[asyncio.Future[Any]] = []
        row = rows[0]
        try:
            async with asyncio.timeout(self._settings.send_timeout):
                refused = await self._send(producer, rows, sent)
                for row, future in zip(rows, sent, strict=False):
                    memory.note(await future)
                    acknowledged.append(row.seq)
                    metrics.RELAY_PUBLISHED.labels(row.topic).inc()
                if refused is not None:
                    row = rows[len(sent)]
                    raise refused
        except (KafkaError, TimeoutError) as error:
            # Named, so that whoever is called knows what everything behind it waits for.
            name = type(error).__name__
            log.warning("row not published", seq=row.seq, topic=row.topic, key=row.partition_key, error=name)
            raise
        finally:
            for future in sent:
                # Those behind a failed one may fail with it; looking at each keeps asyncio from reporting them.
                future.add_done_callback(lambda done: done.cancelled() or done.exception())
            # Also on an error: what was acknowledged before it needs no second sending.
            if acknowledged:
                await connection.execute(_ARCHIVE, (acknowledged, *memory.take_noted()))

    async def _send(
        self, producer: AIOKafkaProducer, rows: Sequence[_Row], sent: list[asyncio.Future[Any]]
    ) -> KafkaError | None:
        """Hand the rows to the producer, up to the first that it does not take; returns why it did not."""
        for row in rows:
            headers = [(name, value.encode()) for name, value in row.headers]
            try:
                sent.append(
                    await producer.send(row.topic, key=row.partition_key.encode(), value=row.payload, headers=headers)
                )
            except KafkaError as error:
                return error
        return None

    async def _refill(self, connection: psycopg.AsyncConnection[Any], memory: BrokerMemory) -> None:
        """Look whether the broker still has what it acknowledged; what it lost is put in front of the outbox."""
        lost = await memory.lost_topics()
        if not lost:
            return
        made = await apply_topics(self._bootstrap, replication=self._settings.replication)
        async with connection.transaction():
            count = await put_back(connection, Chosen(topics=lost))
            await memory.forget(connection, lost)
        metrics.RELAY_REFILLED.inc(count)
        log.critical("the broker has lost what it acknowledged", topics=sorted(lost), made=made, events_again=count)

    async def _keep_house(self, connection: psycopg.AsyncConnection[Any]) -> None:
        try:
            await keep_archive(connection, today=datetime.now(UTC).date(), days=self._settings.archive_days)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            # The default partition takes what has none of its own: events go on, somebody must look.
            log.warning("housekeeping failed", error=type(error).__name__, sqlstate=error.sqlstate)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nudge.wait(), seconds)

    async def _back_off(self, stop: asyncio.Event, delay: float) -> float:
        await _wait(stop, delay)
        return min(delay * 2, self._settings.retry_max)


async def _discard(producer: AIOKafkaProducer) -> None:
    """End a producer for good, with whatever it still holds.

    Its own ``stop`` first waits until everything pending is delivered; interrupted in that, it leaves its sender
    running, which would deliver rows much later that a new producer has long sent.
    """
    # aiokafka 0.14 has no public way to abort: these are the steps of its `stop` without the waiting.
    producer._closed = True
    sending = producer._sender.sender_task
    if sending is not None:
        sending.cancel()
        await asyncio.wait([sending], timeout=_DISCARD_TIMEOUT_S)  # for the request that is on the wire
    with contextlib.suppress(KafkaError, TimeoutError, OSError):
        await asyncio.wait_for(producer.client.close(), _DISCARD_TIMEOUT_S)


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


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
