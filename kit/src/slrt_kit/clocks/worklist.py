"""List what is open by when it is due: whose turn it is, what has come up to somebody, and what waits for a yes.

A worklist is read from *lanes*: each is one stretch of an index that is in the order of the due instant already, such
as what the back office of one regency has. The first rows of all lanes are put in order, and no more than a page of
each is ever read, however many clocks are open (ADR 0043).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from slrt_kit.access import Scope
from slrt_kit.clocks.clock import Clock, SubjectKind
from slrt_kit.clocks.reporting import RegionRoles
from slrt_kit.clocks.rows import COLUMNS, clock_of
from slrt_kit.db import Connection, Row

OPEN: Final = "c.state <> 'stopped'"
_CLOCK: Final = ", ".join(f"c.{name}" for name in COLUMNS.split(", "))
_REGENCY: Final = 5
# A code is followed by a dot or by nothing, and '/' is the next character after '.': one range, and no OR, so that the
# index finds it while it goes by due instants.
_INSIDE: Final = "c.region >= %(region)s AND c.region < %(region)s || '/'"
# From one regency that has any to the next: an old code that no table of regions knows any more is not missed.
_REGENCIES: Final = """
    WITH RECURSIVE r(area) AS (
        (SELECT left(region, 5) FROM clocks WHERE state <> 'stopped' AND left(region, 5) >= %(low)s
         ORDER BY left(region, 5) LIMIT 1)
        UNION ALL
        SELECT (SELECT left(region, 5) FROM clocks WHERE state <> 'stopped' AND left(region, 5) > r.area
                ORDER BY left(region, 5) LIMIT 1)
        FROM r WHERE r.area < %(high)s
    )
    SELECT area FROM r WHERE area >= %(low)s AND area < %(high)s
    """

Position = tuple[datetime, UUID]
"""Where a row stands in the order: due at, clock."""
RolesIn = Callable[[str], RegionRoles]
"""How the roles of a region (dotted code, ``00`` the nation) stand to each other now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the caller wants to see: so many rows after a position. ``now`` in UTC."""

    now: datetime
    roles_in: RolesIn
    limit: int
    after: Position | None = None
    steps: Sequence[str] = ()
    kinds: Sequence[SubjectKind] = ()
    late: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows ``c`` of clocks, by their due instant. ``condition`` is SQL of ours, with ``values``; it is tried with each
    item of ``over``, such as ``unnest(%(owners)s) AS owners(owner)``.
    """

    condition: str
    over: Sequence[str] = ()
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a service says of the things that its clocks are about: SQL of ours.

    ``table`` has a row by ``key`` to a row ``c``; ``seen`` is the condition that the caller may see the thing;
    ``shown`` are the columns that stand beside the clock.
    """

    table: str
    key: str
    seen: str
    values: Mapping[str, object]
    shown: str


class Item(NamedTuple):
    """A clock on a worklist, what its service says beside it, since when somebody waits for more time, and the roles
    of its region.
    """

    clock: Clock
    more: Row
    asked_at: datetime | None
    roles: RegionRoles


async def areas_of(connection: Connection, scope: Scope) -> Sequence[str]:
    """The regencies that a scope lies in, or that lie in it and have something open; by code."""
    if scope.everywhere or (scope.region is not None and len(scope.region) < _REGENCY):
        low = "" if scope.everywhere else str(scope.region)
        return await connection.values(_REGENCIES, {"low": low, "high": f"{low}~"})
    return [] if scope.region is None else [scope.region[:_REGENCY]]


def in_region(scope: Scope, areas: Sequence[str], *, only: str = OPEN, owners: Collection[str] | None = None) -> Lane:
    """What is open in the scope's region, by an index that begins with the regency.

    ``only`` says by which: its predicate. With ``owners`` it is one that has the owner beside the regency.
    """
    lane = Lane(only, values={"region": scope.region})
    lane = each_of(lane, f"left(c.region, {_REGENCY})", "area", areas)
    if owners is not None:
        lane = each_of(lane, "c.owner", "owner", sorted(owners))
    if scope.region is not None and len(scope.region) > _REGENCY and not scope.everywhere:
        return replace(lane, condition=f"{lane.condition} AND {_INSIDE}")
    return lane


def each_of(lane: Lane, column: str, name: str, values: Sequence[str]) -> Lane:
    """The lane for each of the values of a column, one after the other.

    A single one is no list: of a list PostgreSQL knows the length only when it plans the query for that one call, finds
    that plan better each time, and takes longer to plan than to read.
    """
    if len(values) == 1:
        return Lane(f"{lane.condition} AND {column} = %({name})s", lane.over, {**lane.values, name: values[0]})
    return Lane(
        f"{lane.condition} AND {column} = {name}s.{name}",
        [*lane.over, f"unnest(CAST(%({name}s)s AS text[])) AS {name}s({name})"],
        {**lane.values, f"{name}s": list(values)},
    )


def escalated(scope: Scope, areas: Sequence[str], height: int) -> Lane:
    """What has come that high in the scope's region."""
    lane = in_region(scope, areas, only=f"c.escalated > 0 AND {OPEN}")
    return Lane(f"{lane.condition} AND c.escalated >= %(height)s", lane.over, {**lane.values, "height": height})


