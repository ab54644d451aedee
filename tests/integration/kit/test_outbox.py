"""The outbox: events become rows with the commit of what caused them, or not at all."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg import IntegrityError
from psycopg.errors import ReadOnlySqlTransaction

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import CaseRegistered, CaseScreened
from slrt_contracts.types import EventId
from slrt_kit import outbox as outbox_module
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.outbox import EventTooLargeError, Outbox
from slrt_kit.testing import FixedClock, case_registered

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def recorded(sequence: int = 1, case_id: UUID | None = None) -> RecordedEvent:
    return RecordedEvent(case_registered(case_id), sequence, NOW)


async def test_a_row_appears_only_with_the_commit(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        Outbox("intake").add(work, [recorded()])
        assert rows.one("SELECT count(*) FROM outbox") == 0
        await work.commit()
        assert rows.one("SELECT count(*) FROM outbox") == 1


async def test_leaving_without_commit_leaves_nothing(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        Outbox("intake").add(work, [recorded()])
        await work.connection.run("INSERT INTO effects (sequence) VALUES (1)")
    assert rows.one("SELECT count(*) FROM outbox") == 0
    assert rows.effects() == []


async def test_an_error_takes_everything_back(database: Database, rows: Any) -> None:

    async def fail() -> None:
        async with database.unit_of_work() as work:
            Outbox("intake").add(work, [recorded()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert rows.one("SELECT count(*) FROM outbox") == 0


async def test_a_key_sequence_is_used_once(database: Database, rows: Any) -> None:
    case_id = new_uuid7()
    outbox = Outbox("intake")
    async with database.unit_of_work() as work:
        outbox.add(work, [recorded(1, case_id), recorded(2, case_id)])
        await work.commit()
    async with database.unit_of_work() as work:
        outbox.add(work, [recorded(2, case_id)])
        with pytest.raises(IntegrityError, match="key_sequence"):
            await work.commit()
    assert rows.one("SELECT count(*) FROM outbox") == 2


async def test_events_of_one_aggregate_get_their_rows_in_order(
    record: Callable[..., Awaitable[list[UUID]]], rows: Any
) -> None:
    case_id = new_uuid7()
    made = await record(*[case_registered(case_id) for _ in range(40)])
    found = rows.all("SELECT event_id, key_sequence FROM outbox ORDER BY seq")
    assert found == [(event_id, sequence) for sequence, event_id in enumerate(made, start=1)]


async def test_an_event_too_large_for_the_broker_is_refused_before_the_commit(
    database: Database, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MAX_PAYLOAD_BYTES", 500)
    large = case_registered(
        needs=[
            {"need_id": uuid4(), "need_code": "BPBL", "sector": "energi", "urgent": False},
            {"need_id": uuid4(), "need_code": "PIP", "sector": "pendidikan", "urgent": False},
        ]
    )
    with pytest.raises(EventTooLargeError, match=str(large.case_id)):
        async with database.unit_of_work() as work:
            Outbox("intake").add(work, [recorded(), RecordedEvent(large, 1, NOW)])
    assert rows.one("SELECT count(*) FROM outbox") == 0


async def test_a_row_is_a_cloudevent_that_says_when_and_because_of_what(database_url: str, rows: Any) -> None:
    clock = FixedClock(NOW + timedelta(days=2))
    database = Database(database_url, clock=clock)
    case_id, cause = new_uuid7(), EventId(new_uuid7())
    event = CaseScreened(case_id=case_id, registry_status="listed")  # type: ignore[arg-type]
    async with database.unit_of_work(causation_id=cause) as work:
        ((told, _),) = Outbox("intake").add(work, [RecordedEvent(event, 7, NOW)])
        await work.commit()
    await database.close()

    ((topic, key, headers, payload),) = rows.all("SELECT topic, partition_key, headers, payload FROM outbox")
    envelope = Envelope.from_headers([(name, value.encode()) for name, value in headers])
    assert (topic, key) == ("slrt.intake.case.v1", str(case_id))
    assert envelope == told
    assert envelope.type == "id.slrt.intake.case-screened.v1"
    assert (envelope.source, envelope.subject) == ("/slrt/intake", str(case_id))
    assert (envelope.time, envelope.recordedtime) == (NOW, clock.now())
    assert (envelope.keysequence, envelope.correlationid, envelope.causationid) == (7, case_id, cause)
    assert orjson.loads(payload) == {"case_id": str(case_id), "registry_status": "listed"}
    assert CaseScreened.decode(payload) == event


async def test_a_nudge_comes_after_the_commit_of_events_and_only_then(database: Database, rows: Any) -> None:
    seen: list[int] = []
    database.when_events_committed.append(lambda: seen.append(rows.one("SELECT count(*) FROM outbox")))
    async with database.unit_of_work() as work:
        await work.commit()
    async with database.unit_of_work() as work:
        Outbox("intake").add(work, [recorded()])
    assert seen == []
    async with database.unit_of_work() as work:
        Outbox("intake").add(work, [recorded()])
        await work.commit()
    assert seen == [1]


async def test_no_events_are_no_rows(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        assert Outbox("intake").add(work, []) == []
        await work.commit()
    assert rows.one("SELECT count(*) FROM outbox") == 0


async def test_a_read_session_refuses_writes(database: Database, rows: Any) -> None:
    with pytest.raises(ReadOnlySqlTransaction, match="read-only transaction"):
        async with database.read() as session:
            await session.run("INSERT INTO effects (sequence) VALUES (1)")
    assert rows.effects() == []
    async with database.read() as session:
        assert await session.value("SELECT count(*) FROM effects") == 0


async def test_a_closed_unit_of_work_is_no_longer_a_way_in(database: Database) -> None:
    async with database.unit_of_work() as work:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        assert work.connection


async def test_every_session_is_in_utc(database: Database) -> None:
    async with database.read() as session:
        assert await session.value("SHOW timezone") == "UTC"


def test_the_test_events_are_what_the_contract_says() -> None:
    assert isinstance(CaseRegistered.decode(case_registered().encode()), CaseRegistered)
