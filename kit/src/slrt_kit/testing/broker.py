"""A broker in memory: what the backbone relies on of Kafka, without Kafka, for tests that want to be quick.

Topics with partitions, idempotent producers, consumer groups with rebalances and committed offsets. One test class
proves it beside the real thing: ``tests/integration/kit/test_brokers.py``.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import (
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2
from aiokafka.structs import ConsumerRecord

from slrt_contracts.topics import TOPICS
from slrt_kit.testing.broker_clients import Content, Headers, MemoryConsumer, MemoryProducer

T = TypeVar("T")

_NOBODY = -1


class Network:
    """What happens on the way to the broker and back: nothing, here. Whoever plays faults overrides it."""

    async def hop(self, what: str) -> None:  # noqa: ARG002 — for those who override it
        """One way between a client and the broker; may wait, or raise KafkaConnectionError."""
        await asyncio.sleep(0)

    async def heartbeat(self) -> None:
        """Wait until a member notices that its group goes on without it."""
        await asyncio.sleep(0.1)

    def loses_acknowledgement(self) -> bool:
        """Whether the answer to a batch that was written gets lost."""
        return False

    def batch_size(self) -> int:
        """How many messages go together."""
        return 100


@dataclass
class _Log:
    """One partition."""

    records: list[ConsumerRecord] = field(default_factory=list)
    newest_of: dict[int, int] = field(default_factory=dict)  # producer → its last sequence


@dataclass
class _Group:
    """One consumer group: who is in it, how far it is, and which round of dealing out this is."""

    members: list["MemoryConsumer"] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    wanted: int = 0
    dealt: int = 0
    dealing: asyncio.Task[None] | None = None


class MemoryBroker:
    """Keeps the promises of `slrt_kit.messaging.broker.Broker`."""

    def __init__(self, *, partitions: Mapping[str, int] | None = None, network: Network | None = None) -> None:
        """``partitions`` is the number of partitions of each topic of the registry (its own, when not given)."""
        self._partitions = partitions or {name: topic.partitions for name, topic in TOPICS.items()}
        self.network = network or Network()
        self._ids = itertools.count(1)
        self.logs: dict[TopicPartition, _Log] = {}
        self.groups: defaultdict[str, _Group] = defaultdict(_Group)
        self.news = asyncio.Event()
        self.life = 0
        self._wire: set[asyncio.Task[object]] = set()

    def producer(self, *, client_id: str) -> MemoryProducer:  # noqa: ARG002
        """A new producer; ``client_id`` means nothing here."""
        return MemoryProducer(self, next(self._ids))

    def consumer(
        self,
        *,
        group: str,
        session_timeout_ms: int,
        max_poll_records: int,
        linger: float,  # noqa: ARG002
    ) -> MemoryConsumer:
        """A new member of a group; ``linger`` means nothing here."""
        return MemoryConsumer(self, group, session_timeout_ms / 1000, max_poll_records)

    async def partitions_of(self, topics: Collection[str]) -> set[TopicPartition]:
        """See `Broker`."""
        await self.network.hop("describe")
        return {each for each in self.logs if each.topic in topics}

    async def ends_of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """See `Broker`."""
        await self.network.hop("ends")
        if any(each not in self.logs for each in partitions):
            raise UnknownTopicOrPartitionError
        return {each: len(self.logs[each].records) for each in partitions}

    async def make_topics(self, only: Collection[str], *, replication: int = 1) -> list[str]:  # noqa: ARG002
        """See `Broker`; ``replication`` means nothing here."""
        await self.network.hop("make")
        return self.make_at_once(only)

    # -- what tests do to it ---------------------------------------------------------------------------------------
    def make_at_once(self, only: Collection[str] | None = None) -> list[str]:
        """`make_topics`, without the way to the broker."""
        missing = set(self._partitions) - {each.topic for each in self.logs}
        made = sorted(missing if only is None else missing & set(only))
        for topic in made:
            self.logs |= {TopicPartition(topic, number): _Log() for number in range(self._partitions[topic])}
        if made:
            for group in self.groups.values():
                self.deal(group)
        return made

    def has(self, topic: str) -> bool:
        """Whether the topic is there."""
        return any(each.topic == topic for each in self.logs)

    def records(self, topic: str) -> list[ConsumerRecord]:
        """All that a topic holds, partition by partition."""
        return [record for each in sorted(self.logs) if each.topic == topic for record in self.logs[each].records]

    def put(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """A record of somebody who is no producer of ours."""
        self.append(self.place_of(topic, key), [(key, value, headers)], producer=_NOBODY)

    def forget(self) -> None:
        """Come back empty: no topics, no offsets of groups, no memory of producers."""
        self.life += 1
        self.logs.clear()
        for group in self.groups.values():
            group.committed.clear()
            for member in list(group.members):
                member.lose_session()

    def rebalance(self, group: str) -> None:
        """Deal the partitions of a group out anew, as when somebody joins or leaves."""
        self.deal(self.groups[group])

    # -- for its own clients -----------------------------------------------------------------------------------------
    def place_of(self, topic: str, key: bytes | None) -> TopicPartition:
        count = sum(each.topic == topic for each in self.logs)
        if not count:
            raise UnknownTopicOrPartitionError(topic)
        return TopicPartition(topic, (murmur2(key or b"") & 0x7FFFFFFF) % count)

    def append(self, place: TopicPartition, batch: Sequence[Content], *, producer: int, sequence: int = 0) -> int:
        """Write a batch; returns its first offset, or -1 when this producer has written it before."""
        log = self.logs.get(place)
        if log is None:
            raise UnknownTopicOrPartitionError(place.topic)
        if producer != _NOBODY:
            if sequence <= log.newest_of.get(producer, -1):
                return -1
            log.newest_of[producer] = sequence + len(batch) - 1
        first = len(log.records)
        log.records += [_record(place, offset, *content) for offset, content in enumerate(batch, first)]
        self.tell()
        return first

    def tell(self) -> None:
        """Wake whoever waits for records."""
        self.news.set()
        self.news = asyncio.Event()

    def deal(self, group: _Group) -> None:
        """Have everybody give back what they have, then give each a share."""
        group.wanted += 1
        if group.dealing is None or group.dealing.done():
            group.dealing = self.in_background(self._deal_out(group))

    async def _deal_out(self, group: _Group) -> None:
        while group.dealt != group.wanted:
            number = group.wanted
            await asyncio.gather(*(member.give_back() for member in group.members))
            if number != group.wanted:
                continue
            topics = {topic for member in group.members for topic in member.topics}
            for turn, place in enumerate(sorted(each for each in self.logs if each.topic in topics)):
                takers = [member for member in group.members if place.topic in member.topics]
                takers[turn % len(takers)].take(place, group.committed.get(place, 0))
            group.dealt = number
            for member in list(group.members):
                await member.begin(number)

    def in_background(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._wire.add(task)
        task.add_done_callback(self._wire.discard)
        return task


def _record(
    place: TopicPartition, offset: int, key: bytes | None, value: bytes | None, headers: Headers
) -> ConsumerRecord:
    return ConsumerRecord(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=int(time.time() * 1000),
        timestamp_type=0,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key or b""),
        serialized_value_size=len(value or b""),
        headers=tuple(headers),
    )
