"""One received event at a time, on a real database: applied once, or left exactly as if it had not come."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from slrt_contracts.events import CaseClosed, CaseDecided, CaseResolved, CaseScreened
from slrt_kit.clock import new_uuid7
from slrt_kit.db import NoConnectionFreeError, StaleVersionError
from slrt_kit.http.outgoing import UnreachableError
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import IgnoredError, RejectedError, TransientError, UnreadableError
from slrt_kit.messaging.handlers import Received
from slrt_kit.messaging.processor import CRASHES_BEFORE_PARKING, Outcome, Processor
from slrt_kit.testing import case_registered, raw_event

INBOX = "SELECT count(*) FROM inbox"
PARKED = "SELECT count(*) FROM parked"


def closed(case_id: Any = None) -> CaseClosed:
    return CaseClosed(case_id=case_id or new_uuid7(), closed_by="resident", satisfied=True)


def raising(error: Exception) -> Callable[[Received[Any]], Any]:
    async def before(_: Received[Any]) -> None:
        raise error

    return before


async def test_an_event_that_comes_twice_is_applied_once(processor: Processor[Any], rows: Any) -> None:
    raw = raw_event(case_registered())
    assert await processor.process(raw) is Outcome.APPLIED
    for _ in range(3):
        assert await processor.process(raw) is Outcome.DUPLICATE
    assert len(rows.effects()) == 1


async def test_an_event_that_comes_twice_at_once_is_applied_once(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    """Two members that both believe a partition theirs: the second waits for the first one's commit."""
    raw = raw_event(case_registered())
    both = asyncio.Event()

    async def wait(_: Received[Any]) -> None:
        both.set()
        await asyncio.sleep(0.2)

    script.before = wait
    first = asyncio.create_task(processor.process(raw))
    await both.wait()
    second = asyncio.create_task(processor.process(raw))
    assert await first is Outcome.APPLIED
    assert await second is Outcome.DUPLICATE
    assert len(rows.effects()) == 1


async def test_when_the_first_of_two_at_once_fails_the_second_applies_it(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    raw = raw_event(case_registered())
    started = asyncio.Event()

    async def fail_once(_: Received[Any]) -> None:
        if not started.is_set():
            started.set()
            await asyncio.sleep(0.2)
            raise TransientError("away")

    script.before = fail_once
    first = asyncio.create_task(processor.process(raw))
    await started.wait()
    second = asyncio.create_task(processor.process(raw))
    with pytest.raises(TransientError):
        await first
    assert await second is Outcome.APPLIED
    assert len(rows.effects()) == 1


async def test_two_consumers_of_one_service_each_apply_an_event(
    processor: Processor[Any], database: Any, script: Any, rows: Any
) -> None:
    other = Processor(consumer="slrt.test.other", database=database, handlers=processor._handlers, deps=script)
    raw = raw_event(case_registered())
    assert [await processor.process(raw), await other.process(raw)] == [Outcome.APPLIED, Outcome.APPLIED]
    assert len(rows.effects()) == 2


@pytest.mark.parametrize(
    "error",
    [
        TransientError("away"),
        UnreachableError("ServerDisconnectedError"),
        psycopg.OperationalError("gone"),
        NoConnectionFreeError(),
        ConnectionResetError(),
        TimeoutError("a deadline of our own"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_transient_fault_leaves_no_trace_and_is_never_parked(
    processor: Processor[Any], script: Any, rows: Any, error: Exception
) -> None:
    raw = raw_event(case_registered())
    script.before = raising(error)
    for _ in range(5):
        with pytest.raises(type(error)):
            await processor.process(raw)
    assert (rows.effects(), rows.one(INBOX), rows.one(PARKED)) == ([], 0, 0)
    script.before = None
    assert await processor.process(raw) is Outcome.APPLIED


@pytest.mark.parametrize("error", [ValueError("a bug"), StaleVersionError(), KeyError("x")], ids=repr)
async def test_a_handler_that_crashes_gets_three_tries_and_then_the_event_is_parked(
    processor: Processor[Any], script: Any, rows: Any, error: Exception
) -> None:
    raw = raw_event(case_registered())
    script.before = raising(error)
    assert await processor.process(raw) is Outcome.PARKED
    assert list(script.calls.values()) == [CRASHES_BEFORE_PARKING]
    assert (rows.effects(), rows.one(INBOX), rows.one(PARKED)) == ([], 0, 1)


async def test_a_crash_that_goes_away_parks_nothing(processor: Processor[Any], script: Any, rows: Any) -> None:
    raw = raw_event(case_registered())

    async def crash_twice(received: Received[Any]) -> None:
        if script.calls[received.envelope.id] < CRASHES_BEFORE_PARKING:
            raise ValueError("not yet")

    script.before = crash_twice
    assert await processor.process(raw) is Outcome.APPLIED
    assert (len(rows.effects()), rows.one(PARKED)) == (1, 0)


async def test_a_rejected_event_is_parked_at_once_with_its_reason(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    raw = raw_event(case_registered())
    script.before = raising(RejectedError("no such case"))
    assert await processor.process(raw) is Outcome.PARKED
    assert list(script.calls.values()) == [1]
    assert (rows.effects(), rows.one(INBOX)) == ([], 0)
    assert rows.all("SELECT reason, attempts, payload FROM parked") == [("no such case", 0, raw.payload)]


async def test_an_ignored_event_changes_nothing_and_does_not_stay(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    script.before = raising(IgnoredError())
    assert await processor.process(raw_event(case_registered())) is Outcome.IGNORED
    assert (rows.effects(), rows.one(PARKED)) == ([], 0)


async def test_a_type_without_a_handler_or_newer_than_this_code_is_passed_over(
    processor: Processor[Any], rows: Any
) -> None:
    known = raw_event(CaseResolved(case_id=new_uuid7(), outcomes=[{"need_id": new_uuid7(), "outcome_code": "partly"}]))
    future = with_header(raw_event(case_registered()), "ce_type", b"id.slrt.intake.case-astonished.v3")
    for raw in (known, future):
        assert await processor.process(raw) is Outcome.IGNORED
    assert rows.one(INBOX) == 0
    assert CaseDecided.TYPE not in processor._handlers.entries


def with_header(raw: RawEvent, name: str, *values: bytes | None) -> RawEvent:
    kept = [header for header in raw.headers if header[0] != name]
    return RawEvent(raw.topic, raw.key, (*kept, *((name, value) for value in values)), raw.payload)  # type: ignore[arg-type]


GOOD = raw_event(case_registered())


@pytest.mark.parametrize(
    "raw",
    [
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, None),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, b""),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, b"{"),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, b"[]"),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, b"\xff\xfe"),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, b'{"case_id": 5}'),
        RawEvent(GOOD.topic, GOOD.key, (), GOOD.payload),
        with_header(GOOD, "ce_id"),
        with_header(GOOD, "ce_id", b"5"),
        with_header(GOOD, "ce_id", None),
        with_header(GOOD, "ce_type", b"\xff"),
        with_header(GOOD, "ce_time", b"yesterday"),
        with_header(GOOD, "ce_keysequence", b"0"),
        RawEvent(GOOD.topic, "", GOOD.headers, GOOD.payload),
        RawEvent(GOOD.topic, "another-key", GOOD.headers, GOOD.payload),
        RawEvent(GOOD.topic, "\x00", GOOD.headers, GOOD.payload),
        RawEvent(GOOD.topic, "\udcff", GOOD.headers, GOOD.payload),
        RawEvent(GOOD.topic, GOOD.key, GOOD.headers, case_registered().encode()),
    ],
    ids=[
        "no payload",
        "empty",
        "cut",
        "a list",
        "no text",
        "wrong field",
        "no headers",
        "no id",
        "id no uuid",
        "null id",
        "type no text",
        "no time",
        "sequence 0",
        "no key",
        "key of another",
        "NUL key",
        "key no text",
        "payload of another",
    ],
)
async def test_what_cannot_be_read_is_said_so_and_nothing_happens(
    processor: Processor[Any], rows: Any, raw: RawEvent
) -> None:
    with pytest.raises(UnreadableError):
        await processor.process(raw)
    assert (rows.effects(), rows.one(INBOX), rows.one(PARKED)) == ([], 0, 0)


