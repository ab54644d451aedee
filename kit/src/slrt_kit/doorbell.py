"""Wake a service's relay from the service's other processes, right after they have committed events.

A NOTIFY inside the transaction would make all commits wait for one another. One that is sent after them, on a
connection of its own and for however many of them, costs them nothing. It may be lost, or its connection be away: then
the relay's poll finds the events a moment later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from slrt_kit.connecting import ANSWER_WITHIN_S, open_connection
from slrt_kit.db import DATABASE_DOWN
from slrt_kit.logs import get_logger

log = get_logger(__name__)

CHANNEL = "slrt_outbox"
_APART_S = 0.002
_RETRY_S = 2.0
_NAME = "slrt-doorbell"


class Doorbell:
    """Rung in processes that commit events, heard in the one of the relay."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Events were just committed."""
        self._rung.set()

    async def send(self, stop: asyncio.Event) -> None:
        """Pass on what is rung, until ``stop``."""
        await _until(stop, self._send)

    async def hear(self, stop: asyncio.Event, *, nudge: Callable[[], None]) -> None:
        """Call ``nudge`` whenever it was rung, until ``stop``."""
        await _until(stop, lambda: self._hear(nudge))

    async def _send(self) -> None:
        # The events are durable by then; that somebody rang need not be.
        settings: dict[str, object] = {"synchronous_commit": "off"}
        async with await open_connection(
            self._url, answer_within=ANSWER_WITHIN_S, settings=settings, application_name=_NAME
        ) as connection:
            while True:
                await self._rung.wait()
                self._rung.clear()
                await connection.execute(f"NOTIFY {CHANNEL}")
                await asyncio.sleep(_APART_S)

    async def _hear(self, nudge: Callable[[], None]) -> None:
        # Nobody may ring for days; that PostgreSQL is gone is noticed by keepalives.
        async with await open_connection(self._url, answer_within=None, application_name=_NAME) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            nudge()  # for what was committed while nobody listened
            async for _ in connection.notifies():
                nudge()


async def _until(stop: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and again whenever the database has failed it."""

    async def again() -> None:
        while True:
            try:
                await work()
            except DATABASE_DOWN as error:
                log.info("new events wait for the relay's poll", error=type(error).__name__)
            await asyncio.sleep(_RETRY_S)

    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(again()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if not tasks[0].cancelled():
        tasks[0].result()
