"""Make the events that tell of a stall, as its case or its referral tells them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from slrt_contracts.codes import ClockOwner
from slrt_contracts.events import (
    CaseStalled,
    CaseStallEnded,
    Event,
    ReferralStalled,
    ReferralStallEnded,
    RosterFilled,
    RosterMissing,
)
from slrt_contracts.types import DistrictCode, DutyArea, StallId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.stalls.model import Held, Stall

_EVENTS: Final[Mapping[tuple[bool, bool], type[Event]]] = MappingProxyType(
    {
        (False, False): CaseStalled,
        (False, True): CaseStallEnded,
        (True, False): ReferralStalled,
        (True, True): ReferralStallEnded,
    }
)


def event_of(stall: Stall, *, district: DistrictCode, **ids: Any) -> Event:
    """The event of a stall that was found or, where it has an end, of that; ``ids`` are what a referral's say."""
    of_referral, over = stall.held is Held.REFERRAL, stall.ended_at is not None
    fields: dict[str, Any] = {
        "stall_id": stall.stall_id,
        "case_id": stall.case_id,
        "kind": stall.kind,
        "district_code": district,
    }
    if of_referral:
        fields["referral_id"] = stall.subject_id
    elif stall.held is Held.NEED:
        fields["need_id"] = stall.subject_id
    if not over:
        fields |= {"step": stall.step, "owner": _owner(stall)}
    return _EVENTS[of_referral, over](**fields, **ids)


def event_of_region(stall: Stall) -> RecordedEvent:
    """The event of a regency in which nobody is on duty, or where it has an end, of that: on the stall's own key."""
    fields = {"stall_id": StallId(stall.stall_id), "area_code": DutyArea(stall.region)}
    if stall.ended_at is None:
        return RecordedEvent(RosterMissing(**fields), 1, stall.found_at)
    return RecordedEvent(RosterFilled(**fields), 2, stall.ended_at)


def _owner(stall: Stall) -> ClockOwner | None:
    """Its kind or role, where a role has a place on the list."""
    if stall.owner is None:
        return None
    named = {str(each) for each in ClockOwner}
    for said in (stall.owner.kind, stall.owner.code):
        if said in named:
            return ClockOwner(said)
    return None
