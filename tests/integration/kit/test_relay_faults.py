"""The relay when its broker or its database fails: nothing is lost, nothing overtakes, nothing is left behind."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from slrt_kit import metrics, outbox_queue
from slrt_kit.clock import new_uuid7
from slrt_kit.relay import Relay
from slrt_kit.testing import Message, case_registered, eventually, read_topic, running

Record = Callable[..., Awaitable[list[UUID]]]
MakeRelay = Callable[..., Relay]
NewTopic = Callable[..., Awaitable[str]]


def first_arrivals(messages: Iterable[Message], key: object) -> list[int]:
    """The key sequences of a key in the order in which each arrived for the first time."""
    return list(dict.fromkeys(int(m.header("ce_keysequence")) for m in messages if m.key == str(key)))


def senders() -> list[asyncio.Task[Any]]:
    """The background tasks of producers that still live."""
    return [task for task in asyncio.all_tasks() if "_sender_routine" in repr(task.get_coro())]


async def empty(rows: Any) -> None:
    await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0, what="the outbox is empty", seconds=60)


async def test_while_kafka_is_stopped_rows_pile_up_and_afterwards_all_arrive_in_order(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, stoppable_kafka: Any
) -> None:
    topic = await new_topic()
    keys = [new_uuid7() for _ in range(5)]
    async with running(make_relay(send_timeout=2.0).run, drain_seconds=40):
        for key in keys:
            await record(*[case_registered(key) for _ in range(10)], topic=topic)
        await empty(rows)
        stoppable_kafka.stop()
        for key in keys:
            await record(*[case_registered(key) for _ in range(10)], start=11, topic=topic)
        await asyncio.sleep(1.0)
        assert rows.one("SELECT count(*) FROM outbox") == 50
        stoppable_kafka.start()
        await record(*[case_registered(keys[0]) for _ in range(10)], start=21, topic=topic)
        await empty(rows)
    messages = await read_topic(stoppable_kafka.bootstrap, topic, at_least=110)
    for key in keys:
        assert first_arrivals(messages, key) == list(range(1, 31 if key == keys[0] else 21))
    assert rows.one("SELECT count(*) FROM outbox_archive") == 110


async def test_a_relay_that_starts_before_kafka_waits_for_it_and_ends_when_asked(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, stoppable_kafka: Any
) -> None:
    topic = await new_topic()
    await record(case_registered(), topic=topic)
    stoppable_kafka.stop()
    async with running(make_relay().run, drain_seconds=25):
        await asyncio.sleep(0.5)
    assert rows.one("SELECT count(*) FROM outbox") == 1
    assert senders() == []
    async with running(make_relay().run):
        await asyncio.sleep(0.2)
        stoppable_kafka.start()
        await empty(rows)


async def test_a_broker_that_hangs_leaves_no_second_sender_and_no_wrong_order(
    record: Record,
    make_relay: MakeRelay,
    new_topic: NewTopic,
    rows: Any,
    stoppable_kafka: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A discarded producer must really end: else each one goes on sending its rows when the broker is back."""
    topic = await new_topic(partitions=1)
    key = new_uuid7()
    await record(case_registered(key), topic=topic)
    relay = make_relay(send_timeout=0.5)
    discarded = metrics.RELAY_ERRORS._value.get
    async with running(relay.run, drain_seconds=40):
        await empty(rows)
        os.kill(stoppable_kafka.pid, signal.SIGSTOP)
        try:
            before = discarded()
            await record(*[case_registered(key) for _ in range(30)], start=2, topic=topic)
            rows.run("UPDATE outbox SET payload = convert_to(repeat('x', 100000), 'UTF8')")
            await eventually(lambda: discarded() >= before + 2, seconds=60, what="two producers are discarded")
            assert len(senders()) <= 1
        finally:
            os.kill(stoppable_kafka.pid, signal.SIGCONT)
        await empty(rows)
    assert senders() == []
    gc.collect()
    assert [entry.message for entry in caplog.records if entry.name == "asyncio"] == []
    messages = await read_topic(stoppable_kafka.bootstrap, topic, at_least=31)
    assert first_arrivals(messages, key) == list(range(1, 32))


async def test_a_row_that_the_broker_does_not_take_stays_named_and_holds_up_only_what_is_behind_it(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    before, stuck, behind = new_uuid7(), new_uuid7(), new_uuid7()
    await record(*[case_registered(before) for _ in range(3)], topic=topic)
    await record(case_registered(stuck), topic="there.is.no.such.topic")
    await record(case_registered(behind), topic=topic)
    with capture_logs() as logs:
        async with running(make_relay(send_timeout=30.0).run, drain_seconds=40):
            await eventually(
                lambda: [entry for entry in logs if entry.get("seq") == 4], seconds=40, what="the row is named"
            )
            await eventually(
                lambda: rows.one("SELECT count(*) FROM outbox_archive") == 3, what="what is before it went"
            )
            assert [seq for (seq,) in rows.all("SELECT seq FROM outbox ORDER BY seq")] == [4, 5]
            rows.run("UPDATE outbox SET topic = %s", topic)
            await empty(rows)
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=5)
    assert sorted(message.header("ce_keysequence") for message in messages if message.key == str(before)) == [
        "1",
        "2",
        "3",
    ], "what the broker had taken is not sent again"
    assert len(messages) == 5


async def test_a_relay_lives_through_a_restart_of_its_database(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, stoppable_postgres: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    key = new_uuid7()
    async with running(make_relay().run):
        await record(*[case_registered(key) for _ in range(5)], topic=topic)
        await empty(rows)
        stoppable_postgres.kill()
        await asyncio.sleep(0.3)
        stoppable_postgres.start()
        await record(*[case_registered(key) for _ in range(5)], start=6, topic=topic)
        await empty(rows)
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=10)
    assert first_arrivals(messages, key) == list(range(1, 11))


async def test_what_was_sent_when_the_database_went_away_is_sent_again_and_not_lost(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, postgres_server: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    key = new_uuid7()
    relay = make_relay()
    publish = relay._publish
    cut = 0

    async def cut_off_then_publish(producer: Any, memory: Any, batch: Any, taken: list[int]) -> None:
        nonlocal cut
        if cut < 2:
            cut += 1
            with psycopg.connect(postgres_server.url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'slrt-relay' AND datname = %s",
                    (rows.name,),
                )
        await publish(producer, memory, batch, taken)

    relay._publish = cut_off_then_publish  # type: ignore[method-assign]
    await record(*[case_registered(key) for _ in range(5)], topic=topic)
    async with running(relay.run):
        await empty(rows)
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=15)
    assert len(messages) == 15
    assert first_arrivals(messages, key) == [1, 2, 3, 4, 5]
    assert len({message.header("ce_id") for message in messages}) == 5
    assert rows.one("SELECT count(*) FROM outbox_archive") == 5


async def test_a_housekeeping_that_fails_delays_no_event(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise psycopg.errors.CheckViolation("partition constraint is violated by some row")

    monkeypatch.setattr(outbox_queue, "keep_archive", broken)
    topic = await new_topic()
    await record(case_registered(), topic=topic)
    with capture_logs() as logs:
        async with running(make_relay().run):
            await empty(rows)
    assert [entry for entry in logs if entry["event"] == "housekeeping failed"]
