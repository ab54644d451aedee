"""Say as data who holds a referral in which state of its life: whose turn it is, so that every minute has one holder.

Source: the proposed model of the domain, section 13.2; ADR 0039.
"""

from collections.abc import Mapping
from types import MappingProxyType

from slrt_kit.holdings.model import HolderKind
from slrt_referral.domain.transitions import ReferralStatus

HOLDER_OF_STATUS: Mapping[ReferralStatus, HolderKind] = MappingProxyType(
    {
        ReferralStatus.SENT: HolderKind.OFFICE,
        ReferralStatus.RECEIVED: HolderKind.OFFICE,
        ReferralStatus.ACCEPTED: HolderKind.OFFICE,
        ReferralStatus.IN_SERVICE: HolderKind.OFFICE,
        # Until the resident confirms it, or the case is closed without that.
        ReferralStatus.COMPLETED: HolderKind.RESIDENT,
    }
)
"""What is declined goes on at that instant as another referral, with a ledger of its own; what is confirmed has ended.

A draft is held by the office of the first referral that it waits for: that one keeps it from being sent."""

HOLDER_OF_STRAY_DRAFT = HolderKind.BACK_OFFICE
"""A draft that waits for nothing that is known is the secretariat's: nothing is nobody's."""
