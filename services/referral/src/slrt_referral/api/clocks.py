"""The clock of a referral: for those who see the referral."""

from uuid import UUID

from fastapi import Request

from slrt_contracts.types import ReferralId
from slrt_kit.access import Scope
from slrt_kit.clocks.clock import Subject, SubjectKind
from slrt_kit.db import UnitOfWork
from slrt_kit.http.clocks import Clocked, clock_routes
from slrt_referral import usecases
from slrt_referral.api.parts import ReferralParts
from slrt_referral.store.holdings import lock_referral


async def _look(request: Request, work: UnitOfWork, referral_id: UUID, scope: Scope) -> Subject:
    parts: ReferralParts = request.app.state.parts
    referral = await usecases.load_referral(ReferralId(referral_id), referrals=parts.referrals(work), scope=scope)
    return Subject(SubjectKind.REFERRAL, referral.referral_id, referral.case_id)


async def _hold(request: Request, work: UnitOfWork, referral_id: UUID, scope: Scope) -> Subject:
    subject = await _look(request, work, referral_id, scope)
    lock_referral(work.connection, ReferralId(subject.id))
    return subject


router = clock_routes(
    Clocked(
        path="/referrals/{referral_id}",
        read="referral.referral.read",
        change="referral.clock.change",
        approve="referral.clock.approve",
        look=_look,
        hold=_hold,
    )
)
