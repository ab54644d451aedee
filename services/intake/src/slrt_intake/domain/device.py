"""The device of an officer in the field, and what its clock is worth."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

CLOCK_IS_OFF: Final = timedelta(minutes=5)
"""A clock that differs from ours by more is marked; what was made by it keeps both times."""


@dataclass(kw_only=True)
class Device:
    """A device. ``area_code`` is where its officer works (a dotted code), also of one put in charge case by case.

    ``committed_up_to`` is the last sequence number up to which everything is here.
    """

    device_id: UUID
    officer: str
    area_code: str
    registered_at: datetime
    version: int = 0
    last_sync_at: datetime | None = None
    clock_offset_s: float | None = None
    committed_up_to: int = 0
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    wiped_at: datetime | None = None

    @property
    def must_wipe(self) -> bool:
        """Whether it is to be told to forget everything."""
        return self.revoked_at is not None


class Made(NamedTuple):
    """When something was made: as the device says, and corrected by how far its clock was off (both aware)."""

    said_at: datetime
    at: datetime
    clock_is_off: bool


def made(said_at: datetime, *, device_now: datetime, now: datetime) -> Made:
    """When something was made by a clock that says ``device_now`` at the server's ``now``; never after ``now``.

    What the way took is part of the difference: it is seconds. A clock that was set in between cannot be seen here.
    """
    off = now - device_now
    try:
        at = min(said_at + off, now)
    except OverflowError:
        at = now
    return Made(said_at, at, abs(off) > CLOCK_IS_OFF)
