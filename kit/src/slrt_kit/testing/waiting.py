"""Wait for what happens elsewhere, always with a bound; run a part of a role for the length of a block."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.1


async def eventually(check: Callable[[], Any], *, seconds: float = 20, what: str = "") -> Any:
    """Call ``check`` (plain or async) until it gives something true, and return that.

    Raises:
        AssertionError: it did not within ``seconds``; the message has ``what`` and the last value.
    """
    pause, found = _FIRST_PAUSE_S, None
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = check()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what or check}; last seen: {found!r}") from None


@asynccontextmanager
async def running(
    part: Callable[[asyncio.Event], Awaitable[None]], *, drain_seconds: float = 20
) -> AsyncIterator[asyncio.Event]:
    """Run a part of a role (a relay's or a consumer's ``run``) beside the block, then ask it to stop and wait.

    What the part raises comes out of the block's end.

    Raises:
        TimeoutError: it did not stop within ``drain_seconds``.
    """
    stop = asyncio.Event()
    task = asyncio.ensure_future(part(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(drain_seconds):
            await task
