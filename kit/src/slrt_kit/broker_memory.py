"""Notice that the broker has less than it once acknowledged: it came back empty, or a topic was deleted."""

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import TopicPartition
from aiokafka.structs import RecordMetadata

from slrt_kit.messaging.broker import Broker, Producer

_ASK_TIMEOUT_S = 10.0
_ASK_ANYHOW_S = 300.0  # of a busy service one topic alone may be lost


class BrokerMemory:
    """What the broker acknowledged of each partition, by what is on record, and whether it still has it.

    Asking costs a few round trips, for which events wait. So it is done when there is reason for doubt: the relay
    starts, a connection to the broker was lost, an acknowledgement is lower than an earlier one; when nothing was
    acknowledged for ``ask_every`` seconds; and now and then.
    """

    def __init__(
        self, broker: Broker, *, own_topics: Collection[str], on_record: Mapping[TopicPartition, int], ask_every: float
    ) -> None:
        """``own_topics`` must be there even when nothing was ever published on them."""
        self._broker = broker
        self._own_topics = own_topics
        self._ask_every = ask_every
        self._offsets = dict(on_record)
        self._noted: dict[TopicPartition, int] = {}
        self._connections: frozenset[object] = frozenset()
        self._asked_at = float("-inf")
        self._heard_at = float("-inf")

    def forget(self, topics: Collection[str]) -> None:
        """Begin anew with these topics."""
        self._offsets = {each: last for each, last in self._offsets.items() if each.topic not in topics}

    def note(self, acknowledged: RecordMetadata) -> None:
        """The broker has taken an event."""
        partition, offset = TopicPartition(acknowledged.topic, acknowledged.partition), acknowledged.offset
        if offset < 0:
            # A repetition that the broker knew: it does not say where the first one is, but behind all earlier ones.
            offset = self._offsets.get(partition, -1) + 1
        if offset <= self._offsets.get(partition, -1):
            self.doubt()
            return
        self._offsets[partition] = self._noted[partition] = offset
        self._heard_at = asyncio.get_running_loop().time()

    def take_noted(self) -> dict[TopicPartition, int]:
        """The offsets noted since the last call, for the record."""
        noted, self._noted = self._noted, {}
        return noted

    def doubt(self) -> None:
        """Have it asked before anything else is sent."""
        self._asked_at = float("-inf")

    def is_doubtful(self, producer: Producer) -> bool:
        """Whether it is time to ask."""
        # aiokafka mends a lost connection in silence; what answers then may be another broker under the same address.
        was, self._connections = self._connections, producer.connections()
        at = asyncio.get_running_loop().time()
        quiet = at >= max(self._asked_at, self._heard_at) + self._ask_every
        return quiet or at >= self._asked_at + _ASK_ANYHOW_S or not was <= self._connections

    async def ask(self) -> tuple[set[str], set[str]]:
        """The topics of which the broker has less than is on record, and those that are not there at all.

        Raises:
            aiokafka.errors.KafkaError, TimeoutError, OSError: it cannot be asked.
        """
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            on_record = {each.topic for each in self._offsets}
            there = await self._broker.partitions_of(on_record | set(self._own_topics))
            lost = {each.topic for each in self._offsets if each not in there}
            ends = await self._broker.ends_of([each for each in self._offsets if each.topic not in lost])
        self._asked_at = asyncio.get_running_loop().time()
        lost |= {each.topic for each, end in ends.items() if end <= self._offsets[each]}
        return lost, (on_record | set(self._own_topics)) - {each.topic for each in there}
