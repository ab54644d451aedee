"""Remove what has been kept for its period: a little at a time, oldest first, in every service by the same rules.

What a rule is about is data: `retention.yaml` has the periods, ``sweeps.yaml`` of the kit and of each service the
tables. What is disposed of only after somebody's yes, or lasts, has no rule.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import psycopg
import yaml

from slrt_kit import metrics
from slrt_kit.chores import every
from slrt_kit.clock import wait
from slrt_kit.db import Connection, Database
from slrt_kit.logs import get_logger
from slrt_kit.privacy.retention import Ends, RetentionClass, retention_classes

log = get_logger(__name__)

EVERY_S: Final = 3600.0
AT_ONCE: Final = 500
"""Rows that are looked at in one transaction: its locks last for milliseconds."""
PAUSE_S: Final = 0.05
"""Between two batches: whoever is served goes first."""
LOCK_KEY: Final = "slrt-retention"
"""Whoever holds this advisory lock in a service's database sweeps it; for one batch."""

_LEAD = "SELECT pg_try_advisory_xact_lock(hashtext(%(key)s))"
_DONE = "UPDATE retention_round SET ended_at = %(at)s, removed = %(removed)s"

Destroy = Callable[[Collection[int]], Awaitable[int]]
"""Destroys keys for ever: `Vault.destroy`."""


@dataclass(frozen=True, slots=True)
class SweepRule:
    """Which rows of a table are over, and when; see ``sweeps.yaml``. The texts are SQL of ours."""

    table: str
    kept: RetentionClass
    since: str
    among: str = "true"
    only: str = "true"
    keys: str | None = None

    @property
    def next_slice(self) -> str:
        """Where the oldest rows after ``after`` end; null where none is over."""
        return (
            f"SELECT max(since) FROM (SELECT {self.since} AS since FROM {self.table} "  # noqa: S608
            f"WHERE {self.among} AND {self.since} < %(before)s AND {self.since} > %(after)s "
            f"ORDER BY {self.since} LIMIT %(most)s) AS oldest"
        )

    @property
    def of_slice(self) -> str:
        """The places of its rows that are over; a row that somebody works on is left for the next round."""
        keys = "NULL" if self.keys is None else f"t.{self.keys}"
        return (
            f"SELECT t.ctid AS place, {keys} AS key_id FROM {self.table} t WHERE {self.among} "  # noqa: S608
            f"AND t.{self.since} > %(after)s AND t.{self.since} <= %(upto)s AND {self.only} FOR UPDATE SKIP LOCKED"
        )

    @property
    def removal(self) -> str:
        """Removes rows by their places, which hold for as long as they are locked."""
        return f"DELETE FROM {self.table} WHERE ctid = ANY(CAST(%(places)s AS tid[]))"  # noqa: S608


@cache
def sweep_rules(package: str) -> Sequence[SweepRule]:
    """The rules of a service's package, with those of all services.

    Raises:
        ValueError: a rule names no class that ends by deletion, or says what no rule can.
    """
    declared: dict[str, Mapping[str, Any]] = {}
    for owner in ("slrt_kit.privacy", package):
        file = resources.files(owner).joinpath("sweeps.yaml")
        if file.is_file():
            declared |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return [rule_of(table, said) for table, said in declared.items()]


def rule_of(table: str, said: Mapping[str, Any]) -> SweepRule:
    """The rule that an entry of ``sweeps.yaml`` declares. Raises what `sweep_rules` raises."""
    kept = retention_classes().get(said.get("class", ""))
    if kept is None or kept.ends is not Ends.DELETE or kept.by is not None:
        raise ValueError(f"{table}: its class is none that the sweep deletes")
    if unknown := said.keys() - {"class", "since", "among", "only", "keys"}:
        raise ValueError(f"{table}: {', '.join(sorted(unknown))} is no part of a rule")
    return SweepRule(table, kept, **{name: text for name, text in said.items() if name != "class"})


class RetentionSweep:
    """The sweep of one service database. Copies may run: a batch is one transaction, and one of them has the lock.

    Killed anywhere, it has removed a batch or not; the next round begins with the oldest row again. Keys are destroyed
    before the rows that name them go, and again where that was not committed.
    """

    def __init__(
        self,
        database: Database,
        rules: Sequence[SweepRule],
        *,
        destroy: Destroy | None = None,
        at_once: int = AT_ONCE,
        pause: float = PAUSE_S,
    ) -> None:
        """Raises ValueError: a rule is about rows with keys, and there is nothing to destroy keys with."""
        if destroy is None and any(rule.keys is not None for rule in rules):
            raise ValueError("rows with keys are not removed without their keys")
        for rule in rules:
            metrics.RETENTION_REMOVED.labels(rule.table)
        self._database = database
        self._rules = rules
        self._destroy = destroy
        self._at_once = at_once
        self._pause = pause

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep every `EVERY_S` until stopped; whatever fails is told, and tried again in the next round."""
        await every(EVERY_S, lambda: self.once(stop), stop, named="retention-sweep", faults=(psycopg.Error, OSError))

    async def once(self, stop: asyncio.Event | None = None) -> int:
        """Remove all that is over by now; gives how many rows. Not a whole round where another copy is at it.

        Raises:
            psycopg.Error: a database is away, or refuses; what was removed by then stays removed.
        """
        removed, stop = 0, stop or asyncio.Event()
        for rule in self._rules:
            found = await self._sweep(rule, stop)
            if found is None:
                return removed
            removed += found
        async with self._database.statement() as connection:
            await connection.run(_DONE, {"at": self._database.clock.now(), "removed": removed})
        return removed

    async def _sweep(self, rule: SweepRule, stop: asyncio.Event) -> int | None:
        """How many rows of a table were removed; None where the round ends here."""
        before = rule.kept.over_before(self._database.clock.now())
        after, removed = datetime(1, 1, 2, tzinfo=UTC), 0
        while not stop.is_set():
            async with self._database.unit_of_work() as work:
                if not await work.connection.value(_LEAD, {"key": LOCK_KEY}):
                    return None
                values = {"before": before, "after": after, "most": self._at_once}
                upto = await work.connection.value(rule.next_slice, values)
                if upto is None:
                    return removed
                count = await self._remove(rule, work.connection, values | {"upto": upto})
                await work.commit()
            if count:
                metrics.RETENTION_REMOVED.labels(rule.table).inc(count)
                log.info("removed what was kept for its period", table=rule.table, rows=count)
            removed, after = removed + count, upto
            await wait(stop, self._pause)
        return None

    async def _remove(self, rule: SweepRule, connection: Connection, values: Mapping[str, Any]) -> int:
        rows = await connection.rows(rule.of_slice, values)
        if not rows:
            return 0
        keys = [row.key_id for row in rows if row.key_id is not None]
        if keys and self._destroy is not None:
            await self._destroy(keys)
        return await connection.run(rule.removal, {"places": [row.place for row in rows]})
