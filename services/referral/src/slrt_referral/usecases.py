"""One function per command: load, decide, save, return."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from slrt_contracts.codes import DeclineReason, OutcomeCode
from slrt_contracts.types import CaseId, DistrictCode, ReferralId
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError
from slrt_referral.domain import routing
from slrt_referral.domain.policy import RoutingPolicy
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.routing import NeedToRefer, plan_referrals
from slrt_referral.domain.transitions import WITH_THE_OFFICE, ReferralStatus
from slrt_referral.ports import Referrals


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferNeeds:
    """Make the referrals of a case that was decided."""

    case_id: CaseId
    district_code: DistrictCode
    needs: Sequence[NeedToRefer]
    restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineReferral:
    """An office does not take a referral."""

    reason: DeclineReason
    better_office: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteReferral:
    """An office has done its work."""

    outcome: OutcomeCode
    note: str | None


async def refer_needs(
    command: ReferNeeds, *, referrals: Referrals, policy: RoutingPolicy, at: datetime, new_id: NewId
) -> list[Referral]:
    """Make and send what is to be referred; a need that has a referral already gets no second one."""
    present = await referrals.needs_with_referral([need.need_id for need in command.needs])
    made = plan_referrals(
        [need for need in command.needs if need.need_id not in present],
        case_id=command.case_id,
        district_code=command.district_code,
        restricted=command.restricted,
        policy=policy,
        at=at,
        new_id=new_id,
    )
    for referral in made:
        await referrals.add(referral)
    return made


async def load_referral(referral_id: ReferralId, *, referrals: Referrals, scope: Scope) -> Referral:
    """The referral, if the caller may see it.

    Raises:
        NotFoundError: also for a referral outside the scope, so that nobody learns that it exists.
    """
    referral = await referrals.get_within(referral_id, scope)
    if referral is None:
        raise NotFoundError
    return referral


async def accept(referral: Referral, *, referrals: Referrals, by: str, at: datetime) -> None:
    """The office takes it."""
    referral.accept(by=by, at=at)
    await referrals.save(referral)


async def start(referral: Referral, *, referrals: Referrals, by: str, at: datetime) -> None:
    """The office begins."""
    referral.start(by=by, at=at)
    await referrals.save(referral)


async def complete(
    referral: Referral, command: CompleteReferral, *, referrals: Referrals, by: str, at: datetime
) -> None:
    """The office is done; what waited for this goes out in the same transaction.

    The completed row is locked first, then the drafts: nobody who holds a draft's lock waits for another row.
    """
    referral.complete(command.outcome, by=by, note=command.note, at=at)
    await referrals.save(referral)
    for waiting in await referrals.waiting_for(referral):
        waiting.release(referral.referral_id, at=at)
        await referrals.save(waiting)


async def decline(
    referral: Referral,
    command: DeclineReferral,
    *,
    referrals: Referrals,
    policy: RoutingPolicy,
    by: str,
    at: datetime,
    new_id: NewId,
) -> Referral:
    """The office declines; returns the referral by which the need goes on. Who waited for the old waits for it.

    Raises:
        what `routing.decline` raises; nothing is changed.
    """
    successor = routing.decline(
        referral,
        command.reason,
        better_office=command.better_office,
        note=command.note,
        policy=policy,
        by=by,
        at=at,
        successor_id=ReferralId(new_id()),
    )
    await referrals.save(referral)
    await referrals.add(successor)
    for waiting in await referrals.waiting_for(referral):
        waiting.wait_on_successor(referral.referral_id, successor.referral_id)
        await referrals.save(waiting)
    return successor


async def confirm_completed(case_id: CaseId, *, referrals: Referrals, at: datetime) -> None:
    """The client is satisfied: every completed referral of the case is confirmed."""
    for referral in await referrals.of_case(case_id, status=ReferralStatus.COMPLETED):
        referral.confirm(at=at)
        await referrals.save(referral)


async def still_with_office(referral_id: ReferralId, *, referrals: Referrals) -> bool:
    """Whether the office should still hear of it.

    Raises:
        NotFoundError: there is no such referral.
    """
    referral = await referrals.get(referral_id)
    if referral is None:
        raise NotFoundError
    return referral.status in WITH_THE_OFFICE


async def note_received(referral_id: ReferralId, *, referrals: Referrals, at: datetime) -> None:
    """The office's endpoint took the notice. An officer may have acted before it did: then nothing is to note."""
    referral = await referrals.get_locked(referral_id)
    if referral is None:
        raise NotFoundError
    if referral.status is ReferralStatus.SENT:
        referral.receive(at=at)
        await referrals.save(referral)
