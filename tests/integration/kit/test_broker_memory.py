"""A broker that has forgotten what it acknowledged gets it again, in order; consumers absorb what they had applied."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from slrt_contracts.events.intake import CaseRegistered
from slrt_kit import metrics
from slrt_kit.broker_memory import BrokerMemory
from slrt_kit.clock import new_uuid7
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.topics import apply_topics
from slrt_kit.outbox_queue import PostgresOutboxQueue
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.testing import Message, case_registered, eventually, read_topic, running
from slrt_local.testing import KafkaHandle, or_skip, start_kafka

Record = Callable[..., Awaitable[list[UUID]]]
MakeRelay = Callable[..., Relay]
TOPIC = CaseRegistered.TOPIC
QUICK = {"ask_broker_every": 0.3, "send_timeout": 3.0}


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaHandle]:
    """A broker that a test may empty."""
    with or_skip("kafka", lambda: start_kafka(tmp_path)) as handle:
        if not handle.is_ours:
            pytest.skip("a given broker is not ours to empty")
        yield handle


def empty_the_broker(kafka: KafkaHandle) -> None:
    """It dies and comes back at the same address with nothing."""
    kafka.kill()
    shutil.rmtree(kafka.state.root / "kafka" / "data")
    kafka.start()


async def make_empty(bootstrap: str, topic: str, *, partitions: int = 3) -> None:
    """Delete a topic, and make it again with nothing in it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])

        async def is_gone() -> bool:
            return topic not in await admin.list_topics()

        await eventually(is_gone)
        await admin.create_topics([NewTopic(name=topic, num_partitions=partitions, replication_factor=1)])
    finally:
        await admin.close()


def told(messages: list[Message]) -> list[tuple[str | None, str]]:
    return [(message.key, message.header("ce_keysequence")) for message in messages]


def sent(rows: Any) -> Callable[[], bool]:
    return lambda: rows.one("SELECT count(*) FROM outbox") == 0


async def test_a_topic_that_lost_everything_is_filled_again_in_order_under_the_same_ids(
    record: Record, make_relay: MakeRelay, new_topic: Any, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=1)
    keys = [new_uuid7() for _ in range(4)]
    async with running(make_relay(**QUICK).run):
        for start in (1, 3):
            for key in keys:
                await record(case_registered(key), case_registered(key), start=start, topic=topic)
        await eventually(sent(rows))
        first = await read_topic(kafka_server.bootstrap, topic, at_least=16)
        await make_empty(kafka_server.bootstrap, topic, partitions=1)
        again = await read_topic(kafka_server.bootstrap, topic, at_least=16)
        await record(case_registered(keys[0]), start=5, topic=topic)
        later = await read_topic(kafka_server.bootstrap, topic, at_least=17)
    assert told(again) == told(first)
    assert [each.header("ce_id") for each in again] == [each.header("ce_id") for each in first]
    assert told(later)[16:] == [(str(keys[0]), "5")]
    assert rows.one("SELECT count(*) FROM outbox_archive") == 17


async def test_a_loss_while_no_relay_ran_is_noticed_before_anything_newer_is_sent(
    record: Record, make_relay: MakeRelay, new_topic: Any, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=1)
    key = new_uuid7()
    async with running(make_relay(**QUICK).run):
        await record(*[case_registered(key) for _ in range(5)], topic=topic)
        await eventually(sent(rows))
    await record(case_registered(key), start=6, topic=topic)
    await make_empty(kafka_server.bootstrap, topic, partitions=1)
    async with running(make_relay(**QUICK).run):
        await eventually(sent(rows))
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=6)
    assert told(messages) == [(str(key), str(number)) for number in range(1, 7)]


async def test_what_other_topics_hold_is_left_alone(
    record: Record, make_relay: MakeRelay, new_topic: Any, rows: Any, kafka_server: Any
) -> None:
    lost, kept = await new_topic(partitions=1), await new_topic(partitions=1)
    async with running(make_relay(**QUICK).run):
        for topic in (lost, kept):
            await record(*[case_registered() for _ in range(3)], topic=topic)
        await eventually(sent(rows))
        await make_empty(kafka_server.bootstrap, lost, partitions=1)
        await read_topic(kafka_server.bootstrap, lost, at_least=3)
    assert len(await read_topic(kafka_server.bootstrap, kept, at_least=3)) == 3


