"""Send registrations over kept-alive connections with as little of our own CPU as Python allows."""

import asyncio
import itertools
import json
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

_NIK = b"@" * 16
_TEMPLATE = json.dumps(
    {
        "channel": "facilitator",
        "village_code": "12.74.03.1001",
        "persons": [
            {
                "relation": "client",
                "name": "Saodah Beban Uji",
                "nik": _NIK.decode(),
                "sex": "P",
            }
        ],
        "contact": {"phone": "+6281200009901", "kk_number": None, "address": "Lingkungan II Gg. Uji No. 1"},
        "needs": [
            {"need_code": "PIP", "person_ref": 0, "description": "Anak putus sekolah karena biaya"},
            {"need_code": "BPBL", "description": "Rumah belum ada listrik", "attributes": {"grid_nearby": "yes"}},
        ],
    }
).encode()
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")
_RETRY_AFTER = re.compile(rb"(?i)\r\nretry-after: *\d+\r\n")


def body_of(number: int) -> bytes:
    """A registration of a woman of her own: the same person in every case would make one family of all of them."""
    number, serial = divmod(number, 1000)
    number, day = divmod(number, 28)
    year, month = divmod(number, 12)
    nik = f"127403{41 + day:02}{1 + month:02}{50 + year % 50:02}{9000 + serial}"
    return _TEMPLATE.replace(_NIK, nik.encode())


@dataclass
class Result:
    """What came back: seconds per accepted request, and the answers that accepted nothing.

    ``refused`` are the seconds of those that were refused by 503 with Retry-After, ``refusals`` all others.
    """

    seconds: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    refusals: list[bytes] = field(default_factory=list)
    unsent: int = 0
    elapsed: float = 0.0

    def note(self, head: bytes, content: bytes, seconds: float) -> None:
        """Note one answer."""
        if head.startswith(b"HTTP/1.1 201"):
            self.seconds.append(seconds)
        elif head.startswith(b"HTTP/1.1 503") and _RETRY_AFTER.search(head):
            self.refused.append(seconds)
        else:
            self.refusals.append(head.split(b"\r\n")[0] + b" " + content)

    def demand_all_accepted(self) -> "Result":
        """Raises RuntimeError with the first refusal."""
        if self.refusals or self.refused or self.unsent:
            first = self.refusals[0][:500] if self.refusals else b"503"
            count = len(self.refusals) + len(self.refused)
            raise RuntimeError(f"{count} registrations were refused, {self.unsent} not sent: {first!r}")
        return self

    @property
    def rate(self) -> float:
        """Accepted per second."""
        return len(self.seconds) / self.elapsed


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(load: Coroutine[Any, Any, T]) -> T:
    """Run a load on the loop that takes the least from what is measured."""
    return uvloop.run(load)


class _Connection(asyncio.Protocol):
    """One connection that has at most one request under way."""

    def __init__(self, answered: "Callable[[_Connection, bytes, bytes], None]", gone: asyncio.Future[None]) -> None:
        self._answered = answered
        self._gone = gone
        self._buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def connection_lost(self, error: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_exception(error or ConnectionError("the server has closed a connection"))

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer)
        size = int(length[1]) if length else 0
        if len(self._buffer) < end + 4 + size:
            return
        head, content = self._buffer[: end + 4], self._buffer[end + 4 :]
        self._buffer = b""
        self._answered(self, head, content)


async def register_closed_loop(port: int, token: str, *, connections: int, seconds: float) -> Result:
    """Each connection sends its next registration when the last was answered."""
    result = Result()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    requests = _Requests(port, token)
    open_ones = connections

    def answered(connection: _Connection, head: bytes, content: bytes) -> None:
        nonlocal open_ones
        now = time.perf_counter()
        result.note(head, content, now - connection.sent_at)
        if now < end:
            connection.send(requests.next())
            return
        open_ones -= 1
        if not open_ones and not ended.done():
            ended.set_result(None)

    made = [await _connect(port, answered, ended) for _ in range(connections)]
    started = time.perf_counter()
    end = started + seconds
    for each in made:
        each.send(requests.next())
    await ended
    result.elapsed = time.perf_counter() - started
    for each in made:
        each.transport.abort()
    return result


async def register_open_loop(
    port: int, token: str, *, per_second: float, seconds: float, connections: int = 16
) -> Result:
    """Registrations at fixed moments, whether or not the last was answered.

    One that finds all connections busy waits for one, and its time with it; at the end those still waiting are
    ``unsent``.
    """
    result = Result()
    loop = asyncio.get_running_loop()
    lost: asyncio.Future[None] = loop.create_future()
    requests = _Requests(port, token)
    due: deque[float] = deque()
    busy: dict[_Connection, float] = {}
    idle = asyncio.Event()

    def answered(connection: _Connection, head: bytes, content: bytes) -> None:
        result.note(head, content, time.perf_counter() - busy.pop(connection))
        free.append(connection)
        hand_out()
        if not busy:
            idle.set()

    def hand_out() -> None:
        while due and free:
            connection = free.popleft()  # in turn: the server closes one that rests
            busy[connection] = due.popleft()
            idle.clear()
            connection.send(requests.next())

    free = deque([await _connect(port, answered, lost) for _ in range(connections)])
    everyone = list(free)
    started = time.perf_counter()
    moments = deque(started + number / per_second for number in range(int(per_second * seconds)))
    while moments:
        await asyncio.sleep(max(0.0, moments[0] - time.perf_counter()))
        now = time.perf_counter()
        while moments and moments[0] <= now:
            due.append(moments.popleft())
        hand_out()
        if lost.done():
            await lost
    result.elapsed = time.perf_counter() - started
    result.unsent = len(due)
    due.clear()
    if busy:
        await asyncio.wait_for(idle.wait(), 30)
    for each in everyone:
        each.transport.abort()
    lost.cancel()
    return result


async def _connect(port: int, answered: "Callable[..., None]", gone: asyncio.Future[None]) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(answered, gone), "127.0.0.1", port)
    return connection


_numbers = itertools.count()
_run = uuid.uuid4().hex


class _Requests:
    """Registrations under keys of their own."""

    def __init__(self, port: int, token: str) -> None:
        self._head = (
            f"POST /v1/cases HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\n"
        )

    def next(self) -> bytes:
        number = next(_numbers)
        body = body_of(number)
        return f"{self._head}Idempotency-Key: {_run}-{number}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
