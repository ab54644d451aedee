"""Make the referrals of a decided case: each need by its rule to its office, with who waits for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from slrt_contracts.codes import DeclineReason, NeedCode, ProgrammeCode
from slrt_contracts.types import CaseId, DistrictCode, NeedId, ReferralId
from slrt_kit.clock import NewId, day_of
from slrt_referral.domain.offices import Office
from slrt_referral.domain.policy import BETTER_OWNER_NAMED, RoutingPolicy
from slrt_referral.domain.problems import QueueNeedsOfficeError, SameOfficeError, UnknownOfficeError
from slrt_referral.domain.referral import Referral


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedToRefer:
    """A need that was decided to be referred. ``attributes`` may hold codes that this build does not know."""

    need_id: NeedId
    need_code: NeedCode
    programme_code: ProgrammeCode | None
    urgent: bool
    attributes: Mapping[str, str] = field(default_factory=dict)


def plan_referrals(
    needs: Sequence[NeedToRefer],
    *,
    case_id: CaseId,
    district_code: DistrictCode,
    restricted: bool = False,
    policy: RoutingPolicy,
    at: datetime,
    new_id: NewId,
) -> list[Referral]:
    """One referral per need, opened. A need waits for the referrals of this case that its rule names by ``after``."""
    routed = [
        (need, policy.route(need, district_code=district_code, on=day_of(at)), ReferralId(new_id())) for need in needs
    ]
    return [
        Referral(
            referral_id=referral_id,
            case_id=case_id,
            need_id=need.need_id,
            need_code=need.need_code,
            programme_code=route.programme,
            function_code=route.function,
            office_code=route.office.code,
            district_code=district_code,
            urgent=need.urgent,
            routing_rule=route.rule_id,
            policy_version=policy.version,
            created_at=at,
            restricted=restricted,
            attributes=need.attributes,
            routed_in=district_code,
            waiting_on=tuple(other_id for other, _, other_id in routed if other.need_code in route.after),
        ).open()
        for need, route, referral_id in routed
    ]


def decline(
    referral: Referral,
    reason: DeclineReason,
    *,
    better_office: str | None,
    note: str | None,
    policy: RoutingPolicy,
    by: str,
    at: datetime,
    successor_id: ReferralId,
) -> Referral:
    """Decline a referral and send it on; returns the successor.

    To the better office when one was named, else to the manager's queue, so that no need ends in nothing. After
    ``reroutes_before_queue`` reroutes it goes to the queue whatever was named: to a person, not to another office
    (domain 13.4). That person may place it anywhere.

    Raises:
        UnknownOfficeError, SameOfficeError, QueueNeedsOfficeError, TransitionRefusedError: nothing is changed.
    """
    named = None if better_office is None else _other_office(better_office, referral, policy, at)
    placed_by_person = referral.function_code is policy.queue.function
    if named is None and placed_by_person:
        raise QueueNeedsOfficeError
    referral.decline(reason, better_office=named.code if named else None, by=by, note=note, at=at)
    if named is not None and (placed_by_person or referral.reroute_count < policy.reroutes_before_queue):
        target, rule = named, BETTER_OWNER_NAMED
        function = referral.function_code if referral.function_code in named.functions else named.functions[0]
    else:
        target, rule = policy.queue_office(referral.district_code, on=day_of(at)), policy.queue.rule_id
        function = policy.queue.function
    return referral.reroute(
        target,
        function=function,
        reason=reason,
        routing_rule=rule,
        policy_version=policy.version,
        successor_id=successor_id,
        at=at,
    )


def _other_office(code: str, referral: Referral, policy: RoutingPolicy, at: datetime) -> Office:
    office = policy.offices.get(code, on=day_of(at))
    if office is None:
        raise UnknownOfficeError
    if office.code == referral.office_code:
        raise SameOfficeError
    return office
