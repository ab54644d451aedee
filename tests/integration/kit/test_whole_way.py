"""From many writers through outbox, relays that are cut off, and Kafka to a consumer: each event once, in order."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg

from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database, StaleVersionError
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.outbox import Outbox
from slrt_kit.relay import Relay
from slrt_kit.testing import case_registered, eventually, read_topic, running

KEYS, CHANGES, WRITERS = 10, 20, 6
CUTS = 4
HOLDER = """
    SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'slrt-relay' AND a.datname = %s
"""


async def change(database: Database, key: UUID, topic: str) -> bool:
    """One change of one aggregate, as a store does it: compare-and-set, then the event; False when all are done."""
    async with database.unit_of_work() as work:
        version = int(await work.connection.value("SELECT version FROM things WHERE id = %(id)s", {"id": key}) or 0)
        if version >= CHANGES:
            return False
        changed = await work.connection.run(
            "UPDATE things SET version = version + 1 WHERE id = %(id)s AND version = %(version)s",
            {"id": key, "version": version},
        )
        if changed != 1:
            raise StaleVersionError
        event = RecordedEvent(case_registered(key), version + 1, work.clock.now())
        ((told, _),) = Outbox("intake").add(work, [event])
        await work.connection.run(
            "UPDATE outbox SET topic = %(topic)s WHERE event_id = %(event_id)s", {"topic": topic, "event_id": told.id}
        )
        # Transactions end in another order than they began in.
        await asyncio.sleep(random.random() * 0.01)  # noqa: S311 — any spread will do
        await work.commit()
    return True


async def writer(database: Database, keys: list[UUID], topic: str) -> None:
    left = list(keys)
    while left:
        key = random.choice(left)  # noqa: S311 — any spread will do
        try:
            if not await change(database, key, topic):
                left.remove(key)
        except StaleVersionError:
            continue


async def test_nothing_is_lost_doubled_or_reordered_though_relays_are_cut_off(
    database: Database,
    rows: Any,
    make_relay: Callable[..., Relay],
    make_consumer: Callable[..., EventConsumer],
    new_topic: Callable[..., Awaitable[str]],
    postgres_server: Any,
    kafka_server: Any,
) -> None:
    topic = await new_topic(partitions=3)
    keys = [new_uuid7() for _ in range(KEYS)]
    rows.run("CREATE TABLE things (id uuid PRIMARY KEY, version bigint NOT NULL)")
    rows.run("INSERT INTO things SELECT unnest(%s::uuid[]), 0", keys)
    cut: set[int] = set()

    async def cut_off() -> None:
        while len(cut) < CUTS:
            await asyncio.sleep(0.1)
            with psycopg.connect(postgres_server.url, autocommit=True) as admin:
                for (pid,) in admin.execute(HOLDER, [rows.name]).fetchall():
                    admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                    cut.add(pid)

    async with (
        running(make_consumer(topic).run),
        running(make_relay(batch_size=5).run),
        running(make_relay(batch_size=5).run),
    ):
        await asyncio.gather(cut_off(), *[writer(database, keys, topic) for _ in range(WRITERS)])
        await eventually(lambda: len(rows.effects()) >= KEYS * CHANGES, seconds=60, what="all effects")
    assert len(cut) >= CUTS
    assert {str(key): rows.sequences(key) for key in keys} == {str(key): list(range(1, CHANGES + 1)) for key in keys}
    arrived = await read_topic(kafka_server.bootstrap, topic)
    for key in keys:
        sequences = [int(m.header("ce_keysequence")) for m in arrived if m.key == str(key)]
        assert list(dict.fromkeys(sequences)) == list(range(1, CHANGES + 1)), "first arrivals are in order"
    assert rows.one("SELECT count(*) FROM outbox") == 0
    assert rows.one("SELECT count(DISTINCT event_id) FROM outbox_archive") == KEYS * CHANGES
