"""The duty roster of the demo: the seeded officers, each in the role and at the place that their tokens say."""

from typing import Any

from slrt_contracts.codes import DutyRole
from slrt_kit.regions import NATION
from slrt_local.identity import directory

_FIRST_DAY = "2026-07-01"


def roster() -> list[dict[str, Any]]:
    """The rows of a list for ``POST /intake/v1/duties/lists``; whoever has no duty's role is on none."""
    known = {str(role) for role in DutyRole}
    return [
        {
            "officer": account.subject,
            "role": role,
            "first_day": _FIRST_DAY,
            **_place(role, region=account.region, office=account.office),
        }
        for account in directory().users.values()
        for role in account.roles
        if role in known
    ]


def _place(role: str, *, region: str | None, office: str | None) -> dict[str, str]:
    if role == DutyRole.OPD_OFFICER and office is not None:
        return {"office_code": office}
    return {"area_code": region or NATION}
