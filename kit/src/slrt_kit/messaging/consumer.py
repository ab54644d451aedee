"""Drive a processor from Kafka: explicit offsets, paused partitions, dead letters, clean rebalances."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
)
from aiokafka.structs import ConsumerRecord

from slrt_kit import metrics
from slrt_kit.clock import wait
from slrt_kit.inbox import RawEvent
from slrt_kit.logs import get_logger
from slrt_kit.messaging.broker import Broker, Consumer, Producer
from slrt_kit.messaging.errors import DeadLetterLimitError, UnreadableError
from slrt_kit.messaging.handlers import Projection
from slrt_kit.messaging.processor import TRANSIENT, Processor
from slrt_kit.messaging.progress import Progress

log = get_logger(__name__)

_STOP_TIMEOUT_S = 5.0
_DEAD_LETTER_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """How a consumer works. Times in seconds unless named otherwise.

    ``linger`` is how long the broker may hold back the first event so that more come with it: for those whom nobody
    waits for. Few large answers cost the broker and us a fraction of many small ones.
    """

    group: str
    topics: Sequence[str]
    dead_letter_topic: str
    session_timeout_ms: int = 6000
    max_batch: int = 500
    poll_ms: int = 200
    linger: float = 0.0
    pause_min: float = 0.2
    pause_max: float = 15.0
    parked_every: float = 1.0
    commit_every: float = 0.5
    commit_timeout: float = 10.0
    dead_letters_in_a_row: int = 20
    dead_letter_share: float = 0.05
    dead_letter_window: int = 1000


@dataclass(slots=True)
class _Pause:
    """A partition that waits out a transient fault."""

    since: float
    until: float
    delay: float


@dataclass(slots=True)
class DeadLetterGuard:
    """Counts unreadable events among the last ones and says when it is enough."""

    settings: ConsumerSettings
    recent: deque[bool] = field(default_factory=deque)
    in_a_row: int = 0

    def note(self, *, dead: bool) -> None:
        """Raises DeadLetterLimitError over the limit."""
        self.in_a_row = self.in_a_row + 1 if dead else 0
        self.recent.append(dead)
        if len(self.recent) > self.settings.dead_letter_window:
            self.recent.popleft()
        full = len(self.recent) == self.settings.dead_letter_window
        share = sum(self.recent) / len(self.recent) if full else 0.0
        if self.in_a_row > self.settings.dead_letters_in_a_row or share > self.settings.dead_letter_share:
            raise DeadLetterLimitError(self.settings.group)


class _Hand:
    """What was polled of one partition: how much of it is done, and what was taken of the rest."""

    def __init__(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        self.partition = partition
        self._records = records
        self._raws = [raw_of(record) for record in records]
        self._at = 0
        self._taken = 0

    @property
    def left(self) -> Sequence[RawEvent]:
        """What is not done yet."""
        return self._raws[self._at :]

    @property
    def taken(self) -> Sequence[RawEvent]:
        """What is being done."""
        return self._raws[self._at : self._at + self._taken]

    @property
    def next_record(self) -> ConsumerRecord:
        """The first that is not done."""
        return self._records[self._at]

    def take(self, count: int) -> None:
        """Take that many of what is left."""
        self._taken = count

    def go_on(self, count: int) -> int:
        """That many are done; returns the offset of the last of them."""
        self._at += count
        self._taken -= count
        return int(self._records[self._at - 1].offset)

    def drop(self) -> None:
        """Leave the rest: it comes again."""
        self._raws = []


class _FinishBeforeRevoke(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Let the events in hand end and their offsets be committed before partitions go to somebody else."""

    def __init__(
        self,
        busy: asyncio.Lock,
        paused: dict[TopicPartition, _Pause],
        leaving: asyncio.Event,
        commit: Callable[[], Awaitable[None]],
    ) -> None:
        self._busy = busy
        self._paused = paused
        self._leaving = leaving
        self._commit = commit

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        # The rest of a batch comes again to whoever gets the partition: the others need not wait for all of it.
        self._leaving.set()
        async with self._busy:
            try:
                await self._commit()
            except (KafkaError, OSError, TimeoutError) as error:
                log.info("offset not committed", error=type(error).__name__)
            for partition in revoked:
                self._paused.pop(partition, None)

    async def on_partitions_assigned(self, _assigned: Sequence[TopicPartition]) -> None:
        # Nothing to load: what is known of a key is in the database.
        self._leaving.clear()


