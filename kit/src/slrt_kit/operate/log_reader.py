"""Read topics from their beginning, as no member of any group, and tell since when they hold all that was told."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import ConsumerRecord

from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.connection import BrokerAccess, client_arguments

_POLL_MS = 500
_FETCH_WAIT_MS = 10
_MOST_AT_ONCE = 2000
_SILENCE_S = 30.0
_CLOCKS_DIFFER = timedelta(seconds=5)
"""The service's clock says when an event was recorded, that of its relay when it was published, in milliseconds."""


class HeldLog:
    """What has been read of the partitions of some topics, and what follows from it about what is there no more."""

    def __init__(self, begins: Mapping[TopicPartition, int]) -> None:
        """``begins`` has the first offset that each partition still holds."""
        self._begins = dict(begins)
        self._next = dict(begins)
        self._first_at: dict[TopicPartition, datetime] = {}
        self._with_gaps: set[str] = set()

    def note(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """These came, in their order."""
        for record in records:
            self._first_at.setdefault(partition, datetime.fromtimestamp(record.timestamp / 1000, UTC))
            self.note_position(partition, record.offset)
            self._next[partition] = record.offset + 1

    def note_position(self, partition: TopicPartition, position: int) -> None:
        """The next one that may come; what was compacted away at the end of a batch shows by that alone."""
        if position != self._next[partition]:
            self._with_gaps.add(partition.topic)
            self._next[partition] = position

    def left(self, ends: Mapping[TopicPartition, int]) -> int:
        """How many offsets there are before those ends that were not read."""
        return sum(max(end - self._next[each], 0) for each, end in ends.items())

    def was_never_used(self, topic: str) -> bool:
        """Nothing is on the topic, and nothing has gone from it."""
        begins = {each: begin for each, begin in self._begins.items() if each.topic == topic}
        return not any(begins.values()) and not any(each in self._first_at for each in begins)

    def holds_all_since(self, topic: str) -> datetime | None:
        """Whatever of the topic was recorded after that (UTC) is still on it, as far as it has been read.

        None: that cannot be said of any time, because something is missing in the midst of it (it is compacted), a
        whole partition has gone by retention, or there is nothing on it.

        A log that begins at 0 proves nothing by that: the topic may have been made again and filled from an archive
        that is younger than the event. But nothing is published before it is recorded. So what was recorded after the
        first held record was published was published after it, and is there; what an operator has sent again comes
        later, however old it is. Partitions that begin at 0 have all been there since the first record of any.
        """
        begins = {each: begin for each, begin in self._begins.items() if each.topic == topic}
        whole = [self._first_at[each] for each, begin in begins.items() if begin == 0 and each in self._first_at]
        cut = [self._first_at.get(each) for each, begin in begins.items() if begin > 0]
        bounds = [*cut, *([min(whole)] if whole else [])]
        known = [each for each in bounds if each is not None]
        if topic in self._with_gaps or not known or len(known) < len(bounds):
            return None
        return max(known) + _CLOCKS_DIFFER


class LogReader:
    """The partitions of some topics, read once; nothing is committed anywhere.

    Raises `aiokafka.errors.KafkaError` when the broker is away or falls silent.
    """

    def __init__(self, access: BrokerAccess | str, topics: Collection[str]) -> None:
        self._broker = KafkaBroker(access)
        self._topics = topics
        self._consumer = AIOKafkaConsumer(
            **client_arguments(access),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # The broker answers a connection in turn: whoever asks for the ends would wait behind a fetch that waits.
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        self._partitions: list[TopicPartition] = []
        self.log = HeldLog({})

    async def __aenter__(self) -> "LogReader":
        self._partitions = sorted(await self._broker.partitions_of(self._topics))
        try:
            await self._consumer.start()
            # aiokafka's own task must have begun: stopped before that, it would cancel whoever stops it.
            await asyncio.sleep(0)
            if self._partitions:
                self._consumer.assign(self._partitions)
                await self._consumer.seek_to_beginning(*self._partitions)
                self.log = HeldLog(await self._consumer.beginning_offsets(self._partitions))
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def ends(self) -> Mapping[TopicPartition, int]:
        """The offset that the next event of each partition will have."""
        found: Mapping[TopicPartition, int] = (
            await self._consumer.end_offsets(self._partitions) if self._partitions else {}
        )
        return found

    async def read(self, ends: Mapping[TopicPartition, int]) -> list[ConsumerRecord]:
        """Some of what comes next, in order per partition, maybe beyond the ends; nothing once all before them was."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while left := self.log.left(ends):
            polled = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_AT_ONCE)
            for partition, records in polled.items():
                self.log.note(partition, records)
            for partition in self._partitions:
                self.log.note_position(partition, await self._consumer.position(partition))
            if polled:
                return [record for records in polled.values() for record in records]
            if self.log.left(ends) < left:
                heard_at = loop.time()
            elif loop.time() > heard_at + _SILENCE_S:
                raise KafkaTimeoutError
        return []
