"""What the backbone uses of a Kafka broker, made in one place; a broker in memory keeps the same interface."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, RecordMetadata

from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.messaging.topics import apply_topics

_DISCARD_TIMEOUT_S = 15.0
_REQUEST_TIMEOUT_MS = 5000
_LINGER_BYTES = 16 * 1024


class Producer(Protocol):
    """Sends events: idempotent, acknowledged by all copies, in order per partition. As `aiokafka.AIOKafkaProducer`."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[RecordMetadata]: ...

    async def send_and_wait(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> RecordMetadata: ...

    async def discard(self) -> None:
        """End for good, with whatever it still holds; when it returns, nothing of it comes to the broker any more."""

    def connections(self) -> frozenset[object]:
        """The connections it has just now. One that is gone may have been to another broker of the same address."""


class Consumer(Protocol):
    """A member of a consumer group. As `aiokafka.AIOKafkaConsumer`."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None: ...

    def assignment(self) -> set[TopicPartition]: ...

    async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]: ...

    def seek(self, partition: TopicPartition, offset: int) -> None: ...

    def pause(self, *partitions: TopicPartition) -> None: ...

    def resume(self, *partitions: TopicPartition) -> None: ...

    def paused(self) -> set[TopicPartition]: ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ask once, as the member that it is when asked.

        Raises:
            aiokafka.errors.CommitFailedError: the partitions were dealt out anew since, or they are just now.
            aiokafka.errors.IllegalStateError: one of them is not this member's.
        """

    async def position(self, partition: TopicPartition) -> int: ...

    def highwater(self, partition: TopicPartition) -> int | None: ...

    def connections(self) -> frozenset[object]:
        """See `Producer.connections`."""


class Broker(Protocol):
    """Makes clients, and answers what is there. Raises `aiokafka.errors.KafkaError`, TimeoutError, OSError."""

    def producer(self, *, client_id: str) -> Producer: ...

    def consumer(self, *, group: str, session_timeout_ms: int, max_poll_records: int, linger: float) -> Consumer:
        """Commits by itself never, begins at the earliest event. ``linger``: see `ConsumerSettings`."""

    async def partitions_of(self, topics: Collection[str]) -> set[TopicPartition]:
        """The partitions of those of the topics that are there."""

    async def ends_of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next event of each partition will have; all of them must be there."""

    async def make_topics(self, only: Collection[str], *, replication: int) -> list[str]:
        """Make those of the registry's topics that are not there; returns their names."""


class KafkaBroker:
    """The real one."""

    def __init__(self, access: BrokerAccess | str) -> None:
        """``access`` as text is host:port, comma separated, of a broker that asks nobody who he is."""
        self.access = access

    def producer(self, *, client_id: str) -> "KafkaProducer":
        return KafkaProducer(
            **client_arguments(self.access),
            client_id=client_id,
            enable_idempotence=True,
            acks="all",
            # Whole batches wait for this one.
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            retry_backoff_ms=100,
            max_batch_size=256 * 1024,
        )

    def consumer(self, *, group: str, session_timeout_ms: int, max_poll_records: int, linger: float) -> "KafkaConsumer":
        return KafkaConsumer(
            **client_arguments(self.access),
            group_id=group,
            client_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=session_timeout_ms,
            # Silence is noticed after this, by default after 40 s. Joining a group may rightly take a session's time.
            request_timeout_ms=session_timeout_ms + _REQUEST_TIMEOUT_MS,
            heartbeat_interval_ms=max(session_timeout_ms // 4, 250),
            max_poll_records=max_poll_records,
            fetch_min_bytes=_LINGER_BYTES if linger else 1,
            fetch_max_wait_ms=int(linger * 1000) or 500,
            # A topic that was made after we subscribed must not stay unseen for the default five minutes.
            metadata_max_age_ms=10_000,
        )

    async def partitions_of(self, topics: Collection[str]) -> set[TopicPartition]:
        admin = AIOKafkaAdminClient(**client_arguments(self.access))
        try:
            await admin.start()
            known = await admin.describe_topics(sorted(topics)) if topics else []
        finally:
            await admin.close()
        return {TopicPartition(topic["topic"], each["partition"]) for topic in known for each in topic["partitions"]}

    async def ends_of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        consumer = AIOKafkaConsumer(**client_arguments(self.access), enable_auto_commit=False)
        try:
            await consumer.start()
            return dict(await consumer.end_offsets(list(partitions)))
        finally:
            await consumer.stop()

    async def make_topics(self, only: Collection[str], *, replication: int) -> list[str]:
        return await apply_topics(self.access, only=only, replication=replication)


class KafkaProducer(AIOKafkaProducer):  # type: ignore[misc] # aiokafka has no types
    """aiokafka's, with what it has no public way for (0.14)."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # A batch must not expire while its partition has no leader: one behind it, a moment younger, would be sent.
        self._message_accumulator._batch_ttl = float("inf")

    async def discard(self) -> None:
        """See `Producer.discard`.

        Its own ``stop`` first waits until everything pending is delivered; interrupted in that, it leaves its sender
        running, which would deliver rows much later that a new producer has long sent. These are its steps without
        the waiting.
        """
        self._closed = True
        sending = self._sender.sender_task
        if sending is not None:
            sending.cancel()
            await asyncio.wait([sending], timeout=_DISCARD_TIMEOUT_S)  # for the request that is on the wire
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            await asyncio.wait_for(self.client.close(), _DISCARD_TIMEOUT_S)

    def connections(self) -> frozenset[object]:
        """See `Producer.connections`."""
        return _connections_of(self.client)


class KafkaConsumer(AIOKafkaConsumer):  # type: ignore[misc] # aiokafka has no types
    """aiokafka's, with what it has no public way for (0.14)."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See `Consumer.commit`.

        Its own repeats a commit until it is taken, as whatever member it is by then. By a broker that has come back
        empty it is taken, and what was before those offsets in the new order would never be read.
        """
        if not offsets.keys() <= self.assignment():
            raise IllegalStateError("not all of these partitions are ours")
        coordinator = self._coordinator
        member = coordinator.generation, coordinator.member_id
        await coordinator.ensure_coordinator_known()
        if member != (coordinator.generation, coordinator.member_id) or not coordinator.member_id:
            raise CommitFailedError("the group was dealt out anew")
        assignment = self._subscription.subscription.assignment
        try:
            await coordinator._do_commit_offsets(
                assignment, {each: OffsetAndMetadata(offset, "") for each, offset in offsets.items()}
            )
        except (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError) as error:
            raise CommitFailedError(str(error)) from error

    def connections(self) -> frozenset[object]:
        """See `Producer.connections`."""
        return _connections_of(self._client)


def _connections_of(client: Any) -> frozenset[object]:
    return frozenset(each for each in client._conns.values() if each is not None and each.connected())
