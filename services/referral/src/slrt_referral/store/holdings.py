"""Keep who holds each referral, as its state says, and add up how long."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.types import CaseId, ReferralId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, ReadSession, UnitOfWork
from slrt_kit.holdings import HolderKind, HoldingTime, Ledger, Month, holding_times
from slrt_kit.scoped import in_region
from slrt_referral.domain.holding import HOLDER_OF_STATUS, HOLDER_OF_STRAY_DRAFT
from slrt_referral.domain.transitions import ReferralStatus

_BY_STATUS = " ".join(f"WHEN '{status}' THEN '{kind}'" for status, kind in HOLDER_OF_STATUS.items())
_AT_OFFICE = ", ".join(f"'{status}'" for status, kind in HOLDER_OF_STATUS.items() if kind is HolderKind.OFFICE)

_LEDGER = Ledger(f"""
    SELECT r.referral_id AS held_id, r.created_at AS began_at, r.district_code,
           CASE WHEN r.status IN ({_AT_OFFICE}) THEN r.office_code ELSE f.office_code END AS office_code,
           CASE WHEN f.office_code IS NOT NULL THEN '{HolderKind.OFFICE}'
                WHEN r.status = '{ReferralStatus.DRAFT}' THEN '{HOLDER_OF_STRAY_DRAFT}'
                ELSE CASE r.status {_BY_STATUS} END END AS holder
    FROM referrals r LEFT JOIN LATERAL (
        SELECT o.office_code FROM referrals o
        WHERE r.status = '{ReferralStatus.DRAFT}' AND o.referral_id = ANY(r.waiting_on)
        ORDER BY o.created_at, o.referral_id LIMIT 1
    ) AS f ON true
    WHERE r.referral_id IN (SELECT held_id FROM asked)
    """)  # noqa: S608 — fixed texts


_END_OF_CASE = """
    UPDATE holdings h SET until = greatest(h.since, %(at)s) FROM referrals r
    WHERE r.case_id = %(case_id)s AND h.held_id = r.referral_id AND h.until IS NULL
    """
_FOLLOW_CASE = "SELECT referral_id FROM referrals WHERE case_id = %(case_id)s ORDER BY referral_id"


def follow(work: UnitOfWork, referral_id: ReferralId, *, at: datetime, resume: bool = False) -> None:
    """Have the ledger follow a referral that changed at ``at`` (UTC); ``resume`` ends a pause.

    At the end of the unit of work, when all that the referral may wait for is written.
    """
    work.write_last(_follow_all, [(referral_id, at, work.clock.now(), resume)])


def _follow_all(connection: Connection, changes: list[Any]) -> None:
    now = max(now for _, _, now, _ in changes)
    # One row each, also where a referral was saved twice.
    changed = {referral_id: at for referral_id, at, _, _ in changes}
    resumed = {referral_id for referral_id, _, _, resume in changes if resume}
    for resume in (False, True):
        group = [(each, at) for each, at in changed.items() if (each in resumed) is resume]
        if group:
            _LEDGER.follow(connection, group, now=now, resume=resume)


class ReferralPauses:
    """The ledger of referrals as commands about clocks have it follow (`slrt_kit.clocks.commands.HeldPauses`)."""

    def pause(self, work: UnitOfWork, held_id: UUID, *, reason: str, at: datetime) -> None:
        """From ``at`` (UTC) on nobody has the referral, for that reason."""
        _LEDGER.pause(work.connection, held_id, reason=reason, at=at, now=work.clock.now())

    def resume(self, work: UnitOfWork, held_id: UUID, *, at: datetime) -> None:
        """From ``at`` (UTC) on the referral belongs to whom it belongs by its state."""
        _LEDGER.resume(work.connection, held_id, at=at, now=work.clock.now())


def lock_referral(connection: Connection, referral_id: ReferralId) -> None:
    """Whoever changes what belongs to a referral, and not itself, waits here for others who do either."""
    connection.defer(
        "SELECT FROM referrals WHERE referral_id = %(referral_id)s FOR NO KEY UPDATE", {"referral_id": referral_id}
    )


async def follow_case(work: UnitOfWork, case_id: CaseId, *, at: datetime) -> None:
    """The same for all referrals of a case."""
    for referral_id in await work.connection.values(_FOLLOW_CASE, {"case_id": case_id}):
        follow(work, ReferralId(referral_id), at=at)


def end_case(work: UnitOfWork, case_id: CaseId, *, at: datetime) -> None:
    """The case was closed at ``at`` (UTC): nobody waits for anything about its referrals any more."""
    values = {"case_id": case_id, "at": min(at, work.clock.now())}
    work.connection.defer(_END_OF_CASE, values)


async def referral_holding_times(
    session: ReadSession, scope: Scope, month: Month, *, now: datetime
) -> Sequence[HoldingTime]:
    """How long each office had referrals of the scope's region, or of the scope's office; not those kept from most."""
    inside, values = in_region(scope, "h.district_code")
    if scope.office is not None:
        inside = f"({inside} OR h.office_code = %(own_office)s)"
        values["own_office"] = scope.office
    return await holding_times(
        session,
        month,
        cell="h.office_code",
        joined="JOIN referrals r ON r.referral_id = h.held_id",
        condition=f"NOT r.restricted AND NOT r.sealed AND {inside}",
        values=values,
        now=now,
    )
