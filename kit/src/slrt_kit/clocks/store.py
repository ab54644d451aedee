"""Keep clocks: start them beside what they are about, change them, find those that are due."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import Clock
from slrt_kit.clocks.rows import COLUMNS, UPDATE_CLOCKS, as_json, clock_of, clock_row, insert_clocks
from slrt_kit.db import Connection, Row, StaleVersionError

# The instant and the rows by one statement: what is due is due by the clock that says so.
_CLAIM: Final = f"""
    WITH told AS (SELECT coalesce(CAST(%(at)s AS timestamptz), now()) AS at)
    SELECT told.at AS told_at, c.*
    FROM told, LATERAL (SELECT {COLUMNS} FROM clocks WHERE wake_at <= told.at
        ORDER BY wake_at, clock_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED) AS c
    """  # noqa: S608 — fixed columns
_CLAIM_ONE: Final = _CLAIM.replace("ORDER BY", "AND clock_id = %(only)s ORDER BY")
_PUT_OFF: Final = """
    UPDATE clocks SET attempts = attempts + 1, version = version + 1,
        wake_at = greatest(wake_at, coalesce(CAST(%(at)s AS timestamptz), now()))
            + least(%(longest)s, %(first)s * power(2, least(attempts, 20))) * interval '1 second'
    WHERE clock_id = %(clock_id)s AND wake_at IS NOT NULL RETURNING attempts
    """
_STOP: Final = """
    UPDATE clocks SET state = 'stopped', stopped_at = %(at)s, next_at = NULL, wake_at = NULL, version = version + 1,
        attempts = 0,
        pauses = CASE WHEN state = 'paused'
            THEN jsonb_set(pauses, ARRAY[CAST(jsonb_array_length(pauses) - 1 AS text), 'until'],
                to_jsonb(greatest(CAST(%(at)s AS timestamptz), CAST(pauses -> -1 ->> 'since' AS timestamptz))))
            ELSE pauses END
    WHERE (subject_id = %(subject_id)s OR (case_id = %(subject_id)s AND subject_kind <> 'case')) AND state <> 'stopped'
        AND (CAST(%(step)s AS text) IS NULL OR step = %(step)s)
    """
_PAUSE: Final = """
    UPDATE clocks SET state = 'paused', next_at = NULL, wake_at = NULL, version = version + 1, attempts = 0,
        pauses = pauses || jsonb_build_array(jsonb_build_object('since', CAST(%(at)s AS timestamptz), 'until', NULL,
            'reason', CAST(%(reason)s AS text)))
    WHERE (subject_id = %(subject_id)s OR (case_id = %(subject_id)s AND subject_kind <> 'case')) AND state = 'running'
        AND (CAST(%(step)s AS text) IS NULL OR step = %(step)s)
    """
COUNT_LATE: Final = """
    SELECT coalesce((SELECT extract(epoch FROM now() - wake_at) FROM clocks WHERE wake_at <= now()
                     ORDER BY wake_at LIMIT 1), 0)
    """
"""How long, in seconds, the oldest due clock has waited for its effect."""
COUNT_FAILING: Final = "SELECT count(*) FROM (SELECT FROM clocks WHERE attempts >= 5 LIMIT 10000) AS failing"
"""Clocks whose effect has failed so often (`slrt_kit.clocks.timers.GIVES_UP_AFTER`) that a person must look."""


class Due(NamedTuple):
    """What was claimed: the database's time, and the clocks that are due by it, oldest first."""

    at: datetime
    clocks: Sequence[Clock]


