"""Answers that stay open: what goes over the wire, what ends them, and that nobody is told faster than he takes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from starlette.exceptions import HTTPException

from slrt_kit import metrics
from slrt_kit.http import streams as module
from slrt_kit.http.streams import EventStream, Message, Streams, TooManyStreamsError
from slrt_kit.testing import eventually

Sent = dict[str, Any]


class Wire:
    """One caller: what it was sent, and when it stops taking."""

    def __init__(self, *, takes: int = 1_000_000) -> None:
        self.sent: list[Sent] = []
        self.left = asyncio.Event()
        self.takes = takes
        self.full = asyncio.Event()

    async def send(self, message: Any) -> None:
        if len(self.sent) >= self.takes:
            self.full.set()
            await asyncio.Event().wait()
        self.sent.append(dict(message))

    async def receive(self) -> Sent:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return self.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class Teller:
    """Messages 0, 1, 2…: ``count`` of them, then silence or the end."""

    def __init__(self, count: int, *, then: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.asked = 0
        self.closed = False
        self.silent = asyncio.Event()
        self._count, self._then = count, then

    async def messages(self) -> AsyncGenerator[Message, None]:
        try:
            for number in range(self._count):
                self.asked += 1
                yield Message(id=f"id-{number}", event="told", data=f'{{"number":{number}}}')
            self.silent.set()
            if self._then is not None:
                await self._then()
        finally:
            self.closed = True


async def forever() -> None:
    await asyncio.Event().wait()


def stream(
    teller: Teller, *, limit: int = 10, seconds: float = 600, stop: asyncio.Event | None = None
) -> tuple[EventStream, Streams]:
    places = Streams(limit=limit)
    return EventStream(teller.messages(), streams=places, seconds=seconds, stop=stop or asyncio.Event()), places


async def told(answer: EventStream, wire: Wire) -> None:
    async with asyncio.timeout(20):
        await answer({"type": "http"}, wire.receive, wire.send)


async def reached(event: asyncio.Event, running: asyncio.Task[None]) -> None:
    """The event is set while the stream runs."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    assert event.is_set(), running


async def test_messages_go_out_as_the_standard_has_them() -> None:
    teller, wire = Teller(2), Wire()
    await told(stream(teller)[0], wire)
    start = wire.sent[0]
    assert start["status"] == 200
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-store, no-transform"
    assert b"content-length" not in headers
    assert wire.body == (
        b'retry: 2000\n\nevent: told\ndata: {"number":0}\nid: id-0\n\nevent: told\ndata: {"number":1}\nid: id-1\n\n'
    )
    assert wire.is_complete


async def test_a_silent_stream_says_now_and_then_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
    teller, wire = Teller(0, then=forever), Wire()

    running = asyncio.create_task(told(stream(teller)[0], wire))
    await eventually(lambda: wire.body.count(b": ping\n\n") >= 3)
    wire.left.set()
    await running


async def test_it_ends_when_its_caller_leaves() -> None:
    teller, wire = Teller(1, then=forever), Wire()
    running = asyncio.create_task(told(stream(teller)[0], wire))
    await reached(teller.silent, running)
    wire.left.set()
    await running
    assert teller.closed


async def test_it_ends_when_the_process_is_asked_to_stop() -> None:
    teller, wire, stop = Teller(1, then=forever), Wire(), asyncio.Event()
    running = asyncio.create_task(told(stream(teller, stop=stop)[0], wire))
    await reached(teller.silent, running)
    stop.set()
    await running
    assert teller.closed
    assert wire.is_complete


async def test_it_ends_when_its_caller_s_token_is_taken_back() -> None:
    teller, wire, revoked = Teller(1, then=forever), Wire(), asyncio.Event()

    async def until_refused() -> None:
        await revoked.wait()

    answer = EventStream(
        teller.messages(), streams=Streams(limit=1), seconds=600, stop=asyncio.Event(), refused=until_refused
    )
    running = asyncio.create_task(told(answer, wire))
    await reached(teller.silent, running)
    revoked.set()
    await running
    assert teller.closed
    assert wire.is_complete


async def test_it_ends_when_its_time_is_over() -> None:
    teller, wire = Teller(1, then=forever), Wire()
    await told(stream(teller, seconds=0.05)[0], wire)
    assert teller.closed
    assert wire.is_complete


async def test_it_ends_when_the_database_goes_away() -> None:
    async def away() -> None:
        raise psycopg.OperationalError("gone")

    teller, wire = Teller(1, then=away), Wire()
    await told(stream(teller)[0], wire)
    assert wire.is_complete
    assert b"gone" not in wire.body


async def test_a_fault_of_ours_is_raised_and_the_answer_is_left_incomplete() -> None:
    async def crash() -> None:
        raise LookupError

    teller, wire = Teller(1, then=crash), Wire()
    answer, places = stream(teller, limit=1)
    with pytest.raises(LookupError):
        await told(answer, wire)
    assert not wire.is_complete
    with places.place():
        pass


async def test_nobody_is_asked_for_more_than_the_caller_takes() -> None:
    teller, wire, stop = Teller(1000), Wire(takes=5), asyncio.Event()
    running = asyncio.create_task(told(stream(teller, stop=stop)[0], wire))
    await reached(wire.full, running)
    # Start, retry and three messages were taken; the fourth is on its way.
    assert teller.asked == 4
    stop.set()
    await running
    assert teller.asked == 4
    assert teller.closed


async def test_whoever_stops_reading_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STUCK_AFTER_S", 0.02)
    monkeypatch.setattr(module, "_FAREWELL_S", 0.01)
    teller, wire = Teller(1000), Wire(takes=5)
    answer, places = stream(teller, limit=1)
    await told(answer, wire)
    assert teller.closed
    with places.place():
        pass


async def test_a_caller_that_sends_without_end_is_let_go() -> None:
    teller, wire = Teller(0, then=forever), Wire()

    async def too_much() -> Sent:
        raise HTTPException(413)

    async with asyncio.timeout(20):
        await stream(teller)[0]({"type": "http"}, too_much, wire.send)
    assert wire.is_complete


async def test_above_the_limit_nothing_is_sent_and_a_place_comes_free_again() -> None:
    places = Streams(limit=1)
    refusals = metrics.REFUSALS.labels("streams")._value.get()
    opened = metrics.STREAMS_OPEN._value.get()
    wire = Wire()
    with places.place():
        assert metrics.STREAMS_OPEN._value.get() == opened + 1
        answer = EventStream(Teller(1).messages(), streams=places, seconds=600, stop=asyncio.Event())
        with pytest.raises(TooManyStreamsError) as refusal:
            await told(answer, wire)
    assert wire.sent == []
    assert refusal.value.status == 503
    assert int(refusal.value.headers["Retry-After"]) > 0
    assert metrics.REFUSALS.labels("streams")._value.get() == refusals + 1
    assert metrics.STREAMS_OPEN._value.get() == opened
    with places.place():
        pass


async def test_the_end_of_the_task_ends_the_messages_too() -> None:
    teller, wire = Teller(1, then=forever), Wire()
    answer, places = stream(teller, limit=1)
    running = asyncio.create_task(told(answer, wire))
    await reached(teller.silent, running)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert teller.closed
    with places.place():
        pass
