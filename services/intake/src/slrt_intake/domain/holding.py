"""Say as data who holds a case in which state of its life: whose turn it is, so that every minute has one holder.

Source: the Kemensos FO-BO steps (2017) and the proposed model of the domain, section 13.2; ADR 0039.
"""

from collections.abc import Mapping
from types import MappingProxyType

from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.holdings.model import HolderKind

HOLDER_OF_STATUS: Mapping[CaseStatus, HolderKind] = MappingProxyType(
    {
        CaseStatus.REGISTERED: HolderKind.FRONT_OFFICE,
        CaseStatus.SCREENING: HolderKind.BACK_OFFICE,
        CaseStatus.IN_HANDLING: HolderKind.COORDINATOR,
        # Until an office has it, and when none has it any more: the secretariat sees that it goes on.
        CaseStatus.DECIDED: HolderKind.BACK_OFFICE,
    }
)
"""A closed case has no holder."""

HOLDER_WHILE_REFERRED = HolderKind.OFFICE
"""In a decided case, of the offices that have a need of it the one that was sent its need first: exactly one, also
where several work at once. How long each of them had its own need, the referral service says."""

HOLDER_WHEN_RESOLVED = HolderKind.RESIDENT
"""Every need has its outcome: the resident says whether it helped."""
