"""A consumer that is killed, or whose database or broker goes away: nothing lost, nothing doubled."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka.admin import AIOKafkaAdminClient

from slrt_kit import metrics
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.handlers import Received
from slrt_kit.testing import case_registered, eventually, raw_event, running, send_raw

MakeConsumer = Callable[..., EventConsumer]
NewTopic = Callable[..., Awaitable[str]]
TINY = Path(__file__).with_name("tiny_consumer.py")


def story(topic: str, keys: list[UUID], count: int, *, start: int = 1) -> list[RawEvent]:
    return [
        raw_event(case_registered(key), key_sequence=start + number, topic=topic)
        for number in range(count)
        for key in keys
    ]


async def committed(bootstrap: str, group: str) -> int:
    """How many events the group's committed offsets say are done."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return sum(max(entry.offset, 0) for entry in offsets.values())


async def test_a_consumer_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    new_topic: NewTopic, rows: Any, database_url: str, kafka_server: Any
) -> None:
    topic, group = await new_topic(partitions=3), f"slrt.test.{uuid4().hex[:8]}"
    keys = [new_uuid7() for _ in range(15)]
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 20))
    repeated = 0
    for kills, reached in enumerate((40, 120, 200, 300)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(TINY), database_url, kafka_server.bootstrap, topic, group
        )
        try:
            await eventually(
                lambda: len(rows.effects()) >= min(reached, 300),  # noqa: B023 — awaited in this turn
                seconds=60,
                what=f"{reached} effects after {kills} kills",
            )
        finally:
            process.send_signal(signal.SIGKILL if reached < 300 else signal.SIGTERM)
            await process.wait()
        if reached < 300:
            repeated += len(rows.effects()) - await committed(kafka_server.bootstrap, group)
    assert repeated > 0, "no kill fell between the database's commit and the offset's: this run proves nothing"
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): list(range(1, 21)) for key in keys}


async def test_while_the_database_is_away_the_consumer_waits_and_then_applies_everything_once(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, stoppable_postgres: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    keys = [new_uuid7() for _ in range(6)]
    half_way = asyncio.Event()

    async def slowly(_: Received[Any]) -> None:
        if len(script.calls) > 10:
            half_way.set()
        await asyncio.sleep(0.005)

    script.before = slowly
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 10))
    async with running(make_consumer(topic).run, drain_seconds=40):
        await half_way.wait()
        stoppable_postgres.kill()
        await send_raw(kafka_server.bootstrap, *story(topic, keys, 2, start=11))
        await asyncio.sleep(1.0)
        stoppable_postgres.start()
        await eventually(lambda: len(rows.effects()) >= 72, seconds=60, what="72 effects")
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): list(range(1, 13)) for key in keys}
    assert rows.one("SELECT count(*) FROM parked") == 0, "a database that is away parks nothing"


async def test_while_kafka_is_away_a_consumer_ends_when_asked_and_another_waits_and_goes_on(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, stoppable_kafka: Any
) -> None:
    topic = await new_topic()
    keys = [new_uuid7() for _ in range(6)]
    away = asyncio.Event()

    async def hold_the_last_until_kafka_is_away(received: Received[Any]) -> None:
        if received.envelope.keysequence == 3:
            await away.wait()

    script.before = hold_the_last_until_kafka_is_away
    await send_raw(stoppable_kafka.bootstrap, *story(topic, keys, 3))
    async with running(make_consumer(topic, commit_timeout=1.0).run, drain_seconds=25):
        await eventually(lambda: len(rows.effects()) >= 2, what="the batch is in hand")
        stoppable_kafka.stop()
        away.set()
    consumer = make_consumer(topic)
    losses = metrics.CONSUMER_ERRORS.labels(consumer._settings.group)._value
    before = losses.get()
    async with running(consumer.run, drain_seconds=40):
        await eventually(lambda: losses.get() > before, what="it has no broker")
        stoppable_kafka.start()
        await send_raw(stoppable_kafka.bootstrap, *story(topic, keys, 3, start=4))
        await eventually(lambda: len(rows.effects()) >= 36, seconds=60, what="36 effects")
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): list(range(1, 7)) for key in keys}
