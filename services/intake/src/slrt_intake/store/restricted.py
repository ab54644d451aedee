"""List the cases that are kept from most, for those who put somebody in charge: that they exist, and no more."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.store.visibility import within_area
from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.regions import RegionCode, district_of


class RestrictedCase(NamedTuple):
    """What may be known of a restricted case without being in charge of it."""

    case_id: UUID
    version: int
    district_code: RegionCode
    status: CaseStatus
    urgent: bool
    sealed: bool
    registered_at: datetime
    officers: Sequence[str]


async def list_restricted(
    connection: Connection, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[RestrictedCase]:
    """Restricted cases of the scope's region, oldest first, after the given position; closed ones are left out."""
    inside, values = within_area(scope, restricted_only=True)
    conditions = [inside, "cases.status <> 'closed'"]
    values["limit"] = limit
    if after is not None:
        conditions.append("(cases.registered_at, cases.case_id) > (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        "SELECT case_id, version, village_code, status, urgent, sealed_at, registered_at, "  # noqa: S608 — fixed texts
        "ARRAY(SELECT o.officer FROM case_officers o WHERE o.case_id = cases.case_id "
        "ORDER BY o.assigned_at, o.officer) AS officers "
        f"FROM cases WHERE {' AND '.join(conditions)} ORDER BY registered_at, case_id LIMIT %(limit)s",
        values,
    )
    return [
        RestrictedCase(
            case_id=row.case_id,
            version=row.version,
            district_code=district_of(RegionCode(row.village_code)),
            status=CaseStatus(row.status),
            urgent=row.urgent,
            sealed=row.sealed_at is not None,
            registered_at=row.registered_at,
            officers=row.officers,
        )
        for row in rows
    ]
