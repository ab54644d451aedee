"""Have the clock of a referral run that its state has, by the policy that the referral was made under."""

from slrt_kit.clocks.clock import Subject, SubjectKind
from slrt_kit.clocks.steps import Deadlines, Started, follow_step
from slrt_kit.clocks.store import ClockStore
from slrt_kit.db import UnitOfWork
from slrt_referral.domain.referral import Referral


class ReferralClocks:
    """The clocks of referrals."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    async def follow(self, work: UnitOfWork, referral: Referral) -> bool:
        """After a referral was written: have the clock run of the state that it has come to.

        Says whether a clock has ended by that, and a pause with it.

        Raises:
            NotFoundError, PolicyUnknownError, UnknownYearError: see `slrt_kit.clocks.steps`.
        """
        if not referral.came_to_step:
            return False
        region = referral.district_code
        steps = await self._deadlines.of(referral.policy_version, region, work.clock.now())
        started = Started(
            subject=Subject(SubjectKind.REFERRAL, referral.referral_id, referral.case_id),
            region=region,
            state=referral.status,
            urgent=referral.urgent,
            at=referral.raised[-1].happened_at if referral.raised else work.clock.now(),
            office=referral.office_code,
            need=referral.need_code,
        )
        return follow_step(ClockStore(work.connection), steps, started, work.new_id, is_new=referral.version == 0)
