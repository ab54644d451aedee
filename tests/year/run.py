"""``make year SEED=s``: a year of Tanjungbalai in warped time; its last line is
``YEAR ok days=365 cases=… violations=0 digest=…``.

The digest is of the figures, which ``--write`` puts into a file. With ``--without-timers`` nothing that is due is done:
the run must fail.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import uvloop
from psycopg import sql
from tests.year.agenda import Agenda
from tests.year.people import People
from tests.year.plan import DAYS, WIB, YEAR, arrivals
from tests.year.reckoning import Reckoning, reckon
from tests.year.services import Services

from slrt_kit.logs import configure_logging
from slrt_kit.migrations import upgrade
from slrt_kit.privacy import key_table
from slrt_kit.testing import FixedClock
from slrt_kit.testing.service import keys_url_of
from slrt_local.testing import start_postgres

BEGINS: Final = datetime(YEAR, 1, 1, tzinfo=WIB).astimezone(UTC)


@dataclass(frozen=True)
class Year:
    """How a year went."""

    days: int
    cases: int
    reckoning: Reckoning

    @property
    def digest(self) -> str:
        """Of all figures: two years with the same one went the same way."""
        return hashlib.sha256(written(self).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        violations = self.reckoning.violations.total()
        return (
            f"YEAR {'FAILED' if violations else 'ok'} days={self.days} cases={self.cases} violations={violations} "
            f"digest={self.digest}"
        )


def written(year: Year) -> str:
    """The figures as the golden file has them."""
    return json.dumps(year.reckoning.figures, indent=1, ensure_ascii=False) + "\n"


def prepare(url_of: Callable[[str], str]) -> dict[str, str]:
    """The databases of the two services, by service; a year can be lived again, so nobody waits for the disk."""
    urls = {service: url_of(service) for service in ("intake", "referral")}
    for service, url in urls.items():
        key_table.prepare(keys_url_of(service, url))
        upgrade(f"slrt_{service}", url)
        with psycopg.connect(url, autocommit=True) as link:
            link.execute(
                sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(link.info.dbname))
            )
    return urls


def live(urls: dict[str, str], *, seed: int, days: int = DAYS, with_timers: bool = True) -> Year:
    """Live so many days of the year, and reckon."""
    return uvloop.run(_live(urls, seed=seed, days=days, with_timers=with_timers))


async def _live(urls: dict[str, str], *, seed: int, days: int, with_timers: bool) -> Year:
    clock = FixedClock(BEGINS)
    services, agenda = Services(urls["intake"], urls["referral"], clock), Agenda()
    ends = BEGINS + timedelta(days=days)
    try:
        people = People(services, agenda, seed)
        for arrival in arrivals(seed, villages=len(people.villages), is_working=people.is_working, days=days):
            agenda.put(arrival.at, partial(people.arrive, arrival))
        while (at := _next(services, agenda, with_timers=with_timers)) is not None and at < ends:
            clock.move(seconds=max((at - clock.now()).total_seconds(), 0.0))
            if at == agenda.next_at():
                await agenda.take()()
            else:
                for service in (services.intake, services.referral):
                    await service.fire(at)
            people.hear(await services.hand_over())
    finally:
        await services.close()
    with psycopg.connect(urls["intake"]) as intake, psycopg.connect(urls["referral"]) as referral:
        reckoning = reckon(intake, referral, now=ends, told=people.told, arrived=len(people.stories))
    if doubled := people.told_twice:
        reckoning.violations["a notice was told twice"] += doubled
    return Year(days, len(people.stories), reckoning)


def _next(services: Services, agenda: Agenda, *, with_timers: bool) -> datetime | None:
    """The next instant at which something happens: of two things at one instant, what is due comes first."""
    due = [services.intake.wakes_at, services.referral.wakes_at] if with_timers else []
    return min((at for at in (*due, agenda.next_at()) if at is not None), default=None)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--write", type=Path, help="a file for the figures")
    parser.add_argument("--without-timers", action="store_true", help="nothing that is due is done: the run must fail")
    given = parser.parse_args()
    configure_logging(service="year", role="worker", level="ERROR")
    with tempfile.TemporaryDirectory(prefix="slrt-year-") as folder, start_postgres(Path(folder)) as server:
        urls = prepare(server.service_url)
        year = live(urls, seed=given.seed, days=given.days, with_timers=not given.without_timers)
    if given.write:
        given.write.write_text(written(year), encoding="utf-8")
    for promise, number in sorted(year.reckoning.violations.items()):
        print(f"{number:6} {promise}")
    print(year)
    if year.reckoning.violations:
        sys.exit(1)


if __name__ == "__main__":
    main()
