"""Do something every so often, beside what a process is there for; a fault of a part puts it off and ends nothing."""

import asyncio
from collections.abc import Awaitable, Callable

from slrt_kit.clock import wait
from slrt_kit.logs import get_logger

log = get_logger(__name__)


async def every(
    seconds: float,
    once: Callable[[], Awaitable[object]],
    stop: asyncio.Event,
    *,
    named: str,
    faults: tuple[type[Exception], ...],
) -> None:
    """Do it, and again so many seconds after it has ended, until ``stop`` is set.

    What is in ``faults`` is told under the chore's name and tried again at the next turn; anything else is raised.
    """
    while not stop.is_set():
        try:
            await once()
        except faults as error:
            log.warning("chore put off", chore=named, error=type(error).__name__)
        await wait(stop, seconds)