class EventConsumer:
    """One member of a consumer group.

    Offsets are committed after the database has committed, and not each time: a crash means redelivery, which the
    inbox absorbs, and a commit for every event would cost the broker more than the event does.
    """

    def __init__(self, settings: ConsumerSettings, processor: Processor[Any], broker: Broker) -> None:
        self._settings = settings
        self._broker = broker
        self._processor = processor
        self._guard = DeadLetterGuard(settings)
        self._busy = asyncio.Lock()
        self._paused: dict[TopicPartition, _Pause] = {}
        self._leaving = asyncio.Event()
        self._done: dict[TopicPartition, int] = {}
        self._commit_due = 0.0
        self._progress = Progress(settings.group)

    @property
    def projection(self) -> Projection | None:
        """See `Processor.projection`."""
        return self._processor.projection

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; faults of the broker and the database are waited out without end.

        When the dead-letter limit is reached the consumer stops for good and says so by metric and log, but the
        rest of the process lives on.
        """
        metrics.begin_consumer(self._settings.group)
        async with asyncio.TaskGroup() as group:
            retrying = group.create_task(self._retry_parked(stop))
            consuming = group.create_task(self._consume(stop))
            consuming.add_done_callback(lambda _: retrying.cancel())
        if not stop.is_set():
            # Cancelled by a library, for one: a process that consumes nothing must not look as if it were well.
            raise RuntimeError(f"consumer {self._settings.group} ended by itself")

    async def _consume(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._run_connected(stop)
            except DeadLetterLimitError:
                metrics.CONSUMER_STOPPED.labels(self._settings.group).set(1)
                log.critical("dead-letter limit reached: consumer stopped", group=self._settings.group)
                await stop.wait()
            except (KafkaError, OSError, TimeoutError) as error:
                metrics.CONSUMER_ERRORS.labels(self._settings.group).inc()
                name, detail = type(error).__name__, str(error)[:200]
                log.warning("consumer lost its broker", group=self._settings.group, error=name, detail=detail)
                await wait(stop, 1.0)

    async def _run_connected(self, stop: asyncio.Event) -> None:
        settings = self._settings
        consumer = self._broker.consumer(
            group=settings.group,
            session_timeout_ms=settings.session_timeout_ms,
            max_poll_records=settings.max_batch,
            linger=settings.linger,
        )
        dead_letters = self._broker.producer(client_id=settings.group)
        self._paused.clear()
        self._leaving.clear()
        self._done.clear()
        listener = _FinishBeforeRevoke(self._busy, self._paused, self._leaving, lambda: self._commit(consumer))
        consumer.subscribe(list(settings.topics), listener=listener)
        try:
            # aiokafka tries without end to join: we are asked to end meanwhile, for one.
            if not await _unless_stopped(stop, consumer.start()) or not await _unless_stopped(
                stop, dead_letters.start()
            ):
                return
            log.info("consumer joined", group=settings.group, topics=list(settings.topics))
            connections: frozenset[object] = frozenset()
            while not stop.is_set():
                self._resume_due(consumer)
                batches = await consumer.getmany(timeout_ms=settings.poll_ms)
                had, connections = connections, consumer.connections()
                if not had <= connections:
                    # What answers now may have come back empty and been filled anew: there, our positions mean nothing.
                    raise KafkaConnectionError("the broker was away")
                if batches:
                    async with self._busy:
                        await self._handle(consumer, dead_letters, batches, stop)
                if asyncio.get_running_loop().time() >= self._commit_due:
                    await self._commit(consumer)
                    await self._measure(consumer)
            await self._commit(consumer)
        except DeadLetterLimitError:
            # What is in the dead letters already must not come there again when the consumer is started anew.
            await self._commit(consumer)
            raise
        finally:
            # Stopping leaves the group, so that others take over at once.
            await asyncio.gather(_stop(consumer), _stop(dead_letters))

    async def _handle(
        self,
        consumer: Consumer,
        dead_letters: Producer,
        polled: dict[TopicPartition, list[ConsumerRecord]],
        stop: asyncio.Event,
    ) -> None:
        """The events of all partitions together where they go well, else each partition for itself and in order."""
        hands = [_Hand(partition, records) for partition, records in polled.items()]
        for hand in hands:
            self._progress.waits(hand.partition, hand.next_record.timestamp)
        while hands and not stop.is_set() and not self._leaving.is_set():
            for hand, size in zip(hands, self._processor.together([hand.left for hand in hands]), strict=True):
                hand.take(size)
            if not await self._processor.process_batch([raw for hand in hands for raw in hand.taken]):
                results = await asyncio.gather(
                    *(self._handle_one_by_one(consumer, dead_letters, hand, stop) for hand in hands),
                    return_exceptions=True,
                )
                for result in results:
                    if isinstance(result, BaseException):
                        raise result
            else:
                for hand in hands:
                    for _ in hand.taken:
                        self._guard.note(dead=False)
                    self._done_with(hand, len(hand.taken))
            mine = consumer.assignment()
            hands = [hand for hand in hands if hand.left and hand.partition in mine]

    async def _handle_one_by_one(
        self, consumer: Consumer, dead_letters: Producer, hand: "_Hand", stop: asyncio.Event
    ) -> None:
        """What was taken of one partition; a fault in one holds up none of the others."""
        moved = False
        try:
            for raw in hand.taken:
                if stop.is_set() or self._leaving.is_set() or hand.partition not in consumer.assignment():
                    hand.drop()
                    return
                await self._handle_record(dead_letters, hand.next_record, raw)
                self._done_with(hand, 1)
                moved = True
        except (*TRANSIENT, KafkaError) as error:
            # A Kafka error here is a dead letter that could not be written: the event waits, as for any other fault.
            self._pause(consumer, hand.partition, hand.next_record.offset, error, moved=moved)
            hand.drop()

    def _done_with(self, hand: "_Hand", count: int) -> None:
        """Note how far the partition is; whatever held it up is over."""
        if count:
            self._done[hand.partition] = hand.go_on(count) + 1
            self._paused.pop(hand.partition, None)
            if hand.left:
                self._progress.waits(hand.partition, hand.next_record.timestamp)

    async def _handle_record(self, dead_letters: Producer, record: ConsumerRecord, raw: RawEvent) -> None:
        try:
            await self._processor.process(raw)
        except UnreadableError as error:
            await self._dead_letter(dead_letters, record, str(error))
            self._guard.note(dead=True)
        else:
            self._guard.note(dead=False)

    async def _dead_letter(self, producer: Producer, record: ConsumerRecord, reason: str) -> None:
        origin = {
            "dlq-reason": reason,
            "dlq-consumer": self._settings.group,
            "dlq-topic": record.topic,
            "dlq-partition": str(record.partition),
            "dlq-offset": str(record.offset),
        }
        headers = [*record.headers, *((name, value.encode()) for name, value in origin.items())]
        async with asyncio.timeout(_DEAD_LETTER_TIMEOUT_S):
            await producer.send_and_wait(
                self._settings.dead_letter_topic, key=record.key, value=record.value, headers=headers
            )
        metrics.CONSUMER_EVENTS.labels(self._settings.group, "unreadable", "dead-lettered").inc()
        log.error("event dead-lettered", group=self._settings.group, reason=reason, offset=record.offset)

    def _pause(
        self,
        consumer: Consumer,
        partition: TopicPartition,
        offset: int,
        error: Exception,
        *,
        moved: bool,
    ) -> None:
        now = asyncio.get_running_loop().time()
        before = self._paused.get(partition)
        if before is None or moved:
            pause = _Pause(now, now + self._settings.pause_min, self._settings.pause_min)
        else:
            delay = min(before.delay * 2, self._settings.pause_max)
            pause = _Pause(before.since, now + delay, delay)
        self._paused[partition] = pause
        # Gone in a rebalance meanwhile: whoever has the partition now reads the event again.
        with contextlib.suppress(IllegalStateError):
            consumer.seek(partition, offset)
            consumer.pause(partition)
        log.warning(
            "partition paused",
            group=self._settings.group,
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            seconds=round(pause.delay, 1),
            error=type(error).__name__,
            detail=str(error)[:200],
        )

    def _resume_due(self, consumer: Consumer) -> None:
        now = asyncio.get_running_loop().time()
        due = [p for p in consumer.paused() if p not in self._paused or self._paused[p].until <= now]
        if due:
            consumer.resume(*due)

    async def _commit(self, consumer: Consumer) -> None:
        self._commit_due = asyncio.get_running_loop().time() + self._settings.commit_every
        done = {partition: offset for partition, offset in self._done.items() if partition in consumer.assignment()}
        self._done.clear()
        if not done:
            return
        try:
            # While the broker is away aiokafka looks for it without end; then we would not even end when asked.
            async with asyncio.timeout(self._settings.commit_timeout):
                await consumer.commit(done)
        except (CommitFailedError, IllegalStateError) as error:
            # The partition has moved on to another member, which will find these events in the inbox.
            log.info("offset not committed", group=self._settings.group, error=type(error).__name__)

    async def _measure(self, consumer: Consumer) -> None:
        now = asyncio.get_running_loop().time()
        for partition in consumer.assignment():
            if partition not in consumer.assignment():
                # Gone while the position of another one was waited for.
                continue
            high = consumer.highwater(partition)
            if high is not None:
                lag = max(high - await consumer.position(partition), 0)
                pause = self._paused.get(partition)
                self._progress.stands(partition, lag=lag, paused_s=now - pause.since if pause else 0)
        self._progress.keep(consumer.assignment())

    async def _retry_parked(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await wait(stop, self._settings.parked_every)
            try:
                await self._processor.retry_parked(stop)
            except TRANSIENT as error:
                log.warning("parked events wait", group=self._settings.group, error=type(error).__name__)


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work was done before we were asked to stop; else it is called off. Raises what it raises."""
    working, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            return True
        return False
    finally:
        working.cancel()
        asked.cancel()
        await asyncio.wait([working, asked], timeout=_STOP_TIMEOUT_S)


async def _stop(client: Consumer | Producer) -> None:
    # In a task of its own: aiokafka (0.14), stopped right after its start, cancels whoever stops it. That would end the
    # consumer for good, and without a word.
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait([stopping], timeout=_STOP_TIMEOUT_S)
    if not stopping.done():
        stopping.cancel()
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.info("client did not end in good order", error=type(error).__name__)


def raw_of(record: ConsumerRecord) -> RawEvent:
    """The event as it came; a key that is no text is replaced, and so fits no event."""
    key = record.key.decode(errors="replace") if record.key is not None else ""
    return RawEvent(record.topic, key, tuple(record.headers), record.value)
