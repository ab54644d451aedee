"""What ends a stream, what does not, and that nobody who follows is a burden to others."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from tests.integration.intake.streams import SENT, WITHIN_S, example, follow, hear, id_of, others, served

from slrt_contracts.envelope import Envelope
from slrt_intake.store import following
from slrt_intake.store.timeline import add_to_timeline, entry_of, place_after
from slrt_kit import metrics
from slrt_kit.testing import eventually, raw_event


@pytest.fixture(scope="module")
async def url(intake: Any) -> AsyncIterator[str]:
    """The address of an intake that is really served."""
    async with served(intake.app) as (address, _):
        yield address


async def test_a_stream_ends_with_the_token_that_it_came_with(intake: Any, url: str) -> None:
    case = await intake.register()
    token = intake.token(ttl=2)
    async with follow(url, case["case_id"], token) as stream:
        assert len(await stream.end()) == 1
    async with follow(url, case["case_id"], token) as stream:
        assert stream.status == 401


async def test_streams_end_when_the_process_is_asked_to_stop_and_go_on_at_another(intake: Any) -> None:
    case = await intake.register()
    async with served(intake.app) as (url, stop), follow(url, case["case_id"], intake.token()) as stream:
        told = await stream.ids(1)
        stop.set()
        assert await stream.end() == []
    heard = await hear(intake, others(case["case_id"], 1))
    async with served(intake.app) as (url, _), follow(url, case["case_id"], intake.token(), last=told[0]) as stream:
        assert await stream.ids(1) == heard


async def test_one_who_does_not_read_holds_up_neither_memory_nor_the_end(
    intake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were it not let go, the server would wait for it: longer than the test does.
    monkeypatch.setattr("slrt_kit.runtime.DRAIN_SECONDS", 600)
    case, before = await intake.register(), metrics.STREAMS_OPEN._value.get()
    # More than what the machine itself keeps between two ends of a connection.
    async with intake.database.unit_of_work() as work:
        entries = [_large(case["case_id"], number) for number in range(1, 121)]
        add_to_timeline(work.connection, entries)
        await work.commit()
    with socket.socket() as deaf:
        async with served(intake.app) as (url, stop):
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((urlsplit(url).hostname, urlsplit(url).port))
            lines = [f"{name}: {value}" for name, value in intake.token().items()]
            request = [f"GET /v1/cases/{case['case_id']}/events HTTP/1.1", "Host: x", *lines, "", ""]
            deaf.sendall("\r\n".join(request).encode())
            async with follow(url, case["case_id"], intake.token()) as other:
                assert len(await other.ids(121)) == 121
            await eventually(lambda: metrics.STREAMS_OPEN._value.get() == before + 1)
            stop.set()
    assert metrics.STREAMS_OPEN._value.get() == before


def _large(case_id: str, number: int) -> Any:
    event = example(SENT, case_id, referral_id=UUID(int=number))
    raw = raw_event(event, event_id=uuid4(), key_sequence=number)
    entry = entry_of(Envelope.from_headers(raw.headers), event.encode())
    entry.facts["filler"] = "x" * 100_000
    return entry


async def test_above_the_limit_a_stream_is_refused_and_told_when_to_come_back(
    intake: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await intake.register()
    await eventually(lambda: intake.app.state.parts.streams._open == 0)
    monkeypatch.setattr(intake.app.state.parts.streams, "_limit", 2)
    async with follow(url, case["case_id"], intake.token()) as a, follow(url, case["case_id"], intake.token()) as b:
        await a.ids(1)
        await b.ids(1)
        async with httpx.AsyncClient(base_url=url) as client:
            refused = await client.get(f"/v1/cases/{case['case_id']}/events", headers=intake.token())
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:slrt:problem:too-many-streams")
        assert int(refused.headers["retry-after"]) > 0

    async def is_let_in() -> bool:
        async with follow(url, case["case_id"], intake.token()) as stream:
            return stream.status == 200

    await eventually(is_let_in)


async def test_a_stream_is_measured_when_it_begins(intake: Any, url: str) -> None:
    case = await intake.register()

    async def measured() -> tuple[float, float]:
        async with httpx.AsyncClient(base_url=url) as client:
            lines = (await client.get("/metrics")).text.splitlines()
        series = [line for line in lines if 'route="/cases/{case_id}/events"' in line and 'status="2xx"' in line]
        values = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in series if "bucket" not in line}
        return values.get("slrt_http_request_seconds_count", 0), values.get("slrt_http_request_seconds_sum", 0)

    count, seconds = await measured()
    async with follow(url, case["case_id"], intake.token(ttl=3)) as stream:
        await stream.ids(1)
        at_its_beginning = await measured()
        assert at_its_beginning[0] == count + 1
        await stream.end()
    assert await measured() == at_its_beginning
    assert at_its_beginning[1] > seconds


async def test_a_stream_outlives_the_database_and_misses_nothing(
    intake: Any, url: str, stoppable_postgres: Any
) -> None:
    case = await intake.register()
    async with follow(url, case["case_id"], intake.token()) as stream:
        await stream.ids(1)
        stoppable_postgres.stop()
        await asyncio.sleep(following.PAUSE_MAX_S * 2)
        stoppable_postgres.start()

        async def heard() -> list[str]:
            return await hear(intake, others(case["case_id"], 2))

        told = await _patiently(heard)
        assert await stream.ids(2) == told


async def _patiently(attempt: Any) -> Any:
    """Again until the database answers."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await attempt()
            except psycopg.OperationalError:
                await asyncio.sleep(0.1)


