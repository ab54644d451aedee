"""List referrals as far as the caller may see them: the office's worklist, the region's overview."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from slrt_kit.access import Scope
from slrt_kit.db import ReadSession
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import ReferralStatus
from slrt_referral.store.referrals import COLUMNS, referral_of
from slrt_referral.store.visibility import within

Position = tuple[bool, datetime, UUID]
"""Where a row stands in the order: urgent, made at, id."""


async def list_referrals(
    session: ReadSession,
    scope: Scope,
    *,
    statuses: Sequence[ReferralStatus],
    office: str | None,
    case_id: UUID | None,
    after: Position | None,
    limit: int,
) -> list[Referral]:
    """Referrals inside the scope: urgent ones first, then the oldest, so that nobody is left at the end for ever."""
    condition, values = within(scope)
    values["limit"] = limit
    conditions = [condition]
    if statuses:
        conditions.append("status = ANY(%(statuses)s)")
        values["statuses"] = [str(status) for status in statuses]
    if office is not None:
        conditions.append("office_code = %(office)s")
        values["office"] = office
    if case_id is not None:
        conditions.append("case_id = %(case_id)s")
        values["case_id"] = case_id
    if after is not None:
        conditions.append("(NOT urgent, created_at, referral_id) > (NOT %(urgent)s, %(created_at)s, %(referral_id)s)")
        values |= {"urgent": after[0], "created_at": after[1], "referral_id": after[2]}
    query = (
        f"SELECT {COLUMNS} FROM referrals WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed fragments above
        "ORDER BY NOT urgent, created_at, referral_id LIMIT %(limit)s"
    )
    return [referral_of(row) for row in await session.rows(query, values)]
