"""Notice that the broker has less than it once acknowledged: it came back empty, or a topic was deleted."""

import asyncio
from collections.abc import Collection
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import RecordMetadata

from slrt_kit.messaging.connection import Broker, client_arguments

_LOAD = "SELECT topic, topic_partition, last_offset FROM published"
_FORGET = "DELETE FROM published WHERE topic = ANY(%s)"
_ASK_TIMEOUT_S = 10.0
_ASK_ANYHOW_S = 300.0  # of a busy service one topic alone may be lost


class BrokerMemory:
    """What the broker acknowledged of each partition, by what is on record, and whether it still has it.

    Asking costs a few round trips, for which events wait. So it is done when there is reason for doubt: the relay
    starts, a connection to the broker was lost, an acknowledgement is lower than an earlier one; when nothing was
    acknowledged for ``ask_every`` seconds; and now and then.
    """

    def __init__(self, bootstrap: Broker | str, *, ask_every: float) -> None:
        self._bootstrap = bootstrap
        self._ask_every = ask_every
        self._offsets: dict[TopicPartition, int] = {}
        self._noted: dict[TopicPartition, int] = {}
        self._connections: frozenset[int] = frozenset()
        self._asked_at = float("-inf")
        self._heard_at = float("-inf")

    async def load(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Read what is on record."""
        cursor = await connection.execute(_LOAD)
        self._offsets = {TopicPartition(topic, number): last for topic, number, last in await cursor.fetchall()}

    async def forget(self, connection: psycopg.AsyncConnection[Any], topics: Collection[str]) -> None:
        """Begin anew with these topics, also on record."""
        await connection.execute(_FORGET, (list(topics),))
        self._offsets = {each: last for each, last in self._offsets.items() if each.topic not in topics}

    def note(self, acknowledged: RecordMetadata) -> None:
        """The broker has taken an event."""
        if acknowledged.offset < 0:
            return  # a repetition that the broker knew: it does not say where the first one is
        partition, offset = TopicPartition(acknowledged.topic, acknowledged.partition), acknowledged.offset
        if offset <= self._offsets.get(partition, -1):
            self.doubt()
            return
        self._offsets[partition] = self._noted[partition] = offset
        self._heard_at = asyncio.get_running_loop().time()

    def take_noted(self) -> tuple[list[str], list[int], list[int]]:
        """Topics, partitions and offsets noted since the last call, for the record."""
        noted, self._noted = self._noted, {}
        return [each.topic for each in noted], [each.partition for each in noted], list(noted.values())

    def doubt(self) -> None:
        """Have it asked before anything else is sent."""
        self._asked_at = float("-inf")

    def is_doubtful(self, producer: AIOKafkaProducer) -> bool:
        """Whether it is time to ask."""
        # aiokafka mends a lost connection in silence; what answers then may be another broker under the same address.
        now = frozenset(id(each) for each in producer.client._conns.values() if each is not None and each.connected())
        was, self._connections = self._connections, now
        at = asyncio.get_running_loop().time()
        quiet = at >= max(self._asked_at, self._heard_at) + self._ask_every
        return quiet or at >= self._asked_at + _ASK_ANYHOW_S or not was <= now

    async def lost_topics(self) -> set[str]:
        """The topics of which the broker has less than is on record.

        Raises:
            aiokafka.errors.KafkaError, TimeoutError, OSError: it cannot be asked.
        """
        async with asyncio.timeout(_ASK_TIMEOUT_S):
            there = await self._partitions_there()
            lost = {partition.topic for partition in self._offsets if partition not in there}
            ends = await self._ends([each for each in self._offsets if each.topic not in lost])
        self._asked_at = asyncio.get_running_loop().time()
        return lost | {each.topic for each, end in ends.items() if end <= self._offsets[each]}

    async def _partitions_there(self) -> set[TopicPartition]:
        admin = AIOKafkaAdminClient(**client_arguments(self._bootstrap))
        try:
            await admin.start()
            known = await admin.describe_topics(sorted({each.topic for each in self._offsets})) if self._offsets else []
        finally:
            await admin.close()
        return {TopicPartition(topic["topic"], each["partition"]) for topic in known for each in topic["partitions"]}

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next event of each partition will have."""
        if not partitions:
            return {}
        consumer = AIOKafkaConsumer(**client_arguments(self._bootstrap), enable_auto_commit=False)
        try:
            await consumer.start()
            return dict(await consumer.end_offsets(partitions))
        finally:
            await consumer.stop()
