"""Reckon open clocks anew when a version of the policy with another calendar or class has come into force.

A case keeps the rules that it began under, but a holiday is one for everybody: each clock goes by the calendars in
force, and by the class of its own version unless the one in force says ``open_cases: move`` (ADR 0043).

A chore looks for activations whose clocks were not looked through yet. What it does is the same however often it is
done: a clock that goes by the right terms already is left alone. So it may be killed anywhere, and another one begins
again. One of all copies works at a time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from slrt_contracts.codes import ClockMoveCause
from slrt_kit import metrics
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Actor
from slrt_kit.chores import every
from slrt_kit.clocks.calendar import UnknownYearError
from slrt_kit.clocks.clock import Clock, Moved
from slrt_kit.clocks.policy import UnknownTermError
from slrt_kit.clocks.store import ClockStore
from slrt_kit.clocks.telling import Tell, Told
from slrt_kit.clocks.timers import IN_THE_WAY, PATIENCE, Time
from slrt_kit.clocks.worklist import areas_of
from slrt_kit.db import Connection, Database, Row
from slrt_kit.logs import get_logger
from slrt_kit.problems import NotFoundError

if TYPE_CHECKING:
    from slrt_kit.clocks.steps import Deadlines

log = get_logger(__name__)

EVERY_S: Final = 5.0
AT_ONCE: Final = 50
"""Clocks that are moved in one transaction: its locks last for milliseconds."""
SETTLED_AFTER: Final = timedelta(seconds=20)
"""So long after an activation no transaction is open any more that has read the policy before it: a statement may last
15 s. It is looked through at once, and for the last time then."""
_AGAIN_S: Final = 0.3
_CANNOT: Final = (UnknownTermError, UnknownYearError, NotFoundError)
_LOCK: Final = "hashtext('slrt-clock-moves')"
_WAITING: Final = """
    SELECT a.layer, a.number, a.effective_from FROM policy_activations a
    LEFT JOIN clock_moves m USING (layer, effective_from)
    WHERE a.effective_from <= %(at)s AND m.done_at IS NULL ORDER BY a.effective_from, a.layer
    """
_BEGIN: Final = """
    INSERT INTO clock_moves (layer, number, effective_from, begun_at)
    VALUES (%(layer)s, %(number)s, %(effective_from)s, %(at)s) ON CONFLICT DO NOTHING
    """
_COUNT: Final = """
    UPDATE clock_moves SET moved = moved + %(moved)s
    WHERE layer = %(layer)s AND effective_from = %(effective_from)s
    """
_END: Final = """
    UPDATE clock_moves SET stayed = %(stayed)s, done_at = CASE WHEN %(settled)s THEN CAST(%(at)s AS timestamptz) END
    WHERE layer = %(layer)s AND effective_from = %(effective_from)s AND done_at IS NULL
    """
_OPEN_IN: Final = """
    SELECT clock_id, region, policy_version, sla_class FROM clocks
    WHERE state <> 'stopped' AND left(region, 5) = %(area)s
    """
COUNT_UNMOVED: Final = """
    SELECT coalesce(extract(epoch FROM now() - min(a.effective_from)), 0) FROM policy_activations a
    LEFT JOIN clock_moves m USING (layer, effective_from) WHERE a.effective_from <= now() AND m.done_at IS NULL
    """
"""How long, in seconds, the oldest activation has been in force whose clocks were not all looked through."""


class _Done(NamedTuple):
    moved: int
    stayed: int


class Move(NamedTuple):
    """An activation whose clocks are to be looked through."""

    layer: str
    number: int
    effective_from: datetime


async def move_along(deadlines: "Deadlines", clock: Clock, region: str, *, at: datetime) -> Moved | None:
    """Have an open clock run on in another region: by the calendar there, and otherwise by what it began under.

    None: it is due when it was. So it stays also where nothing can be reckoned there: that is told in the log, and no
    reason to keep a case where it does not belong.

    Raises:
        psycopg.Error: the database is away, and a version is not known here.
    """
    left, clock.region = clock.region, region
    try:
        had = (await deadlines.policy(clock.policy_version, left)).terms(clock.sla_class)
        now = await deadlines.of(clock.policy_version, region, at)
        has = now.policy.terms(clock.sla_class)
        same_class = (had.sla, had.chain) == (has.sla, has.chain)
        if same_class and had.calendar is has.calendar:
            return None
        moved = clock.reschedule(
            ClockMoveCause.CALENDAR_CHANGED if same_class else ClockMoveCause.CLASS_CHANGED, has, at=at
        )
    except _CANNOT as error:
        log.warning("a clock stays as it was", clock_id=str(clock.clock_id), error=type(error).__name__)
        return None
    return moved if moved.due_at != moved.old_due_at else None


@dataclass(frozen=True, slots=True)
class MoveDone:
    """What became of the clocks of an activation. Times in UTC; ``done_at`` is None while it is not all done."""

    layer: str
    number: int
    effective_from: datetime
    begun_at: datetime
    done_at: datetime | None
    moved: int
    stayed: int


async def list_moves(connection: Connection, *, before: tuple[datetime, str] | None, limit: int) -> Sequence[MoveDone]:
    """What became of activations, the last one first."""
    values: dict[str, object] = {"limit": limit}
    earlier = "true"
    if before is not None:
        earlier = "(effective_from, layer) < (%(at)s, %(layer)s)"
        values |= {"at": before[0], "layer": before[1]}
    rows = await connection.rows(
        "SELECT layer, number, effective_from, begun_at, done_at, moved, stayed FROM clock_moves "  # noqa: S608
        f"WHERE {earlier} ORDER BY effective_from DESC, layer DESC LIMIT %(limit)s",
        values,
    )
    return [MoveDone(*row) for row in rows]


class ClockMover:
    """Moves the open clocks of one service database. Any number of them may run; one works."""

    def __init__(
        self,
        database: Database,
        deadlines: "Deadlines",
        tell: Tell,
        *,
        service: str,
        at: Time | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        """``at`` is for tests and simulations."""
        self._database = database
        self._deadlines = deadlines
        self._tell = tell
        self._actor = Actor.service(service)
        self._at = at
        self._at_once = at_once

    async def run(self, stop: asyncio.Event) -> None:
        """Look every `EVERY_S` until stopped. Whatever fails is waited out; an alert says so."""
        await every(EVERY_S, lambda: self.once(stop), stop, named="clock-moves", faults=(Exception,))

    async def once(self, stop: asyncio.Event | None = None) -> int:
        """Look through the clocks of what has come into force, or until stopped; gives how many are due at another
        instant now.

        Raises:
            psycopg.Error: the database is away; what was not done is done by the next look.
        """
        at = self._database.clock.now() if self._at is None else await self._at()
        async with self._database.read() as session:
            waiting = [Move(*row) for row in await session.rows(_WAITING, {"at": at})]
        if not waiting:
            return 0
        async with self._leads() as leads:
            return await self._look_through(waiting, at, stop) if leads else 0

    @asynccontextmanager
    async def _leads(self) -> AsyncIterator[bool]:
        """Whether nobody else does it. The lock is the session's: whoever dies gives it back with the connection."""
        async with self._database.statement() as held:
            leads = bool(await held.value(f"SELECT pg_try_advisory_lock({_LOCK})"))
            try:
                yield leads
            finally:
                if leads:
                    await held.run(f"SELECT pg_advisory_unlock({_LOCK})")

    async def _look_through(self, waiting: Sequence[Move], at: datetime, stop: asyncio.Event | None) -> int:
        await self._deadlines.refresh()
        async with self._database.unit_of_work() as unit:
            for move in waiting:
                unit.connection.defer(_BEGIN, {**move._asdict(), "at": at})
            await unit.commit()
        moved, stayed = 0, Counter[Move]()
        async with self._database.read() as session:
            areas = await areas_of(session, Scope(everywhere=True))
        for area in areas:
            if stop is not None and stop.is_set():
                return moved
            layers = self._deadlines.layers(area, at)
            reaching = [move for move in waiting if move.layer in layers or move.layer.startswith(f"{area}.")]
            if reaching:
                done = await self._area(area, reaching[-1], at)
                moved += done.moved
                stayed[reaching[-1]] += done.stayed
        async with self._database.unit_of_work() as unit:
            for move in waiting:
                settled = move.effective_from <= at - SETTLED_AFTER
                values = {**move._asdict(), "at": at, "stayed": stayed[move], "settled": settled}
                unit.connection.defer(_END, values)
            await unit.commit()
        log.info("open clocks looked through", activations=len(waiting), moved=moved, stayed=stayed.total())
        return moved

    async def _area(self, area: str, move: Move, at: datetime) -> "_Done":
        async with self._database.read() as session:
            rows = await session.rows(_OPEN_IN, {"area": area})
        wrong = [row.clock_id for row in rows if await self._is_wrong(row, at)]
        moved = stayed = 0
        for start in range(0, len(wrong), self._at_once):
            some = wrong[start : start + self._at_once]
            while True:
                try:
                    done = await self._move(some, move, at)
                except IN_THE_WAY:
                    # Somebody works on one of these cases; a caller is never made to wait for us.
                    await asyncio.sleep(_AGAIN_S)
                    continue
                break
            moved, stayed = moved + done.moved, stayed + done.stayed
        return _Done(moved, stayed)

    async def _is_wrong(self, row: Row, at: datetime) -> bool:
        """Whether it is to be looked at more closely."""
        try:
            return await self._deadlines.changed(row.policy_version, row.region, row.sla_class, at) is not None
        except _CANNOT:
            return True

    async def _move(self, clock_ids: Sequence[UUID], move: Move, at: datetime) -> "_Done":
        async with self._database.unit_of_work() as unit:
            unit.actor = self._actor
            unit.connection.defer(PATIENCE)
            store = ClockStore(unit.connection)
            told, changed, stayed = list[Told](), list[Clock](), 0
            for clock in await store.open_of(clock_ids):
                try:
                    cause = await self._deadlines.changed(clock.policy_version, clock.region, clock.sla_class, at)
                    if cause is None:
                        continue
                    terms = (await self._deadlines.of(clock.policy_version, clock.region, at)).policy.terms(
                        clock.sla_class
                    )
                    moved = clock.reschedule(cause, terms, at=at)
                except _CANNOT as error:
                    stayed += 1
                    log.warning("a clock stays as it was", clock_id=str(clock.clock_id), error=type(error).__name__)
                    continue
                changed.append(clock)
                if moved.due_at != moved.old_due_at:
                    told.append(Told(clock, moved))
            if told:
                await self._tell(unit, told, at)
            store.save(*changed)
            unit.connection.defer(_COUNT, {**move._asdict(), "moved": len(told)})
            await unit.commit()
        for each in told:
            metrics.CLOCKS_MOVED.labels(each.fact.cause).inc()  # type: ignore[union-attr] # all are moves
        return _Done(len(told), stayed)
