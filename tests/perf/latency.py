"""Rows of delay: from a commit to whoever hears of it, through the whole stack and through the backbone alone."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
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


def whole_stack(bench: Bench) -> None:
    """At 50 registrations a second: commit → seen on the topic, commit → applied and committed in the registry.

    Of a stack that has taken some before: a cold one is what the row of the first 201 is about.
    """
    port = bench.state.port("http-intake")

    def measure(seconds: float) -> tuple[Delays, Delays]:
        seen = run(_seen(bench, port, per_second=WHOLE_PER_SECOND, seconds=seconds))
        registry = bench.database_of("registry")
        return list(seen.values()), run(_applied(registry, "slrt.registry.cases", seen))

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
        run(_seen(bench, port, per_second=SEEN_PER_SECOND, seconds=WARM_SECONDS))
        seen = bench.measured(
            lambda: list(run(_seen(bench, port, per_second=SEEN_PER_SECOND, seconds=SEEN_SECONDS)).values())
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


async def _seen(bench: Bench, port: int, *, per_second: float, seconds: float) -> dict[str, float]:
    """Register at that rate; seconds from each event's recording to its being seen on the topic, by event id."""
    consumer = AIOKafkaConsumer(CASE_TOPIC, bootstrap_servers=bench.bootstrap, auto_offset_reset="latest")
    await consumer.start()
    await consumer.seek_to_end()
    seen: dict[str, float] = {}
    _recorded.clear()
    load = asyncio.create_task(register_open_loop(port, bench.token(), per_second=per_second, seconds=seconds))
    try:
        async with asyncio.timeout(seconds + 60):
            while not (load.done() and len(seen) >= len(load.result().seconds)):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    now = time.time()
                    for record in records:
                        envelope = Envelope.from_headers(record.headers)
                        _recorded[str(envelope.id)] = envelope.recordedtime.timestamp()
                        seen[str(envelope.id)] = now - envelope.recordedtime.timestamp()
    finally:
        await consumer.stop()
    load.result().demand_all_accepted()
    return seen


#: When each event of the load was recorded, in seconds since 1970.
_recorded: dict[str, float] = {}


async def _applied(url: str, consumer: str, events: Collection[str]) -> Delays:
    """Seconds from each event's recording to the commit of its inbox row, once all are committed.

    PostgreSQL keeps when each transaction was committed: asking all the time would be a load of its own.
    """
    async with asyncio.timeout(60), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            cursor = await connection.execute(
                "SELECT event_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM inbox "
                "WHERE consumer = %s AND event_id = ANY(%s::text[]::uuid[])",
                (consumer, list(events)),
            )
            committed = await cursor.fetchall()
            if len(committed) == len(events):
                return [at - _recorded[event_id] for event_id, at in committed]
            await asyncio.sleep(0.25)


async def _told(bench: Bench, *, seconds: float) -> Delays:
    """Commit events at 1,000/s beside referral's relay; seconds to the commit of intake's timeline."""
    database = Database(bench.database_of("referral"), pool_size=8)
    outbox = Outbox("referral")
    _recorded.clear()

    async def tell() -> None:
        async with database.unit_of_work() as work:
            at = work.clock.now()
            for envelope, _ in outbox.add(work, [RecordedEvent(referral_sent(), 1, at) for _ in range(TOLD_TOGETHER)]):
                _recorded[str(envelope.id)] = at.timestamp()
            await work.commit()

    try:
        await _at_rate(tell, per_second=APPLIED_PER_SECOND / TOLD_TOGETHER, seconds=seconds)
    finally:
        await database.close()
    return await _applied(bench.database, "slrt.intake.timeline", _recorded)


async def _at_rate(act: Callable[[], Coroutine[Any, Any, None]], *, per_second: float, seconds: float) -> None:
    """Do it at fixed moments, whether or not the last is done."""
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(per_second * seconds)):
            wait = started + number / per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            group.create_task(act())
