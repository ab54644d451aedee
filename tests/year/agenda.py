"""What is to happen in warped time: each act at its instant, and what is due in between."""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TypeAlias

Act: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(order=True)
class _Planned:
    at: datetime
    number: int
    act: Act = field(compare=False)


class Agenda:
    """Acts by time; of one instant, what was planned first comes first."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._numbers = count()

    def put(self, at: datetime, act: Act) -> None:
        """Plan it."""
        heapq.heappush(self._planned, _Planned(at, next(self._numbers), act))

    def next_at(self) -> datetime | None:
        """When something happens next."""
        return self._planned[0].at if self._planned else None

    def take(self) -> Act:
        """What comes next, which is then no more to be done."""
        return heapq.heappop(self._planned).act
