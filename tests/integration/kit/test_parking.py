"""Parked events: later ones of the same key queue behind, other keys flow, and the queue drains in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from slrt_contracts.events import CaseClosed
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import IgnoredError, RejectedError, TransientError
from slrt_kit.messaging.handlers import Received
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.testing import FixedClock, case_registered, eventually, raw_event

QUEUE = "SELECT partition_key, attempts FROM parked ORDER BY id"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str, clock: FixedClock) -> AsyncIterator[Database]:
    """The test's database under a clock that the test moves."""
    opened = Database(database_url, clock=clock)
    yield opened
    await opened.close()


def events(key: UUID, count: int, *, start: int = 1) -> list[RawEvent]:
    return [raw_event(case_registered(key), key_sequence=start + number) for number in range(count)]


def rejecting(*keys: object) -> Callable[[Received[Any]], Any]:
    async def before(received: Received[Any]) -> None:
        if received.envelope.subject in {str(key) for key in keys}:
            raise RejectedError("not now")

    return before


async def park_first(processor: Processor[Any], script: Any, key: UUID, count: int) -> None:
    """Have the first event of the key rejected and the others queue behind it; then let all handlers pass."""
    script.before = rejecting(key)
    for raw in events(key, count):
        assert await processor.process(raw) is Outcome.PARKED
    script.before = None


