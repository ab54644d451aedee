"""Facts told by the referral service: the life of a referral, seen by partner offices too."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import DeclineReason, FunctionCode, NeedCode, Open, OutcomeCode, ProgrammeCode
from slrt_contracts.events.base import Event
from slrt_contracts.types import (
    CaseId,
    DistrictCode,
    NeedId,
    OfficeCode,
    PolicyLabel,
    ReferralId,
    RerouteCount,
    RuleId,
    UrgentFlag,
)


class _ReferralEvent(Event):
    TOPIC: ClassVar[str] = "slrt.referral.referral.v1"
    RESTRICTED_TOPIC: ClassVar[str | None] = "slrt.referral.restricted.v1"
    KEY: ClassVar[str] = "referral_id"

    referral_id: ReferralId
    case_id: CaseId
    need_id: NeedId
    office_code: OfficeCode


class ReferralCreated(_ReferralEvent):
    """A need got an office, chosen by a routing rule.

    Told when the case was decided, or when an earlier referral was rerouted. It says which rule of which
    version chose, and which referrals it waits for.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-created.v1"

    need_code: Open[NeedCode]
    programme_code: Open[ProgrammeCode] | None = None
    function_code: Open[FunctionCode]
    district_code: DistrictCode
    urgent: UrgentFlag
    waiting_on: Annotated[
        tuple[ReferralId, ...],
        Field(max_length=50, description="Referrals of the same case that must be completed before this one is sent."),
    ] = ()
    rerouted_from: Annotated[ReferralId | None, Field(description="The declined referral that this one follows.")] = (
        None
    )
    reroute_count: RerouteCount = 0
    routing_rule: RuleId
    policy_version: PolicyLabel


class ReferralSent(_ReferralEvent):
    """A referral was handed over to its office.

    The office's connector delivers the notice; the office fetches the rest by claim check.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-sent.v1"

    need_code: Open[NeedCode]
    programme_code: Open[ProgrammeCode] | None = None
    district_code: DistrictCode
    urgent: UrgentFlag


class ReferralReceived(_ReferralEvent):
    """The office's own system took the notice.

    Told when its endpoint answered with success. For timelines and for the clock of acceptance.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-received.v1"


class ReferralAccepted(_ReferralEvent):
    """The office took the referral as its own.

    The resident is told; the clock of feedback starts.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-accepted.v1"


class ReferralServiceStarted(_ReferralEvent):
    """The office began its work on the referral.

    For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-service-started.v1"


class ReferralDeclined(_ReferralEvent):
    """The office does not take the referral, and says why or who is the better owner.

    The referral service reroutes; of that the resident is told.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-declined.v1"

    reason_code: Open[DeclineReason]
    better_office_code: Annotated[OfficeCode | None, Field(description="The office that should have it instead.")] = (
        None
    )


class ReferralRerouted(_ReferralEvent):
    """A declined referral goes on as a new, linked one.

    Told by the old referral about the new one, which tells its own ReferralCreated. The resident is told.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-rerouted.v1"

    new_referral_id: Annotated[ReferralId, Field(description="The referral that follows this one.")]
    to_office_code: Annotated[OfficeCode, Field(description="The office of the new referral.")]
    reason_code: Open[DeclineReason]


class ReferralCompleted(_ReferralEvent):
    """The office finished and recorded the outcome.

    The intake service sets the need's outcome, the registry records met needs and participation, referrals
    that waited for this one go out, the resident is told.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-completed.v1"

    programme_code: Open[ProgrammeCode] | None = None
    outcome_code: Open[OutcomeCode]


class ReferralConfirmed(_ReferralEvent):
    """The client confirmed that the completed referral helped.

    For the office's own statistics and for reports.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.referral-confirmed.v1"
