"""Send registrations over kept-alive connections with as little of our own CPU as Python allows."""

import asyncio
import itertools
import json
import time
import uuid
from dataclasses import dataclass, field

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


def body_of(number: int) -> bytes:
    """A registration of a woman of her own: the same person in every case would make one family of all of them."""
    number, serial = divmod(number, 1000)
    number, day = divmod(number, 28)
    year, month = divmod(number, 12)
    nik = f"127403{41 + day:02}{1 + month:02}{50 + year % 50:02}{9000 + serial}"
    return _TEMPLATE.replace(_NIK, nik.encode())


@dataclass
class Result:
    """What came back: seconds per accepted request, and the answers that accepted nothing."""

    seconds: list[float] = field(default_factory=list)
    refusals: list[bytes] = field(default_factory=list)
    elapsed: float = 0.0

    def demand_all_accepted(self) -> "Result":
        """Raises RuntimeError with the first refusal."""
        if self.refusals:
            raise RuntimeError(f"{len(self.refusals)} registrations were refused: {self.refusals[0][:500]!r}")
        return self

    @property
    def rate(self) -> float:
        """Accepted per second."""
        return len(self.seconds) / self.elapsed


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def register_closed_loop(port: int, token: str, *, connections: int, seconds: float) -> Result:
    """Each connection sends its next registration when the last was answered."""
    result = Result()
    end = time.perf_counter() + seconds
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, token, end, result) for _ in range(connections)))
    result.elapsed = time.perf_counter() - started
    return result


async def register_open_loop(port: int, token: str, *, per_second: float, seconds: float) -> Result:
    """Registrations at fixed moments, whether or not the last was answered; over a pool of connections."""
    result = Result()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(16):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    started = time.perf_counter()

    async def one(at: float) -> None:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        reader, writer = await free.get()
        await _send(reader, writer, port, token, result)
        free.put_nowait((reader, writer))

    await asyncio.gather(*(one(started + n / per_second) for n in range(int(per_second * seconds))))
    result.elapsed = time.perf_counter() - started
    return result


async def _connection(port: int, token: str, end: float, result: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < end:
        await _send(reader, writer, port, token, result)
    writer.close()


_numbers = itertools.count()
_run = uuid.uuid4().hex


async def _send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, token: str, result: Result
) -> None:
    number = next(_numbers)
    body = body_of(number)
    head = (
        f"POST /v1/cases HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {_run}-{number}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    started = time.perf_counter()
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    lowered = answer.lower()
    at = lowered.index(b"content-length:") + 15
    content = await reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
    if answer.startswith(b"HTTP/1.1 201"):
        result.seconds.append(time.perf_counter() - started)
    else:
        result.refusals.append(answer.split(b"\r\n")[0] + b" " + content)
