"""Write what many callers want written in one statement: most of a small transaction's cost is paid once for all."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from slrt_kit.db import DATABASE_DOWN
from slrt_kit.logs import get_logger
from slrt_kit.problems import ServiceUnavailableError

log = get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_TOGETHER = 64
"""How many are written in one statement: beyond this the cost of each hardly falls, and all wait for the slowest."""
WRITERS = 2
"""While one waits for PostgreSQL's commit the other gathers."""
MOST_WAITING = 512
"""How many may wait: more could not be answered before their callers lose patience, and are told so at once."""


class GroupCommit(Generic[Item, Result]):
    """Hands the items of callers that come side by side to one ``write``; each is answered after its commit.

    ``write(items)`` writes all of them or, when it raises, none; it gives one result for each. Alone, an item is
    written at once. When a group fails, its members are tried one by one: a bad one fails no neighbour.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._write = write
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._writing = 0
        self._writers: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    async def add(self, item: Item) -> Result:
        """Write the item, durably, together with others.

        Raises:
            ServiceUnavailableError: too many wait; nothing was written (503).
            What ``write`` raises for this item alone, or for its group when the database is away.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise ServiceUnavailableError
        answered: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answered))
        if self._writing < WRITERS:
            self._writing += 1
            writer = asyncio.create_task(self._write_waiting())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await answered

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
                try:
                    await self._write_group(group)
                finally:
                    # Nothing is left to cancel, unless the writer itself was ended: whoever waits must hear of it.
                    for _, answered in group:
                        answered.cancel()
        finally:
            # Here and not when the task is done: who comes in between must not count on a writer that has ended.
            self._writing -= 1

    async def _write_group(self, group: "Sequence[_Waiting[Item, Result]]") -> None:
        try:
            results = await self._write([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 — every caller gets it, or is tried again alone
            # While the database is away trying one by one would only make the last of them wait for all others.
            if len(group) == 1 or isinstance(error, DATABASE_DOWN):
                for _, answered in group:
                    if not answered.done():
                        answered.set_exception(error)
                return
            log.warning("group taken apart", members=len(group), error=type(error).__name__)
            for each in group:
                await self._write_group([each])
            return
        for (_, answered), result in zip(group, results, strict=True):
            if not answered.done():
                answered.set_result(result)


_Waiting: TypeAlias = tuple[Item, asyncio.Future[Result]]
