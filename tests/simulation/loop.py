"""An event loop that decides nothing by chance: time stands still until all wait, then jumps to who is next."""

import asyncio
import heapq
from asyncio import base_events
from typing import Any

_START = 1_000.0
_ROUNDS = 5


class StuckError(Exception):
    """Everybody waits, and nobody is going to be woken."""


class _Selector:
    """Stands where a selector would; nothing here has a socket."""

    def get_map(self) -> dict[int, Any]:
        return {}


class SimulatedLoop(base_events.BaseEventLoop):
    """Runs what is ready in the order it became so, and jumps to the next time when nothing is.

    What comes first among things that take time is decided by how long the simulation lets each take, by its seed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = _START
        self._selector = _Selector()

    def time(self) -> float:
        """Seconds since nothing in particular."""
        return self._now

    def _run_once(self) -> None:
        scheduled = self._scheduled  # type: ignore[attr-defined]
        ready = self._ready  # type: ignore[attr-defined]
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        self._timer_cancelled_count = 0
        if not ready:
            if not scheduled:
                raise StuckError
            self._now = max(self._now, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""

    def _process_events(self, event_list: object) -> None:
        """There are none."""


def run(main: Any) -> Any:
    """Run a coroutine to its end on a loop of its own; what is left over is thrown away with it."""
    loop = SimulatedLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        # Again, because those that end may leave others behind: whoever waits for an event has a task for it.
        for _ in range(_ROUNDS):
            left = asyncio.all_tasks(loop)
            if not left:
                break
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=60))
        asyncio.set_event_loop(None)
        loop.close()
