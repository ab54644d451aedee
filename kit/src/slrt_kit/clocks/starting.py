"""Start the clocks that are missing: of what was open before there were clocks, or has lost its own."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from slrt_kit.clocks.calendar import UnknownYearError
from slrt_kit.clocks.clock import Clock, Subject, SubjectKind
from slrt_kit.clocks.steps import Deadlines, Started, StepClocks
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import Database, Row, UnitOfWork

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Clockless:
    """How a service asks for what is open and has no clock.

    ``rows`` gives, after ``%(after)s`` and among ``%(only)s`` (NULL: all), at most ``%(limit)s`` rows by subject_id:
    subject_kind, subject_id, case_id, region, step, urgent, policy_version, office, and since: the instant (UTC) of the
    step where it is known. ``hold`` locks the rows of those ``%(ids)s`` that nobody else holds, and gives their ids.
    """

    rows: str
    hold: str


@dataclass(slots=True)
class StartedClocks:
    """How many clocks were started, and how many of them from now on, because nobody knows since when."""

    started: int = 0
    from_now: int = 0


async def start_missing(
    database: Database, deadlines: Deadlines, clockless: Clockless, *, dry_run: bool = False
) -> StartedClocks:
    """Start, by the policy that each thing goes by, the clock of its step, from when it came to it.

    Each page is a transaction. What somebody works on meanwhile gets its clock by that, or the next time; whoever
    repeats it finds only what is still missing.

    Raises:
        PolicyUnknownError: no policy has been read. psycopg.Error: the database is away; what was committed stays.
    """
    done, after = StartedClocks(), UUID(int=0)
    while True:
        async with database.unit_of_work() as unit:
            rows = await _rows(unit, clockless, after=after)
            if not rows:
                return done
            after = rows[-1].subject_id
            held = await unit.connection.values(clockless.hold, {"ids": [row.subject_id for row in rows]})
            # Once more, with all in hand: what has moved on since has its clock.
            clocks = [await _start(unit, deadlines, row, done) for row in await _rows(unit, clockless, only=list(held))]
            if not dry_run:
                ClockStore(unit.connection).add(*(clock for clock in clocks if clock is not None))
                await unit.commit()


async def _rows(unit: UnitOfWork, clockless: Clockless, **which: object) -> list[Row]:
    values = {"after": UUID(int=0), "only": None, "limit": PAGE} | which
    return list(await unit.connection.rows(clockless.rows, values))


async def _start(unit: UnitOfWork, deadlines: Deadlines, row: Row, done: StartedClocks) -> Clock | None:
    now = unit.clock.now()
    steps = await deadlines.of(row.policy_version, row.region, now)
    started = Started(
        subject=Subject(SubjectKind(row.subject_kind), row.subject_id, row.case_id),
        region=row.region,
        state=steps.clocked(row.step),
        urgent=row.urgent,
        at=now if row.since is None else min(row.since, now),
        office=row.office,
    )
    clock, from_now = _clock(unit, steps, started, replace(started, at=now))
    if clock is not None:
        done.started += 1
        done.from_now += from_now or row.since is None
    return clock


def _clock(unit: UnitOfWork, steps: StepClocks, started: Started, anew: Started) -> tuple[Clock | None, bool]:
    try:
        return steps.start(unit.new_id(), started), False
    except UnknownYearError:
        # Older than the calendar: it cannot be said when that was due.
        return steps.start(unit.new_id(), anew), True
