"""``make chaos KILLS=n SEED=s``: kill -9 at random while people work, then compare what they were told with what is.

The last line is ``CHAOS ok kills=… acked=… lost=0 doubled=0 reordered=0 redelivered=… seed=…``, or ``CHAOS failed …``
with what is wrong above it, and exit code 1. A run without any redelivery proves nothing, and fails too.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from aiokafka.errors import KafkaError
from tests.chaos.callers import Callers, RefusedError

from slrt_local import status
from slrt_local.demo.counts import Counts, count
from slrt_local.parts.postgres import SERVICES, Postgres
from slrt_local.state import State

SLRT = str(Path(sys.executable).with_name("slrt"))
PEOPLE = 6
#: How often each is hit. PostgreSQL and Kafka hold up everything for seconds, so they are hit less often.
WEIGHTS = {
    "intake": 6,
    "referral": 4,
    "registry": 4,
    "notification": 4,
    "connector-whatsapp": 3,
    "connector-12.74.DIKBUD": 3,
    "postgres": 1,
    "kafka": 1,
}
_STILL_S = 120.0
_HIT_EARLY = 0.25


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # Whoever is killed over and over is up again soon: else the longest part of the run nobody would be there to kill.
    os.environ["SLRT_LONGEST_PAUSE"] = "1"
    # A few people here do the work of a whole office.
    os.environ.update({f"SLRT_{service.upper()}_PERSON_RATE": "1000000" for service in SERVICES})
    with tempfile.TemporaryDirectory(prefix="slrt-chaos-") as folder:
        state = State(Path(folder) / "state")
        try:
            slrt(state, "up", "--port", "0")
            ok = asyncio.run(run(state, kills=arguments.kills, seed=arguments.seed))
        finally:
            slrt(state, "down")
    sys.exit(0 if ok else 1)


async def run(state: State, *, kills: int, seed: int) -> bool:
    """The whole run on a stack that is up; prints how it ended."""
    began = datetime.now(UTC)
    addresses = status.report(state)["addresses"]
    issuer = state.read("identity", {})["issuer"]
    callers = Callers(state, gateway=addresses["gateway"], issuer=issuer, seed=seed)
    stop = asyncio.Event()
    struck: Counter[str] = Counter()
    async with absorbed_duplicates(state) as absorbed:
        work = asyncio.create_task(callers.work(PEOPLE, stop))
        try:
            struck = await _strike(state, kills=kills, seed=seed, work=work)
        finally:
            stop.set()
        problems = await ended(work)
        counts = await settled(state, str(addresses["kafka"]), began)
    history = callers.history
    problems += counts.lost + await _missing(state, history.acknowledged, history.asked, since=began)
    async with httpx.AsyncClient(timeout=10) as http:
        received = (await http.get(f"{addresses['outside']}/api/counts")).json()
    outside = sum(kind["repeated"] for kind in received.values())
    redelivered = counts.redelivered + outside + sum(absorbed.values())
    waiting = [f"{counts.pending} rows pending"] * bool(counts.pending) + [f"{counts.parked} parked"] * bool(
        counts.parked
    )
    for line in [*problems, *counts.doubled, *counts.reordered, *waiting][:40]:
        print(f"  ! {line}")
    print(f"killed: {', '.join(f'{name} {times}' for name, times in sorted(struck.items()))}")
    print(f"commands {history.commands}, repeated by callers {history.repeated}, events {counts.archived}")
    print(
        f"again on a topic {counts.redelivered}, again at a consumer {sum(absorbed.values())}, again outside {outside}"
    )
    ok = not (problems or counts.doubled or counts.reordered or waiting) and redelivered > 0
    print(
        f"CHAOS {'ok' if ok else 'failed'} kills={sum(struck.values())} acked={len(history.acknowledged)} "
        f"lost={len(problems)} doubled={len(counts.doubled)} reordered={len(counts.reordered)} "
        f"redelivered={redelivered} seed={seed}"
    )
    return ok


async def _strike(state: State, *, kills: int, seed: int, work: asyncio.Task[None]) -> Counter[str]:
    """Kill one process after the other, at moments and in an order that the seed gives; returns how often each."""
    chance = random.Random(seed)  # noqa: S311 — repeatable, no secret
    struck: Counter[str] = Counter()
    while sum(struck.values()) < kills and not work.done():
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        (name,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        unit = status.read(state)["units"][name]
        # One that is starting is hit now and then: always, and a busy machine would never get it up at all.
        hit_early = unit["condition"] == "starting" and chance.random() < _HIT_EARLY
        if unit["pid"] is None or not (unit["condition"] == "ready" or hit_early):
            continue  # it is down already
        try:
            # PostgreSQL's own way of dying at once; its children would outlive a -9 of their parent for a moment.
            os.kill(unit["pid"], signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
        except ProcessLookupError:
            continue
        struck[name] += 1
    return struck


async def ended(work: asyncio.Task[None]) -> list[str]:
    problems: list[str] = []
    try:
        await work
    except* RefusedError as refused:
        problems += [str(error) for error in refused.exceptions]
    return problems


async def settled(state: State, bootstrap: str, since: datetime) -> Counts:
    """The counts once everything has gone its way, or nothing has moved for `_STILL_S` seconds.

    One count is no proof: it reads one place after the other, and what is recorded behind its back is in none of
    them. When the next one finds the same and nothing that waits, all that the first one found had been applied
    before, and what that led to would be there.
    """
    postgres = Postgres(state)
    databases = {service: postgres.service_url(service) for service in SERVICES}
    loop = asyncio.get_running_loop()
    counts, before, moved_at = Counts(pending=-1), None, loop.time()
    while loop.time() < moved_at + _STILL_S:
        began = loop.time()
        try:
            counts = await count(bootstrap=bootstrap, databases=databases, since=since)
        except (psycopg.OperationalError, KafkaError, OSError) as error:
            counts = Counts(lost=[f"a part does not come back: {type(error).__name__}"])
        else:
            now = (counts.archived, counts.pending, len(counts.lost), counts.parked)
            if now == before and not any(now[1:]):
                break
            if now != before:
                before, moved_at = now, loop.time()
        # Counting reads all there is: most of the time is for those who still have work to do.
        await asyncio.sleep(1 + 3 * (loop.time() - began))
    return counts


async def _missing(state: State, acknowledged: dict[UUID, int], asked: int, *, since: datetime) -> list[str]:
    """What callers were told and intake does not hold, or holds twice."""
    url = Postgres(state).service_url("intake")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT case_id, version FROM cases WHERE registered_at >= %s", (since,))
        held: dict[UUID, int] = dict(await cursor.fetchall())
    missing = [
        f"case {case_id}: version {version} was acknowledged, {held.get(case_id)} is there"
        for case_id, version in acknowledged.items()
        if held.get(case_id, 0) < version
    ]
    surplus = len(held) - asked
    return missing + ([f"{surplus} cases more than were asked for"] if surplus > 0 else [])


@asynccontextmanager
async def absorbed_duplicates(state: State) -> AsyncIterator[Counter[str]]:
    """Counts what consumers pass over because they have applied it; their own counters die with them, so look often."""
    found: Counter[str] = Counter()
    last: dict[str, float] = {}

    async def look() -> None:
        async with httpx.AsyncClient(timeout=2) as http:
            while True:
                for service in SERVICES:
                    try:
                        text = (await http.get(f"http://127.0.0.1:{state.port(f'http-{service}')}/metrics")).text
                    except httpx.TransportError:
                        continue
                    for line in text.splitlines():
                        if line.startswith("slrt_consumer_events_total") and 'outcome="duplicate"' in line:
                            name, value = line.rsplit(" ", 1)
                            before = last.get(name, 0.0)
                            # Less than before: its process died, and counts from nothing again.
                            found[service] += int(float(value) - (before if float(value) >= before else 0.0))
                            last[name] = float(value)
                await asyncio.sleep(0.4)

    looking = asyncio.create_task(look())
    try:
        yield found
    finally:
        looking.cancel()


def slrt(state: State, *arguments: str) -> Any:
    done = subprocess.run([SLRT, *arguments, "--state", str(state.root)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"slrt {' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr[-3000:]}")


if __name__ == "__main__":
    main()
