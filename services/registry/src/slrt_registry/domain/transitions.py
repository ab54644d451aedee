"""Say as data which action may follow in which state of a programme need, and which action an outcome is.

Source: the second and third function of SLRT (recording of needs and participation, Pedum SLRT 2017) and the
outcome codes of the domain, section 13.2.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from slrt_contracts.codes import OutcomeCode


class NeedStatus(StrEnum):
    """Where a programme need stands."""

    UNMET = "unmet"
    MET = "met"
    ENDED = "ended"


class NeedAction(StrEnum):
    """What happens to a programme need."""

    MEET = "meet"
    END = "end"


NEED_TRANSITIONS: Mapping[tuple[NeedStatus, NeedAction], NeedStatus] = MappingProxyType(
    {
        (NeedStatus.UNMET, NeedAction.MEET): NeedStatus.MET,
        (NeedStatus.UNMET, NeedAction.END): NeedStatus.ENDED,
    }
)

OUTCOME_ACTIONS: Mapping[str, NeedAction] = MappingProxyType(
    {
        OutcomeCode.FULFILLED: NeedAction.MEET,
        OutcomeCode.PARTLY: NeedAction.MEET,
        OutcomeCode.EXPLAINED_ONLY: NeedAction.END,
        OutcomeCode.NOT_ELIGIBLE: NeedAction.END,
        OutcomeCode.PROPOSED_WAITING_QUOTA: NeedAction.END,
        OutcomeCode.OTHER_OWNER: NeedAction.END,
        OutcomeCode.PERSON_UNREACHABLE: NeedAction.END,
        OutcomeCode.DIED_MOVED: NeedAction.END,
    }
)
"""Outcome of a completed referral → what it does to the need; a code that is missing here is newer than this build."""