async def test_the_reason_of_an_unreadable_event_shows_no_values(processor: Processor[Any]) -> None:
    raw = RawEvent(GOOD.topic, GOOD.key, GOOD.headers, json.dumps({"case_id": "Siti Uji"}).encode())
    with pytest.raises(UnreadableError) as caught:
        await processor.process(raw)
    assert "Siti" not in str(caught.value)
    assert "case_id" in str(caught.value)


async def test_preparation_runs_outside_the_transaction_and_only_for_new_events(
    processor: Processor[Any], script: Any, rows: Any, database_url: str
) -> None:
    prepared: list[int] = []

    async def prepare(_: Received[Any]) -> str:
        open_transactions = rows.one(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'"
        )
        prepared.append(open_transactions)
        return "an answer"

    script.prepare = prepare
    raw = raw_event(closed())
    assert await processor.process(raw) is Outcome.APPLIED
    assert await processor.process(raw) is Outcome.DUPLICATE
    assert prepared == [0]
    assert rows.all("SELECT note FROM effects") == [("with an answer",)]


async def test_a_transient_fault_of_the_preparation_leaves_no_trace(
    processor: Processor[Any], script: Any, rows: Any
) -> None:
    async def away(_: Received[Any]) -> str:
        raise UnreachableError("away")

    script.prepare = away
    with pytest.raises(UnreachableError):
        await processor.process(raw_event(closed()))
    assert (rows.effects(), rows.one(INBOX), rows.one(PARKED)) == ([], 0, 0)


async def test_a_handler_never_gets_a_preparation_that_was_not_made(
    processor: Processor[Any], script: Any, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that must queue needs no preparation; the queue may be drained before its turn comes to be claimed."""
    seen = processor._inbox.seen
    answers = iter([True])

    async def queue_was_there_a_moment_ago(*arguments: Any) -> bool:
        return next(answers, None) or await seen(*arguments)

    monkeypatch.setattr(processor._inbox, "seen", queue_was_there_a_moment_ago)
    assert await processor.process(raw_event(closed())) is Outcome.APPLIED
    assert list(script.calls.values()) == [1]
    assert rows.all("SELECT note FROM effects") == [("with prepared",)]


async def test_an_event_says_what_caused_the_events_that_its_handler_raises(
    processor: Processor[Any], script: Any, rows: Any, database: Any
) -> None:
    raw = raw_event(CaseScreened(case_id=new_uuid7(), registry_status="listed"))
    causes: list[Any] = []
    unit_of_work = database.unit_of_work

    def watched(**named: Any) -> Any:
        causes.append(named.get("causation_id"))
        return unit_of_work(**named)

    database.unit_of_work = watched
    await processor.process(raw)
    assert [str(cause).encode() for cause in causes] == [dict(raw.headers)["ce_id"]]
