"""``make erasure-drill``: erase people, bring back the backup of before, and read all that today's keys open.

The last line is ``ERASURE ok readable=0``, or ``ERASURE failed readable=…`` with what was read above it, and exit
code 1. With ``--keep-keys`` the services do not hear of the erasures: then it must fail.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from tests.erasure.offices import KEYED, Offices, offices
from tests.erasure.people import Household
from tests.erasure.reading import everything_readable
from tests.leaks.scan import Leak, Planted, Scanner

from slrt_kit.migrations import upgrade
from slrt_kit.privacy import key_table
from slrt_kit.testing import FixedClock, TestIssuer
from slrt_local.testing import PostgresHandle, start_postgres

PERIOD_DAYS = 400
"""After that nothing keeps the people of a closed case; see retention.yaml."""


@dataclass(frozen=True)
class Result:
    """What was read of the erased in the restored backup and in the live databases, and who else cannot be read."""

    readable: list[Leak]
    lost: list[str]
    backed_up: int

    @property
    def ok(self) -> bool:
        return not self.readable and not self.lost

    def __str__(self) -> str:
        return f"ERASURE {'ok' if self.ok else 'failed'} readable={len(self.readable)}"


async def drill(
    server: PostgresHandle, files: Path, *, households: int, erased: int, keep_keys: bool = False
) -> Result:
    """The whole drill on a running server, in an empty folder for files; prints what it does."""
    run = uuid4().hex[:6]
    live = {service: _database(server, service, f"drill_{run}_{service}") for service in KEYED}
    keys = {service: _database(server, service, f"drill_{run}_{service}_keys") for service in KEYED}
    for service in KEYED:
        key_table.prepare(keys[service])
        upgrade(f"slrt_{service}", live[service])
    homes = [Household(number) for number in range(1, households + 1)]
    clock = FixedClock()
    with TestIssuer().serving() as issuer:
        async with offices(live, keys, files / "live", issuer, clock) as at_work:
            ids = [await at_work.serve(home) for home in homes]
            await at_work.park_something()
        print(f"registered, served and closed: {len(homes)} households, each with draft, case, letter and referral")
        backup = {service: _copy(server, service, live[service], f"drill_{run}_{service}_backup") for service in KEYED}
        shutil.copytree(files / "live", files / "backup")
        before = _readable(backup, keys, files / "backup")
        _demand_everything(Scanner(_planted(homes)).leaks_in(before), homes)
        print(
            f"backed up: {', '.join(KEYED)} and the files, without their keys; with today's keys everybody can be read"
        )
        clock.move(days=PERIOD_DAYS)
        gone, staying = homes[:erased], homes[erased:]
        async with offices(live, keys, files / "live", issuer, clock) as at_work:
            for person_id in ids[:erased]:
                await at_work.erase(person_id)
            spouses = await _others(at_work, ids[:erased])
            for person_id in spouses:
                await at_work.erase(person_id)
            told = await at_work.carry(but=lambda consumer: keep_keys and consumer.endswith(".erasures"))
        print(f"erased: {len(gone)} households, {erased + len(spouses)} persons; {told} events carried")
    restored = {
        service: _copy(server, service, backup[service], f"drill_{run}_{service}_restored") for service in KEYED
    }
    found = _readable(restored, keys, files / "backup")
    found |= {f"live {where}": what for where, what in _readable(live, keys, files / "live").items()}
    # What has only the shape of a number is somebody's who stays, where it was opened; anywhere else it is a leak.
    readable = [
        leak
        for leak in Scanner(_planted(gone)).leaks_in(found)
        if not (leak.what.startswith("shape of") and leak.channel.endswith(" opened"))
    ]
    lost = sorted(_names(staying) - {leak.what for leak in Scanner(_planted(staying)).leaks_in(found)})
    print(f"restored the backup beside today's keys: {len(found)} tables and opened columns looked through")
    for leak in readable[:20]:
        print(f"  readable in {leak.channel}: {leak.what}")
    for what in lost[:20]:
        print(f"  lost of somebody who was not erased: {what}")
    print(f"of the {len(staying)} others everything can be read" if not lost else f"lost: {len(lost)}")
    return Result(readable, lost, len(homes))


async def _others(at_work: Offices, ids: Iterable[str]) -> list[str]:
    async with at_work.runtimes["registry"].database.read() as session:
        rows = await session.values(
            "SELECT o.person_id::text FROM family_members m JOIN family_members o USING (family_id) "
            "WHERE m.person_id = ANY(CAST(%(ids)s AS uuid[])) AND NOT o.person_id = ANY(CAST(%(ids)s AS uuid[]))",
            {"ids": list(ids)},
        )
    return list(rows)


def _planted(homes: Iterable[Household]) -> list[Planted]:
    return [planted for home in homes for planted in home.planted]


def _names(homes: Iterable[Household]) -> set[str]:
    return {f"{planted.kind} {planted.value}" for planted in _planted(homes)}


def _readable(databases: Mapping[str, str], keys: Mapping[str, str], objects: Path) -> dict[str, str]:
    return {
        where: what
        for service in KEYED
        for where, what in everything_readable(
            service, databases[service], keys[service], objects=objects if service == "intake" else None
        ).items()
    }


def _demand_everything(leaks: Iterable[Leak], homes: Iterable[Household]) -> None:
    """Who could not be read before proves nothing by not being read after."""
    leaks = list(leaks)
    if missing := _names(homes) - {leak.what for leak in leaks}:
        raise RuntimeError(f"the reader finds nothing of {sorted(missing)[:5]}, and so would prove nothing")
    if plain := [leak for leak in leaks if "opened" not in leak.channel]:
        raise RuntimeError(f"readable without any key: {plain[0].what} in {plain[0].channel}")


# -- databases --------------------------------------------------------------------------------------------------


def _database(server: PostgresHandle, service: str, name: str, *, template: str = "template0") -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(f"slrt_{service}"), sql.Identifier(template)
            )
        )
    return urlsplit(server.service_url(service))._replace(path=f"/{name}").geturl()


def _copy(server: PostgresHandle, service: str, url: str, name: str) -> str:
    """A copy of a database's files, as a backup of the machine would have them; nobody is connected to it."""
    return _database(server, service, name, template=urlsplit(url).path.lstrip("/"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=30)
    parser.add_argument("--erased", type=int, default=10)
    parser.add_argument("--keep-keys", action="store_true", help="do not tell the services: it must fail")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slrt-erasure-") as folder, start_postgres(Path(folder)) as server:
        result = asyncio.run(
            drill(
                server,
                Path(folder) / "files",
                households=wanted.households,
                erased=wanted.erased,
                keep_keys=wanted.keep_keys,
            )
        )
    print(result)
    sys.exit(0 if result.ok else 1)


if __name__ == "__main__":
    main()
