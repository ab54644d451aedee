"""A worker process of `make clocks`: fires what is due by the database's warped time, until it is killed."""

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from random import random

from tests.clocks.warp import time_of
from tests.clocks.world import effects, timers

from slrt_kit.clocks.clock import Firing
from slrt_kit.clocks.timers import Effect
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.logs import configure_logging
from slrt_kit.outbox import Outbox


def committed_first(database: Database) -> dict[str, Effect]:
    """What must not be: the effect is durable before its clock is marked. The run must find it."""
    right = effects(Outbox("intake"))

    def broken(effect: Effect) -> Effect:
        async def act(work: UnitOfWork, firings: Sequence[Firing]) -> None:
            del work
            async with database.unit_of_work() as own:
                await effect(own, firings)
                await own.commit()

        return act

    return {name: broken(effect) for name, effect in right.items()}


def mortal(right: Mapping[str, Effect], chance: float) -> dict[str, Effect]:
    """Now and then the process kills itself right behind an effect, before its clock is marked."""

    def dying(effect: Effect) -> Effect:
        async def act(work: UnitOfWork, firings: Sequence[Firing]) -> None:
            await effect(work, firings)
            if random() < chance:  # noqa: S311 — as at random as a power cut
                await work.connection.rows("SELECT 1")  # all of it has arrived
                os.kill(os.getpid(), signal.SIGKILL)

        return act

    return {name: dying(effect) for name, effect in right.items()}


async def work(url: str, *, broken: bool, chance: float) -> None:
    """Until somebody ends the process."""
    database = Database(url, pool_size=3)
    instead = mortal(committed_first(database) if broken else effects(Outbox("intake")), chance)
    async with database.statement() as connection:
        await connection.run("INSERT INTO clock_workers VALUES (clock_timestamp())")
    await timers(database, at=time_of(database), batch=50, instead=instead).run(asyncio.Event())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--chance", type=float, default=0.01)
    parser.add_argument("--broken", action="store_true")
    given = parser.parse_args()
    configure_logging(service="intake", role="worker", level="ERROR")
    asyncio.run(work(given.url, broken=given.broken, chance=given.chance))
