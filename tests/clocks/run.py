"""``make clocks``: workers are killed with -9 at random while cases are worked on; then every effect is counted.

Twenty days of the calendar pass in ``--seconds``. Officers pause, resume, extend and stop clocks beside the workers,
and once all workers are gone for a while. Each effect must be there once, or named in a later one; none early. How
late they are says how long a killed process takes to start again; without kills it is a row of `make bench`.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
from tests.clocks.warp import prepare, time_of
from tests.clocks.world import CLASSES, POLICIES, Found, clock_id_of, look, new_clock, seed, timers

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import ClockState
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import DATABASE_DOWN, Database, StaleVersionError
from slrt_kit.logs import configure_logging
from slrt_kit.migrations import upgrade
from slrt_kit.problems import ProblemError
from slrt_local.testing import start_postgres

BASE = datetime(2026, 3, 9, 2, tzinfo=UTC)  # Lebaran lies in the middle
DAYS = 20
WORKERS = 3
_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Workers:
    """The processes; whoever is killed comes back."""

    url: str
    broken: bool
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: int = 0

    def start(self) -> None:
        """As many as there should be; those that killed themselves behind an effect are counted."""
        self.killed += sum(each.poll() is not None for each in self.processes)
        self.processes = [each for each in self.processes if each.poll() is None]
        while len(self.processes) < WORKERS:
            command = [sys.executable, "-m", "tests.clocks.worker", self.url, *(["--broken"] if self.broken else [])]
            self.processes.append(subprocess.Popen(command, cwd=_ROOT))

    def kill(self, count: int, rng: Random) -> None:
        """So many of them, at once."""
        for process in rng.sample(self.processes, min(count, len(self.processes))):
            process.kill()
            process.wait()

    def end(self) -> None:
        """All of them."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextmanager
def working(url: str, *, broken: bool) -> Iterator[Workers]:
    workers = Workers(url, broken)
    workers.start()
    try:
        yield workers
    finally:
        workers.end()


async def officers(url: str, clocks: int, rng: Random, stop: asyncio.Event) -> int:
    """People at work on the cases; how many steps they took."""
    database, taken = Database(url, pool_size=2), 0
    time = time_of(database)
    while not stop.is_set():
        try:
            taken += await _step(database, rng.randrange(clocks), rng, await time())
        except (ProblemError, StaleVersionError, *DATABASE_DOWN):
            continue
        await asyncio.sleep(0.01)
    await database.close()
    return taken


async def _step(database: Database, number: int, rng: Random, at: datetime) -> bool:
    async with database.unit_of_work() as unit:
        store = ClockStore(unit.connection)
        # As a command does it: first the case, then its clock.
        await unit.connection.run(
            "UPDATE cases SET version = version + 1 WHERE case_id = %(case_id)s",
            {"case_id": UUID(int=clock_id_of(number).int + 1)},
        )
        clock = await store.get(clock_id_of(number))
        if clock is None:
            raise RuntimeError("a clock is gone")
        terms = POLICIES[clock.region].terms(clock.sla_class)
        chance = rng.random()
        if clock.state is ClockState.PAUSED:
            clock.resume(terms, at=at)
        elif chance < 0.3:
            clock.pause(ClockPauseReason.WAITING_FOR_RESIDENT, at=at)
        elif chance < 0.5:
            clock.extend(Length(Unit.WORKING_DAYS, 1), by="a-9001", approved_by="b-9002", terms=terms, at=at)
        elif chance < 0.52:
            clock.stop(at=at)
        else:
            return False
        store.save(clock)
        await unit.commit()
    return True


