"""An intake that is really served, and callers that follow a case there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from slrt_contracts.events import EVENT_TYPES, Event
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome
from slrt_kit.runtime import serve
from slrt_kit.testing import eventually, raw_event, running
from slrt_local.net import free_port

EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"
SENT = "id.slrt.referral.referral-sent.v1"
WITHIN_S = 20


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The address of the application, served by the server of the roles; and what asks it to stop."""
    port, before = free_port(), app.state.stop
    async with running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)) as stop:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/livez")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(answers, what="the server answers")
        yield f"http://127.0.0.1:{port}", stop
    app.state.stop = before


class Follower:
    """One open stream, read message by message."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.comments = 0
        self.retry = ""
        self._lines = response.aiter_lines()

    async def take(self) -> dict[str, str]:
        """The next message. Raises StopAsyncIteration: the stream has ended, in good order."""
        message: dict[str, str] = {}
        async with asyncio.timeout(WITHIN_S):
            while True:
                line = await anext(self._lines)
                name, _, value = line.partition(": ")
                if not line and "data" in message:
                    return message
                if line.startswith(":"):
                    self.comments += 1
                elif name == "retry":
                    self.retry = value
                elif line:
                    assert name not in message, line
                    message[name] = value

    async def ids(self, count: int) -> list[str]:
        """The ids of that many messages."""
        return [(await self.take())["id"] for _ in range(count)]

    async def end(self) -> list[str]:
        """The ids of all that still comes until the stream ends in good order."""
        found = []
        try:
            while True:
                found.append((await self.take())["id"])
        except StopAsyncIteration:
            return found


@asynccontextmanager
async def follow(
    url: str, case_id: object, headers: dict[str, str], *, last: str | bytes | None = None
) -> AsyncIterator[Follower]:
    """Open the stream of a case; ``last`` is the Last-Event-ID."""
    said: list[tuple[str | bytes, str | bytes]] = [*headers.items(), *([("Last-Event-ID", last)] if last else [])]
    async with (
        httpx.AsyncClient(base_url=url, timeout=WITHIN_S) as client,
        client.stream("GET", f"/v1/cases/{case_id}/events", headers=said) as response,
    ):
        yield Follower(response)


def example(name: str, case_id: object, **changes: Any) -> Event:
    """The type's first good example, about our case."""
    file = min((EXAMPLES / name).glob("good-*.json"))
    return EVENT_TYPES[name].decode(orjson.dumps(orjson.loads(file.read_bytes()) | {"case_id": case_id} | changes))


def others(case_id: object, count: int, *, key: UUID | None = None, first: int = 1) -> list[RawEvent]:
    """Events of one referral of a case, as the consumer gets them."""
    referral = key or uuid4()
    event = example(SENT, case_id, referral_id=referral)
    return [raw_event(event, event_id=uuid4(), key_sequence=number) for number in range(first, first + count)]


def id_of(raw: RawEvent) -> str:
    """The event's id."""
    return (dict(raw.headers)["ce_id"] or b"").decode()


async def hear(intake: Any, raws: Sequence[RawEvent]) -> list[str]:
    """The consumer of the timeline takes them; returns their ids."""
    for raw in raws:
        assert await intake.timeline.process(raw) is Outcome.APPLIED
    return [id_of(raw) for raw in raws]
