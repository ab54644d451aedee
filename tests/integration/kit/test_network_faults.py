"""The network between a service and its broker or its database fails: nothing lost, doubled, reordered, or hung."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from slrt_kit import metrics
from slrt_kit.clock import new_uuid7
from slrt_kit.db import DATABASE_DOWN, Database
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.processor import Processor
from slrt_kit.outbox_queue import LOCK_KEY, PostgresOutboxQueue
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.testing import FaultProxy, case_registered, eventually, raw_event, read_topic, running, send_raw
from slrt_local.net import free_port

Record = Callable[..., Awaitable[list[UUID]]]
MakeConsumer = Callable[..., EventConsumer]
Fault = Callable[[FaultProxy], Awaitable[None]]

ANSWER_WITHIN_S = 1.0
"""Instead of 20 s, which are for statements that take long."""
ABANDONED_AFTER_S = 2.0

FAULTS: dict[str, Fault] = {
    "latency": lambda proxy: proxy.latency(0.2),
    "reset": FaultProxy.reset,
    "black hole": FaultProxy.black_hole,
    "half-open": FaultProxy.half_open,
    "refuse": FaultProxy.refuse,
}
SILENT = ("black hole", "half-open")
GENEROUS_S = 60


def did_its_work(proxy: FaultProxy, fault: str) -> bool:
    """Whether the fault met anything."""
    counts = proxy.counts
    met = {"latency": counts.delayed, "reset": counts.reset, "refuse": counts.ended}
    return met.get(fault, counts.held) > 0


@pytest.fixture
async def topic(proxied_kafka: Any) -> str:
    """A topic of the test's own on the broker behind the proxy."""
    name = f"test.{uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=proxied_kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name=name, num_partitions=3, replication_factor=1)])
    finally:
        await admin.close()
    return name


@pytest.fixture
async def broker_proxy(proxied_kafka: Any) -> AsyncIterator[FaultProxy]:
    """Between the parts of the service and the broker."""
    async with FaultProxy(proxied_kafka.behind_proxy, port=proxied_kafka.proxy_port) as proxy:
        yield proxy


@pytest.fixture
async def database_proxy(database_url: str) -> AsyncIterator[FaultProxy]:
    """Between the parts of the service and its database."""
    at = urlsplit(database_url)
    async with FaultProxy(f"{at.hostname}:{at.port}", port=free_port()) as proxy:
        yield proxy


@pytest.fixture
def proxied_url(database_url: str, database_proxy: FaultProxy) -> str:
    """The test's database, by the proxy."""
    at = urlsplit(database_url)
    return at._replace(netloc=f"{at.netloc.rpartition('@')[0]}@{database_proxy.address}").geturl()


@pytest.fixture
async def proxied_database(proxied_url: str) -> AsyncIterator[Database]:
    """The kit's view of it."""
    opened = Database(proxied_url, pool_size=4, answer_within=ANSWER_WITHIN_S)
    yield opened
    await opened.close()


@dataclass
class Parts:
    """A relay and a consumer whose every connection goes by a proxy."""

    relay: Relay
    consumer: EventConsumer

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Both; they end in the time that a service has to end."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(running(self.relay.run, drain_seconds=25))
            await stack.enter_async_context(running(self.consumer.run, drain_seconds=25))
            yield


MakeRelayAt = Callable[[str, str], Relay]


def relay_at(url: str, bootstrap: str) -> Relay:
    return Relay(
        queue=PostgresOutboxQueue(url, answer_within=ANSWER_WITHIN_S, abandoned_after=ABANDONED_AFTER_S),
        broker=KafkaBroker(bootstrap),
        service="intake",
        settings=RelaySettings(retry_min=0.05, retry_max=0.3, send_timeout=6.0),
    )


@pytest.fixture
def parts(
    make_consumer: MakeConsumer,
    make_processor: Callable[[Database], Processor[Any]],
    proxied_database: Database,
    proxied_url: str,
    broker_proxy: FaultProxy,
    topic: str,
) -> Parts:
    processor = make_processor(proxied_database)
    broker = KafkaBroker(broker_proxy.address)
    return Parts(relay_at(proxied_url, broker_proxy.address), make_consumer(topic, own=processor, broker=broker))


