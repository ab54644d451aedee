"""Say which referrals are open, for the check that nothing stops without a sound; and list what is held up."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from slrt_kit.access import Scope
from slrt_kit.clock import Clock, day_of
from slrt_kit.clocks.starting import Clockless
from slrt_kit.db import Connection, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.scoped import in_region
from slrt_kit.stalls.checker import Watched
from slrt_kit.stalls.listing import StallPage, list_of
from slrt_kit.stalls.model import Stall
from slrt_kit.stalls.store import CLOCK_COLUMNS, CLOCK_JOIN
from slrt_kit.stalls.telling import event_of
from slrt_referral.domain.offices import OfficeTable
from slrt_referral.store.clock_events import tell_of_referrals
from slrt_referral.store.visibility import within

OPEN: Final = "status IN ('draft', 'sent', 'received', 'accepted', 'in_service', 'declined')"
"""As the index `referrals_open` has it. What is declined goes on as another in that moment, or not at all."""
# A draft goes out with the end of the last referral that it waits for: each must be one that still ends.
OPENED: Final = f"""
    SELECT 'referral' AS subject_kind, r.referral_id AS subject_id, r.case_id, r.status AS step, r.urgent,
           r.policy_version, r.district_code AS district, r.office_code AS office,
           CASE r.status WHEN 'declined' THEN false WHEN 'draft' THEN cardinality(r.waiting_on) > 0
               AND NOT EXISTS (SELECT FROM unnest(r.waiting_on) AS w(awaited) WHERE NOT EXISTS
                   (SELECT FROM referrals o WHERE o.referral_id = w.awaited AND o.{OPEN}))
               ELSE true END AS on_its_way, {CLOCK_COLUMNS}
    FROM referrals r {CLOCK_JOIN.format(subject_id="r.referral_id")}
    WHERE r.{OPEN}
    """  # noqa: S608 — fixed texts
_HOLD: Final = (
    "SELECT referral_id FROM referrals WHERE referral_id = ANY(%(ids)s) ORDER BY referral_id FOR UPDATE SKIP LOCKED"
)

CLOCKLESS: Final = Clockless(
    rows=f"""
    SELECT 'referral' AS subject_kind, r.referral_id AS subject_id, r.case_id, r.district_code AS region,
           r.status AS step, r.urgent, r.policy_version, r.office_code AS office,
           CASE WHEN r.status IN ('sent', 'received') THEN r.sent_at ELSE (SELECT max(s.at) FROM referral_steps s
               WHERE s.referral_id = r.referral_id AND s.to_status = r.status) END AS since
    FROM referrals r
    WHERE r.{OPEN} AND r.status NOT IN ('draft', 'declined') AND r.referral_id > %(after)s
      AND (CAST(%(only)s AS uuid[]) IS NULL OR r.referral_id = ANY(%(only)s))
      AND NOT EXISTS (SELECT FROM clocks k WHERE k.subject_id = r.referral_id AND k.state <> 'stopped')
    ORDER BY r.referral_id LIMIT %(limit)s
    """,  # noqa: S608 — fixed texts
    hold=_HOLD,
)
"""Referrals at their offices without a clock; that a machine took the notice gives the office no more time."""


def watched(outbox: Outbox, offices: OfficeTable, clock: Clock) -> Watched:
    """Referrals, and the offices that exist today."""
    return Watched(
        OPENED,
        _HOLD,
        partial(_tell, outbox),
        office_exists=lambda code: offices.get(code, on=day_of(clock.now())) is not None,
    )


async def _tell(outbox: Outbox, work: UnitOfWork, stalls: Sequence[Stall]) -> None:
    told = [(each.subject_id, partial(event_of, each)) for each in stalls]
    await tell_of_referrals(outbox, work, told, work.clock.now())


async def list_stalls(connection: Connection, scope: Scope, asked: StallPage) -> list[Stall]:
    """The referrals inside the scope that are held up, oldest first; and regions in which nobody is on duty."""
    seen, values = within(scope)
    regional, more = in_region(scope, "s.region")
    return await list_of(
        connection,
        asked,
        joined="LEFT JOIN referrals ON referrals.referral_id = s.subject_id",
        condition=f"CASE WHEN s.case_id IS NULL THEN {regional} ELSE {seen} END",
        values=values | more,
    )
