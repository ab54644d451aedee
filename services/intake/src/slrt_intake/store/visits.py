"""Keep visits; saves by version compare-and-set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.visit import Visit, VisitState
from slrt_intake.store.sql import as_json
from slrt_intake.store.visibility import within_visits
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError

COLUMNS = (
    "v.visit_id, v.version, v.case_id, v.state, v.checklists, v.due_on, v.planned_by, v.planned_at, v.assigned_to, "
    "v.officers, v.leased_until, v.ended_by, v.ended_at, v.recorded_at"
)
INSERT = """
    INSERT INTO visits (visit_id, version, case_id, state, checklists, due_on, planned_by, planned_at, assigned_to,
                        officers, leased_until, ended_by, ended_at, recorded_at)
    SELECT visit_id, 1, case_id, state, checklists, due_on, planned_by, planned_at, assigned_to, officers,
           leased_until, ended_by, ended_at, recorded_at
    FROM jsonb_populate_recordset(NULL::visits, CAST(%(visits)s AS jsonb))
    """
SAVE = """
    UPDATE visits SET version = visits.version + 1, state = v.state, assigned_to = v.assigned_to,
        officers = v.officers, leased_until = v.leased_until, ended_by = v.ended_by, ended_at = v.ended_at,
        recorded_at = v.recorded_at, changed = pg_current_xact_id()
    FROM jsonb_populate_recordset(NULL::visits, CAST(%(visits)s AS jsonb)) AS v
    WHERE visits.visit_id = v.visit_id AND visits.version = v.version
    """


class CaseOfVisit(NamedTuple):
    """What planning a visit needs to know of its case."""

    case_id: CaseId
    village_code: str
    restricted: bool
    officers: Sequence[str]


async def case_to_visit(connection: Connection, case_id: UUID, scope: Scope) -> CaseOfVisit | None:
    """The case when the scope reaches it to work on."""
    condition, values = within_visits(scope)
    row = await connection.row(
        "SELECT case_id, village_code, restricted, "  # noqa: S608 — fixed texts
        "ARRAY(SELECT o.officer FROM case_officers o WHERE o.case_id = cases.case_id) AS officers "
        f"FROM cases WHERE case_id = %(case_id)s AND {condition}",
        values | {"case_id": case_id},
    )
    return None if row is None else CaseOfVisit(*row)


async def held_by(connection: Connection, officer: str, *, now: datetime) -> int:
    """How many visits an officer holds at ``now`` (UTC)."""
    query = (
        "SELECT count(*) FROM visits WHERE assigned_to = %(officer)s AND state = 'assigned' AND leased_until > %(now)s"
    )
    return int(await connection.value(query, {"officer": officer, "now": now}))


async def get_visit(connection: Connection, visit_id: UUID, scope: Scope) -> Visit | None:
    """The visit of that id, when the scope reaches its case."""
    condition, values = within_visits(scope)
    row = await connection.row(
        f"SELECT {COLUMNS} FROM visits v JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
        f"WHERE v.visit_id = %(visit_id)s AND {condition}",
        values | {"visit_id": visit_id},
    )
    return None if row is None else visit_of(row)


async def add_visit(connection: Connection, visit: Visit) -> None:
    """Insert a new one."""
    await connection.run(INSERT, {"visits": as_json([visit_row(visit)])})
    visit.version = 1


async def save_visit(connection: Connection, visit: Visit) -> None:
    """Write a changed one.

    Raises:
        StaleVersionError: somebody else saved it since it was loaded.
    """
    if await connection.run(SAVE, {"visits": as_json([visit_row(visit)])}) != 1:
        raise StaleVersionError
    visit.version += 1


async def list_visits(
    connection: Connection,
    scope: Scope,
    *,
    case_id: UUID | None,
    assigned_to: str | None,
    is_open: bool | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Visit]:
    """The visits of cases that the scope reaches, newest plan first, after the given position."""
    inside, values = within_visits(scope)
    conditions = [inside]
    for column, value in (("case_id", case_id), ("assigned_to", assigned_to)):
        if value is not None:
            conditions.append(f"v.{column} = %(only_{column})s")
            values[f"only_{column}"] = value
    if is_open is not None:
        conditions.append("v.ended_at IS NULL" if is_open else "v.ended_at IS NOT NULL")
    if after is not None:
        conditions.append("(v.planned_at, v.visit_id) < (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {COLUMNS} FROM visits v JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
        f"WHERE {' AND '.join(conditions)} ORDER BY v.planned_at DESC, v.visit_id DESC LIMIT %(limit)s",
        values | {"limit": limit},
    )
    return [visit_of(row) for row in rows]


def visit_of(row: Row) -> Visit:
    """The visit of a row with `COLUMNS`."""
    values: dict[str, Any] = row._asdict()
    values["stored_state"] = VisitState(values.pop("state"))
    values["checklists"], values["officers"] = tuple(values["checklists"]), tuple(values["officers"])
    return Visit(**values)


def visit_row(visit: Visit) -> dict[str, object]:
    """The row of a visit, for `INSERT` and `SAVE`."""
    return {
        "visit_id": visit.visit_id,
        "version": visit.version,
        "case_id": visit.case_id,
        "state": visit.stored_state,
        "checklists": visit.checklists,
        "due_on": visit.due_on,
        "planned_by": visit.planned_by,
        "planned_at": visit.planned_at,
        "assigned_to": visit.assigned_to,
        "officers": visit.officers,
        "leased_until": visit.leased_until,
        "ended_by": visit.ended_by,
        "ended_at": visit.ended_at,
        "recorded_at": visit.recorded_at,
    }


class HeldVisit(NamedTuple):
    """A visit that an officer holds, with what they must know of its case; ``changed`` counts transactions."""

    visit: Visit
    changed: int
    ticket_number: str
    village_code: str
    need_codes: Sequence[str]


_UPTO = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"
_HELD = f"""
    SELECT {COLUMNS}, CAST(CAST(v.changed AS text) AS bigint) AS changed, cases.ticket_number, cases.village_code,
           ARRAY(SELECT n.need_code FROM needs n WHERE n.case_id = v.case_id ORDER BY n.position) AS need_codes
    FROM visits v JOIN cases USING (case_id)
    WHERE v.assigned_to = %(officer)s AND v.state = 'assigned' AND v.leased_until > %(now)s
      AND cases.sealed_at IS NULL AND (NOT cases.restricted OR EXISTS (
          SELECT FROM case_officers o WHERE o.case_id = v.case_id AND o.officer = %(officer)s))
    ORDER BY v.due_on NULLS LAST, v.visit_id
    """  # noqa: S608 — fixed texts


async def held_visits(connection: Connection, officer: str, *, now: datetime) -> tuple[int, list[HeldVisit]]:
    """The visits that an officer holds at ``now`` (UTC) and may see the cases of; and up to where this look saw all.

    Whatever changes later, in whichever transaction, has a ``changed`` of at least that number. The two queries want
    one snapshot.
    """
    upto = await connection.value(_UPTO)
    rows = await connection.rows(_HELD, {"officer": officer, "now": now})
    return int(upto), [_held(row) for row in rows]


def _held(row: Row) -> HeldVisit:
    values = row._asdict()
    rest = [values.pop(name) for name in ("changed", "ticket_number", "village_code", "need_codes")]
    values["stored_state"] = VisitState(values.pop("state"))
    values["checklists"], values["officers"] = tuple(values["checklists"]), tuple(values["officers"])
    return HeldVisit(Visit(**values), *rest)
