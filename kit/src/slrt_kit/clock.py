"""Give the current time and new ids to whoever needs them, as arguments and never from inside the domain."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import uuid_utils.compat


class Clock(Protocol):
    """Tells the time. ``now()`` is always aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


NewId = Callable[[], UUID]
"""Makes a new id; in production `new_uuid7`, in tests whatever makes the story readable."""


def new_uuid7() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by time, so index pages stay hot."""
    return uuid_utils.compat.uuid7()


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Rest so long, or until ``stop`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