class ClockStore:
    """The clocks of one connection of a unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *clocks: Clock) -> None:
        """Start clocks, with the next statement. For a case that is registered, see `insert_clocks`."""
        if clocks:
            self._connection.defer(insert_clocks(), {"clocks": as_json([clock_row(each) for each in clocks])})
            for clock in clocks:
                clock.version = 1

    def save(self, *clocks: Clock) -> None:
        """Write changed clocks, with the next statement.

        With that statement, or the commit, comes:
            StaleVersionError: somebody else has changed one since it was loaded.
        """
        if clocks:
            rows = as_json([clock_row(each) for each in clocks])
            self._connection.defer(UPDATE_CLOCKS, {"clocks": rows}, check=_all_of(len(clocks)))
            for clock in clocks:
                clock.version += 1

    async def get(self, clock_id: UUID) -> Clock | None:
        """The clock of that id, held until the end of the unit."""
        found = await self._select("clock_id = %(value)s FOR UPDATE", clock_id)
        return found[0] if found else None

    async def of_subject(self, subject_id: UUID, *, open_only: bool = True) -> Sequence[Clock]:
        """The clocks of a case, a need or a referral, oldest first; held until the end of the unit."""
        state = "AND state <> 'stopped' " if open_only else ""
        return await self._select(f"subject_id = %(value)s {state}ORDER BY started_at, clock_id FOR UPDATE", subject_id)

    async def latest(self, subject_id: UUID, *, hold: bool = False) -> Clock | None:
        """The open clock of a case or a referral, or else its last one; ``hold``: until the end of the unit."""
        found = await self._select(
            "subject_id = %(value)s ORDER BY state = 'stopped', started_at DESC, clock_id DESC LIMIT 1"
            + (" FOR UPDATE" if hold else ""),
            subject_id,
        )
        return found[0] if found else None

    def stop(self, subject_id: UUID, *, at: datetime, step: str | None = None) -> None:
        """Stop all clocks of something, or that of one step, with the next statement; without loading them.

        Of a case also those of its needs and referrals.
        """
        self._connection.defer(_STOP, {"subject_id": subject_id, "step": step, "at": at})

    def pause(self, subject_id: UUID, reason: ClockPauseReason, *, at: datetime, step: str | None = None) -> None:
        """Pause its running clocks, or that of one step, with the next statement; without loading them.

        Of a case also those of its needs and referrals.
        To go on they are loaded (`of_subject`), because only the calendar knows when they are due then.
        """
        self._connection.defer(_PAUSE, {"subject_id": subject_id, "step": step, "at": at, "reason": reason})

    async def claim(self, *, limit: int, at: datetime | None = None, only: UUID | None = None) -> Due | None:
        """The clocks that are due, oldest first, held until the end of the unit; None where there are none.

        Those that another worker holds are passed over. ``at`` is for tests and simulations: time is the database's.
        """
        claim = _CLAIM if only is None else _CLAIM_ONE
        rows = await self._connection.rows(claim, {"limit": limit, "at": at, "only": only})
        return Due(rows[0].told_at, [clock_of(row) for row in rows]) if rows else None

    async def put_off(self, clock_id: UUID, *, first: float, longest: float, at: datetime | None = None) -> int:
        """Look at a clock whose effect has failed again later: after ``first`` seconds, then twice that, up to
        ``longest``. Gives how often it has failed; 0 where it is not due any more.
        """
        values = {"clock_id": clock_id, "first": first, "longest": longest, "at": at}
        return await self._connection.value(_PUT_OFF, values) or 0

    async def open_of(self, clock_ids: Sequence[UUID]) -> Sequence[Clock]:
        """Those of these clocks that are open, by id, held until the end of the unit."""
        return await self._select(
            "clock_id = ANY(%(value)s) AND state <> 'stopped' ORDER BY clock_id FOR UPDATE", list(clock_ids)
        )

    async def _select(self, condition: str, value: object, **more: object) -> list[Clock]:
        query = f"SELECT {COLUMNS} FROM clocks WHERE {condition}"  # noqa: S608 — fixed conditions above
        return [clock_of(row) for row in await self._connection.rows(query, {"value": value, **more})]


def _all_of(count: int) -> Callable[[Sequence[Row]], None]:
    def check(rows: Sequence[Row]) -> None:
        if len(rows) != count:
            raise StaleVersionError

    return check