def paused(scope: Scope, areas: Sequence[str], *, owners: Collection[str] | None = None) -> Lane:
    """What stands in the scope's region."""
    lane = in_region(scope, areas, only="c.state = 'paused'")
    if owners is None:
        return lane
    condition = f"{lane.condition} AND c.owner = ANY(CAST(%(owners)s AS text[]))"
    return Lane(condition, lane.over, {**lane.values, "owners": sorted(owners)})


def waiting_for_a_yes(scope: Scope) -> Lane:
    """What somebody has asked more time for in the scope's region; these are few."""
    inside = "" if scope.everywhere else f" AND {_INSIDE}" if scope.region is not None else " AND false"
    wanted = "c.clock_id IN (SELECT e.clock_id FROM clock_extensions e WHERE e.verdict IS NULL)"
    return Lane(f"{OPEN} AND {wanted}{inside}", values={"region": scope.region})


async def list_items(connection: Connection, lanes: Sequence[Lane], subjects: Subjects, asked: Asked) -> Sequence[Item]:
    """What is on the lanes and is seen, by when it is due; one that is on several is there once.

    One more than was asked for, where there are more.
    """
    if not lanes:
        return []
    values: dict[str, object] = {
        "now": asked.now,
        "limit": asked.limit + 1,
        "steps": list(asked.steps),
        "kinds": [str(kind) for kind in asked.kinds],
        **subjects.values,
    }
    if asked.after is not None:
        values |= {"after_at": asked.after[0], "after_id": asked.after[1]}
    for lane in lanes:
        values |= lane.values
    found = " UNION ALL ".join(_of_lane(lane, subjects, asked) for lane in lanes)
    query = (
        "SELECT k.*, (SELECT e.asked_at FROM clock_extensions e WHERE e.clock_id = k.clock_id AND e.verdict IS NULL) "  # noqa: S608
        f"AS asked_at FROM (SELECT DISTINCT ON (due_at, clock_id) * FROM ({found}) AS every "
        "ORDER BY due_at, clock_id LIMIT %(limit)s) AS k ORDER BY k.due_at, k.clock_id"
    )
    return [
        Item(clock_of(row), row, row.asked_at, asked.roles_in(row.region))
        for row in await connection.rows(query, values)
    ]


def _of_lane(lane: Lane, subjects: Subjects, asked: Asked) -> str:
    conditions = [lane.condition]
    if asked.steps:
        conditions.append("c.step = ANY(CAST(%(steps)s AS text[]))")
    if asked.kinds:
        conditions.append("c.subject_kind = ANY(CAST(%(kinds)s AS text[]))")
    if asked.paused:
        conditions.append("c.state = 'paused'")
    if asked.late:
        stood = "CAST(c.pauses -> -1 ->> 'since' AS timestamptz)"
        conditions.append(f"c.due_at < %(now)s AND (c.state <> 'paused' OR c.due_at < {stood})")
    if asked.after is not None:
        conditions.append("(c.due_at, c.clock_id) > (%(after_at)s, %(after_id)s)")
    # OFFSET 0: clocks come first, in their order, and who may see each is asked one by one until the page is full. By
    # its own estimate PostgreSQL would begin with all cases of the region where these seem few.
    seen = f"SELECT {subjects.shown} FROM {subjects.table} WHERE {subjects.key} AND ({subjects.seen}) OFFSET 0"  # noqa: S608
    first = (
        f"SELECT {_CLOCK}, s.* FROM clocks c CROSS JOIN LATERAL ({seen}) AS s WHERE {' AND '.join(conditions)} "  # noqa: S608
        "ORDER BY c.due_at, c.clock_id LIMIT %(limit)s"
    )
    return f"(SELECT f.* FROM {', '.join([*lane.over, f'LATERAL ({first}) AS f'])})"  # noqa: S608