async def test_later_events_of_a_parked_key_queue_behind_it_untried(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    key, other = new_uuid7(), new_uuid7()
    await park_first(processor, script, key, 4)
    assert len(script.calls) == 1, "only the first was tried"
    for raw in events(other, 3):
        assert await processor.process(raw) is Outcome.APPLIED
    assert rows.sequences(other) == [1, 2, 3]
    assert rows.sequences(key) == []
    assert rows.all("SELECT reason FROM parked ORDER BY id") == [
        ("not now",),
        *[("behind an earlier parked event",)] * 3,
    ]


async def test_the_same_key_on_another_topic_is_another_queue(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 1)
    raw = raw_event(case_registered(key), key_sequence=9, topic="another.topic")
    assert await processor.process(raw) is Outcome.APPLIED


async def test_the_queue_of_a_key_drains_in_order_when_its_head_can_be_applied(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 5)
    assert await processor.retry_parked() == 0, "it rests a second first"
    clock.move(seconds=2)
    assert await processor.retry_parked() == 5
    assert rows.sequences(key) == [1, 2, 3, 4, 5]
    assert rows.all(QUEUE) == []
    assert await processor.process(events(key, 1, start=6)[0]) is Outcome.APPLIED


async def test_a_parked_event_that_comes_again_is_neither_parked_twice_nor_applied_twice(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    raws = events(key, 3)
    script.before = rejecting(key)
    for _ in range(2):
        for raw in raws:
            await processor.process(raw)
    assert len(rows.all(QUEUE)) == 3
    script.before = None
    clock.move(seconds=2)
    await processor.retry_parked()
    for raw in raws:
        assert await processor.process(raw) is Outcome.DUPLICATE
    assert rows.sequences(key) == [1, 2, 3]


async def test_an_event_that_was_applied_before_the_parked_one_does_not_queue_when_it_comes_again(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    key = new_uuid7()
    first, second = events(key, 2)
    assert await processor.process(first) is Outcome.APPLIED
    script.before = rejecting(key)
    assert await processor.process(second) is Outcome.PARKED
    assert await processor.process(first) is Outcome.DUPLICATE
    assert len(rows.all(QUEUE)) == 1


async def test_each_failed_attempt_makes_the_rest_longer_and_the_reason_newer(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 1)
    waits = []
    for reason in ("still not", "not yet", "no"):
        script.before = raising(RejectedError(reason))
        clock.move(minutes=10)
        assert await processor.retry_parked() == 0
        ((found, attempts, due),) = rows.all("SELECT reason, attempts, next_attempt_at FROM parked")
        assert found == reason
        waits.append((attempts, due - clock.now()))
    assert waits == [(1, timedelta(seconds=2)), (2, timedelta(seconds=4)), (3, timedelta(seconds=8))]
    assert rows.effects() == []


def raising(error: Exception) -> Callable[[Received[Any]], Any]:
    async def before(_: Received[Any]) -> None:
        raise error

    return before


async def test_a_key_that_goes_on_failing_does_not_hold_up_the_others_in_one_round(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    bad = [new_uuid7() for _ in range(5)]
    good = [new_uuid7() for _ in range(5)]
    for key in (key for pair in zip(bad, good, strict=True) for key in pair):
        await park_first(processor, script, key, 2)
    clock.move(seconds=5)
    script.before = rejecting(*bad)
    assert await processor.retry_parked() == 10
    assert sorted(rows.effects()) == sorted((str(key), sequence) for key in good for sequence in (1, 2))
    assert sorted(rows.all(QUEUE)) == sorted((str(key), attempts) for key in bad for attempts in (1, 0))


async def test_a_key_whose_owner_does_not_answer_does_not_hold_up_the_others(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    """The owner of one case's data fails on that one case only: other parked keys must not starve behind it."""
    stuck, free = new_uuid7(), new_uuid7()

    async def owner(received: Received[Any]) -> str:
        if received.envelope.subject == str(stuck):
            raise TransientError("claim check answered 500")
        return "an answer"

    script.prepare = raising(RejectedError("not there yet"))
    for key in (stuck, free):
        assert await processor.process(raw_event(closed(key))) is Outcome.PARKED
    script.prepare = owner
    clock.move(seconds=5)
    await processor.retry_parked()
    assert rows.sequences(free) == [1]
    assert [key for key, _ in rows.all(QUEUE)] == [str(stuck)]
    script.prepare = None
    clock.move(minutes=6)
    await processor.retry_parked()
    assert rows.sequences(stuck) == [1]


def closed(key: UUID) -> CaseClosed:
    return CaseClosed(case_id=key, closed_by="resident", satisfied=True)  # type: ignore[arg-type]


async def test_preparation_for_a_parked_event_holds_no_transaction_open(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    script.prepare = raising(RejectedError("not there yet"))
    await processor.process(raw_event(closed(new_uuid7())))
    open_transactions: list[int] = []

    async def prepare(_: Received[Any]) -> str:
        open_transactions.append(
            rows.one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'"
            )
        )
        return "an answer"

    script.prepare = prepare
    clock.move(seconds=2)
    assert await processor.retry_parked() == 1
    assert open_transactions == [0]
    assert rows.all("SELECT note FROM effects") == [("with an answer",)]


async def test_a_parked_event_that_turns_out_to_concern_others_lets_its_key_go_on(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 3)

    async def ignore_first(received: Received[Any]) -> None:
        if received.envelope.keysequence == 1:
            raise IgnoredError

    script.before = ignore_first
    clock.move(seconds=2)
    await processor.retry_parked()
    assert rows.sequences(key) == [2, 3]
    assert rows.all(QUEUE) == []


async def test_a_parked_event_whose_handler_was_taken_out_lets_its_key_go_on(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock, database: Database
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 2)
    from slrt_kit.messaging.handlers import Handlers

    emptied = Processor(consumer=processor._consumer, database=database, handlers=Handlers[Any](), deps=script)
    clock.move(seconds=2)
    await emptied.retry_parked()
    assert rows.all(QUEUE) == []


async def test_two_workers_that_retry_at_once_apply_each_event_once_and_in_order(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    keys = [new_uuid7() for _ in range(6)]
    for key in keys:
        await park_first(processor, script, key, 4)
    clock.move(seconds=2)

    async def slowly(_: Received[Any]) -> None:
        await asyncio.sleep(0.005)

    script.before = slowly
    applied = await asyncio.gather(*[processor.retry_parked() for _ in range(3)])
    await processor.retry_parked()
    assert sum(applied) <= 24
    for key in keys:
        assert rows.sequences(key) == [1, 2, 3, 4]


async def test_a_new_event_that_comes_while_its_queue_drains_keeps_its_place(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 3)
    clock.move(seconds=2)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold_second(received: Received[Any]) -> None:
        if received.envelope.keysequence == 2:
            reached.set()
            await go_on.wait()

    script.before = hold_second
    draining = asyncio.create_task(processor.retry_parked())
    await reached.wait()
    assert await processor.process(events(key, 1, start=4)[0]) is Outcome.PARKED
    go_on.set()
    await draining
    await eventually(processor_drained(processor, rows))
    assert rows.sequences(key) == [1, 2, 3, 4]


def processor_drained(processor: Processor[Any], rows: Any) -> Callable[[], Any]:
    async def check() -> bool:
        await processor.retry_parked()
        return bool(rows.all(QUEUE) == [])

    return check


@pytest.mark.parametrize(
    "header",
    [("x-nothing", None), ("x-binary", b"\x00\xff\x00"), ("x-latin", b"\xe9"), ("x-text", "é\n".encode()), ("", b"")],
    ids=["null", "binary", "latin", "text", "nameless"],
)
async def test_headers_of_others_do_not_keep_an_event_from_being_parked_and_come_back_as_they_were(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock, header: tuple[str, bytes | None]
) -> None:
    plain = raw_event(case_registered())
    raw = RawEvent(plain.topic, plain.key, (*plain.headers, header), plain.payload)  # type: ignore[arg-type]
    script.before = raising(RejectedError("not now"))
    assert await processor.process(raw) is Outcome.PARKED
    async with processor._database.unit_of_work() as work:
        later = clock.now() + timedelta(minutes=1)
        parked = await processor._inbox.take_due(work.connection, later, until=later)
    assert parked is not None
    assert parked.raw == raw
    script.before = None
    clock.move(seconds=2)
    assert await processor.retry_parked() == 1


async def test_a_fault_during_a_retry_leaves_the_event_parked_for_later(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 2)
    clock.move(seconds=2)
    script.before = raising(ConnectionResetError())
    assert await processor.retry_parked() == 0
    assert rows.all("SELECT reason, attempts FROM parked ORDER BY id") == [
        ("waits: ConnectionResetError", 1),
        ("behind an earlier parked event", 0),
    ]
    assert rows.effects() == []


async def test_an_event_whose_worker_died_in_the_middle_of_an_attempt_becomes_due_again(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    key = new_uuid7()
    await park_first(processor, script, key, 2)
    clock.move(seconds=2)
    tried = asyncio.Event()

    async def hang(_: Received[Any]) -> None:
        tried.set()
        await asyncio.Event().wait()

    script.before = hang
    dying = asyncio.create_task(processor.retry_parked())
    await tried.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    script.before = None
    assert await processor.retry_parked() == 0
    clock.move(minutes=2)
    assert await processor.retry_parked() == 2
    assert rows.sequences(key) == [1, 2]


async def test_a_worker_that_is_asked_to_stop_does_not_go_through_all_that_is_parked(
    processor: Processor[Any], script: Any, rows: Any, clock: FixedClock
) -> None:
    for _ in range(5):
        await park_first(processor, script, new_uuid7(), 1)
    clock.move(seconds=2)
    stop = asyncio.Event()

    async def ask(_: Received[Any]) -> None:
        stop.set()

    script.before = ask
    assert await processor.retry_parked(stop) == 1
