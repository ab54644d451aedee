"""The relay: what is committed is published, in order per key, by one relay at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import psycopg

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import CaseRegistered
from slrt_kit.clock import new_uuid7
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.outbox_queue import PostgresOutboxQueue
from slrt_kit.relay import Relay
from slrt_kit.testing import Message, case_registered, eventually, read_topic, running

Record = Callable[..., Awaitable[list[UUID]]]
MakeRelay = Callable[..., Relay]
NewTopic = Callable[..., Awaitable[str]]

PENDING = """
    SELECT seq, event_id, topic, partition_key, key_sequence, headers, payload, created_at FROM outbox ORDER BY seq
"""


def by_key(messages: Iterable[Message]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        found[message.key or ""].append(int(message.header("ce_keysequence")))
    return found


async def empty(rows: Any) -> None:
    await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0, what="the outbox is empty", seconds=60)


async def test_committed_rows_arrive_once_and_in_order_per_key(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=4)
    keys = [new_uuid7() for _ in range(12)]
    async with running(make_relay(batch_size=7).run):
        for start in (1, 4, 7):
            for key in keys:
                await record(*[case_registered(key) for _ in range(3)], start=start, topic=topic)
        await empty(rows)
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=108)
    assert by_key(messages) == {str(key): list(range(1, 10)) for key in keys}
    assert len({message.header("ce_id") for message in messages}) == 108


async def test_a_message_is_a_cloudevent_in_binary_mode(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    event = case_registered()
    (event_id,) = await record(event, topic=topic)
    async with running(make_relay().run):
        await empty(rows)
    (message,) = await read_topic(kafka_server.bootstrap, topic, at_least=1)
    assert message.key == str(event.case_id)
    assert message.value == event.encode()
    assert CaseRegistered.decode(message.value) == event
    assert message.header("content-type") == "application/json"
    assert message.header("ce_specversion") == "1.0"
    assert message.header("ce_dataschema") == "urn:slrt:schema:id.slrt.intake.case-registered.v1"
    envelope = Envelope.from_headers(message.headers)
    assert (envelope.id, envelope.subject, envelope.keysequence) == (event_id, message.key, 1)
    ((kept,),) = rows.all("SELECT headers FROM outbox_archive")
    assert [(name, value.decode()) for name, value in message.headers] == [tuple(header) for header in kept]


async def test_the_archive_holds_what_was_sent(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    key = new_uuid7()
    made = await record(*[case_registered(key) for _ in range(5)], topic=topic)
    before = rows.all(PENDING)
    async with running(make_relay(batch_size=2).run):
        await empty(rows)
    after = rows.all(PENDING.replace("FROM outbox", "FROM outbox_archive"))
    assert after == before
    assert [row[1] for row in after] == made
    assert rows.one("SELECT count(*) FROM outbox_archive_default") == 0, "today has a partition of its own"
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=5)
    assert [message.value for message in messages] == [row[6] for row in after]


async def test_a_tombstone_is_published_as_one(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    await record(case_registered(), topic=topic)
    rows.run("UPDATE outbox SET payload = NULL")
    async with running(make_relay().run):
        await empty(rows)
    (message,) = await read_topic(kafka_server.bootstrap, topic, at_least=1)
    assert message.value is None


async def test_the_largest_payload_that_the_outbox_takes_is_taken_by_the_broker(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, kafka_server: Any
) -> None:
    topic = await new_topic(partitions=1)
    key = new_uuid7()
    await record(*[case_registered(key) for _ in range(4)], topic=topic)
    rows.run("UPDATE outbox SET payload = convert_to(repeat('x', 262144), 'UTF8')")
    async with running(make_relay().run):
        await empty(rows)
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=4)
    assert by_key(messages) == {str(key): [1, 2, 3, 4]}


async def test_a_row_that_commits_late_with_a_lower_number_is_not_lost(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, database_url: str, kafka_server: Any
) -> None:
    """Identity values are given before the commit: between reading and deleting, a lower one may become visible."""
    topic = await new_topic()
    relay = make_relay()
    late, early = new_uuid7(), new_uuid7()
    await record(case_registered(late), topic=topic)
    template = "INSERT INTO outbox (event_id, topic, partition_key, key_sequence, headers, payload, created_at) "
    columns = "SELECT gen_random_uuid(), topic, partition_key, 2, headers, payload, created_at FROM outbox"
    slow = await psycopg.AsyncConnection.connect(database_url)
    async with slow:
        await slow.execute(template + columns)
        await record(case_registered(early), topic=topic)
        publish = relay._publish
        seen: list[list[int]] = []

        async def commit_between(producer: Any, memory: Any, batch: Any, taken: list[int]) -> None:
            seen.append([row.seq for row in batch])
            await slow.commit()
            await publish(producer, memory, batch, taken)

        relay._publish = commit_between  # type: ignore[method-assign]
        async with running(relay.run):
            await empty(rows)
    assert seen == [[1, 3], [2]], "row 2 became visible after 1 and 3 were read"
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=3)
    assert sorted(message.key or "" for message in messages) == sorted([str(late), str(late), str(early)])
    assert [row for (row,) in rows.all("SELECT seq FROM outbox_archive ORDER BY seq")] == [1, 2, 3]


HOLDERS = """
    SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'slrt-relay' AND a.datname = current_database()
"""
RELAYS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'slrt-relay' AND datname = current_database()"


async def test_a_second_relay_stands_by_and_takes_over_when_the_first_is_cut_off(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any, postgres_server: Any, kafka_server: Any
) -> None:
    topic = await new_topic()
    key = new_uuid7()
    first, second = make_relay(retry_min=5.0), make_relay()
    async with running(first.run):
        (holder,) = await eventually(lambda: rows.all(HOLDERS), what="the first relay is active")
        async with running(second.run):
            await eventually(lambda: len(rows.all(RELAYS)) == 2, what="the second relay is connected")
            await record(*[case_registered(key) for _ in range(20)], topic=topic)
            await empty(rows)
            assert rows.all(HOLDERS) == [holder]
            with psycopg.connect(postgres_server.url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", holder)
            await record(*[case_registered(key) for _ in range(20)], start=21, topic=topic)
            await empty(rows)
            (now,) = rows.all(HOLDERS)
            assert now != holder
    messages = await read_topic(kafka_server.bootstrap, topic, at_least=40)
    assert by_key(messages) == {str(key): list(range(1, 41))}


async def test_relays_of_other_databases_do_not_stand_in_each_others_way(
    make_relay: MakeRelay, rows: Any, service_database: Any, backbone_template: str, kafka_server: Any
) -> None:
    other = Relay(
        queue=PostgresOutboxQueue(service_database.copy_of(backbone_template)),
        broker=KafkaBroker(kafka_server.bootstrap),
        service="referral",
        settings=make_relay()._settings,
    )
    async with running(make_relay().run), running(other.run):
        await eventually(lambda: len(rows.all(HOLDERS)) == 1)
        everywhere = HOLDERS.replace("AND a.datname = current_database()", "")
        await eventually(lambda: len(rows.all(everywhere)) >= 2, what="both are active")


async def test_a_nudge_ends_the_relays_sleep(
    record: Record, make_relay: MakeRelay, new_topic: NewTopic, rows: Any
) -> None:
    topic = await new_topic()
    relay = make_relay(idle_poll_min=300.0, idle_poll_max=300.0)
    async with running(relay.run) as stop:
        await eventually(lambda: rows.all(HOLDERS), what="the relay is active")
        await asyncio.sleep(0.3)
        await record(case_registered(), topic=topic)
        relay.nudge()
        await empty(rows)
        stop.set()
        relay.nudge()
