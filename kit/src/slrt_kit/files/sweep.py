"""Remove the stored files that nobody can open: of uploads that came to nothing, of people who were erased.

A little at a time, and never many at once: where many files are nobody's, it is the database that is the wrong one,
such as one that was brought back from an old backup, and what it does not name is all that is left of the newest files.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final
from uuid import UUID

from slrt_kit import metrics
from slrt_kit.chores import every
from slrt_kit.db import DATABASE_DOWN
from slrt_kit.files.uploads import Uploads
from slrt_kit.logs import get_logger
from slrt_kit.problems import ProblemError

log = get_logger(__name__)

EVERY_S: Final = 600.0
OLDER_S: Final = 3600.0
"""An upload takes minutes; what is older and on no record never will be."""
AT_ONCE: Final = 1000
MOST_REMOVED: Final = 50
"""More of `AT_ONCE` that are nobody's are left alone, and an alert says so."""

Named = Callable[[Collection[UUID]], Awaitable[set[UUID]]]
"""Gives those of the objects that some row can still open."""


class Sweep:
    """Looks at all objects, `AT_ONCE` at a time."""

    def __init__(self, uploads: Uploads, named: Named, *, now: Callable[[], float] = time.time) -> None:
        self._uploads = uploads
        self._named = named
        self._now = now
        self._after = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every `EVERY_S` until stopped; a fault of a part is told and it goes on."""
        await every(EVERY_S, self.once, stop, named="sweep-of-files", faults=(*DATABASE_DOWN, ProblemError))

    async def once(self) -> int:
        """Look at the next objects; gives how many were removed.

        Raises:
            psycopg.Error: the database is away. StorageUnavailableError: the storage is.
        """
        moment = self._now() - OLDER_S
        await self._uploads.forget_unfinished(moment)
        found = await self._uploads.objects.look(after=self._after, most=AT_ONCE)
        self._after = found[-1].place if len(found) == AT_ONCE else ""
        old = [each.object_id for each in found if each.written_at < moment]
        named = await self._named(old) if old else set()
        orphans = [object_id for object_id in old if object_id not in named]
        if len(orphans) > MOST_REMOVED:
            metrics.OBJECTS_ORPHANED.set(len(orphans))
            log.error("too many files are on no record: none was removed", orphans=len(orphans), looked=len(found))
            return 0
        metrics.OBJECTS_ORPHANED.set(0)
        for object_id in orphans:
            await self._uploads.objects.delete(object_id)
        if orphans:
            metrics.OBJECTS_SWEPT.inc(len(orphans))
            log.info("files on no record removed", removed=len(orphans))
        return len(orphans)
