"""Do for many callers at once what costs about as much as doing it for one: a commit, a request to another service."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from slrt_kit import metrics
from slrt_kit.logs import get_logger
from slrt_kit.problems import ServiceUnavailableError

log = get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_TOGETHER = 64
"""How many are done at once: beyond this the cost of each hardly falls, and all wait for the slowest."""
WORKERS = 2
"""While one waits for PostgreSQL's commit the other gathers."""
MOST_WAITING = 512
"""How many may wait: more could not be answered before their callers lose patience, and are told so at once."""


class Coalescer(Generic[Item, Result]):
    """Hands the items of callers that come side by side to one call of ``do`` (of a commit it is the group commit).

    ``do(items)`` does all of them or, when it raises, none; it gives one result for each. Alone, an item is done at
    once. When a group fails, its members are tried one by one, so that a bad one fails no neighbour; unless it failed
    by one of ``common`` errors, which are nobody's own: then trying again would only make the last wait for all.
    Fewer ``workers`` make larger groups: less work for all, and more waiting for each.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        common: tuple[type[Exception], ...],
        workers: int = WORKERS,
    ) -> None:
        self._do = do
        self._common = common
        self._most_workers = workers
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._working = 0
        self._workers: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    async def add(self, item: Item) -> Result:
        """Have the item done, together with others; returns when it is.

        Raises:
            ServiceUnavailableError: too many wait; nothing was done (503).
            What ``do`` raises for this item alone, or a common error.
        """
        if len(self._waiting) >= MOST_WAITING:
            metrics.REFUSALS.labels("queue").inc()
            raise ServiceUnavailableError
        answered: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answered))
        if self._working < self._most_workers:
            self._working += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return await answered

    async def _work(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
                try:
                    await self._do_group(group)
                finally:
                    # Nothing is left to cancel, unless the worker itself was ended: whoever waits must hear of it.
                    for _, answered in group:
                        answered.cancel()
        finally:
            # Here and not when the task is done: who comes in between must not count on a worker that has ended.
            self._working -= 1

    async def _do_group(self, group: "Sequence[_Waiting[Item, Result]]") -> None:
        try:
            results = await self._do([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 — every caller gets it, or is tried again alone
            if len(group) == 1 or isinstance(error, self._common):
                for _, answered in group:
                    if not answered.done():
                        answered.set_exception(error)
                return
            log.warning("group taken apart", members=len(group), error=type(error).__name__)
            for each in group:
                await self._do_group([each])
            return
        for (_, answered), result in zip(group, results, strict=True):
            if not answered.done():
                answered.set_result(result)


_Waiting: TypeAlias = tuple[Item, asyncio.Future[Result]]
