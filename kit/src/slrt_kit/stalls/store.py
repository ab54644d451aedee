"""Ask the database what is open, a row for all that is alike; and keep what is held up."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from slrt_contracts.codes import StallKind
from slrt_kit import metrics
from slrt_kit.clocks.clock import ClockState, Owner, OwnerKind
from slrt_kit.clocks.timers import GIVES_UP_AFTER
from slrt_kit.db import Connection, Measure, Row
from slrt_kit.stalls.model import Held, OpenClock, OpenGroup, Stall
from slrt_kit.stalls.roster import Roster

CLOCK_COLUMNS: Final = f"""
    k.step AS clock_step, k.state AS clock_state, k.owner_kind, k.owner, k.sla_class,
    k.policy_version AS clock_version, k.next_step,
    CASE WHEN k.state = 'paused' THEN k.pauses -> -1 ->> 'reason' END AS pause_reason,
    coalesce(k.attempts >= {GIVES_UP_AFTER}, false) AS failing
    """
"""What a service's query of what is open says of the clock ``k`` of each thing, beside the columns `ALIKE`."""
CLOCK_JOIN: Final = "LEFT JOIN clocks k ON k.subject_id = {subject_id} AND k.state <> 'stopped'"
NO_CLOCK_COLUMNS: Final = """
    NULL AS clock_step, NULL AS clock_state, NULL AS owner_kind, NULL AS owner, NULL AS sla_class,
    NULL AS clock_version, NULL::smallint AS next_step, NULL AS pause_reason, false AS failing
    """

ALIKE: Final = (
    "subject_kind, step, urgent, policy_version, district, office, on_its_way, clock_step, clock_state, owner_kind, "
    "owner, sla_class, clock_version, next_step, pause_reason, failing"
)
"""What things are judged by: those that have all of it in common are judged once."""
_KEY: Final = f"CAST(ROW({ALIKE}) AS text)"
_COLUMNS: Final = (
    "stall_id, subject_kind, subject_id, case_id, kind, region, step, owner_kind, owner, lacks, found_at, ended_at"
)
PLANS: Final = (
    # A plan that reads a table from end to end reads what is closed.
    "SET LOCAL enable_seqscan = off",
    # Groups are few, and PostgreSQL cannot know it: sorting a million rows on disk takes three times as long.
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL enable_sort = off",
    # Whoever is served goes first, and no machine code is worth one look.
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL jit = off",
)
"""How the query of what is open is planned; inside a transaction."""
GROUPS: Final = f"SELECT {ALIKE}, count(*) AS count, {_KEY} AS key FROM ({{opened}}) AS o GROUP BY {ALIKE}"  # noqa: S608
# What should be on record (``wanted``) beside what is: rows that stand on one side only.
_DIFFERENCES: Final = """
    WITH wanted AS (
        {wanted}
    )
    SELECT s.stall_id, coalesce(w.subject_kind, s.subject_kind) AS subject_kind,
           coalesce(w.subject_id, s.subject_id) AS subject_id, coalesce(w.case_id, s.case_id) AS case_id,
           coalesce(w.kind, s.kind) AS kind, coalesce(w.region, s.region) AS region,
           CASE WHEN w.kind IS NULL THEN s.step ELSE w.step END AS step,
           CASE WHEN w.kind IS NULL THEN s.owner_kind ELSE w.owner_kind END AS owner_kind,
           CASE WHEN w.kind IS NULL THEN s.owner ELSE w.owner END AS owner,
           coalesce(w.lacks, s.lacks) AS lacks, s.found_at,
           CASE WHEN w.kind IS NULL THEN CAST(%(at)s AS timestamptz) END AS ended_at
    FROM wanted w
    FULL JOIN (SELECT * FROM stalls WHERE ended_at IS NULL AND subject_kind = %(held)s) AS s
        ON s.subject_id = w.subject_id AND s.kind = w.kind
    WHERE s.stall_id IS NULL OR w.kind IS NULL
       OR (s.region, s.step, s.owner, s.lacks) IS DISTINCT FROM (w.region, w.step, w.owner, w.lacks)
    ORDER BY case_id, subject_id, kind
    """
