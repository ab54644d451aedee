"""Publish committed outbox rows to Kafka, in order per key, from the one active relay of a service."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from slrt_contracts.topics import TOPICS
from slrt_kit import metrics
from slrt_kit.broker_memory import BrokerMemory
from slrt_kit.clock import wait
from slrt_kit.logs import get_logger
from slrt_kit.messaging.broker import Broker, Producer
from slrt_kit.outbox_queue import OutboxQueue, PendingRow, QueueSession
from slrt_kit.telemetry import note_sent

log = get_logger(__name__)

_REFUSED = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
"""What the broker says of a row that it will not take, however often it comes."""
_HOUSEKEEPING_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay works. Times in seconds."""

    batch_size: int = 2000
    idle_poll_min: float = 0.01
    idle_poll_max: float = 0.1
    quick: float = 0.01
    """What a small batch takes on a machine that has time."""
    rest_max: float = 0.05
    retry_min: float = 0.2
    retry_max: float = 5.0
    send_timeout: float = 30.0
    archive_days: int = 30
    ask_broker_every: float = 10.0
    replication: int = 1  # of topics that must be made again


class Relay:
    """The relay of one service database.

    Standby copies may run: the one that leads works, on the same session that reads and archives, so that losing the
    session is losing the lead. A row leaves the outbox only after the broker has acknowledged it and everything
    before it in the batch; no row is ever skipped.

    A broker that has less than it once acknowledged (it came back empty, a topic was deleted) gets its topics made
    again and filled from the archive, in order.
    """

    def __init__(self, *, queue: OutboxQueue, broker: Broker, service: str, settings: RelaySettings) -> None:
        self._queue = queue
        self._broker = broker
        self._service = service
        self._settings = settings
        self._nudge = asyncio.Event()
        self._led_since = 0.0
        # Those of others are left to their relays: what is on its way to a topic that came back empty must not be
        # there before what precedes it.
        self._own_topics = frozenset(name for name, topic in TOPICS.items() if topic.owner == service)

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
                metrics.RELAY_STUCK.set(0)

    async def _run_connected(self, stop: asyncio.Event) -> None:
        async with self._queue.session() as session:
            while not stop.is_set() and not await session.try_to_lead():
                await wait(stop, self._settings.retry_min)
            if stop.is_set():
                return
            metrics.RELAY_ACTIVE.set(1)
            self._led_since = asyncio.get_running_loop().time()
            log.info("relay is active")
            await self._run_active(session, stop)

    async def _run_active(self, session: QueueSession, stop: asyncio.Event) -> None:
        delay = self._settings.retry_min
        memory = BrokerMemory(
            self._broker,
            own_topics=self._own_topics,
            on_record=await session.last_offsets(),
            ask_every=self._settings.ask_broker_every,
        )
        while not stop.is_set():
            producer = self._broker.producer(client_id=f"slrt-{self._service}-relay")
            try:
                async with asyncio.timeout(self._settings.send_timeout):
                    await producer.start()
                delay = self._settings.retry_min
                memory.doubt()
                await self._publish_until_stopped(session, producer, memory, stop)
            except (KafkaError, TimeoutError, OSError) as error:
                # What the broker holds of the batch is unknown now. The rows are still here; a new producer
                # sends them again, and consumers know the events by their ids.
                metrics.RELAY_ERRORS.inc()
                log.warning("relay discards its producer", error=type(error).__name__, detail=str(error))
                delay = await self._back_off(stop, delay)
            finally:
                await producer.discard()

    async def _publish_until_stopped(
        self,
        session: QueueSession,
        producer: Producer,
        memory: BrokerMemory,
        stop: asyncio.Event,
    ) -> None:
        sleep = self._settings.idle_poll_min
        housekeeping_due = 0.0
        loop = asyncio.get_running_loop()
        taken: list[int] = []  # by the broker; the outbox holds them still
        try:
            while not stop.is_set():
                if loop.time() >= housekeeping_due:
                    await self._keep_house(session)
                    housekeeping_due = loop.time() + _HOUSEKEEPING_EVERY_S
                if memory.is_doubtful(producer):
                    # What the broker has lost is put back from the archive: there it must be.
                    await _archive(session, taken, memory.take_noted())
                    taken = []
                    await self._refill(session, memory, stop)
                self._nudge.clear()
                began = loop.time()
                rows = await session.fetch(self._settings.batch_size, without=taken)
                # Beside the sending of those that come next.
                archiving = asyncio.create_task(_archive(session, taken, memory.take_noted()))
                taken = []
                try:
                    if rows:
                        await asyncio.sleep(0)  # handing a batch to the producer would not let the archive begin
                        await self._publish(producer, memory, rows, taken)
                        sleep = self._settings.idle_poll_min
                finally:
                    await archiving
                if len(rows) == self._settings.batch_size:
                    continue
                took = loop.time() - began
                if rows and took > self._settings.quick:
                    # On a busy machine, where a batch takes its time, the next one is larger instead of later.
                    await wait(stop, min(took, self._settings.rest_max))
                if not self._nudge.is_set():
                    await _archive(session, taken, memory.take_noted())
                    taken = []
                    await self._sleep(sleep)
                    sleep = min(sleep * 1.5, self._settings.idle_poll_max)
        finally:
            # Also on an error: what was acknowledged before it needs no second sending.
            await _archive(session, taken, memory.take_noted())

    async def _publish(
        self, producer: Producer, memory: BrokerMemory, rows: Sequence[PendingRow], taken: list[int]
    ) -> None:
        """Send the rows; ``taken`` gets those that the broker has acknowledged, and everything before them."""
        sent: list[asyncio.Future[Any]] = []
        row = rows[0]
        began = time.time_ns()
        try:
            async with asyncio.timeout(self._settings.send_timeout):
                refused = await self._send(producer, rows, sent)
                for row, future in zip(rows, sent, strict=False):
                    memory.note(await future)
                    taken.append(row.seq)
                    note_sent(row.topic, row.headers, since_ns=began)
                if refused is not None:
                    row = rows[len(sent)]
                    raise refused
            metrics.RELAY_STUCK.set(0)
        except (KafkaError, TimeoutError) as error:
            # Named, so that whoever is called knows what everything behind it waits for.
            metrics.RELAY_STUCK.set(isinstance(error, _REFUSED))
            name = type(error).__name__
            log.warning("row not published", seq=row.seq, topic=row.topic, key=row.partition_key, error=name)
            raise
        finally:
            for future in sent:
                # Those behind a failed one may fail with it; looking at each keeps asyncio from reporting them.
                future.add_done_callback(lambda done: done.cancelled() or done.exception())
            for topic, times in Counter(row.topic for row in rows[: len(taken)]).items():
                metrics.RELAY_PUBLISHED.labels(topic).inc(times)

    async def _send(
        self, producer: Producer, rows: Sequence[PendingRow], sent: list[asyncio.Future[Any]]
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

    async def _refill(self, session: QueueSession, memory: BrokerMemory, stop: asyncio.Event) -> None:
        """Look whether the broker still has what it acknowledged; what it lost is put in front of the outbox."""
        lost, missing = await memory.ask()
        if lost:
            # Whoever led before may not know yet that it does not, and have a batch under way: in an empty topic that
            # would stand before what precedes it.
            until = self._led_since + self._settings.send_timeout
            await wait(stop, until - asyncio.get_running_loop().time())
            if stop.is_set():
                return
            count = await session.refill(lost)
            memory.forget(lost)
            metrics.RELAY_REFILLED.inc(count)
            log.critical("the broker has lost what it acknowledged", topics=sorted(lost), events_again=count)
        if missing:
            # After the refill, which proves that we lead: whoever leads must not find a topic that came back empty
            # before all that belongs there waits to be sent.
            made = await self._broker.make_topics(missing, replication=self._settings.replication)
            if made:
                log.warning("topics were missing", made=made)

    async def _keep_house(self, session: QueueSession) -> None:
        try:
            await session.keep_house(today=datetime.now(UTC).date(), days=self._settings.archive_days)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            # The default partition takes what has none of its own: events go on, somebody must look.
            log.warning("housekeeping failed", error=type(error).__name__, sqlstate=error.sqlstate)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nudge.wait(), seconds)

    async def _back_off(self, stop: asyncio.Event, delay: float) -> float:
        await wait(stop, delay)
        return min(delay * 2, self._settings.retry_max)


async def _archive(session: QueueSession, taken: Sequence[int], noted: Mapping[TopicPartition, int]) -> None:
    """Move what the broker has taken, with the offsets that it gave."""
    if taken:
        await session.archive(taken, noted)
