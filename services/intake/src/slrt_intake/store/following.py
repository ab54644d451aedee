"""Tell all who follow a case what comes to its timeline, by one look at the database for all of a process."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import TypeAlias
from uuid import UUID

from slrt_intake.store.timeline import PAGE, Place, TimelineEntry, entries_after
from slrt_kit.db import DATABASE_DOWN, Database
from slrt_kit.logs import get_logger

log = get_logger(__name__)

PAUSE_MIN_S = 0.05
PAUSE_MAX_S = 0.5
_RETRY_S = 1.0
MOST_KEPT = 100
"""How many entries wait for one follower; whoever is further behind reads them from the database when it has room."""

Placed: TypeAlias = tuple[int, TimelineEntry]
"""An entry and its position."""


class Following:
    """Looks while anybody follows: after each commit of this process, and else at growing intervals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[UUID, set[_Follower]] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        database.when_events_committed.append(self._news.set)

    async def entries(self, case_id: UUID, place: Place) -> AsyncGenerator[TimelineEntry, None]:
        """All entries of a case after a place, in order, and then each one that comes; ends when the edition does.

        Raises:
            psycopg.Error: the database is away; nothing was skipped.
        """
        after = place.after
        while True:
            async with self._database.read() as session:
                edition, page = await entries_after(session, {case_id: after})
            if edition != place.edition:
                return
            for position, entry in page:
                yield entry
                after = position
            if len(page) < PAGE:
                with self._following(case_id, _Follower(place.edition, after)) as follower:
                    while kept := await follower.take():
                        for position, entry in kept:
                            yield entry
                            after = position

    @contextlib.contextmanager
    def _following(self, case_id: UUID, follower: "_Follower") -> Iterator["_Follower"]:
        self._followers.setdefault(case_id, set()).add(follower)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield follower
        finally:
            self._let_go(case_id, follower)
            if not self._followers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def _let_go(self, case_id: UUID, follower: "_Follower") -> None:
        followers = self._followers.get(case_id, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(case_id, None)

    async def _look(self) -> None:
        pause = PAUSE_MIN_S
        try:
            while True:
                # However much is committed: the shortest pause keeps this from becoming a load.
                await asyncio.sleep(PAUSE_MIN_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause - PAUSE_MIN_S):
                        await self._news.wait()
                self._news.clear()
                try:
                    found = await self._give_out()
                except DATABASE_DOWN as error:
                    # Whoever waits has missed nothing: there is nothing new without the database.
                    log.warning("nothing to tell: database is away", error=type(error).__name__)
                    await asyncio.sleep(_RETRY_S)
                    continue
                pause = PAUSE_MIN_S if found else min(pause * 1.5, PAUSE_MAX_S)
        except Exception as error:  # noqa: BLE001 — raised by all who follow
            self._looking = None
            for followers in self._followers.values():
                for follower in followers:
                    follower.fail(error)

    async def _give_out(self) -> bool:
        """Read once for all; whether anything was new."""
        after = {case_id: min(each.after for each in found) for case_id, found in self._followers.items()}
        if not after:
            return False
        async with self._database.read() as session:
            edition, page = await entries_after(session, after)
        by_case: dict[UUID, list[Placed]] = {case_id: [] for case_id in after}
        for placed in page:
            by_case[placed[1].case_id].append(placed)
        for case_id, found in by_case.items():
            for follower in list(self._followers.get(case_id, ())):
                if follower.edition != edition or not follower.give(found):
                    follower.leave_behind()
                    self._let_go(case_id, follower)
        return bool(page)


class _Follower:
    """Keeps what came for one who follows until it is taken."""

    def __init__(self, edition: int, after: int) -> None:
        self.edition = edition
        self.after = after
        self._kept: deque[Placed] = deque()
        self._changed = asyncio.Event()
        self._is_behind = False
        self._error: Exception | None = None

    def give(self, entries: Sequence[Placed]) -> bool:
        """False, and nothing is kept, when there is no room."""
        new = [placed for placed in entries if placed[0] > self.after]
        if len(self._kept) + len(new) > MOST_KEPT:
            return False
        if new:
            self._kept.extend(new)
            self.after = new[-1][0]
            self._changed.set()
        return True

    def leave_behind(self) -> None:
        """It gets no more, and looks for itself when it has taken what it has."""
        self._is_behind = True
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """It raises this when it has taken what it has."""
        self._error = error
        self._changed.set()

    async def take(self) -> Sequence[Placed]:
        """What has come, or comes next; nothing when it was left behind."""
        while not (self._kept or self._is_behind or self._error):
            self._changed.clear()
            await self._changed.wait()
        if self._error and not self._kept:
            raise self._error
        kept = list(self._kept)
        self._kept.clear()
        return kept
