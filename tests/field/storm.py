"""``make sync-storm SCHEDULES=n SEED=s``: devices in the field under every fault; its last line is
``SYNC ok schedules=… items=… lost=0 doubled=0``, or ``SYNC FAILED …`` with exit code 1.

Schedule n of a run has the seed s + n, so that one that went wrong is played again by itself. With ``--forgetful`` the
server does not remember what it was handed in before: the run must fail.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import structlog
from psycopg import sql
from tests.field.faults import servers_that_die
from tests.field.world import Reckoning, play

from slrt_intake.store.field_uploads import FieldUploads
from slrt_intake.usecases.field import Known
from slrt_kit.migrations import upgrade
from slrt_kit.privacy import key_table
from slrt_kit.testing.service import keys_url_of
from slrt_local.testing import start_postgres

_CHUNK = 25


def prepare(url: str, *, forgetful: bool = False) -> str:
    """The database of a storm. Servers die in it by being cut off, and PostgreSQL does not: nobody waits for a disk."""
    key_table.prepare(keys_url_of("intake", url))
    upgrade("slrt_intake", url)
    with psycopg.connect(url, autocommit=True) as link:
        name = sql.Identifier(link.info.dbname)
        link.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
        if forgetful:
            # What the database itself would refuse.
            link.execute("DROP INDEX field_items_item, field_items_sequence")
    return url


@contextmanager
def forgetting() -> Iterator[None]:
    """A server that does not look whether it had an item before."""

    original = FieldUploads.known

    async def only_what_is_referred_to(self: FieldUploads, device: Any, raws: Any, referred: Any) -> Known:
        found = await original(self, device, raws, referred)
        return Known({item_id: each for item_id, each in found.items.items() if item_id in referred}, {}, {})

    with patch.object(FieldUploads, "known", only_what_is_referred_to):
        yield


def storm(url: str, seeds: range, *, forgetful: bool = False) -> Reckoning:
    """Play these schedules in this process."""
    with servers_that_die():
        if forgetful:
            with forgetting():
                return asyncio.run(play(url, seeds))
        return asyncio.run(play(url, seeds))


def _quiet() -> None:
    """What the code under test logs of faults that are played is not what this is about."""
    structlog.configure(processors=[_drop])
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def _drop(*_: object) -> None:
    raise structlog.DropEvent


def _chunk(given: tuple[str, range, bool]) -> Reckoning:
    url, seeds, forgetful = given
    return storm(url, seeds, forgetful=forgetful)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--forgetful", action="store_true", help="the server remembers nothing: the run must fail")
    given = parser.parse_args()
    began = time.monotonic()
    seeds = range(given.seed, given.seed + given.schedules)
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    total = Reckoning()
    with tempfile.TemporaryDirectory(prefix="slrt-sync-") as folder, start_postgres(Path(folder)) as server:
        url = prepare(server.service_url("intake"), forgetful=given.forgetful)
        with get_context("spawn").Pool(min(given.jobs, len(chunks)), initializer=_quiet) as pool:
            for found in pool.imap_unordered(_chunk, [(url, chunk, given.forgetful) for chunk in chunks]):
                for problem in found.problems[:5]:
                    print(f"  ! {problem}", flush=True)
                total.add(found)
    print("faults: " + ", ".join(f"{name} {number}" for name, number in sorted(total.faults.items())))
    print("items: " + ", ".join(f"{name} {number}" for name, number in sorted(total.statuses.items())))
    print(f"{time.monotonic() - began:.0f} s")
    print(total)
    if "FAILED" in str(total):
        sys.exit(1)


if __name__ == "__main__":
    main()
