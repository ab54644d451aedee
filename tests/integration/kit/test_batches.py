"""Handlers get several events in one transaction where that changes nothing but the time it takes."""

from typing import Any
from uuid import UUID

import pytest

from slrt_contracts.envelope import Envelope
from slrt_contracts.events.intake import CaseClosed, CaseRegistered
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import IgnoredError, RejectedError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import MOST_TOGETHER, Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import case_registered, raw_event


class Script:
    """What the handler does to which case."""

    def __init__(self) -> None:
        self.ignored: set[UUID] = set()
        self.rejected: set[UUID] = set()
        self.poison: set[UUID] = set()
        self.prepared: list[UUID] = []


async def ask(received: Received[CaseRegistered], script: Script) -> str:
    case_id = received.event.case_id
    script.prepared.append(case_id)
    if case_id in script.ignored:
        raise IgnoredError("not ours")
    return f"about {case_id}"


async def apply(received: Received[CaseRegistered], work: UnitOfWork, script: Script, answer: str) -> None:
    case_id = received.event.case_id
    assert answer == f"about {case_id}"
    await work.connection.run(
        "INSERT INTO effects (event_id, key, sequence) VALUES (%(event_id)s, %(key)s, 1)",
        {"event_id": received.envelope.id, "key": str(case_id)},
    )
    if case_id in script.rejected:
        raise RejectedError("not now")
    if case_id in script.poison:
        raise ZeroDivisionError
    closed = CaseClosed(case_id=case_id, closed_by="resident", satisfied=True)
    Outbox("intake").add(work, [RecordedEvent(closed, 2, work.clock.now())])


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def processor(database: Database, script: Script) -> Processor[Any]:
    handlers = Handlers[Script]()
    handlers.on_prepared(CaseRegistered, ask, only_asks=True)(apply)
    return Processor(consumer="slrt.test.batches", database=database, handlers=handlers, deps=script)


def batch(size: int) -> tuple[list[UUID], list[RawEvent]]:
    ids = [new_uuid7() for _ in range(size)]
    return ids, [raw_event(case_registered(case_id)) for case_id in ids]


def keys(rows: Any) -> list[str]:
    return [key for (key,) in rows.all("SELECT key FROM effects ORDER BY id")]


async def test_a_batch_is_applied_in_order_in_one_transaction_and_each_event_is_the_cause_of_its_own(
    processor: Processor[Any], rows: Any
) -> None:
    ids, raws = batch(5)
    assert await processor.process_batch(raws)
    assert keys(rows) == [str(case_id) for case_id in ids]
    assert rows.one("SELECT count(DISTINCT xmin::text) FROM effects") == 1
    causes = {
        partition_key: Envelope.from_headers([(name, value.encode()) for name, value in headers]).causationid
        for partition_key, headers in rows.all("SELECT partition_key, headers FROM outbox")
    }
    assert causes == {raw.key: Envelope.from_headers(raw.headers).id for raw in raws}


async def test_a_batch_that_comes_again_is_applied_once(processor: Processor[Any], rows: Any) -> None:
    ids, raws = batch(4)
    assert await processor.process_batch(raws[:3])
    assert await processor.process_batch(raws)
    assert keys(rows) == [str(case_id) for case_id in ids]


async def test_what_turns_out_to_concern_others_is_passed_over_and_the_rest_is_applied(
    processor: Processor[Any], script: Script, rows: Any
) -> None:
    ids, raws = batch(3)
    script.ignored = {ids[1]}
    assert await processor.process_batch(raws)
    assert keys(rows) == [str(ids[0]), str(ids[2])]


@pytest.mark.parametrize("fault", ["rejected", "poison"])
async def test_one_bad_event_takes_the_batch_apart_and_only_it_is_parked(
    processor: Processor[Any], script: Script, rows: Any, fault: str
) -> None:
    ids, raws = batch(3)
    setattr(script, fault, {ids[1]})
    assert not await processor.process_batch(raws)
    assert keys(rows) == []
    assert rows.one("SELECT count(*) FROM inbox") == 0
    assert [await processor.process(raw) for raw in raws] == [Outcome.APPLIED, Outcome.PARKED, Outcome.APPLIED]
    assert keys(rows) == [str(ids[0]), str(ids[2])]


async def test_an_unreadable_event_takes_the_batch_apart(processor: Processor[Any], rows: Any) -> None:
    _, raws = batch(2)
    assert not await processor.process_batch([raws[0], RawEvent(raws[1].topic, raws[1].key, raws[1].headers, b"{")])
    assert keys(rows) == []


def test_two_events_of_one_key_are_never_together(processor: Processor[Any]) -> None:
    _, raws = batch(4)
    assert processor.together([raws]) == [4]
    assert processor.together([[*raws[:3], raws[1], raws[3]]]) == [3]
    assert processor.together([[raws[0], raws[0]]]) == [1]
    assert processor.together([raws[:1]]) == [1]
    assert processor.together([batch(MOST_TOGETHER + 5)[1]]) == [MOST_TOGETHER]


def test_the_first_events_of_all_partitions_go_together_up_to_a_bound(processor: Processor[Any]) -> None:
    few, many = batch(3)[1], batch(MOST_TOGETHER)[1]
    assert processor.together([few, [few[1]], many]) == [3, 0, MOST_TOGETHER - 3]
    assert processor.together([many, few]) == [MOST_TOGETHER, 0]


async def test_about_events_that_were_handled_nobody_is_asked_again(processor: Processor[Any], script: Script) -> None:
    ids, raws = batch(4)
    assert await processor.process_batch(raws[:3])
    assert await processor.process_batch(raws)
    assert script.prepared == ids


async def test_while_an_event_is_parked_nothing_is_asked_for_a_batch(processor: Processor[Any], script: Script) -> None:
    ids, raws = batch(3)
    script.rejected = {ids[0]}
    assert await processor.process(raws[0]) is Outcome.PARKED
    assert not await processor.process_batch(raws[1:])
    assert script.prepared == ids[:1]


async def test_what_does_something_outside_goes_alone(database: Database, script: Script) -> None:
    handlers = Handlers[Script]()
    handlers.on_prepared(CaseRegistered, ask)(apply)
    connector = Processor(consumer="slrt.test.alone", database=database, handlers=handlers, deps=script)
    assert not await connector.process_batch(batch(1)[1])
    assert script.prepared == []