def relay_noticed() -> float:
    return float(metrics.RELAY_ERRORS._value.get())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("link", ["broker", "database"])
async def test_what_is_recorded_before_during_and_after_a_fault_is_applied_once_and_in_order(
    parts: Parts,
    record: Record,
    rows: Any,
    topic: str,
    proxied_kafka: Any,
    broker_proxy: FaultProxy,
    database_proxy: FaultProxy,
    link: str,
    fault: str,
) -> None:
    proxy = {"broker": broker_proxy, "database": database_proxy}[link]
    keys, heard = [new_uuid7() for _ in range(4)], new_uuid7()

    async def put(start: int) -> None:
        for key in keys:
            await record(*[case_registered(key) for _ in range(10)], start=start, topic=topic)
        # Of one key the events come straight to the broker, as another service's do.
        events = [raw_event(case_registered(heard), key_sequence=start + each, topic=topic) for each in range(10)]
        await send_raw(proxied_kafka.bootstrap, *events)

    async with parts.at_work():
        await put(1)
        await eventually(lambda: len(rows.effects()) >= 50, seconds=GENEROUS_S, what="the effects before")
        await FAULTS[fault](proxy)
        await put(11)
        await asyncio.sleep(1.5)
        if fault != "latency" and not (fault == "half-open" and link == "database"):
            assert len(rows.effects()) == 50, "what came through while the network was away"
        await proxy.heal()
        await put(21)
        await eventually(lambda: len(rows.effects()) >= 150, seconds=GENEROUS_S, what="all effects")
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0, seconds=GENEROUS_S, what="all archived")
    assert did_its_work(proxy, fault)
    assert {key: rows.sequences(key) for key in (*keys, heard)} == {key: list(range(1, 31)) for key in (*keys, heard)}
    arrived = await read_topic(proxied_kafka.bootstrap, topic, at_least=150)
    for key in keys:
        of_key = [int(message.header("ce_keysequence")) for message in arrived if message.key == str(key)]
        assert list(dict.fromkeys(of_key)) == list(range(1, 31))
    assert rows.one("SELECT count(*) FROM outbox_archive") == 120


async def test_a_brokers_silence_is_noticed_while_it_lasts_and_the_leader_keeps_the_lead(
    parts: Parts, record: Record, rows: Any, topic: str, broker_proxy: FaultProxy
) -> None:
    """The relay waits for the broker for longer than PostgreSQL would keep the session of one that is gone."""
    group = parts.consumer._settings.group
    async with parts.at_work():
        await record(case_registered(new_uuid7()), topic=topic)
        await eventually(lambda: len(rows.effects()) == 1, seconds=GENEROUS_S, what="an effect")
        before, first = relay_noticed(), leader(rows)
        await broker_proxy.black_hole()
        await record(case_registered(new_uuid7()), topic=topic)
        consumer_noticed = metrics.CONSUMER_ERRORS.labels(group)._value.get
        await eventually(lambda: relay_noticed() > before, seconds=GENEROUS_S, what="the relay's notice")
        await eventually(lambda: consumer_noticed() > 0, seconds=GENEROUS_S, what="the consumer's notice")
        assert leader(rows) == first
    # They ended, as asked, while it lasted.
    assert len(rows.effects()) == 1


