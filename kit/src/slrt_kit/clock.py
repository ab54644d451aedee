"""Give the current time and new ids to whoever needs them, as arguments and never from inside the domain."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Protocol
from uuid import UUID

import uuid_utils.compat

WIB: Final = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian Time, Jakarta's: by its days decrees take effect and periods end, in every region. There
has been no summer time since 1964."""


def day_of(at: datetime) -> date:
    """The day of an instant, in Western Indonesian Time."""
    return at.astimezone(WIB).date()


class Clock(Protocol):
    """Tells the time. ``now()`` is always aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class StandingClock:
    """Tells one time only: for work that is done by another clock than that of this machine."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


NewId = Callable[[], UUID]
"""Makes a new id; in production `new_uuid7`, in tests whatever makes the story readable."""


def new_uuid7() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by time, so index pages stay hot."""
    return uuid_utils.compat.uuid7()


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Rest so long, or until ``stop`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
