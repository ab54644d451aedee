"""What the metrics say while something waits, is stuck, is parked or is paused, and when it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from math import isnan
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slrt_kit import metrics
from slrt_kit.backlog import COUNTED_TO, measure_backlog
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.messaging.handlers import Received
from slrt_kit.messaging.processor import Processor
from slrt_kit.relay import Relay
from slrt_kit.testing import case_registered, eventually, raw_event, running, send_raw

Record = Callable[..., Awaitable[list[UUID]]]
MakeRelay = Callable[..., Relay]
MakeConsumer = Callable[..., EventConsumer]
NewTopic = Callable[..., Awaitable[str]]
CONSUMER = "slrt.test.kit"


def shown(name: str, **labels: str) -> list[float]:
    """The values of the series that fit, as the page has them."""
    return [
        sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


async def test_age_and_depth_of_the_outbox_are_shown_though_no_relay_runs(
    database: Database, record: Record, rows: Any
) -> None:
    await measure_backlog(database)
    assert (shown("slrt_outbox_pending_rows"), shown("slrt_outbox_oldest_seconds")) == ([0], [0])
    await record(case_registered(), case_registered())
    rows.run("UPDATE outbox SET created_at = created_at - interval '1 hour' WHERE seq = 1")
    await measure_backlog(database)
    assert shown("slrt_outbox_pending_rows") == [2]
    assert 3600 <= shown("slrt_outbox_oldest_seconds")[0] < 3700
    assert shown("slrt_outbox_has_relay") == [0]
    assert shown("slrt_database_up") == [1]


async def test_a_long_backlog_is_counted_to_a_bound(database: Database, rows: Any) -> None:
    for table, columns, values in (
        ("outbox", "event_id, topic, partition_key, key_sequence, headers, created_at", "'t', 'k', n, '[]', now()"),
        (
            "parked",
            "event_id, consumer, topic, partition_key, headers, reason, next_attempt_at",
            "'slrt.test.long', 't', n::text, '[]', '', now()",
        ),
    ):
        rows.run(f"INSERT INTO {table} ({columns}) SELECT gen_random_uuid(), {values} FROM generate_series(1, 10005) n")  # noqa: S608
    await measure_backlog(database)
    assert shown("slrt_outbox_pending_rows") == [COUNTED_TO]
    assert shown("slrt_consumer_parked_keys", consumer="slrt.test.long") == [COUNTED_TO]


async def test_the_relay_that_works_is_seen_and_the_outbox_it_empties(
    database: Database, record: Record, make_relay: MakeRelay, new_topic: NewTopic
) -> None:
    topic = await new_topic()
    await record(case_registered(), topic=topic)

    async def measured() -> bool:
        await measure_backlog(database)
        return shown("slrt_outbox_pending_rows") == [0]

    async with running(make_relay().run):
        await eventually(measured, what="the outbox is empty")
        assert shown("slrt_outbox_has_relay") == [1]
        assert shown("slrt_relay_active") == [1]
        assert shown("slrt_relay_published_total", topic=topic) == [1]
    assert shown("slrt_relay_active") == [0]

    async def given_up() -> bool:
        # PostgreSQL ends a closed connection a little later.
        return await measured() and shown("slrt_outbox_has_relay") == [0]

    await eventually(given_up, what="nobody holds the lock")


async def test_a_row_that_the_broker_refuses_shows_the_relay_stuck_until_it_is_mended(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any
) -> None:
    topic = await new_topic()
    await record(case_registered(), topic="there.is.no.such.topic")
    async with running(make_relay().run, drain_seconds=40):
        await eventually(lambda: shown("slrt_relay_stuck") == [1], seconds=40, what="the relay is stuck")
        rows.run("UPDATE outbox SET topic = %s", topic)
        await eventually(lambda: shown("slrt_relay_stuck") == [0], seconds=40, what="the relay goes on")


async def test_a_row_larger_than_the_broker_takes_shows_the_relay_stuck(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any
) -> None:
    topic = await new_topic()
    await record(case_registered(), topic=topic)
    rows.run("UPDATE outbox SET payload = convert_to(repeat('x', 2000000), 'UTF8')")
    async with running(make_relay().run, drain_seconds=40):
        await eventually(lambda: shown("slrt_relay_stuck") == [1], seconds=40, what="the relay is stuck")
    assert shown("slrt_relay_stuck") == [0], "whoever takes over says it for itself"


async def test_parked_events_their_keys_and_the_age_of_the_oldest_are_shown_and_go_when_they_are_applied(
    database: Database, processor: Processor[Any], script: Any, rows: Any
) -> None:
    async def reject(_: Received[Any]) -> None:
        raise RejectedError("not now")

    script.before = reject
    first, second = new_uuid7(), new_uuid7()
    for key, number in ((first, 1), (first, 2), (second, 1)):
        await processor.process(raw_event(case_registered(key), key_sequence=number))
    rows.run("UPDATE parked SET parked_at = parked_at - interval '10 minutes' WHERE partition_key = %s", str(first))
    await measure_backlog(database)
    assert shown("slrt_consumer_parked_events", consumer=CONSUMER) == [3]
    assert shown("slrt_consumer_parked_keys", consumer=CONSUMER) == [2]
    assert 600 <= shown("slrt_consumer_parked_oldest_seconds", consumer=CONSUMER)[0] < 700
    script.before = None
    rows.run("UPDATE parked SET next_attempt_at = now() - interval '1 hour'")
    assert await processor.retry_parked() == 3
    await measure_backlog(database)
    for name in ("events", "keys", "oldest_seconds"):
        assert shown(f"slrt_consumer_parked_{name}", consumer=CONSUMER) == [0]


async def test_a_database_that_is_away_is_shown_as_away_and_what_it_would_say_as_unknown(database_url: str) -> None:
    metrics.begin_consumer(CONSUMER)
    gone = Database("postgresql://nobody@127.0.0.1:9/none")
    await measure_backlog(gone)
    assert shown("slrt_database_up") == [0]
    assert isnan(shown("slrt_outbox_oldest_seconds")[0])
    assert isnan(shown("slrt_consumer_parked_events", consumer=CONSUMER)[0])


async def test_a_database_without_our_tables_is_there_all_the_same(service_database: Any) -> None:
    unmigrated = Database(service_database.empty())
    await measure_backlog(unmigrated)
    await unmigrated.close()
    assert shown("slrt_database_up") == [1]
    assert isnan(shown("slrt_outbox_oldest_seconds")[0])


async def test_connections_in_use_are_counted_and_a_caller_who_gets_none_is_a_refusal(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slrt_kit.db.POOL_TIMEOUT_S", 0.05)
    database = Database(database_url, pool_size=1, pool="worker")
    refusals = shown("slrt_overload_refusals_total", resource="connections")[0]

    def in_use(access: str) -> float:
        return shown("slrt_database_connections_in_use", pool="worker", access=access)[0]

    before = in_use("write")
    async with database.unit_of_work():
        assert in_use("write") == before + 1
        with pytest.raises(Exception, match="no connection is free"):
            async with database.unit_of_work():
                pass
        await measure_backlog(database)
        assert shown("slrt_database_up") == [1]
    assert in_use("write") == before
    await database.close()
    assert shown("slrt_overload_refusals_total", resource="connections") == [refusals + 1]
    assert shown("slrt_database_connections_limit", pool="worker", access="write") == [1]


async def test_the_lag_of_a_held_up_partition_grows_in_seconds_and_ends_with_the_fault(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=2)
    stuck, other = new_uuid7(), new_uuid7()
    back = asyncio.Event()

    async def before(received: Received[Any]) -> None:
        if received.envelope.subject == str(stuck) and not back.is_set():
            raise TransientError("away")

    script.before = before
    for partition, key in enumerate((stuck, other)):
        events = [raw_event(case_registered(key), key_sequence=number, topic=topic) for number in (1, 2)]
        await send_raw(kafka_server.bootstrap, *events, partition=partition)
    consumer = make_consumer(topic, commit_every=0.05)

    def lag(partition: int) -> list[float]:
        return shown("slrt_consumer_lag_seconds", topic=topic, partition=str(partition))

    async with running(consumer.run):
        await eventually(lambda: len(rows.effects()) == 2 and lag(1) == [0], what="the other partition is caught up")
        await eventually(lambda: shown("slrt_consumer_lag_events", topic=topic, partition="0") == [2])
        (first,) = lag(0)
        await eventually(lambda: lag(0)[0] >= first + 1, what="the age grows")
        assert shown("slrt_consumer_paused_seconds", topic=topic, partition="0")[0] > 0
        back.set()
        await eventually(lambda: lag(0) == [0], what="it is caught up")
    assert len(rows.effects()) == 4


async def test_a_consumer_that_hangs_in_one_event_shows_it_by_the_age_of_what_waits(
    make_consumer: MakeConsumer, new_topic: NewTopic, rows: Any, script: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=1)
    go_on = asyncio.Event()

    async def hang(_: Received[Any]) -> None:
        await go_on.wait()

    script.before = hang
    await send_raw(kafka_server.bootstrap, raw_event(case_registered(), topic=topic))
    async with running(make_consumer(topic, commit_every=0.05).run):
        await eventually(lambda: shown("slrt_consumer_lag_seconds", topic=topic), what="it has the event in hand")
        (first,) = shown("slrt_consumer_lag_seconds", topic=topic)
        await eventually(lambda: shown("slrt_consumer_lag_seconds", topic=topic)[0] >= first + 0.5)
        go_on.set()
        await eventually(lambda: shown("slrt_consumer_lag_seconds", topic=topic) == [0], what="it is applied")


async def test_a_partition_that_went_to_another_member_is_shown_no_longer(
    make_consumer: MakeConsumer, new_topic: NewTopic, kafka_server: Any
) -> None:
    from aiokafka import AIOKafkaConsumer

    topic = await new_topic(partitions=2)
    consumer = make_consumer(topic, commit_every=0.05)
    async with running(consumer.run):
        await eventually(lambda: len(shown("slrt_consumer_lag_seconds", topic=topic)) == 2, what="both are its own")
        other = AIOKafkaConsumer(topic, bootstrap_servers=kafka_server.bootstrap, group_id=consumer._settings.group)
        await other.start()
        try:
            await eventually(lambda: len(shown("slrt_consumer_lag_seconds", topic=topic)) == 1, what="one went")
            assert len(shown("slrt_consumer_lag_events", topic=topic)) == 1
            assert len(shown("slrt_consumer_paused_seconds", topic=topic)) == 1
        finally:
            await other.stop()