@pytest.mark.parametrize("fault", SILENT)
async def test_while_a_leader_cannot_reach_its_database_another_relay_takes_over(
    record: Record,
    rows: Any,
    topic: str,
    proxied_kafka: Any,
    proxied_url: str,
    database_url: str,
    database_proxy: FaultProxy,
    fault: str,
) -> None:
    """The proxy keeps up the connection to PostgreSQL, so that nothing but the session's own bound frees the lead."""
    key = new_uuid7()
    async with running(relay_at(proxied_url, proxied_kafka.bootstrap).run, drain_seconds=25):
        await record(case_registered(key), topic=topic)
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox_archive") == 1, seconds=GENEROUS_S)
        first = leader(rows)
        async with running(relay_at(database_url, proxied_kafka.bootstrap).run, drain_seconds=25):
            await FAULTS[fault](database_proxy)
            await record(case_registered(key), start=2, topic=topic)
            await eventually(lambda: rows.one("SELECT count(*) FROM outbox_archive") == 2, seconds=GENEROUS_S)
            assert leader(rows) != first
            await database_proxy.heal()
            await record(case_registered(key), start=3, topic=topic)
            await eventually(lambda: rows.one("SELECT count(*) FROM outbox_archive") == 3, seconds=GENEROUS_S)
    arrived = await read_topic(proxied_kafka.bootstrap, topic, at_least=3)
    assert list(dict.fromkeys(message.header("ce_keysequence") for message in arrived)) == ["1", "2", "3"]


def leader(rows: Any) -> int:
    """The PostgreSQL process of the session that leads."""
    pid: int = rows.one(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = hashtext(%s)::oid "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK_KEY,
    )
    return pid


async def test_whoever_asks_a_silent_database_is_told_and_only_the_first_waits_for_long(
    proxied_database: Database, database_proxy: FaultProxy
) -> None:
    async with AsyncExitStack() as several:
        for _ in range(3):
            work = await several.enter_async_context(proxied_database.unit_of_work())
            await work.connection.value("SELECT 1")
    made = database_proxy.counts.accepted
    assert made == 3
    await database_proxy.black_hole()
    for _ in range(2):
        with pytest.raises(DATABASE_DOWN):
            async with asyncio.timeout(30), proxied_database.unit_of_work() as work:
                await work.connection.value("SELECT 1")
    assert database_proxy.counts.accepted == made + 1, "the second did not wait for a connection that rested"
    await database_proxy.heal()
    async with AsyncExitStack() as several:
        for _ in range(4):
            work = await several.enter_async_context(proxied_database.unit_of_work())
            assert await work.connection.value("SELECT 1") == 1


async def test_a_commit_without_an_answer_promises_nothing_and_a_caller_who_leaves_frees_the_connection(
    proxied_database: Database, database_proxy: FaultProxy, rows: Any
) -> None:
    async with asyncio.timeout(30):
        async with proxied_database.unit_of_work() as work:
            await work.connection.run("INSERT INTO effects (key) VALUES ('unknown')")
            await database_proxy.half_open()
            with pytest.raises(DATABASE_DOWN):
                await work.commit()
        assert not work.committed
    # PostgreSQL has heard it: whoever repeats the command with its key gets the answer that is on record.
    await eventually(lambda: rows.one("SELECT count(*) FROM effects") == 1, what="what PostgreSQL made of it")
    await database_proxy.heal()
    async with asyncio.timeout(30):
        async with proxied_database.unit_of_work() as work:
            await work.connection.value("SELECT 1")
            await database_proxy.black_hole()
            asked = asyncio.create_task(work.connection.value("SELECT 1"))
            await asyncio.sleep(0.1)
            asked.cancel()
            await asyncio.wait([asked])
    await database_proxy.heal()
    async with proxied_database.unit_of_work() as work:
        assert await work.connection.value("SELECT 1") == 1


async def test_a_consumer_that_cannot_join_its_group_ends_when_asked(
    make_consumer: MakeConsumer, topic: str, broker_proxy: FaultProxy
) -> None:
    silent = asyncio.Event()

    class Broker(KafkaBroker):
        def consumer(self, **settings: Any) -> Any:
            made = super().consumer(**settings)
            found = made._wait_topics

            async def then_silence() -> None:
                await found()
                await broker_proxy.black_hole()
                silent.set()

            made._wait_topics = then_silence
            return made

    async with running(make_consumer(topic, broker=Broker(broker_proxy.address)).run, drain_seconds=25):
        await silent.wait()
        await asyncio.sleep(0.5)
