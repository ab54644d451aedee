"""Rows of delay: from a commit to whoever hears of it, through the whole stack and through the backbone alone."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer
from tests.perf import anchors
from tests.perf.apply import referral_sent
from tests.perf.load import percentile, register_open_loop, run
from tests.perf.stack import Bench

from slrt_contracts.envelope import Envelope
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.db import Database
from slrt_kit.outbox import Outbox

CASE_TOPIC = "slrt.intake.case.v1"
WHOLE_PER_SECOND, WHOLE_SECONDS = 50, 10
WARM_SECONDS = 4  # before it, at the same rate: what a part does for the first time it does slowly
SEEN_PER_SECOND, SEEN_SECONDS = 200, 8
APPLIED_PER_SECOND, APPLIED_SECONDS = 1000, 8
TOLD_TOGETHER = 10  # in one transaction: what is measured is the way of the events, not a thousand commits a second

Delays = list[float]
"""In seconds."""
Moments = dict[str, float]
"""By event id, in seconds since 1970."""


def whole_stack(bench: Bench) -> None:
    """At 50 registrations a second: commit → seen on the topic, commit → applied and committed in the registry.

    Of a stack that has taken some before: a cold one is what the row of the first 201 is about.
    """
    port = bench.state.port("http-intake")

    def measure(seconds: float) -> tuple[Delays, Delays]:
        committed, seen = run(_seen(bench, port, per_second=WHOLE_PER_SECOND, seconds=seconds))
        registry = bench.database_of("registry")
        return _since(committed, seen), run(_applied(registry, "slrt.registry.cases", committed))

    measure(WARM_SECONDS)
    seen, applied = bench.measured(lambda: measure(WHOLE_SECONDS))
    floor = _floor(bench)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        anchor = (f"produce-seen {name}, idle broker", percentile(floor, share) * 1000)
        bench.add(f"commit-seen-{name}", percentile(seen, share) * 1000, "ms", anchor=anchor)
        value = percentile(applied, share) * 1000
        limit = {"goal": "< 250 ms", "met": value < 250} if name == "p99" else {}
        bench.add(f"commit-applied-{name}", value, "ms", anchor=anchor, **limit)


def backbone(bench: Bench) -> None:
    """What the backbone adds: intake's API and relay alone at 200/s; then 1,000 commits/s to a consumer's commit."""
    bench.stop_services()
    with bench.own_process("api") as port, bench.own_process("relay"):
        # At first it is slow: what does not go out in time then is no failure.
        run(register_open_loop(port, bench.token(), per_second=SEEN_PER_SECOND, seconds=WARM_SECONDS))
        seen = bench.measured(
            lambda: _since(*run(_seen(bench, port, per_second=SEEN_PER_SECOND, seconds=SEEN_SECONDS)))
        )
    floor = _floor(bench)
    for share, name, goal in ((0.5, "p50", 4), (0.99, "p99", 20)):
        value = percentile(seen, share) * 1000
        anchor = (f"produce-seen {name}, idle broker", percentile(floor, share) * 1000)
        bench.add(f"backbone-seen-{name}", value, "ms, 200/s", anchor=anchor, goal=f"< {goal} ms", met=value < goal)
    with bench.own_process("relay", service="referral"), bench.own_process("worker"):
        run(_told(bench, seconds=WARM_SECONDS))
        applied = bench.measured(lambda: run(_told(bench, seconds=APPLIED_SECONDS)))
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        value = percentile(applied, share) * 1000
        limit = {"goal": "< 60 ms", "met": value < 60} if name == "p99" else {}
        anchor = (f"produce-seen {name}, idle broker", percentile(floor, share) * 1000)
        bench.add(f"backbone-applied-{name}", value, "ms, 1000/s", anchor=anchor, **limit)


def _floor(bench: Bench) -> Delays:
    return asyncio.run(anchors.kafka_floor(bench.bootstrap, "slrt.intake.dlq.v1", per_second=200, messages=400))


async def _seen(bench: Bench, port: int, *, per_second: float, seconds: float) -> tuple[Moments, Moments]:
    """Register at that rate: when each event was committed, and when it was seen on the topic."""
    consumer = AIOKafkaConsumer(CASE_TOPIC, bootstrap_servers=bench.bootstrap, auto_offset_reset="latest")
    await consumer.start()
    await consumer.seek_to_end()
    seen: Moments = {}
    cases: dict[str, str] = {}
    load = asyncio.create_task(register_open_loop(port, bench.token(), per_second=per_second, seconds=seconds))
    try:
        async with asyncio.timeout(seconds + 60):
            while not (load.done() and len(seen) >= len(load.result().seconds)):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    now = time.time()
                    for record in records:
                        envelope = Envelope.from_headers(record.headers)
                        cases[envelope.subject] = str(envelope.id)
                        seen[str(envelope.id)] = now
    finally:
        await consumer.stop()
    load.result().demand_all_accepted()
    async with await psycopg.AsyncConnection.connect(bench.database) as connection:
        cursor = await connection.execute(
            "SELECT case_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM cases "
            "WHERE case_id = ANY(%s::text[]::uuid[])",
            (list(cases),),
        )
        return {cases[case_id]: at for case_id, at in await cursor.fetchall()}, seen


def _since(began: Moments, ended: Moments) -> Delays:
    return [at - began[event_id] for event_id, at in ended.items()]


async def _applied(url: str, consumer: str, committed: Moments) -> Delays:
    """Seconds from the commit of each event to that of its inbox row, once all are there.

    PostgreSQL keeps when each transaction was committed: asking all the time would be a load of its own.
    """
    async with asyncio.timeout(60), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            cursor = await connection.execute(
                "SELECT event_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM inbox "
                "WHERE consumer = %s AND event_id = ANY(%s::text[]::uuid[])",
                (consumer, list(committed)),
            )
            applied = dict(await cursor.fetchall())
            if len(applied) == len(committed):
                return _since(committed, applied)
            await asyncio.sleep(0.25)


async def _told(bench: Bench, *, seconds: float) -> Delays:
    """Commit events at 1,000/s beside referral's relay; seconds to the commit of intake's timeline."""
    database = Database(bench.database_of("referral"), pool_size=8)
    outbox = Outbox("referral")
    committed: Moments = {}

    async def tell() -> None:
        async with database.unit_of_work() as work:
            at = work.clock.now()
            told = outbox.add(work, [RecordedEvent(referral_sent(), 1, at) for _ in range(TOLD_TOGETHER)])
            await work.commit()
        committed.update({str(envelope.id): time.time() for envelope, _ in told})

    try:
        await _at_rate(tell, per_second=APPLIED_PER_SECOND / TOLD_TOGETHER, seconds=seconds)
    finally:
        await database.close()
    return await _applied(bench.database, "slrt.intake.timeline", committed)


async def _at_rate(act: Callable[[], Coroutine[Any, Any, None]], *, per_second: float, seconds: float) -> None:
    """Do it at fixed moments, whether or not the last is done."""
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_second * seconds)):
            wait = started + number / per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            group.create_task(act())
