"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

_START = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


class FixedClock:
    """Keeps the promise of `slrt_kit.clock.Clock` without looking at the machine's clock."""

    def __init__(self, at: datetime = _START) -> None:
        """``at`` is an aware time; 1 July 2026, 08.00 UTC when none is given."""
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        """The time it stands at, in UTC."""
        return self._now

    def move(self, *, days: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move it (forward, or back with negative numbers); returns the new time."""
        self._now += timedelta(days=days, minutes=minutes, seconds=seconds)
        return self._now
