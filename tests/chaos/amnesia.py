"""``make amnesia SEED=s``: the broker of a whole stack comes back with nothing, and everything is as it was.

The last line is ``AMNESIA ok events=… digests=equal``, or ``AMNESIA failed …`` with what is wrong above it, and exit
code 1. Nobody makes the topics again but the relays, and no consumer is restarted.
"""

import argparse
import asyncio
import hashlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from tests.chaos.callers import Callers
from tests.chaos.run import PEOPLE, absorbed_duplicates, ended, settled, slrt

from slrt_kit.testing import eventually
from slrt_local import status
from slrt_local.parts.postgres import SERVICES, Postgres
from slrt_local.state import State

WORK_S = 8.0
# What a loss of the broker changes in the books, and in nothing that the books are about.
_APART = {"published": None, "outbox_archive": "published_at", "stall_round": None}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["SLRT_LONGEST_PAUSE"] = "1"
    # A few people here do the work of a whole office.
    os.environ.update({f"SLRT_{service.upper()}_PERSON_RATE": "1000000" for service in SERVICES})
    # While there are no topics, whoever counts on them says so again and again.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="slrt-amnesia-") as folder:
        state = State(Path(folder) / "state")
        try:
            slrt(state, "up", "--port", "0")
            ok = asyncio.run(run(state, seed=arguments.seed))
        finally:
            slrt(state, "down")
    sys.exit(0 if ok else 1)


async def run(state: State, *, seed: int) -> bool:
    """The whole run on a stack that is up; prints how it ended."""
    began = datetime.now(UTC)
    addresses = status.report(state)["addresses"]
    bootstrap = str(addresses["kafka"])
    async with absorbed_duplicates(state) as absorbed:
        problems = await _work(state, seed=seed)
        before = await settled(state, bootstrap, began)
        digests = await digests_of(state)
        await asyncio.to_thread(forget_everything, state)
        after = await settled(state, bootstrap, began)
        again = await digests_of(state)
        # And it goes on from there.
        problems += await _work(state, seed=seed + 1)
        later = await settled(state, bootstrap, began)
    for counts in (before, after, later):
        problems += counts.lost + counts.doubled + counts.reordered
        problems += [f"{counts.pending} rows pending"] * bool(counts.pending)
        problems += [f"{counts.parked} events parked"] * bool(counts.parked)
    differ = sorted(table for table in digests if digests[table] != again.get(table))
    passed_over = sum(absorbed.values())
    if not passed_over:
        problems.append("no consumer got an event again: this proves nothing")
    changed = [f"{table} had {digests[table]} before, {again.get(table)} afterwards" for table in differ]
    for line in [*problems, *changed][:40]:
        print(f"  ! {line}")
    print(f"tables {len(digests)}, passed over by consumers {passed_over}, events afterwards {later.archived}")
    ok = not problems and not differ
    print(
        f"AMNESIA {'ok' if ok else 'failed'} events={after.archived} digests={'different' if differ else 'equal'}"
        f"{f' problems={len(problems)}' if problems else ''}"
    )
    return ok


async def _work(state: State, *, seed: int) -> list[str]:
    """People register cases for a while; returns what went wrong."""
    gateway, issuer = status.report(state)["addresses"]["gateway"], state.read("identity", {})["issuer"]
    callers = Callers(state, gateway=gateway, issuer=issuer, seed=seed)
    stop = asyncio.Event()
    work = asyncio.create_task(callers.work(PEOPLE, stop))
    await asyncio.wait([work], timeout=WORK_S)
    stop.set()
    return await ended(work)


def forget_everything(state: State) -> None:
    """Kill the broker and take its log folder away; whoever keeps the processes starts it again with an empty one."""
    os.kill(status.read(state)["units"]["kafka"]["pid"], signal.SIGKILL)
    data = state.root / "kafka" / "data"
    shutil.rmtree(data.rename(data.with_name("gone")))


async def digests_of(state: State) -> dict[str, str]:
    """How many rows each table of each service has, and a digest of them."""
    postgres = Postgres(state)
    found: dict[str, str] = {}
    for service in SERVICES:
        url = postgres.service_url(service)
        await eventually(lambda url=url: _all_is_sealed(url), what=f"the audit log of {service} is sealed")
        async with await psycopg.AsyncConnection.connect(url) as connection:
            cursor = await connection.execute(
                "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
            )
            for (table,) in await cursor.fetchall():
                without = _APART.get(table, "")
                if without is None:
                    continue
                columns = f"to_jsonb(t) - '{without}'" if without else "to_jsonb(t)"
                digest = hashlib.sha256()
                rows = await connection.execute(
                    f'SELECT ({columns})::text FROM "{table}" t ORDER BY 1'  # noqa: S608 — names from the catalogue
                )
                count = 0
                async for (row,) in rows:
                    count += 1
                    digest.update(row.encode())
                found[f"{service}.{table}"] = f"{count} rows {digest.hexdigest()[:16]}"
    return found


async def _all_is_sealed(url: str) -> bool:
    """Entries of the audit log go from one table to the other for a second after all else has come to rest."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute("SELECT NOT EXISTS (SELECT FROM audit_unsealed)")).fetchone()
    return row == (True,)


if __name__ == "__main__":
    main()