_OF_GROUPS: Final = f"""
    SELECT DISTINCT ON (o.subject_id, j.kind) o.subject_kind, o.subject_id, o.case_id, j.kind, o.district AS region,
           o.step, j.owner_kind, j.owner, j.lacks
    FROM (SELECT *, {_KEY} AS key FROM ({{opened}}) AS every) AS o
    JOIN jsonb_to_recordset(CAST(%(judged)s AS jsonb))
        AS j(key text, kind text, owner_kind text, owner text, lacks text[]) USING (key)
    WHERE o.district = ANY(%(districts)s)
    UNION ALL
    """  # noqa: S608 — fixed texts
_OF_REGIONS: Final = """
    SELECT 'region' AS subject_kind, subject_id, NULL::uuid AS case_id, kind, region, NULL AS step,
           NULL AS owner_kind, NULL AS owner, CAST('{}' AS text[]) AS lacks
    FROM jsonb_to_recordset(CAST(%(regions)s AS jsonb)) AS r(subject_id uuid, kind text, region text)
    """
_ADD: Final = f"""
    INSERT INTO stalls ({_COLUMNS})
    SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::stalls, CAST(%(stalls)s AS jsonb))
    ON CONFLICT (subject_id, kind) WHERE ended_at IS NULL DO NOTHING RETURNING stall_id
    """  # noqa: S608 — fixed columns
_END: Final = """
    UPDATE stalls SET ended_at = greatest(found_at, %(at)s)
    WHERE stall_id = ANY(%(stall_ids)s) AND ended_at IS NULL RETURNING stall_id
    """
_CORRECT: Final = """
    UPDATE stalls s SET region = n.region, step = n.step, owner_kind = n.owner_kind, owner = n.owner, lacks = n.lacks
    FROM jsonb_populate_recordset(NULL::stalls, CAST(%(stalls)s AS jsonb)) AS n
    WHERE s.stall_id = n.stall_id AND s.ended_at IS NULL RETURNING s.stall_id
    """
_ROSTER: Final = """
    SELECT DISTINCT role, left(area_code, 8) AS area_code, office_code FROM duties
    WHERE ended_at IS NULL AND first_day <= %(day)s AND (last_day IS NULL OR last_day >= %(day)s)
    """
_OF_CLOCK: Final = """
    SELECT subject_kind, subject_id, case_id, left(region, 8) AS region, step, owner_kind, owner
    FROM clocks WHERE clock_id = %(clock_id)s
    """
ROUND_ENDED: Final = "UPDATE stall_round SET ended_at = now()"
_ROUND_AGE: Final = "SELECT greatest(extract(epoch FROM now() - ended_at), 0) FROM stall_round"
_COUNT: Final = (
    "SELECT count(*) FROM (SELECT FROM stalls WHERE ended_at IS NULL AND kind = '{kind}' LIMIT 10000) AS held"
)


def backlog() -> list[tuple[Measure, str]]:
    """What `Database.own_backlog` measures of stalls."""
    counted: list[tuple[Measure, str]] = [(metrics.STALLS.labels(kind), _COUNT.format(kind=kind)) for kind in StallKind]
    return [*counted, (metrics.STALL_ROUND_AGE, _ROUND_AGE)]


class Judged(NamedTuple):
    """What the things of a group lack: one kind of it."""

    held: Held
    district: str
    key: str
    kind: StallKind
    owner: Owner | None
    lacks: Sequence[str]


