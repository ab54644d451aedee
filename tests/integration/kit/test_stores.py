"""The database in memory is asked the same as PostgreSQL, by the backbone's own calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from aiokafka import TopicPartition
from tests.simulation.store import Disk, MemoryDatabase, MemoryInbox, MemoryOutboxQueue, Server

from slrt_contracts.types import EventId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clock import SystemClock, new_uuid7
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.inbox import Inbox, RawEvent
from slrt_kit.outbox import Outbox, insert_events
from slrt_kit.outbox_queue import OutboxQueue, PostgresOutboxQueue
from slrt_kit.testing import case_registered

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@dataclass
class Place:
    """A database, one consumer's inbox on it, and the relay's side of its outbox."""

    database: Database
    inbox: Inbox
    queue: OutboxQueue
    add: Callable[[UnitOfWork, list[dict[str, Any]]], Awaitable[object]]

    def work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return self.database.unit_of_work()


@pytest.fixture(params=["postgres", "memory"])
async def place(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Place]:
    if request.param == "memory":
        server = Server()
        memory = MemoryDatabase(server, Disk(), clock=SystemClock(), new_id=new_uuid7)
        yield Place(memory, MemoryInbox("c"), MemoryOutboxQueue(server, Disk()), _add_to_memory)
        return
    database = Database(database_url)
    yield Place(database, Inbox("c"), PostgresOutboxQueue(database_url), _add_to_postgres)
    await database.close()


async def _add_to_memory(work: Any, rows: list[dict[str, Any]]) -> None:
    await work.connection.add_events(rows)


async def _add_to_postgres(work: UnitOfWork, rows: list[dict[str, Any]]) -> None:
    await work.connection.run(insert_events(), {"events": orjson.dumps(rows).decode()})


def raw(key: str = "k", topic: str = "t") -> RawEvent:
    return RawEvent(topic, key, (("ce_id", b"1"),), b"payload")


def event_rows(key: UUID, *sequences: int) -> list[dict[str, Any]]:
    recorded = [(EventId(new_uuid7()), RecordedEvent(case_registered(key), number, NOW)) for number in sequences]
    return Outbox("intake").rows(recorded, now=NOW, causation_id=None)


async def claim(place: Place, event_id: UUID, event: RawEvent | None = None) -> str:
    async with place.work() as work:
        found = await place.inbox.claim(work.connection, event_id, event or raw())
        await work.commit()
    return found


async def park(place: Place, event_id: UUID, event: RawEvent | None = None, *, until: datetime = NOW) -> None:
    async with place.work() as work:
        await place.inbox.park(work.connection, event_id, event or raw(), reason="not yet", until=until)
        await work.commit()


async def take(place: Place, now: datetime = NOW, *, until: datetime = LATER) -> Any:
    async with place.work() as work:
        found = await place.inbox.take_due(work.connection, now, until=until)
        await work.commit()
    return found


class TestInbox:
    async def test_an_event_is_claimed_once(self, place: Place) -> None:
        event_id = new_uuid7()
        assert await claim(place, event_id) == "claimed"
        assert await claim(place, event_id) == "duplicate"
        async with place.database.read() as session:
            assert await place.inbox.was_handled(session, event_id)
            assert await place.inbox.seen(session, event_id, raw())
            assert not await place.inbox.seen(session, new_uuid7(), raw())

    async def test_what_is_not_committed_was_not_claimed(self, place: Place) -> None:
        event_id = new_uuid7()
        async with place.work() as work:
            assert await place.inbox.claim(work.connection, event_id, raw()) == "claimed"
        assert await claim(place, event_id) == "claimed"

    @pytest.mark.parametrize(("commits", "second"), [(True, "duplicate"), (False, "claimed")])
    async def test_the_second_of_two_at_once_waits_for_what_the_first_does(
        self, place: Place, *, commits: bool, second: str
    ) -> None:
        event_id = new_uuid7()
        async with place.work() as work:
            await place.inbox.claim(work.connection, event_id, raw())
            waiting = asyncio.create_task(claim(place, event_id))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            if commits:
                await work.commit()
        assert await waiting == second

    async def test_others_do_not_see_what_is_not_committed(self, place: Place) -> None:
        event_id = new_uuid7()
        async with place.work() as work:
            await place.inbox.claim(work.connection, event_id, raw())
            async with place.database.read() as session:
                assert not await place.inbox.was_handled(session, event_id)

    async def test_of_a_batch_those_are_claimed_that_were_not(self, place: Place) -> None:
        ids = [new_uuid7() for _ in range(4)]
        await claim(place, ids[1])
        async with place.database.read() as session:
            assert await place.inbox.handled(session, ids) == {ids[1]}
        async with place.work() as work:
            assert await place.inbox.claim_many(work.connection, ids) == {ids[0], ids[2], ids[3]}
            await work.commit()
        async with place.database.read() as session:
            assert await place.inbox.handled(session, ids) == set(ids)

    async def test_behind_a_parked_event_its_key_waits_and_no_other(self, place: Place) -> None:
        parked, behind = new_uuid7(), new_uuid7()
        await park(place, parked)
        assert await claim(place, parked) == "duplicate"
        assert await claim(place, behind) == "behind"
        assert await claim(place, behind, raw(key="other")) == "claimed"
        assert await claim(place, new_uuid7(), raw(topic="other")) == "claimed"
        assert await claim(place, behind) == "duplicate", "one that was handled is no matter of the queue"
        async with place.work() as work:
            assert await place.inbox.claim_many(work.connection, [new_uuid7()]) is None
        async with place.database.read() as session:
            assert await place.inbox.handled(session, [new_uuid7()]) is None
            assert await place.inbox.seen(session, new_uuid7(), raw())

    async def test_parked_events_are_taken_oldest_first_when_due_and_by_one_at_a_time(self, place: Place) -> None:
        first, second, other = new_uuid7(), new_uuid7(), new_uuid7()
        await park(place, first)
        await park(place, first)
        await park(place, second)
        await park(place, other, raw(key="other"), until=LATER)
        taken = await take(place)
        assert (taken.event_id, taken.raw, taken.reason, taken.attempts) == (first, raw(), "not yet", 0)
        assert await take(place) is None, "the first is taken, the second is behind it, the other is not due"
        assert await take(place, LATER - timedelta(seconds=1)) is None
        longer = LATER + timedelta(minutes=1)
        assert {(await take(place, LATER, until=longer)).event_id for _ in range(2)} == {first, other}
        async with place.database.read() as session:
            assert await place.inbox.parked_count(session) == 3

    async def test_one_that_is_not_committed_is_left_to_nobody_else(self, place: Place) -> None:
        await park(place, new_uuid7())
        async with place.work() as work:
            assert await place.inbox.take_due(work.connection, NOW, until=LATER) is not None
            assert await take(place) is None
        assert await take(place) is not None

    async def test_a_parked_event_is_claimed_postponed_and_let_go_of(self, place: Place) -> None:
        first, second = new_uuid7(), new_uuid7()
        await park(place, first)
        await park(place, second)
        taken = await take(place)
        async with place.work() as work:
            await place.inbox.postpone(work.connection, taken, reason="still not", until=NOW)
            await work.commit()
        again = await take(place)
        assert (again.event_id, again.attempts, again.reason) == (first, 1, "still not")
        async with place.work() as work:
            assert await place.inbox.claim_parked(work.connection, again)
            await work.commit()
        async with place.work() as work:
            assert await place.inbox.skip(work.connection, second)
            assert not await place.inbox.skip(work.connection, second)
            await work.commit()
        assert [await claim(place, each) for each in (first, second)] == ["duplicate", "duplicate"]
        async with place.work() as work:
            assert not await place.inbox.claim_parked(work.connection, again)
        async with place.database.read() as session:
            assert await place.inbox.parked_count(session) == 0


class TestOutbox:
    async def test_rows_wait_in_the_order_of_their_numbers_and_go_by_them(self, place: Place) -> None:
        key = new_uuid7()
        async with place.work() as work:
            await place.add(work, event_rows(key, 1, 2, 3))
            await work.commit()
        async with place.queue.session() as session:
            rows = await session.fetch(10)
            assert [row.partition_key for row in rows] == [str(key)] * 3
            assert [dict(row.headers)["ce_keysequence"] for row in rows] == ["1", "2", "3"]
            assert [row.seq for row in await session.fetch(2)] == [row.seq for row in rows[:2]]
            assert [row.seq for row in await session.fetch(2, without=[rows[0].seq])] == [row.seq for row in rows[1:]]
            assert [row.seq for row in await session.fetch(1, without=[rows[0].seq])] == [rows[1].seq]
            assert [row.seq for row in await session.fetch(9, without=[rows[0].seq, rows[2].seq])] == [rows[1].seq]
            place_of = TopicPartition("t", 0)
            await session.archive([rows[0].seq, rows[2].seq], {place_of: 7})
            await session.archive([rows[0].seq], {place_of: 5})
            assert [row.seq for row in await session.fetch(10)] == [rows[1].seq]
            assert await session.last_offsets() == {place_of: 7}
            await session.keep_house(today=date(2026, 7, 1), days=30)

    async def test_a_number_is_given_once_whoever_commits_first(self, place: Place) -> None:
        slow, quick = new_uuid7(), new_uuid7()
        async with place.work() as first:
            await place.add(first, event_rows(slow, 1))
            async with place.work() as second:
                await place.add(second, event_rows(quick, 1))
                await second.commit()
            async with place.queue.session() as session:
                (seen,) = await session.fetch(10)
                assert seen.partition_key == str(quick)
            await first.commit()
        async with place.queue.session() as session:
            # What was read before it came to light does not hide it.
            assert [row.partition_key for row in await session.fetch(10, without=[seen.seq])] == [str(slow)]
            assert [row.partition_key for row in await session.fetch(10)] == [str(slow), str(quick)]

    async def test_a_key_has_each_sequence_once(self, place: Place) -> None:
        key = new_uuid7()
        async with place.work() as work:
            await place.add(work, event_rows(key, 1))
            await work.commit()
        async with place.work() as work:
            with pytest.raises(psycopg.errors.UniqueViolation):
                await place.add(work, event_rows(key, 1))

    async def test_what_was_published_is_put_back_in_front(self, place: Place) -> None:
        keys = [new_uuid7() for _ in range(3)]
        async with place.work() as work:
            await place.add(work, [row for key in keys for row in event_rows(key, 1)])
            await work.commit()
        async with place.queue.session() as session:
            rows = await session.fetch(10)
            topic = rows[0].topic
            await session.archive([row.seq for row in rows[:2]], {TopicPartition(topic, 0): 1})
            assert await session.refill({"slrt.nobody.has.this"}) == 0
            assert await session.refill({topic}) == 2
            assert await session.last_offsets() == {}
            assert [row.seq for row in await session.fetch(10)] == [row.seq for row in rows]

    async def test_one_session_leads_until_it_ends(self, place: Place) -> None:
        async with place.queue.session() as first, place.queue.session() as second:
            assert await first.try_to_lead()
            assert await first.try_to_lead()
            assert not await second.try_to_lead()
        async with place.queue.session() as third:
            assert await third.try_to_lead()
