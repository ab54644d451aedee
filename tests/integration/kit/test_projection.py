"""A projection applies whole batches, each event once, and is taken apart when one event is bad."""

from collections.abc import Sequence

import pytest

from slrt_contracts.events import CaseRegistered, Event
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.testing import case_registered, raw_event


class PoisonError(Exception):
    """What the projection below raises for the case that it is told to choke on."""


@pytest.fixture
async def copies(service_database):
    """A database with a table that counts how often a case was copied."""
    database = Database(service_database("intake"))
    async with database.unit_of_work() as work:
        await work.connection.run("CREATE TABLE copies (case_id uuid, place serial)")
        await work.commit()
    yield database
    await database.close()


def processor(database: Database, *, choke_on: object = None) -> Processor[None]:
    handlers = Handlers[None]()

    @handlers.project([CaseRegistered])
    async def copy(events: Sequence[Received[Event]], work: UnitOfWork, _: None) -> None:
        for received in events:
            if received.event.case_id == choke_on:
                raise PoisonError
            await work.connection.run(
                "INSERT INTO copies (case_id) VALUES (%(case_id)s)", {"case_id": received.event.case_id}
            )

    return Processor(consumer="slrt.test.copies", database=database, handlers=handlers, deps=None)


async def copied(database: Database) -> list[object]:
    async with database.read() as session:
        return list(await session.values("SELECT case_id FROM copies ORDER BY place"))


def batch(size: int) -> tuple[list[object], list[RawEvent]]:
    ids = [new_uuid7() for _ in range(size)]
    return ids, [raw_event(case_registered(case_id)) for case_id in ids]


async def test_a_batch_is_applied_in_order_and_once_though_it_comes_twice(copies: Database) -> None:
    ids, raws = batch(20)
    assert await processor(copies).process_batch(raws)
    assert await processor(copies).process_batch(raws)
    assert await copied(copies) == ids


async def test_a_batch_that_overlaps_an_earlier_one_applies_only_what_is_new(copies: Database) -> None:
    ids, raws = batch(10)
    assert await processor(copies).process_batch(raws[:6])
    assert await processor(copies).process_batch(raws[3:])
    assert await copied(copies) == ids


async def test_a_batch_with_an_unreadable_event_changes_nothing_and_asks_to_be_taken_apart(copies: Database) -> None:
    _, raws = batch(3)
    broken = RawEvent(raws[1].topic, raws[1].key, raws[1].headers, b"{")
    assert not await processor(copies).process_batch([raws[0], broken, raws[2]])
    assert await copied(copies) == []


async def test_one_poisonous_event_is_parked_and_its_neighbours_are_applied(copies: Database) -> None:
    ids, raws = batch(3)
    choking = processor(copies, choke_on=ids[1])
    assert not await choking.process_batch(raws)
    assert [await choking.process(raw) for raw in raws] == [Outcome.APPLIED, Outcome.PARKED, Outcome.APPLIED]
    assert await copied(copies) == [ids[0], ids[2]]


async def test_while_anything_is_parked_a_batch_is_taken_event_by_event(copies: Database) -> None:
    ids, raws = batch(3)
    choking = processor(copies, choke_on=ids[0])
    assert await choking.process(raws[0]) is Outcome.PARKED
    assert not await choking.process_batch(raws[1:])