class StallStore:
    """The stalls of one connection. ``opened`` are the service's queries of what is open, by what may be held up.

    Each gives rows of subject_id, case_id and the columns `ALIKE`, at the instant ``%(at)s``; it may not read what has
    ended. They are asked one by one: each statement has its own bound in time.
    """

    def __init__(self, connection: Connection, opened: Mapping[Held, str]) -> None:
        self._connection = connection
        self._opened = opened

    async def groups(self, at: datetime) -> list[OpenGroup]:
        """All that is open, a row for what is alike."""
        for setting in PLANS:
            self._connection.defer(setting)
        found = list[OpenGroup]()
        for opened in self._opened.values():
            found += map(_group, await self._connection.rows(GROUPS.format(opened=opened), {"at": at}))
        return found

    async def roster(self, day: date) -> Roster:
        """Who is on duty on a day."""
        rows = await self._connection.rows(_ROSTER, {"day": day})
        return Roster((row.role, row.area_code, row.office_code) for row in rows)

    async def differences(
        self, judged: Sequence[Judged], regions: Sequence[tuple[str, UUID, StallKind]], at: datetime
    ) -> Sequence[Row]:
        """What is on record and should not be (it has an end), what should be and is not (``stall_id`` is None),
        and what lasts and lacks something else by now.

        By what is held up, and then by case.
        """
        found = list[Row]()
        for held in (*self._opened, Held.REGION):
            lacking = [each for each in judged if each.held is held]
            # Where nothing is held up what is open is not read once more.
            wanted = (_OF_GROUPS.format(opened=self._opened[held]) if lacking else "") + _OF_REGIONS
            named = [{"region": code, "subject_id": its_id, "kind": kind} for code, its_id, kind in regions]
            values = {
                "at": at,
                "held": held,
                "judged": orjson.dumps([_wanted(each) for each in lacking]).decode(),
                "districts": sorted({each.district for each in lacking}),
                "regions": orjson.dumps(named if held is Held.REGION else []).decode(),
            }
            found += await self._connection.rows(_DIFFERENCES.replace("{wanted}", wanted), values)
        return found

    async def add(self, stalls: Sequence[Stall]) -> set[UUID]:
        """Keep new stalls; gives the ids of those that were not on record already."""
        rows = [_row(each) for each in stalls]
        return set(await self._connection.values(_ADD, {"stalls": orjson.dumps(rows).decode()})) if rows else set()

    async def correct(self, stalls: Sequence[Stall]) -> set[UUID]:
        """Keep what stalls that last lack by now; gives their ids."""
        rows = [_row(each) for each in stalls]
        return set(await self._connection.values(_CORRECT, {"stalls": orjson.dumps(rows).decode()})) if rows else set()

    async def end(self, stall_ids: Sequence[UUID], *, at: datetime) -> set[UUID]:
        """End stalls; gives the ids of those that lasted."""
        values = {"stall_ids": list(stall_ids), "at": at}
        return set(await self._connection.values(_END, values)) if stall_ids else set()

    async def of_clock(self, clock_id: UUID) -> Row | None:
        """What a clock is about, as a stall says it."""
        return await self._connection.row(_OF_CLOCK, {"clock_id": clock_id})


def _wanted(judged: Judged) -> dict[str, Any]:
    return {
        "key": judged.key,
        "kind": judged.kind,
        "owner_kind": None if judged.owner is None else judged.owner.kind,
        "owner": None if judged.owner is None else judged.owner.code,
        "lacks": judged.lacks,
    }


def _group(row: Row) -> OpenGroup:
    clock = None
    if row.clock_state is not None:
        clock = OpenClock(
            step=row.clock_step,
            state=ClockState(row.clock_state),
            owner=Owner(OwnerKind(row.owner_kind), row.owner),
            sla_class=row.sla_class,
            policy_version=row.clock_version,
            next_step=row.next_step,
            pause_reason=row.pause_reason,
            failing=row.failing,
        )
    return OpenGroup(
        key=row.key,
        held=Held(row.subject_kind),
        step=row.step,
        urgent=row.urgent,
        policy_version=row.policy_version,
        district=row.district,
        office=row.office,
        on_its_way=row.on_its_way,
        clock=clock,
        count=row.count,
    )


def _row(stall: Stall) -> dict[str, Any]:
    return {
        "stall_id": stall.stall_id,
        "subject_kind": stall.held,
        "subject_id": stall.subject_id,
        "case_id": stall.case_id,
        "kind": stall.kind,
        "region": stall.region,
        "step": stall.step,
        "owner_kind": None if stall.owner is None else stall.owner.kind,
        "owner": None if stall.owner is None else stall.owner.code,
        "lacks": list(stall.lacks),
        "found_at": stall.found_at,
        "ended_at": stall.ended_at,
    }
