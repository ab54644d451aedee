"""Facts about the clocks of cases and referrals: who was reminded of what, and when it is due now.

They are told by the case or the referral that the clock belongs to, in the order of its other events. Whoever is to
hear of it is told by their place on the reporting line, never as a person.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import ClockAudience, ClockMoveCause, ClockOwner, ClockPauseReason, Open
from slrt_contracts.events.base import Event, Part
from slrt_contracts.types import (
    CaseId,
    ClockId,
    ClockOffset,
    DistrictCode,
    Moment,
    NeedId,
    OfficeCode,
    PolicyLabel,
    ReferralId,
    SlaClassCode,
)

_Folded = Annotated[
    tuple[ClockOffset, ...],
    Field(max_length=12, description="Earlier steps that were due by then as well, and got no notice of their own."),
]


class ClockPart(Part):
    """What every fact about a clock says."""

    clock_id: ClockId
    district_code: DistrictCode
    sla_class: SlaClassCode
    owner: Open[ClockOwner]
    policy_version: PolicyLabel


class _Reminded(ClockPart):
    offset: ClockOffset
    folded: _Folded = ()
    due_at: Moment


class _Escalated(_Reminded):
    audience: Annotated[tuple[Open[ClockAudience], ...], Field(max_length=6, description="Who is to hear of it.")]


class _Paused(ClockPart):
    reason: Open[ClockPauseReason]


class _Rescheduled(ClockPart):
    cause: Open[ClockMoveCause]
    old_due_at: Moment
    due_at: Moment


class _CaseClock(Event):
    TOPIC: ClassVar[str] = "slrt.intake.case.v1"
    KEY: ClassVar[str] = "case_id"

    case_id: CaseId
    need_id: Annotated[
        NeedId | None, Field(description="The need that the clock is of; None where it is the case's.")
    ] = None


class _ReferralClock(Event):
    TOPIC: ClassVar[str] = "slrt.referral.referral.v1"
    RESTRICTED_TOPIC: ClassVar[str | None] = "slrt.referral.restricted.v1"
    KEY: ClassVar[str] = "referral_id"

    referral_id: ReferralId
    case_id: CaseId
    need_id: NeedId
    office_code: OfficeCode


class CaseClockReminded(_Reminded, _CaseClock):
    """The time of a case is nearly over.

    For whoever has it; an event that nobody answers is followed by ClockEscalated.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-clock-reminded.v1"


class CaseClockEscalated(_Escalated, _CaseClock):
    """The time of a case is over, or was some time ago.

    For those above, step by step; what is late stays where it is, with whom it is.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-clock-escalated.v1"


class CaseClockPaused(_Paused, _CaseClock):
    """No time counts on a clock of a case any more, and why.

    Until ClockRescheduled says that it goes on.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-clock-paused.v1"


class CaseClockRescheduled(_Rescheduled, _CaseClock):
    """A case is due at another instant than before.

    It goes on after a pause, got more time, or its calendar, class or policy changed.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-clock-rescheduled.v1"


class ReferralClockReminded(_Reminded, _ReferralClock):
    """The time of a referral is nearly over.

    For whoever has it; an event that nobody answers is followed by ClockEscalated.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-clock-reminded.v1"


class ReferralClockEscalated(_Escalated, _ReferralClock):
    """The time of a referral is over, or was some time ago.

    For those above, step by step; what is late stays where it is, with whom it is.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-clock-escalated.v1"


class ReferralClockPaused(_Paused, _ReferralClock):
    """No time counts on a clock of a referral any more, and why.

    Until ClockRescheduled says that it goes on.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-clock-paused.v1"


class ReferralClockRescheduled(_Rescheduled, _ReferralClock):
    """A referral is due at another instant than before.

    It goes on after a pause, got more time, or its calendar, class or policy changed.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-clock-rescheduled.v1"