async def disturb(workers: Workers, seconds: float, rng: Random) -> tuple[float, float]:
    """Kill at random; in the middle nobody is there for a while. Gives when that was, in seconds from the beginning."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    down = (seconds * 0.5, seconds * 0.55)
    next_kill = rng.uniform(4.0, 10.0)
    while (now := loop.time() - began) < seconds:
        if down[0] <= now < down[1]:
            workers.kill(WORKERS, rng)
            await asyncio.sleep(down[1] - now)
        elif now > next_kill:
            workers.kill(1, rng)
            next_kill = now + rng.uniform(4.0, 10.0)
        workers.start()
        await asyncio.sleep(0.1)
    return down


async def are_there(url: str) -> None:
    """Wait for the workers: a process takes seconds to start on a busy machine."""
    async with asyncio.timeout(60), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            asked = await connection.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%warped%'")
            if ((await asked.fetchone()) or (0,))[0] > WORKERS:
                return
            await asyncio.sleep(0.2)


async def play(
    url: str, *, clocks: int, seconds: float, rng: Random, broken: bool
) -> tuple[int, int, tuple[float, float]]:
    """The whole run: how many were killed, how many steps people took, when nobody was there."""
    stop = asyncio.Event()
    with working(url, broken=broken) as workers:
        await are_there(url)
        prepare(url, base=BASE, factor=DAYS * 86400 / seconds)
        people = asyncio.create_task(officers(url, clocks, rng, stop))
        try:
            down = await disturb(workers, seconds, rng)
        finally:
            stop.set()
            steps = await people
        killed = workers.killed
    return killed, steps, down


async def settle(url: str) -> datetime:
    """Fire what is still due; gives the time at which nothing was."""
    database = Database(url, pool_size=2)
    now = await time_of(database)()

    async def then() -> datetime:
        return now

    # What had failed and waits is tried now.
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE clocks SET wake_at = next_at WHERE wake_at > next_at")
    await timers(database, at=then).once()
    await database.close()
    return now


_LATE = """
    WITH away AS (
        SELECT w.began + %(since)s * interval '1 second' AS since,
            coalesce((SELECT min(up_at) FROM clock_workers WHERE up_at > w.began + %(until)s * interval '1 second'),
                     'infinity') + interval '1 second' AS until
        FROM warp w
    ), done AS (
        SELECT e.really_at, w.began + (e.due_since - w.base) / w.factor AS really_due
        FROM clock_effects e, warp w WHERE e.due_since > w.base)
    SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM really_at - really_due))
    FROM done, away WHERE really_due NOT BETWEEN away.since AND away.until
    """


def late_p99(url: str, down: tuple[float, float]) -> float:
    """Seconds of ours from the instant of an effect to its being done; of those due while nobody was there, none."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_LATE, {"since": down[0] - 1, "until": down[1]}).fetchone()
    return float(found[0] or 0) if found else 0.0


def measure(url: str, *, clocks: int, seconds: float, seed_number: int, broken: bool = False) -> tuple[Found, str]:
    """Seed, play, settle, look. Gives what was found and a line about it."""
    rng = Random(seed_number)  # noqa: S311 — a story that can be told again
    made = [
        new_clock(number, sla_class=rng.choice(CLASSES), at=BASE - timedelta(hours=rng.uniform(0, 96)))
        for number in range(clocks)
    ]
    seed(url, made)
    killed, steps, down = asyncio.run(play(url, clocks=clocks, seconds=seconds, rng=rng, broken=broken))
    now = asyncio.run(settle(url))
    found = look(url, now)
    late = late_p99(url, down)
    line = (
        f"fired={found.fired} folded={found.folded} doubled={found.doubled} missed={found.missed} early={found.early} "
        f"late_p99={late:.2f}s killed={killed} steps={steps} seed={seed_number}"
    )
    return found, line


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--clocks", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broken", action="store_true", help="commit effects before their mark: the run must fail")
    given = parser.parse_args()
    configure_logging(service="intake", role="worker", level="ERROR")
    with (
        tempfile.TemporaryDirectory(prefix="slrt-clocks-") as folder,
        start_postgres(Path(folder)) as server,
    ):
        url = server.service_url("intake")
        upgrade("slrt_intake", url)
        found, line = measure(
            url, clocks=given.clocks, seconds=given.seconds, seed_number=given.seed, broken=given.broken
        )
    for wrong in found.wrong[:20]:
        print(wrong)
    good = not (found.doubled or found.missed or found.early or found.wrong)
    print(f"CLOCKS {'ok' if good else 'FAILED'} {line}")
    if not good:
        sys.exit(1)


if __name__ == "__main__":
    main()
