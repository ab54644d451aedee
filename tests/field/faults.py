"""A line that loses, repeats, holds back and cuts; a server that dies at any statement; a device that dies anywhere."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from slrt_field import FieldStore, Item
from slrt_kit.connecting import BoundedConnection


class ServerKilledError(BaseException):
    """The server's process is gone: nothing after this statement has happened."""


class DeviceKilledError(BaseException):
    """The device's process is gone."""


@dataclass
class _Doom:
    """The server dies at a statement: before it is sent, or after it was carried out."""

    statements_left: int
    before: bool


_doom: ContextVar[_Doom | None] = ContextVar("doom", default=None)


@contextmanager
def servers_that_die() -> Iterator[None]:
    """Have every statement look whether its server is doomed."""
    original = BoundedConnection.execute

    async def execute(self: BoundedConnection, *arguments: Any, **more: Any) -> Any:
        doom = _doom.get()
        if doom is None:
            return await original(self, *arguments, **more)
        doom.statements_left -= 1
        if doom.statements_left < 0 and doom.before:
            raise ServerKilledError
        done = await original(self, *arguments, **more)
        if doom.statements_left < 0:
            raise ServerKilledError
        return done

    BoundedConnection.execute = execute  # type: ignore[method-assign]
    try:
        yield
    finally:
        BoundedConnection.execute = original  # type: ignore[method-assign]


@dataclass
class Counted:
    """How often each fault struck."""

    faults: dict[str, int] = field(default_factory=dict)

    def add(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


class BadLine(httpx.AsyncBaseTransport):
    """The way of one schedule's devices to the server. While it is ``bad``, whatever can go wrong does at random."""

    _WAYS = ("fine", "lost", "unheard", "killed", "twice", "both", "shuffled", "cut", "busy", "dead", "portal")
    _WEIGHTS = (30, 10, 14, 18, 6, 8, 8, 4, 3, 6, 2)

    def __init__(self, server: httpx.AsyncBaseTransport, chance: random.Random, counted: Counted) -> None:
        self._server = server
        self._chance = chance
        self._counted = counted
        self._held_back: list[httpx.Request] = []
        self.bad = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, or whatever else becomes of it."""
        await request.aread()
        if not self.bad:
            return await self._send(request)
        if self._held_back and self._chance.random() < 0.3:
            await self.deliver_late(1)
        if self._chance.random() < 0.3:
            self._held_back.append(request)
        (way,) = self._chance.choices(self._WAYS, self._WEIGHTS)
        self._counted.add(way)
        act: Callable[[httpx.Request], Any] = getattr(self, f"_{way}")
        answer: httpx.Response = await act(request)
        return answer

    async def deliver_late(self, most: int = 1_000) -> None:
        """Requests that the line has held back arrive now, whoever has given up on them."""
        for _ in range(min(most, len(self._held_back))):
            await self._send(self._held_back.pop(self._chance.randrange(len(self._held_back))))
            self._counted.add("late")

    async def _send(self, request: httpx.Request, content: bytes | None = None) -> httpx.Response:
        body = request.content if content is None else content
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        copy = httpx.Request(request.method, request.url, headers=headers, content=body)
        answer = await self._server.handle_async_request(copy)
        await answer.aread()
        return answer

    async def _fine(self, request: httpx.Request) -> httpx.Response:
        return await self._send(request)

    async def _lost(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("lost", request=request)

    async def _unheard(self, request: httpx.Request) -> httpx.Response:
        await self._send(request)
        raise httpx.ReadTimeout("the answer was lost", request=request)

    async def _killed(self, request: httpx.Request) -> httpx.Response:
        token = _doom.set(_Doom(self._chance.randrange(14), before=self._chance.random() < 0.5))
        try:
            return await self._send(request)
        except ServerKilledError:
            raise httpx.ReadError("the server is gone", request=request) from None
        finally:
            _doom.reset(token)

    async def _twice(self, request: httpx.Request) -> httpx.Response:
        await self._send(request)
        return await self._send(request)

    async def _both(self, request: httpx.Request) -> httpx.Response:
        answers = await asyncio.gather(self._send(request), self._send(request))
        return self._chance.choice(answers)

    async def _shuffled(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/uploads"):
            return await self._send(request)
        body = json.loads(request.content)
        self._chance.shuffle(body["items"])
        if self._chance.random() < 0.5:
            body["items"] = [*body["items"], *body["items"][:1]]
        return await self._send(request, json.dumps(body).encode())

    async def _cut(self, request: httpx.Request) -> httpx.Response:
        if request.content:
            await self._send(request, request.content[: self._chance.randrange(len(request.content))])
        raise httpx.WriteError("the line broke", request=request)

    async def _busy(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, headers={"Retry-After": "0"}, request=request)

    async def _portal(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>Selamat datang di Wi-Fi kami</html>", request=request)

    async def _dead(self, request: httpx.Request) -> httpx.Response:
        await self._send(request)
        raise DeviceKilledError


class DyingStore(FieldStore):
    """A store whose device may die before or after anything is written."""

    chance: random.Random | None = None

    @classmethod
    def mortal(cls, chance: random.Random, *arguments: Any, **more: Any) -> Self:
        """As `FieldStore.open`."""
        store = cls.open(*arguments, **more)
        store.chance = chance
        return store

    def _strike(self) -> None:
        if self.chance is not None and self.chance.random() < 0.03:
            raise DeviceKilledError

    def record(self, kind: str, payload: Any) -> Item:
        self._strike()
        item = super().record(kind, payload)
        self._strike()
        return item

    def settle(self, receipts: Any) -> None:
        self._strike()
        super().settle(receipts)
        self._strike()

    def note_exchange(self, said: Any) -> None:
        self._strike()
        super().note_exchange(said)
        self._strike()

    def keep_assignments(self, found: Any) -> None:
        self._strike()
        super().keep_assignments(found)
        self._strike()
