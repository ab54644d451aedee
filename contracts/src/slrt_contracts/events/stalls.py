"""Facts about what is held up: an open case, need or referral that would have stopped without a sound.

Found by a checker that looks at all that is open several times a minute, and told by the case or the referral itself,
in the order of its other events. Nobody is named: a kind says what is missing, the step and its owner say where.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import ClockOwner, Open, StallKind
from slrt_contracts.events.base import Event, Part
from slrt_contracts.types import CaseId, DistrictCode, DutyArea, NeedId, OfficeCode, ReferralId, StallId, StepCode


class StallPart(Part):
    """What every fact about a stall says."""

    stall_id: StallId
    kind: Open[StallKind]
    district_code: DistrictCode


class _Stalled(StallPart):
    step: StepCode
    owner: Annotated[Open[ClockOwner] | None, Field(description="Whose turn it is; None where it is nobody's.")] = None


class _CaseStall(Event):
    TOPIC: ClassVar[str] = "slrt.intake.case.v1"
    KEY: ClassVar[str] = "case_id"

    case_id: CaseId
    need_id: Annotated[NeedId | None, Field(description="The need that it is about; None where it is the case.")] = None


class _ReferralStall(Event):
    TOPIC: ClassVar[str] = "slrt.referral.referral.v1"
    RESTRICTED_TOPIC: ClassVar[str | None] = "slrt.referral.restricted.v1"
    KEY: ClassVar[str] = "referral_id"

    referral_id: ReferralId
    case_id: CaseId
    need_id: NeedId
    office_code: OfficeCode


class CaseStalled(_Stalled, _CaseStall):
    """A case, or one of its needs, lacks what it needs to go on, and would have stopped without a sound.

    For those above its owner: nobody else may notice. Until StallEnded of the same stall.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-stalled.v1"


class CaseStallEnded(StallPart, _CaseStall):
    """A case has what it lacked, or has come to its end.

    Nobody has to say so: the checker sees it.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.case-stall-ended.v1"


class ReferralStalled(_Stalled, _ReferralStall):
    """A referral lacks what it needs to go on, and would have stopped without a sound.

    For those above its office: nobody else may notice. Until StallEnded of the same stall.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-stalled.v1"


class ReferralStallEnded(StallPart, _ReferralStall):
    """A referral has what it lacked, or has come to its end.

    Nobody has to say so: the checker sees it.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-stall-ended.v1"


class _RosterStall(Event):
    TOPIC: ClassVar[str] = "slrt.intake.roster.v1"
    KEY: ClassVar[str] = "stall_id"

    stall_id: StallId
    area_code: DutyArea


class RosterMissing(_RosterStall):
    """In a regency where cases are open nobody at all is on duty: told once, in place of each of its cases.

    For whoever sets up the roster there, and for those above. Until RosterFilled of the same stall.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.roster-missing.v1"


class RosterFilled(_RosterStall):
    """Somebody is on duty in the regency again, or nothing is open there any more."""

    TYPE: ClassVar[str] = "id.slrt.intake.roster-filled.v1"
