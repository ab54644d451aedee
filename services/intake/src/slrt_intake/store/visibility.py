"""Say which cases a scope reaches, as the condition of a query: what is not the caller's is not found."""

from datetime import datetime

from slrt_contracts.types import CaseId
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.scoped import in_region

_ASSIGNED = "EXISTS (SELECT FROM case_officers o WHERE o.case_id = cases.case_id AND o.officer = %(visitor)s)"
_VISITED = "EXISTS (SELECT FROM visits v WHERE v.case_id = cases.case_id AND %(visitor)s = ANY(v.officers))"
_LET_IN = (
    "EXISTS (SELECT FROM emergency_accesses e WHERE e.case_id = cases.case_id AND e.opened_by = %(visitor)s "
    "AND e.ends_at > %(visited_at)s)"
)
_OPEN_TO_ALL_OF_THE_SCOPE = "NOT cases.restricted AND cases.sealed_at IS NULL"


def within(scope: Scope, *, at: datetime | None = None) -> tuple[str, dict[str, object]]:
    """The condition on a row of ``cases`` that the scope reaches it, and its values (access.yaml).

    With ``at`` (UTC) also an emergency access counts that is open then: it lets one look, and not work on a case.
    """
    condition, values = in_region(scope, "cases.village_code")
    if scope.everywhere:
        return condition, values
    values |= {"visitor": scope.subject, "visited_at": at}
    reached = [condition]
    if scope.own:
        reached.append("cases.registered_by = %(visitor)s")
    if scope.assigned:
        reached.append(_ASSIGNED)
    kept_from_most = [_OPEN_TO_ALL_OF_THE_SCOPE, f"cases.sealed_at IS NULL AND {_ASSIGNED}"]
    if at is not None:
        kept_from_most.append(_LET_IN)
    return f"({' OR '.join(reached)}) AND ({' OR '.join(kept_from_most)})", values


def within_visits(scope: Scope, *, to_record: bool = False) -> tuple[str, dict[str, object]]:
    """As `within`, also for whoever has, or had, a visit of the case: that, too, puts them in charge of something.

    ``to_record``: also for whoever registered it. They may add what they saw, and read nothing by it.
    """
    condition, values = in_region(scope, "cases.village_code")
    if scope.everywhere:
        return condition, values
    values["visitor"] = scope.subject
    reached = [condition, _VISITED, *([_ASSIGNED] if scope.assigned else [])]
    open_to = [_OPEN_TO_ALL_OF_THE_SCOPE, f"cases.sealed_at IS NULL AND {_ASSIGNED}"]
    ways = f"({' OR '.join(reached)}) AND ({' OR '.join(open_to)})"
    if to_record:
        ways = f"(({ways}) OR (cases.sealed_at IS NULL AND cases.registered_by = %(visitor)s))"
    return ways, values


def within_area(scope: Scope, *, restricted_only: bool = False) -> tuple[str, dict[str, object]]:
    """The condition that a case is of the scope's region, also one that is kept from most: for those who assign.

    They learn that it exists and nothing that it says.
    """
    condition, values = in_region(scope, "cases.village_code")
    return (f"{condition} AND cases.restricted" if restricted_only else condition), values


async def may_look(connection: Connection, case_id: CaseId, scope: Scope, *, at: datetime) -> bool:
    """Whether one who has the scope may see the case at ``at`` (UTC)."""
    condition, values = within(scope, at=at)
    query = f"SELECT EXISTS (SELECT FROM cases WHERE case_id = %(case_id)s AND {condition})"  # noqa: S608 — fixed texts
    return bool(await connection.value(query, values | {"case_id": case_id}))