async def test_a_fault_of_the_look_for_all_ends_every_stream(
    intake: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await intake.register()
    async with follow(url, case["case_id"], intake.token()) as a, follow(url, case["case_id"], intake.token()) as b:
        first = await a.ids(1)
        await b.ids(1)
        await eventually(lambda: len(intake.app.state.parts.following._followers[UUID(case["case_id"])]) == 2)

        def crash(*_: object) -> None:
            raise LookupError

        with monkeypatch.context() as patch:
            patch.setattr(following, "entries_after", crash)
            for stream in (a, b):
                with pytest.raises(httpx.RemoteProtocolError):
                    await stream.take()
    heard = await hear(intake, others(case["case_id"], 1))
    async with follow(url, case["case_id"], intake.token(), last=first[0]) as stream:
        assert await stream.ids(1) == heard


async def test_many_who_follow_cost_one_look(intake: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [await intake.register() for _ in range(4)]
    looks: list[int] = []
    read = following.entries_after

    async def counted(connection: Any, after: Any) -> Any:
        looks.append(len(after))
        return await read(connection, after)

    async with (
        follow(url, cases[0]["case_id"], intake.token()) as a,
        follow(url, cases[1]["case_id"], intake.token()) as b,
        follow(url, cases[2]["case_id"], intake.token()) as c,
        follow(url, cases[2]["case_id"], intake.token()) as d,
    ):
        for stream in (a, b, c, d):
            await stream.ids(1)
        await eventually(lambda: len(intake.app.state.parts.following._followers) == 3)
        monkeypatch.setattr(following, "entries_after", counted)
        await eventually(lambda: len(looks) > 3)
        # One look may have begun before the last of them came.
        assert set(looks[1:]) == {3}
    await eventually(lambda: intake.app.state.parts.following._looking is None)


async def test_one_who_falls_behind_is_not_kept_for_and_misses_nothing(intake: Any) -> None:
    case = await intake.register()
    case_id = UUID(case["case_id"])
    around = following.Following(intake.database)
    place = await place_after(intake.database, case_id, None)
    slow = around.entries(case_id, place)
    told = [str((await anext(slow)).event_id)]
    waiting = asyncio.create_task(anext(slow))
    await eventually(lambda: around._followers)
    heard = []
    async with asyncio.timeout(WITHIN_S):
        for place in range(4):
            raws = others(case_id, following.MOST_KEPT // 2)
            assert await intake.timeline.process_batch(raws)
            heard += [id_of(raw) for raw in raws]
            if place == 0:
                told.append(str((await waiting).event_id))
        # Three halves wait, and it takes nothing.
        await eventually(lambda: not around._followers)
        told += [str((await anext(slow)).event_id) for _ in range(len(heard) - 1)]
    assert told[1:] == heard
    await slow.aclose()


async def test_commits_of_this_process_are_told_of(intake: Any) -> None:
    around = following.Following(intake.database)
    case = await intake.register()
    assert around._news.is_set()
    around._news.clear()
    await intake.step(case, "screen", 1)
    assert around._news.is_set()