async def test_a_broker_that_comes_back_empty_is_made_as_it_was_and_nothing_is_applied_twice(
    own_kafka: KafkaHandle, record: Record, database_url: str, processor: Any, make_consumer: Any, rows: Any
) -> None:
    await apply_topics(own_kafka.bootstrap)
    relay = Relay(
        queue=PostgresOutboxQueue(database_url),
        broker=KafkaBroker(own_kafka.bootstrap),
        service="intake",
        settings=RelaySettings(retry_min=0.05, retry_max=0.3, **QUICK),
    )
    keys = [new_uuid7() for _ in range(10)]
    consumer = make_consumer(TOPIC, "slrt.intake.dlq.v1", broker=KafkaBroker(own_kafka.bootstrap))
    async with running(relay.run, drain_seconds=40), running(consumer.run, drain_seconds=40):
        for start in (1, 2, 3):
            for key in keys:
                await record(case_registered(key), start=start)
        await eventually(lambda: len(rows.effects()) == 30, seconds=60)
        await asyncio.to_thread(empty_the_broker, own_kafka)
        for key in keys:
            await record(case_registered(key), start=4)
        await eventually(lambda: len(rows.effects()) == 40, seconds=90, what="the new events are applied too")
        messages = await read_topic(own_kafka.bootstrap, TOPIC, at_least=40)
    assert {key: rows.sequences(key) for key in keys} == {key: [1, 2, 3, 4] for key in keys}
    by_key = [[number for found, number in told(messages) if found == str(key)] for key in keys]
    assert by_key == [["1", "2", "3", "4"]] * 10


async def test_a_broker_that_restarts_with_its_data_gets_nothing_again(
    record: Record, make_relay: MakeRelay, new_topic: Any, rows: Any, stoppable_kafka: Any
) -> None:
    topic = await new_topic(partitions=1)
    before = metrics.RELAY_REFILLED._value.get()
    async with running(make_relay(**QUICK).run, drain_seconds=40):
        await record(*[case_registered() for _ in range(5)], topic=topic)
        await eventually(sent(rows))
        stoppable_kafka.stop()
        await record(case_registered(), topic=topic)
        stoppable_kafka.start()
        await eventually(sent(rows), seconds=60)
    assert {message.header("ce_id") for message in await read_topic(stoppable_kafka.bootstrap, topic, at_least=6)}
    assert metrics.RELAY_REFILLED._value.get() == before


class TestDoubt:
    """When the broker is asked."""

    @pytest.fixture
    async def memory(self) -> BrokerMemory:
        """One that asked just now and knows the producer's connection."""
        made = BrokerMemory(KafkaBroker("nowhere:1"), own_topics=(), on_record={}, ask_every=1000)
        made._asked_at = asyncio.get_running_loop().time()
        assert not made.is_doubtful(self.producer(7))
        return made

    def producer(self, *connections: int) -> Any:
        """A producer with those connections."""
        return SimpleNamespace(connections=lambda: frozenset(connections))

    def acknowledged(self, offset: int) -> Any:
        return SimpleNamespace(topic="t", partition=0, offset=offset)

    async def test_not_while_all_goes_well(self, memory: BrokerMemory) -> None:
        for offset in (0, 1, 5):
            memory.note(self.acknowledged(offset))
        assert not memory.is_doubtful(self.producer(7, 8))
        assert memory.take_noted() == {TopicPartition("t", 0): 5}
        assert memory.take_noted() == {}

    async def test_after_a_silence_and_not_while_events_are_acknowledged(self) -> None:
        memory = BrokerMemory(KafkaBroker("nowhere:1"), own_topics=(), on_record={}, ask_every=0.2)
        memory._asked_at = asyncio.get_running_loop().time()
        memory.is_doubtful(self.producer(7))
        for offset in range(4):
            await asyncio.sleep(0.1)
            memory.note(self.acknowledged(offset))
            assert not memory.is_doubtful(self.producer(7))
        await asyncio.sleep(0.25)
        assert memory.is_doubtful(self.producer(7))

    async def test_after_a_connection_was_lost(self, memory: BrokerMemory) -> None:
        assert memory.is_doubtful(self.producer(8))

    async def test_after_an_acknowledgement_below_an_earlier_one(self, memory: BrokerMemory) -> None:
        memory.note(self.acknowledged(5))
        memory.note(self.acknowledged(5))
        assert memory.is_doubtful(self.producer(7))

    async def test_a_repetition_without_a_place_says_nothing(self, memory: BrokerMemory) -> None:
        memory.note(self.acknowledged(5))
        memory.note(self.acknowledged(-1))
        assert not memory.is_doubtful(self.producer(7))
