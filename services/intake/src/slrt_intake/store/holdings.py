"""Keep who holds each case, as its state says, and add up how long."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.holding import HOLDER_OF_STATUS, HOLDER_WHEN_RESOLVED, HOLDER_WHILE_REFERRED
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.access import Scope
from slrt_kit.db import Connection, UnitOfWork
from slrt_kit.holdings import HoldingTime, Ledger, Month, holding_times
from slrt_kit.scoped import in_region

# The first three parts of a village's dotted code are its district.
_DISTRICT = "left({village}, 8)"
_BY_STATUS = " ".join(f"WHEN '{status}' THEN '{kind}'" for status, kind in HOLDER_OF_STATUS.items())

# The need says whether its referral is open: it has its outcome in the same transaction that takes the office's.
CASES = Ledger(f"""
    SELECT c.case_id AS held_id, c.registered_at AS began_at, {_DISTRICT.format(village="c.village_code")}
           AS district_code, f.office_code,
           CASE WHEN f.office_code IS NOT NULL THEN '{HOLDER_WHILE_REFERRED}'
                WHEN c.status = '{CaseStatus.DECIDED}' AND c.resolved_at IS NOT NULL THEN '{HOLDER_WHEN_RESOLVED}'
                ELSE CASE c.status {_BY_STATUS} END END AS holder
    FROM cases c LEFT JOIN LATERAL (
        SELECT o.office_code FROM office_needs o JOIN needs n USING (need_id)
        WHERE o.case_id = c.case_id AND c.status = '{CaseStatus.DECIDED}' AND n.status = 'referred'
        ORDER BY o.sent_at, o.referral_id LIMIT 1
    ) AS f ON true
    WHERE c.case_id IN (SELECT held_id FROM asked)
    """)  # noqa: S608 — fixed texts
"""The ledger of cases. It is followed by whoever holds the case's row, after the change was written."""

FIRST_HOLDING = f"""
    INSERT INTO holdings (held_id, sequence, holder, district_code, since)
    SELECT case_id, 1, '{HOLDER_OF_STATUS[CaseStatus.REGISTERED]}', {_DISTRICT.format(village="village_code")},
           registered_at FROM added
    """  # noqa: S608 — fixed texts
"""A new case's first row, in the statement that adds the case (``added``)."""


class HeldBy(StrEnum):
    """What holding times are added up by."""

    HOLDER = "holder"
    OFFICE = "office"
    DISTRICT = "district"


_CELL = {HeldBy.HOLDER: "h.holder", HeldBy.OFFICE: "h.office_code", HeldBy.DISTRICT: "h.district_code"}


class CasePauses:
    """The ledger of cases as commands about clocks have it follow (`slrt_kit.clocks.commands.HeldPauses`)."""

    def pause(self, work: UnitOfWork, held_id: UUID, *, reason: str, at: datetime) -> None:
        """From ``at`` (UTC) on nobody has the case, for that reason."""
        CASES.pause(work.connection, held_id, reason=reason, at=at, now=work.clock.now())

    def resume(self, work: UnitOfWork, held_id: UUID, *, at: datetime) -> None:
        """From ``at`` (UTC) on the case belongs to whom it belongs by its state."""
        CASES.resume(work.connection, held_id, at=at, now=work.clock.now())


def lock_case(connection: Connection, case_id: CaseId) -> None:
    """Whoever changes what the ledger follows, and not the case itself, waits here for others who do either."""
    connection.defer("SELECT FROM cases WHERE case_id = %(case_id)s FOR NO KEY UPDATE", {"case_id": case_id})


async def case_holding_times(
    connection: Connection, scope: Scope, month: Month, *, by: HeldBy, now: datetime
) -> Sequence[HoldingTime]:
    """How long cases were held in the scope's region, where each was at the time; not those kept from most."""
    inside, values = in_region(scope, "h.district_code")
    return await holding_times(
        connection,
        month,
        cell=_CELL[by],
        joined="JOIN cases ON cases.case_id = h.held_id",
        condition=f"NOT cases.restricted AND cases.sealed_at IS NULL AND {inside}",
        values=values,
        now=now,
    )
