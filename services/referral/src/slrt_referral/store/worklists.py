"""List the open steps of referrals by when they are due, as far as the caller may see them."""

from collections.abc import Collection, Sequence

from slrt_kit.access import Scope, permission_table
from slrt_kit.clocks.worklist import (
    OPEN,
    Asked,
    Item,
    Lane,
    Subjects,
    areas_of,
    each_of,
    escalated,
    in_region,
    list_items,
    paused,
    waiting_for_a_yes,
)
from slrt_kit.db import ReadSession
from slrt_kit.regions import NATION
from slrt_referral.store.visibility import within

_FOLLOWED = "referrals"


async def list_referrals_due(
    session: ReadSession, scope: Scope, roles: Collection[str], asked: Asked, *, owners: Collection[str] | None
) -> Sequence[Item]:
    """What is on the list of somebody with these roles, or what these offices have; the caller sees it in the scope."""
    areas = await areas_of(session, scope)
    seen, values = within(scope)
    subjects = Subjects(
        "referrals",
        "referrals.referral_id = c.subject_id",
        seen,
        values,
        "referrals.need_id, referrals.need_code, referrals.office_code, referrals.urgent, referrals.restricted",
    )
    return await list_items(session, _lanes(scope, areas, roles, owners, asked), subjects, asked)


def _lanes(
    scope: Scope, areas: Sequence[str], roles: Collection[str], owners: Collection[str] | None, asked: Asked
) -> list[Lane]:
    if owners is not None:
        return [_of_offices(sorted(owners))]
    lanes = []
    if scope.office is not None:
        lanes.append(_of_offices([scope.office]))
    if not areas:
        return lanes
    here = asked.roles_in(scope.region or NATION)
    height = here.height(roles)
    if height is not None:
        lanes.append(escalated(scope, areas, height))
    if permission_table()["referral.clock.approve"].keys() & set(roles):
        lanes.append(waiting_for_a_yes(scope))
    if here.follows(roles, _FOLLOWED) or scope.everywhere:
        lanes.append(paused(scope, areas) if asked.paused else in_region(scope, areas))
    return lanes


def _of_offices(offices: Sequence[str]) -> Lane:
    return each_of(Lane(OPEN), "c.owner", "office", offices)
