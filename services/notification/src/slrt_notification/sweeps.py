"""What notification does by itself as time goes by: messages that quiet hours held back go to their channels."""

import asyncio
from collections.abc import Callable
from typing import Final

from slrt_kit.chores import every
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.logs import get_logger
from slrt_notification import usecases
from slrt_notification.ports import Notifications

log = get_logger(__name__)

EVERY_S: Final = 30.0


class QuietHours:
    """Releases what quiet hours held back; copies may run, each message is released once."""

    def __init__(self, database: Database, opened: Callable[[UnitOfWork], Notifications]) -> None:
        self._database = database
        self._opened = opened

    async def run(self, stop: asyncio.Event) -> None:
        """Release every `EVERY_S` until stopped. Whatever fails is waited out: the consumers beside it go on."""
        await every(EVERY_S, self.once, stop, named="end-of-quiet-hours", faults=(Exception,))

    async def once(self) -> int:
        """Release all that are due, a page in a transaction; gives how many.

        Raises:
            psycopg.OperationalError: the database is away; what was not released is released by the next one.
        """
        released = 0
        while True:
            async with self._database.unit_of_work() as work:
                count = await usecases.release_held(self._opened(work), at=work.clock.now())
                await work.commit()
            if count == 0:
                return released
            released += count
            log.info("quiet hours are over", released=count)
