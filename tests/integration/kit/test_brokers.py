"""What the backbone relies on of a broker: asked of Kafka, and of the broker in memory that stands for it in tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
)

from slrt_contracts.topics import TOPICS
from slrt_kit.messaging.broker import Broker, Consumer, KafkaBroker, Producer
from slrt_kit.testing import eventually
from slrt_kit.testing.broker import MemoryBroker

TOPIC = "slrt.test.brokers"
KEYS = [f"key {number}".encode() for number in range(20)]


@pytest.fixture(params=["kafka", "memory"])
async def place(
    request: pytest.FixtureRequest, kafka_server: Any, new_topic: Callable[..., Awaitable[str]]
) -> tuple[Broker, str]:
    """A broker, and a topic on it with three partitions that nobody else uses."""
    if request.param == "kafka":
        return KafkaBroker(kafka_server.bootstrap), await new_topic(partitions=3)
    broker = MemoryBroker(partitions={TOPIC: 3})
    broker.make_at_once()
    return broker, TOPIC


class Revocations(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self.told.append(("revoked", len(revoked)))

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self.told.append(("assigned", len(assigned)))


@asynccontextmanager
async def producer_of(broker: Broker) -> AsyncIterator[Producer]:
    producer = broker.producer(client_id="test")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def member_of(
    broker: Broker, topic: str, group: str, listener: Revocations | None = None
) -> AsyncIterator[Consumer]:
    member = broker.consumer(group=group, session_timeout_ms=6000, max_poll_records=100, linger=0.0)
    member.subscribe([topic], listener=listener or Revocations())
    await member.start()
    try:
        yield member
    finally:
        await member.stop()


async def send(broker: Broker, topic: str, *values: bytes, key: bytes = b"key 1") -> list[Any]:
    async with producer_of(broker) as producer:
        futures = [await producer.send(topic, key=key, value=value, headers=[]) for value in values]
        return [await future for future in futures]


async def read(member: Consumer, count: int, *, seconds: float = 20) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            for records in (await member.getmany(timeout_ms=200)).values():
                found += records
    return found


@pytest.fixture
def group() -> str:
    return f"slrt.test.{uuid4().hex[:8]}"


class TestProducing:
    async def test_what_is_sent_arrives_as_it_is_and_in_its_order(self, place: tuple[Broker, str], group: str) -> None:
        broker, topic = place
        values = [str(number).encode() for number in range(250)]
        headers = [("ce_id", b"1"), ("ce_id", b"2"), ("empty", b"")]
        async with producer_of(broker) as producer:
            sent = [await producer.send(topic, key=b"k", value=value, headers=headers) for value in values]
            told = [await future for future in sent]
            tombstone = await producer.send_and_wait(topic, key=b"k", value=None, headers=[])
        assert [each.offset for each in told] == list(range(250))
        assert {each.partition for each in told} == {tombstone.partition}
        async with member_of(broker, topic, group) as member:
            records = await read(member, 251)
        assert [record.value for record in records] == [*values, None]
        assert {record.key for record in records} == {b"k"}
        assert list(records[0].headers) == headers
        assert (records[0].topic, records[0].offset, records[-1].offset) == (topic, 0, 250)

    async def test_a_key_has_the_partition_that_kafka_gives_it(self, place: tuple[Broker, str]) -> None:
        broker, topic = place
        found = [(await send(broker, topic, b"x", key=key))[0].partition for key in KEYS]
        assert found == [1, 2, 2, 0, 1, 1, 2, 1, 2, 0, 2, 2, 1, 0, 0, 0, 0, 0, 1, 2]

    async def test_what_is_too_large_is_refused_at_once_and_holds_up_nothing(self, place: tuple[Broker, str]) -> None:
        broker, topic = place
        async with producer_of(broker) as producer:
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send(topic, key=b"k", value=b"x" * 2_000_000, headers=[])
            assert (await producer.send_and_wait(topic, key=b"k", value=b"x", headers=[])).offset == 0

    async def test_a_topic_that_is_not_there_is_an_error(self, place: tuple[Broker, str]) -> None:
        broker, _ = place
        async with producer_of(broker) as producer:
            with pytest.raises(KafkaError):
                await producer.send("slrt.nobody.has.this", key=b"k", value=b"x", headers=[])

    async def test_nothing_is_sent_by_a_producer_that_was_discarded(self, place: tuple[Broker, str]) -> None:
        broker, topic = place
        producer = broker.producer(client_id="test")
        await producer.start()
        for number in range(50):
            await producer.send(topic, key=b"k", value=str(number).encode(), headers=[])
        await producer.discard()
        partitions = await broker.partitions_of([topic])
        ends = await broker.ends_of(partitions)
        with contextlib.suppress(ProducerClosed, TimeoutError):
            await asyncio.wait_for(producer.send(topic, key=b"k", value=b"late", headers=[]), 0.5)
        await asyncio.sleep(0.5)
        assert await broker.ends_of(partitions) == ends

    async def test_the_connections_of_one_that_is_well_stay(self, place: tuple[Broker, str]) -> None:
        broker, topic = place
        async with producer_of(broker) as producer:
            await producer.send_and_wait(topic, key=b"k", value=b"x", headers=[])
            before = producer.connections()
            await producer.send_and_wait(topic, key=b"k", value=b"x", headers=[])
            assert before
            assert before <= producer.connections()


class TestAsking:
    async def test_what_is_there(self, place: tuple[Broker, str]) -> None:
        broker, topic = place
        await send(broker, topic, b"1", b"2", key=KEYS[0])
        partitions = await broker.partitions_of([topic, "slrt.nobody.has.this"])
        assert partitions == {TopicPartition(topic, number) for number in range(3)}
        assert await broker.ends_of(partitions) == {
            TopicPartition(topic, 0): 0,
            TopicPartition(topic, 1): 2,
            TopicPartition(topic, 2): 0,
        }
        assert await broker.partitions_of([]) == set()
        assert await broker.ends_of([]) == {}

    async def test_only_topics_of_the_registry_are_made_and_only_once(self, place: tuple[Broker, str]) -> None:
        broker, _ = place
        if isinstance(broker, MemoryBroker):
            broker = MemoryBroker()
        name = min(TOPICS)
        await broker.make_topics([name], replication=1)
        assert await broker.make_topics([name, "slrt.nobody.has.this"], replication=1) == []
        assert len(await broker.partitions_of([name, "slrt.nobody.has.this"])) == TOPICS[name].partitions


class TestGroups:
    async def test_a_group_begins_at_the_first_event_and_goes_on_where_it_committed(
        self, place: tuple[Broker, str], group: str
    ) -> None:
        broker, topic = place
        (first, *_) = await send(broker, topic, b"1", b"2", b"3")
        partition = TopicPartition(topic, first.partition)
        async with member_of(broker, topic, group) as member:
            assert [record.value for record in await read(member, 3)] == [b"1", b"2", b"3"]
            assert await member.position(partition) == 3
            assert member.highwater(partition) == 3
            await member.commit({partition: 2})
        async with member_of(broker, topic, group) as member:
            assert [record.value for record in await read(member, 1)] == [b"3"]
        async with member_of(broker, topic, f"{group}.other") as member:
            assert len(await read(member, 3)) == 3

    async def test_nothing_comes_when_there_is_nothing(self, place: tuple[Broker, str], group: str) -> None:
        broker, topic = place
        async with member_of(broker, topic, group) as member:
            assert await member.getmany(timeout_ms=50) == {}

    async def test_members_share_the_partitions_and_take_over_from_one_that_leaves(
        self, place: tuple[Broker, str], group: str
    ) -> None:
        broker, topic = place
        listener = Revocations()
        everything = {TopicPartition(topic, number) for number in range(3)}

        async def polled(*members: Consumer) -> bool:
            for member in members:
                await member.getmany(timeout_ms=20)
            shares = [member.assignment() for member in members]
            return all(shares) and set().union(*shares) == everything and sum(map(len, shares)) == len(everything)

        async with member_of(broker, topic, group, listener) as first:
            await eventually(lambda: polled(first), seconds=30)
            async with member_of(broker, topic, group) as second:
                await eventually(lambda: polled(first, second), seconds=30)
                assert ("revoked", 3) in listener.told
            await eventually(lambda: polled(first), seconds=30)
        assert listener.told[-1] == ("assigned", 3)

    async def test_a_commit_by_one_who_lost_the_partitions_fails(self, place: tuple[Broker, str], group: str) -> None:
        broker, topic = place
        (first, *_) = await send(broker, topic, b"1")
        partition = TopicPartition(topic, first.partition)
        async with member_of(broker, topic, group) as member:
            await read(member, 1)
            await forced_out(broker, member)
            with pytest.raises((CommitFailedError, IllegalStateError)):
                await member.commit({partition: 1})

    async def test_a_place_can_be_taken_again_and_a_partition_can_rest(
        self, place: tuple[Broker, str], group: str
    ) -> None:
        broker, topic = place
        (first, *_) = await send(broker, topic, b"1", b"2")
        partition = TopicPartition(topic, first.partition)
        async with member_of(broker, topic, group) as member:
            await read(member, 2)
            member.seek(partition, 1)
            member.pause(partition)
            assert member.paused() == {partition}
            assert await member.getmany(timeout_ms=300) == {}
            member.resume(partition)
            assert [record.value for record in await read(member, 1)] == [b"2"]
            for refused in (member.pause, lambda each: member.seek(each, 0)):
                with pytest.raises(IllegalStateError):
                    refused(TopicPartition("slrt.nobody.has.this", 0))
            with pytest.raises(IllegalStateError):
                await member.commit({TopicPartition("slrt.nobody.has.this", 0): 1})

    async def test_the_connections_of_one_that_is_well_stay(self, place: tuple[Broker, str], group: str) -> None:
        broker, topic = place
        await send(broker, topic, b"1")
        async with member_of(broker, topic, group) as member:
            await read(member, 1)
            before = member.connections()
            await member.getmany(timeout_ms=300)
            assert before
            assert before <= member.connections()


async def forced_out(broker: Broker, member: Any) -> None:
    """Have the group go on without a member that does not know it yet."""
    if isinstance(broker, MemoryBroker):
        member.lose_session()
    else:
        member._coordinator.generation += 1
