"""Look at all that is open, every few seconds: what could not go on is told at once, and taken back when it goes on.

For each kind of thing one statement gathers what is alike, each group is judged once, and what differs from what is on
record is written with its events. What has ended is never read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from slrt_contracts.codes import StallKind
from slrt_kit import metrics
from slrt_kit.audit.entries import Actor
from slrt_kit.chores import every
from slrt_kit.clock import day_of
from slrt_kit.clocks.clock import Owner, OwnerKind
from slrt_kit.clocks.steps import Deadlines
from slrt_kit.db import Database, Row, UnitOfWork
from slrt_kit.logs import get_logger
from slrt_kit.stalls.judging import Judge, OfficeExists
from slrt_kit.stalls.model import Held, OpenGroup, Stall, region_id
from slrt_kit.stalls.roster import Roster
from slrt_kit.stalls.store import ROUND_ENDED, Judged, StallStore

log = get_logger(__name__)

EVERY_S: Final = 20.0
"""How often somebody looks: what is held up is told within a minute, also when one look fails."""
BATCH: Final = 200
"""Stalls that are told in one transaction: the locks of their cases last for milliseconds."""
_LEAD: Final = "SELECT pg_try_advisory_xact_lock(hashtext('slrt-stalls'))"

Tell: TypeAlias = Callable[[UnitOfWork, Sequence[Stall]], Awaitable[None]]
"""Puts found and ended stalls into the outbox, on the keys of their cases or referrals, which the unit holds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a service has that can be held up.

    ``opened`` are the queries of what is open (`StallStore`), ``hold`` one that locks, in order, the rows of those
    ``ids`` that nobody else holds, and gives their ids. ``tell_of_regions`` is there where the service tells of regions
    in which nobody is on duty: the one that keeps the roster does, and once is enough.
    """

    opened: Mapping[Held, str]
    hold: str
    tell: Tell
    office_exists: OfficeExists
    tell_of_regions: Callable[[UnitOfWork, Sequence[Stall]], None] | None = None


class StallCheck:
    """The check of one service. Copies may run: of two that look at once one does, and no stall is on record twice."""

    def __init__(self, database: Database, deadlines: Deadlines, watched: Watched, *, service: str) -> None:
        self._database = database
        self._deadlines = deadlines
        self._watched = watched
        self._actor = Actor.service(service)

    async def run(self, stop: asyncio.Event) -> None:
        """Look every `EVERY_S` until stopped. Whatever fails is waited out; an alert says when nobody has looked."""
        await every(EVERY_S, self.once, stop, named="stalls", faults=(Exception,))

    async def once(self) -> int:
        """Look at all that is open; gives how many stalls were found, ended, or lack something else by now.

        Raises:
            PolicyUnknownError: no policy has been read yet. psycopg.Error: the database is away.
        """
        changes = await self._look()
        if changes is None:
            return 0
        done = 0
        for start in range(0, len(changes), BATCH):
            done += await self._write(changes[start : start + BATCH])
        async with self._database.statement() as connection:
            await connection.run(ROUND_ENDED)
        return done

    async def clock_failed(self, work: UnitOfWork, clock_id: UUID, error: str) -> None:
        """An effect of a clock fails for good: told at once (`Violated`), and not at the next look."""
        row = await StallStore(work.connection, self._watched.opened).of_clock(clock_id)
        if row is not None:
            stall = self._found(row, StallKind.EFFECT_FAILING, lacks=())
            log.warning("a clock's effect fails for good", clock_id=str(clock_id), error=error)
            await self._record(work, [stall], [])

    async def _look(self) -> Sequence[Row] | None:
        """What differs from what is on record; None where another replica looks."""
        async with self._database.snapshot() as session:
            if not await session.value(_LEAD):
                return None
            store, at = StallStore(session, self._watched.opened), self._database.clock.now()
            roster = await store.roster(day_of(at))
            judge = Judge(self._deadlines, roster, self._watched.office_exists, at)
            judged, regencies = list[Judged](), set[str]()
            for group in await store.groups(at):
                judged += await _of_group(group, judge, roster, regencies)
            regions = [(code, region_id(code), StallKind.NO_ROSTER) for code in sorted(regencies)]
            return await store.differences(judged, regions, at)

    async def _write(self, rows: Sequence[Row]) -> int:
        """Record some differences and tell of them; those whose case somebody works on are left for the next look."""
        async with self._database.unit_of_work() as unit:
            unit.actor = self._actor
            if not await unit.connection.value(_LEAD):
                return 0
            found = [self._found(row, StallKind(row.kind), lacks=row.lacks) for row in rows if row.stall_id is None]
            known = [Stall.of_row(row) for row in rows if row.stall_id is not None]
            ended = [each for each in known if each.ended_at is not None]
            other = [each for each in known if each.ended_at is None]
            # Told once, when it was found: that it lacks another thing by now is for who reads the list.
            corrected = await StallStore(unit.connection, self._watched.opened).correct(other)
            done = await self._record(unit, found, ended) + len(corrected)
            await unit.commit()
        return done

    async def _record(self, unit: UnitOfWork, found: Sequence[Stall], ended: Sequence[Stall]) -> int:
        at = unit.clock.now()
        ids = sorted({each.told_by for each in (*found, *ended) if each.told_by is not None})
        held = set(await unit.connection.values(self._watched.hold, {"ids": ids})) if ids else set()
        store = StallStore(unit.connection, self._watched.opened)
        in_hand = [each for each in found if each.told_by is None or each.told_by in held]
        added = await store.add(in_hand)
        over = await store.end([e.stall_id for e in ended if e.told_by is None or e.told_by in held], at=at)
        new = [each for each in in_hand if each.stall_id in added]
        gone = [_ended(each, at) for each in ended if each.stall_id in over]
        told = [each for each in (*new, *gone) if each.told_by is not None]
        if told:
            await self._watched.tell(unit, told)
        of_regions = [each for each in (*new, *gone) if each.told_by is None]
        if of_regions and self._watched.tell_of_regions is not None:
            self._watched.tell_of_regions(unit, of_regions)
        for each in new:
            metrics.STALLS_FOUND.labels(each.kind).inc()
        return len(new) + len(gone)

    def _found(self, row: Row, kind: StallKind, *, lacks: Sequence[str]) -> Stall:
        return Stall(
            stall_id=self._database.new_id(),
            held=Held(row.subject_kind),
            subject_id=row.subject_id,
            case_id=row.case_id,
            kind=kind,
            region=row.region,
            step=row.step,
            owner=None if row.owner_kind is None else Owner(OwnerKind(row.owner_kind), row.owner),
            lacks=tuple(lacks),
            found_at=self._database.clock.now(),
        )


def _ended(stall: Stall, at: datetime) -> Stall:
    return replace(stall, ended_at=max(stall.found_at, at))


async def _of_group(group: OpenGroup, judge: Judge, roster: Roster, regencies: set[str]) -> list[Judged]:
    """What the group lacks; a regency without any roster goes to ``regencies``, in place of each of its cases."""
    verdict = await judge.judge(group)
    own = verdict.kinds
    if verdict.people and not roster.knows(group.regency):
        regencies.add(group.regency)
        own = {kind: lacks for kind, lacks in own.items() if kind not in verdict.people}
    return [Judged(group.held, group.district, group.key, kind, verdict.owner, lacks) for kind, lacks in own.items()]
