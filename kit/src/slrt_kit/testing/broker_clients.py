"""The clients of the broker in memory: see `slrt_kit.testing.broker`."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
)
from aiokafka.structs import ConsumerRecord, RecordMetadata

from slrt_kit.logs import get_logger

if TYPE_CHECKING:
    from slrt_kit.testing.broker import MemoryBroker

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 1024 * 1024
_SENDINGS = 3
_REQUEST_TIMEOUT_S = 5.0
_DISCARD_TIMEOUT_S = 15.0
_REBALANCE_TIMEOUT_S = 10.0
_RETRY_S = 0.1

Headers = Sequence[tuple[str, bytes | None]]
Content = tuple[bytes | None, bytes | None, Headers]
"""Key, value, headers."""


@dataclass
class _Message:
    """Waits to be delivered."""

    content: Content
    future: asyncio.Future[RecordMetadata]


class MemoryProducer:
    """Keeps the promises of `slrt_kit.messaging.broker.Producer`."""

    def __init__(self, broker: "MemoryBroker", number: int) -> None:
        self._broker = broker
        self._number = number
        self._closed = True
        self._waiting: defaultdict[TopicPartition, deque[_Message]] = defaultdict(deque)
        self._sequences: defaultdict[TopicPartition, int] = defaultdict(int)
        self._senders: dict[TopicPartition, asyncio.Task[None]] = {}
        self._flights: set[asyncio.Task[int]] = set()

    async def start(self) -> None:
        """Raises KafkaConnectionError."""
        await self._broker.network.hop("connect")
        self._closed = False

    async def stop(self) -> None:
        """Returns when everything was delivered or has failed."""
        self._closed = True
        if self._senders:
            await asyncio.wait(self._senders.values())

    async def discard(self) -> None:
        """See `Producer`: what is on the wire is waited for, but not without end."""
        self._closed = True
        for sender in self._senders.values():
            sender.cancel()
        if self._flights:
            await asyncio.wait(self._flights, timeout=_DISCARD_TIMEOUT_S)

    def kill(self) -> None:
        """Be gone without a word: what is on the wire arrives."""
        self._closed = True
        for sender in self._senders.values():
            sender.cancel()

    def connections(self) -> frozenset[object]:
        """See `Producer`."""
        return frozenset({self._broker.life})

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> asyncio.Future[RecordMetadata]:
        """The future is done when the broker has it, or when it is sure not to be asked any more.

        Raises:
            MessageSizeTooLargeError, UnknownTopicOrPartitionError, ProducerClosed.
        """
        if self._closed:
            raise ProducerClosed
        if len(value or b"") > MAX_MESSAGE_BYTES:
            raise MessageSizeTooLargeError
        place = self._broker.place_of(topic, key)
        future: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._waiting[place].append(_Message((key, value, tuple(headers)), future))
        sender = self._senders.get(place)
        if sender is None or sender.done():
            self._senders[place] = asyncio.get_running_loop().create_task(self._deliver(place))
        return future

    async def send_and_wait(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> RecordMetadata:
        """See `send`."""
        return await (await self.send(topic, key=key, value=value, headers=headers))

    async def _deliver(self, place: TopicPartition) -> None:
        """One batch after the other; what comes behind one that failed fails with it, for the sake of the order."""
        waiting = self._waiting[place]
        while waiting:
            batch = [waiting.popleft() for _ in range(min(len(waiting), self._broker.network.batch_size()))]
            sequence, self._sequences[place] = self._sequences[place], self._sequences[place] + len(batch)
            try:
                first = await self._send_until_answered(place, [each.content for each in batch], sequence)
            except KafkaError as error:
                _fail([*batch, *waiting], error)
                waiting.clear()
                return
            for number, each in enumerate(batch):
                offset = first + number if first >= 0 else -1
                if not each.future.done():
                    each.future.set_result(RecordMetadata(place.topic, place.partition, place, offset, -1, 0, 0))

    async def _send_until_answered(self, place: TopicPartition, batch: Sequence[Content], sequence: int) -> int:
        for _ in range(_SENDINGS):
            # On its own: who ends before the answer, or is killed, takes back nothing that is on the wire.
            flight = self._broker.in_background(self._fly(place, batch, sequence))
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait([flight], timeout=_REQUEST_TIMEOUT_S)
            if flight.done() and not isinstance(flight.exception(), KafkaConnectionError):
                return flight.result()
        raise KafkaTimeoutError

    async def _fly(self, place: TopicPartition, batch: Sequence[Content], sequence: int) -> int:
        life = self._broker.life
        await self._broker.network.hop("produce")
        if life != self._broker.life:
            raise KafkaConnectionError  # a broker that comes back knows nothing of its old connections
        first = self._broker.append(place, batch, producer=self._number, sequence=sequence)
        if self._broker.network.loses_acknowledgement():
            raise KafkaConnectionError
        await self._broker.network.hop("acknowledge")
        return first


def _fail(messages: Sequence[_Message], error: KafkaError) -> None:
    for each in messages:
        if not each.future.done():
            each.future.set_exception(error)


class MemoryConsumer:
    """Keeps the promises of `slrt_kit.messaging.broker.Consumer`."""

    def __init__(self, broker: "MemoryBroker", group: str, session_timeout: float, max_poll_records: int) -> None:
        self._broker = broker
        self._group = broker.groups[group]
        self._session_timeout = session_timeout
        self._max_poll_records = max_poll_records
        self._listener: ConsumerRebalanceListener | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._dead = asyncio.Event()
        self._expired = asyncio.Event()
        self.topics: frozenset[str] = frozenset()
        self.round = 0

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener | None = None) -> None:
        """Before `start`."""
        self.topics = frozenset(topics)
        self._listener = listener

    async def start(self) -> None:
        """Join the group. Raises KafkaConnectionError."""
        await self._broker.network.hop("join")
        self._group.members.append(self)
        self._broker.deal(self._group)

    async def stop(self) -> None:
        """Leave it."""
        if not self._dead.is_set() and self in self._group.members:
            self._positions.clear()
            self._group.members.remove(self)
            self._broker.deal(self._group)
        self._dead.set()
        self._expired.set()

    def kill(self) -> None:
        """Be gone without a word, as by ``kill -9``: the group notices when the session ends."""
        self._dead.set()
        self._broker.in_background(self._expire())

    def lose_session(self) -> None:
        """Be thought dead while at work: others get the partitions, and this one joins again when it has noticed."""
        if self in self._group.members and not self._dead.is_set():
            self._group.members.remove(self)
            self._broker.deal(self._group)
            self._broker.in_background(self._join_again())

    def assignment(self) -> set[TopicPartition]:
        """The partitions it believes to have."""
        return set(self._positions)

    async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records of all partitions that are not paused; nothing when there is none in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_ms / 1000):
                while True:
                    news = self._broker.news
                    try:
                        await self._broker.network.hop("fetch")
                    except KafkaConnectionError:
                        await asyncio.sleep(_RETRY_S)
                        continue
                    if found := self._fetched():
                        return found
                    await news.wait()
        if self._dead.is_set():
            await asyncio.Event().wait()
        return {}

    def _fetched(self) -> dict[TopicPartition, list[ConsumerRecord]]:
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        room = self._max_poll_records
        for place, position in self._positions.items():
            log = self._broker.logs.get(place)
            if log is None or place in self._paused or not room:
                continue
            begin = position if position <= len(log.records) else 0
            if records := log.records[begin : begin + room]:
                found[place] = records
                room -= len(records)
                self._positions[place] = begin + len(records)
        return found

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Raises IllegalStateError: it is not this one's."""
        self._must_have(partition)
        self._positions[partition] = offset

    def pause(self, *partitions: TopicPartition) -> None:
        """Raises IllegalStateError: it is not this one's."""
        for partition in partitions:
            self._must_have(partition)
            self._paused.add(partition)

    def resume(self, *partitions: TopicPartition) -> None:
        """Raises IllegalStateError: it is not this one's."""
        for partition in partitions:
            self._must_have(partition)
            self._paused.discard(partition)
        self._broker.tell()

    def paused(self) -> set[TopicPartition]:
        """The paused ones."""
        return set(self._paused)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See `Consumer.commit`."""
        for partition in offsets:
            self._must_have(partition)
        number = self.round
        await self._broker.network.hop("commit")
        if self._dead.is_set() or self not in self._group.members or not number == self.round == self._group.wanted:
            raise CommitFailedError
        self._group.committed |= offsets

    async def position(self, partition: TopicPartition) -> int:
        """The offset of the next record. Raises IllegalStateError: it is not this one's."""
        self._must_have(partition)
        return self._positions[partition]

    def highwater(self, partition: TopicPartition) -> int | None:
        """The end of a partition."""
        log = self._broker.logs.get(partition)
        return None if log is None else len(log.records)

    def connections(self) -> frozenset[object]:
        """See `Producer.connections`."""
        return frozenset({self._broker.life})

    def _must_have(self, partition: TopicPartition) -> None:
        if partition not in self._positions:
            raise IllegalStateError(f"no current assignment for partition {partition}")

    # -- its group's side ---------------------------------------------------------------------------------------------
    async def give_back(self) -> None:
        """End what is in hand; a dead one is waited for until its session ends."""
        if self._dead.is_set():
            await self._expired.wait()
            if self in self._group.members:
                self._group.members.remove(self)
            return
        work = asyncio.ensure_future(self._tell_revoked())
        over = asyncio.ensure_future(self._dead.wait())
        await asyncio.wait([work, over], timeout=_REBALANCE_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if self._dead.is_set():
            work.cancel()
        elif work.done():
            self._positions, self._paused = {}, set()
        else:
            self.lose_session()

    def take(self, partition: TopicPartition, position: int) -> None:
        """Have a partition from here on."""
        self._positions[partition] = position

    async def begin(self, number: int) -> None:
        """This round has its result."""
        self.round = number
        if self._listener is not None:
            await self._listener.on_partitions_assigned(set(self._positions))
        self._broker.tell()

    async def _tell_revoked(self) -> None:
        if self._listener is not None:
            try:
                await self._listener.on_partitions_revoked(set(self._positions))
            except Exception:  # as aiokafka does
                log.exception("listener failed")

    async def _expire(self) -> None:
        await asyncio.sleep(self._session_timeout)
        self._expired.set()
        if self in self._group.members:
            self._group.members.remove(self)
            self._broker.deal(self._group)

    async def _join_again(self) -> None:
        await self._broker.network.heartbeat()
        if self._dead.is_set():
            return
        await self._tell_revoked()
        self._positions, self._paused = {}, set()
        if not self._dead.is_set():
            self._group.members.append(self)
            self._broker.deal(self._group)
