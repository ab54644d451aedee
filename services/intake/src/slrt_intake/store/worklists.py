"""List the open steps of cases by when they are due, as far as the caller may see them."""

from collections.abc import Collection, Sequence

from slrt_contracts.codes import ClockOwner
from slrt_intake.store.visibility import within
from slrt_kit.access import Scope, permission_table
from slrt_kit.clocks.worklist import (
    OPEN,
    Asked,
    Item,
    Lane,
    Subjects,
    areas_of,
    escalated,
    in_region,
    list_items,
    paused,
    waiting_for_a_yes,
)
from slrt_kit.db import ReadSession
from slrt_kit.regions import NATION

_FOLLOWED = "cases"
_STAFF = frozenset(ClockOwner) - {ClockOwner.OFFICE, ClockOwner.RESIDENT}
_VILLAGE = 13


async def list_cases_due(
    session: ReadSession, scope: Scope, roles: Collection[str], asked: Asked, *, owners: Collection[str] | None
) -> Sequence[Item]:
    """What is on the list of somebody with these roles, or what these owners have; the caller sees it in the scope."""
    areas = await areas_of(session, scope)
    seen, values = within(scope)
    subjects = Subjects(
        "cases",
        "cases.case_id = c.case_id",
        seen,
        values,
        "cases.ticket_number, cases.urgent, cases.restricted",
    )
    return await list_items(session, _lanes(scope, areas, roles, owners, asked), subjects, asked)


def _lanes(
    scope: Scope, areas: Sequence[str], roles: Collection[str], owners: Collection[str] | None, asked: Asked
) -> list[Lane]:
    lanes = []
    if scope.assigned:
        mine = "c.subject_id IN (SELECT o.case_id FROM case_officers o WHERE o.officer = %(visitor)s)"
        whose = "" if owners is None else " AND c.owner = ANY(CAST(%(owners)s AS text[]))"
        lanes.append(
            Lane(f"{OPEN} AND {mine}{whose}", values={"visitor": scope.subject, "owners": sorted(owners or ())})
        )
    if owners is None:
        here = asked.roles_in(scope.region or NATION)
        height = here.height(roles)
        if height is not None:
            lanes.append(escalated(scope, areas, height))
        if permission_table()["intake.clock.approve"].keys() & set(roles):
            lanes.append(waiting_for_a_yes(scope))
        owners = _STAFF if here.follows(roles, _FOLLOWED) else _STAFF & set(roles)
    if owners and areas:
        lanes.append(_owned(scope, areas, owners, stands=asked.paused))
    return lanes


def _owned(scope: Scope, areas: Sequence[str], owners: Collection[str], *, stands: bool) -> Lane:
    if stands:
        return paused(scope, areas, owners=owners)
    if scope.region is not None and len(scope.region) == _VILLAGE:
        condition = f"{OPEN} AND c.region = %(region)s AND c.owner = ANY(CAST(%(owners)s AS text[]))"
        return Lane(condition, values={"region": scope.region, "owners": sorted(owners)})
    return in_region(scope, areas, owners=owners)
