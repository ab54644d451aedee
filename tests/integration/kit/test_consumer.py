"""A consumer on a real topic: applied once, dead letters, parked keys, paused partitions, rebalances."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from slrt_kit import metrics
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.messaging.handlers import Received
from slrt_kit.testing import case_registered, eventually, raw_event, read_topic, running, send_raw

MakeConsumer = Callable[..., EventConsumer]
NewTopic = Callable[..., Awaitable[str]]


def story(topic: str, keys: list[UUID], count: int, *, start: int = 1) -> list[RawEvent]:
    """``count`` events of each key, keys in turn."""
    return [
        raw_event(case_registered(key), key_sequence=start + number, topic=topic)
        for number in range(count)
        for key in keys
    ]


def new_keys(count: int) -> list[UUID]:
    return [new_uuid7() for _ in range(count)]


async def applied(rows: Any, count: int, *, seconds: float = 30) -> None:
    await eventually(lambda: len(rows.effects()) >= count, seconds=seconds, what=f"{count} effects")


async def test_events_are_applied_once_and_in_order_per_key_though_each_is_there_twice(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic, keys = await new_topic(), new_keys(8)
    events = story(topic, keys, 5)
    await send_raw(kafka_server.bootstrap, *[event for event in events for _ in range(2)])
    async with running(make_consumer(topic).run):
        await applied(rows, 40)
        await send_raw(kafka_server.bootstrap, *events, *story(topic, keys, 1, start=6))
        await applied(rows, 48)
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): [1, 2, 3, 4, 5, 6] for key in keys}


async def test_a_consumer_that_comes_back_goes_on_where_it_was(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic, keys = await new_topic(), new_keys(4)
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 3))
    duplicates = metrics.CONSUMER_EVENTS.labels("slrt.test.kit", "id.slrt.intake.case-registered.v1", "duplicate")
    before = duplicates._value.get()
    async with running(make_consumer(topic).run):
        await applied(rows, 12)
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 1, start=4))
    async with running(make_consumer(topic).run):
        await applied(rows, 16)
    assert duplicates._value.get() == before, "nothing came again: the offsets had been committed"


async def test_what_cannot_be_read_goes_to_the_dead_letters_as_it_came_and_the_others_go_on(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic, dead = await new_topic(partitions=1), await new_topic(partitions=1)
    good = story(topic, new_keys(1), 2)
    cut = RawEvent(topic, good[0].key, (*good[0].headers, ("x-null", None), ("x-raw", b"\x00\xff")), b'{"case_id"')
    bare = RawEvent(topic, "\x00", (), b"\xff\xfe\x00")
    await send_raw(kafka_server.bootstrap, good[0], cut, bare, good[1])
    async with running(make_consumer(topic, dead).run):
        await applied(rows, 2)
    letters = await read_topic(kafka_server.bootstrap, dead, at_least=2)
    assert [letter.value for letter in letters] == [cut.payload, bare.payload]
    assert [letter.key for letter in letters] == [cut.key, bare.key]
    assert letters[0].headers[: len(cut.headers)] == cut.headers
    for letter, offset in zip(letters, (1, 2), strict=True):
        assert letter.header("dlq-topic") == topic
        assert (letter.header("dlq-partition"), letter.header("dlq-offset")) == ("0", str(offset))
        assert letter.header("dlq-consumer").startswith("slrt.test.")
    assert "payload" in letters[0].header("dlq-reason")
    assert "content-type" in letters[1].header("dlq-reason") or "ce_" in letters[1].header("dlq-reason")


async def test_a_flood_of_unreadable_events_stops_the_consumer_and_nothing_else(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic, dead = await new_topic(partitions=1), await new_topic(partitions=1)
    flood = [RawEvent(topic, "k", (), b"not ours") for _ in range(60)]
    await send_raw(kafka_server.bootstrap, *story(topic, new_keys(3), 1), *flood, *story(topic, new_keys(1), 1))
    consumer = make_consumer(topic, dead)
    stopped = metrics.CONSUMER_STOPPED.labels(consumer._settings.group)
    async with running(consumer.run):
        await eventually(lambda: stopped._value.get() == 1, seconds=30, what="the consumer stopped")
        letters = await read_topic(kafka_server.bootstrap, dead, at_least=21)
        await asyncio.sleep(0.5)
        assert len(await read_topic(kafka_server.bootstrap, dead)) == len(letters) == 21
    assert len(rows.effects()) == 3, "what came before the flood was applied, what is behind it waits"


async def test_without_its_dead_letter_topic_an_unreadable_event_waits_and_is_not_passed_over(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=2)
    await send_raw(kafka_server.bootstrap, RawEvent(topic, "k", (), b"not ours"), partition=0)
    await send_raw(kafka_server.bootstrap, *story(topic, new_keys(1), 1), partition=0)
    await send_raw(kafka_server.bootstrap, *story(topic, new_keys(1), 2), partition=1)
    async with running(make_consumer(topic, "there.is.no.such.topic").run, drain_seconds=60):
        await applied(rows, 2)
    assert len(rows.effects()) == 2


async def test_a_rejected_key_waits_while_the_others_flow_and_then_drains_in_order(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic, keys = await new_topic(), new_keys(5)
    allowed = asyncio.Event()

    async def before(received: Received[Any]) -> None:
        if received.envelope.subject == str(keys[0]) and not allowed.is_set():
            raise RejectedError("not now")

    script.before = before
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 4))
    async with running(make_consumer(topic).run):
        await applied(rows, 16)
        assert rows.sequences(keys[0]) == []
        await eventually(lambda: rows.one("SELECT count(*) FROM parked") == 4, what="the whole key is parked")
        allowed.set()
        await send_raw(kafka_server.bootstrap, *story(topic, keys, 2, start=5))
        await applied(rows, 30)
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): [1, 2, 3, 4, 5, 6] for key in keys}
    assert rows.one("SELECT count(*) FROM parked") == 0


async def test_a_transient_fault_pauses_its_partition_and_no_other(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=3)
    stuck, *others = new_keys(3)
    back = asyncio.Event()

    async def before(received: Received[Any]) -> None:
        if received.envelope.subject == str(stuck) and received.envelope.keysequence >= 3 and not back.is_set():
            raise TransientError("the office does not answer")

    script.before = before
    for partition, key in enumerate((stuck, *others)):
        await send_raw(kafka_server.bootstrap, *story(topic, [key], 5), partition=partition)
    consumer = make_consumer(topic)
    paused = [
        metrics.CONSUMER_PAUSED_SECONDS.labels(consumer._settings.group, topic, str(number)) for number in range(3)
    ]
    async with running(consumer.run):
        await applied(rows, 12)
        await send_raw(kafka_server.bootstrap, *story(topic, [others[0]], 5, start=6), partition=1)
        await applied(rows, 17)
        await eventually(lambda: paused[0]._value.get() > 0, what="the pause can be seen")
        assert rows.sequences(stuck) == [1, 2]
        assert [gauge._value.get() for gauge in paused[1:]] == [0, 0]
        back.set()
        await applied(rows, 20)
        await eventually(lambda: paused[0]._value.get() == 0, what="the pause is over")
    assert rows.sequences(stuck) == [1, 2, 3, 4, 5]
    assert rows.one("SELECT count(*) FROM parked") == 0


async def test_when_a_member_joins_and_leaves_everything_is_applied_once_and_in_order(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, database: Any, kafka_server: Any
) -> None:
    from slrt_kit.messaging.processor import Processor

    topic, keys = await new_topic(partitions=4), new_keys(20)

    async def slowly(_: Received[Any]) -> None:
        # Something must be left for the second member, however long its joining takes.
        await asyncio.sleep(0.2 if len(joiner_script.calls) < 10 else 0.005)

    script.before = slowly
    joiner_script = type(script)(before=slowly)
    first = make_consumer(topic)
    joiner = make_consumer(
        topic,
        own=Processor(
            consumer="slrt.test.kit",
            database=database,
            handlers=first._processor._handlers,
            deps=joiner_script,
        ),
    )
    await send_raw(kafka_server.bootstrap, *story(topic, keys, 10))
    async with running(first.run):
        await applied(rows, 20)
        async with running(joiner.run):
            await eventually(lambda: len(joiner_script.calls) >= 10, seconds=40, what="the second member works")
        await send_raw(kafka_server.bootstrap, *story(topic, keys, 5, start=11))
        await applied(rows, 300, seconds=60)
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): list(range(1, 16)) for key in keys}
    assert set(script.calls) & set(joiner_script.calls) == set() or len(rows.effects()) == 300


async def test_a_member_that_joins_does_not_wait_for_the_whole_batch_of_another(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=2)
    gate = asyncio.Semaphore(0)

    async def by_gate(_: Received[Any]) -> None:
        await gate.acquire()

    script.before = by_gate
    for partition in (0, 1):
        await send_raw(kafka_server.bootstrap, *story(topic, new_keys(1), 50), partition=partition)
    first, second = make_consumer(topic), make_consumer(topic)
    async with running(first.run):
        await eventually(lambda: len(script.calls) == 2, what="the first member is at its first two events")
        async with running(second.run):
            await eventually(first._leaving.is_set, what="the first member is asked for its partitions")
            for _ in range(2):
                gate.release()
            await eventually(lambda: not first._leaving.is_set(), seconds=30, what="the group is in order again")
            for _ in range(200):
                gate.release()
            await applied(rows, 100)
    assert len(rows.effects()) == 100


async def test_a_consumer_that_is_asked_to_stop_ends_between_two_events_and_repeats_none(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=1)
    key = new_keys(1)
    await send_raw(kafka_server.bootstrap, *story(topic, key, 200))
    started = asyncio.Event()

    async def slowly(_: Received[Any]) -> None:
        started.set()
        await asyncio.sleep(0.02)

    script.before = slowly
    async with running(make_consumer(topic).run):
        await started.wait()
    done = len(rows.effects())
    assert 0 < done < 200
    assert len(script.calls) == done, "what was begun was finished"
    script.before = None
    async with running(make_consumer(topic).run):
        await applied(rows, 200)
    assert rows.sequences(key[0]) == list(range(1, 201))
    assert set(script.calls.values()) == {1}


@pytest.mark.parametrize("share", [1, 3])
async def test_the_delay_and_the_outcome_of_each_event_are_counted(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, kafka_server: Any, share: int
) -> None:
    topic = await new_topic()
    counter = metrics.CONSUMER_EVENTS.labels("slrt.test.kit", "id.slrt.intake.case-registered.v1", "applied")
    before = counter._value.get()
    await send_raw(kafka_server.bootstrap, *story(topic, new_keys(share), 2))
    async with running(make_consumer(topic).run):
        await applied(rows, 2 * share)
    assert counter._value.get() - before == 2 * share
