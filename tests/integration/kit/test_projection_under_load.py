"""While a projection is made anew, several times, events come, the service writes, and people read: nobody notices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from tests.integration.kit.tally import Tally, id_of

from slrt_contracts.events import CaseScreened
from slrt_kit.clock import new_uuid7
from slrt_kit.testing import eventually, running

_BEFORE = 3000
_REBUILDS = 4
_COUNT = "SELECT count(*) AS rows, coalesce(max(times), 1) AS times FROM tally"


@pytest.fixture(autouse=True)
async def _enough_for_half_of_it_to_show(tally: Tally) -> None:
    await tally.tell_and_hear(_BEFORE)


class Told:
    """Those who work meanwhile, and what they have done."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.told: set[UUID] = set()
        self.own: set[UUID] = set()
        self.reads = 0

    async def tell(self, stop: asyncio.Event) -> None:
        """Other services."""
        async with self.tally.producer() as producer:
            while not stop.is_set():
                (raw,) = self.tally.events(1)
                await producer.send_and_wait(
                    raw.topic, key=raw.key.encode(), value=raw.payload, headers=list(raw.headers)
                )
                self.told.add(id_of(raw))

    async def write(self, stop: asyncio.Event) -> None:
        """The service itself, in transactions that look at what they have written."""
        while not stop.is_set():
            event_id = new_uuid7()
            async with self.tally.database.unit_of_work() as work:
                await work.connection.run(
                    "INSERT INTO tally (event_id, case_id, event_type, recorded_at) "
                    "VALUES (%(id)s, %(id)s, %(type)s, now())",
                    {"id": event_id, "type": CaseScreened.TYPE},
                )
                await work.connection.one(_COUNT)
                await work.commit()
            self.own.add(event_id)
            await asyncio.sleep(0.002)

    def readers(self) -> list[Callable[[asyncio.Event], Coroutine[Any, Any, None]]]:
        """One statement; two in a transaction; two that see the same moment."""
        database = self.tally.database

        async def one() -> list[Any]:
            async with database.read() as session:
                return [await session.one(_COUNT)]

        async def two() -> list[Any]:
            async with database.unit_of_work() as work:
                return [await work.connection.one(_COUNT), await work.connection.one(_COUNT)]

        async def same() -> list[Any]:
            async with database.snapshot() as session:
                await session.value("SELECT count(*) FROM effects")
                # Long enough for the table to be replaced between the two.
                await asyncio.sleep(0.02)
                return [await session.one(_COUNT), await session.one(_COUNT)]

        def loop(read: Callable[[], Coroutine[Any, Any, list[Any]]]) -> Callable[[asyncio.Event], Any]:
            async def work(stop: asyncio.Event) -> None:
                seen = _BEFORE
                while not stop.is_set():
                    for found in await read():
                        assert found.rows >= seen, "rows that had been there are gone"
                        assert found.times == 1
                        seen = found.rows
                        self.reads += 1

            return work

        return [loop(one), loop(one), loop(two), loop(same)]

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """All of them; what any of them raises comes out at the end."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for work in (self.tell, self.write, *self.readers()):
                group.create_task(work(stop))
            try:
                yield
            finally:
                stop.set()


async def test_nothing_is_missing_nothing_applied_twice_and_no_reader_sees_less_than_before(
    tally: Tally, make_consumer: Callable[..., Any]
) -> None:
    first = set(tally.times())
    others = Told(tally)
    consumer = make_consumer(tally.topic, own=tally.processor)
    rebuilt = []
    async with running(consumer.run):
        async with others.at_work():
            await eventually(lambda: len(tally.times()) > _BEFORE + 100, what="everybody is at work")
            for _ in range(_REBUILDS):
                reads, told = others.reads, len(others.told)
                rebuilt.append(await tally.rebuild())
                assert others.reads > reads
                assert len(others.told) > told
        await eventually(lambda: set(tally.times()) >= others.told, what="the consumer has caught up")
    assert tally.times() == dict.fromkeys(first | others.told | others.own, 1)
    for found in rebuilt:
        assert found.comparison.equal
        assert (found.carried.gone, found.carried.unjudged, found.left_out) == (0, 0, 0)


async def test_a_consumer_that_is_started_after_the_table_was_replaced_applies_nothing_a_second_time(
    tally: Tally, make_consumer: Callable[..., Any]
) -> None:
    raws = tally.events(200)
    await tally.tell(*raws)
    assert (await tally.rebuild()).comparison.ahead == len(raws)
    (after,) = tally.events(1)
    await tally.tell(after)
    async with running(make_consumer(tally.topic, own=tally.processor).run):
        await eventually(lambda: id_of(after) in tally.times())
    times = tally.times()
    assert len(times) == _BEFORE + len(raws) + 1
    assert set(times.values()) == {1}
