"""One function per command about the duty roster. A duty says who answers; it gives nobody a right."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from slrt_contracts.types import DutyId
from slrt_intake.domain.duty import DutyTerms, RosterDuty
from slrt_intake.domain.problems import DutyTermsError
from slrt_intake.ports import Duties, RegionTable
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError, Text
from slrt_kit.regions import NATION

HasRole = Callable[[str, str], bool]
"""Whether an area (dotted code) has a role, by the policy in force there."""


class RowReport(NamedTuple):
    """What became, or would become, of a row of a list: ``new``, ``present`` or ``refused`` for a stated reason."""

    result: str
    reason: str | None = None
    says: Text | None = None
    duty_id: DutyId | None = None


def check_place(terms: DutyTerms, *, regions: RegionTable, scope: Scope, has_role: HasRole) -> None:
    """Raises DutyTermsError: there is no such area, it is not the caller's, or it has no such role."""
    if terms.area_code != NATION and regions.get(terms.area_code) is None:
        raise DutyTermsError(reason="area")
    if not scope.covers(region=terms.area_code):
        raise DutyTermsError(reason="outside")
    if not has_role(terms.area_code, terms.role):
        raise DutyTermsError(reason="role")


async def load(duty_id: DutyId, *, duties: Duties, scope: Scope) -> RosterDuty:
    """A duty of the caller's area.

    Raises:
        NotFoundError: there is none.
    """
    duty = await duties.get(duty_id)
    if duty is None or not scope.covers(region=duty.terms.area_code):
        raise NotFoundError
    return duty


async def assign_all(
    rows: Sequence[DutyTerms | DutyTermsError],
    *,
    duties: Duties,
    regions: RegionTable,
    scope: Scope,
    has_role: HasRole,
    by: str,
    at: datetime,
    new_id: NewId,
    dry_run: bool,
) -> list[RowReport]:
    """Judge each row; assign the new ones unless it is a trial or a row is refused. A list may be sent again."""
    present = {
        duty.terms: duty.duty_id
        for duty in await duties.of_officers({row.officer for row in rows if isinstance(row, DutyTerms)})
    }
    seen: set[DutyTerms] = set()
    reports = []
    for row in rows:
        refused = row if isinstance(row, DutyTermsError) else None
        if isinstance(row, DutyTerms):
            refused = _refusal(row, seen, regions=regions, scope=scope, has_role=has_role)
        if isinstance(row, DutyTerms) and refused is None:
            seen.add(row)
            reports.append(RowReport("present", duty_id=present[row]) if row in present else RowReport("new"))
        elif refused is not None:
            reports.append(RowReport("refused", refused.extra["reason"], refused.detail))
    if dry_run or any(report.result == "refused" for report in reports):
        return reports
    for place, (row, report) in enumerate(zip(rows, reports, strict=True)):
        if report.result == "new" and isinstance(row, DutyTerms):
            duty = RosterDuty.assign(DutyId(new_id()), row, by=by, at=at)
            await duties.add(duty)
            reports[place] = report._replace(duty_id=duty.duty_id)
    return reports


def _refusal(
    row: DutyTerms, seen: set[DutyTerms], *, regions: RegionTable, scope: Scope, has_role: HasRole
) -> DutyTermsError | None:
    try:
        check_place(row, regions=regions, scope=scope, has_role=has_role)
    except DutyTermsError as refused:
        return refused
    return DutyTermsError(reason="twice") if row in seen else None
