"""Facts told by every service that shows personal data: who looked, so that the resident can be told."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import LookAction, LookerRole, LookObject, LookPurpose, Open
from slrt_contracts.events.base import Event, Part
from slrt_contracts.types import CaseId, ChainId, LogPosition, LookedAtId, Moment, OfficeCode

MOST_LOOKS = 300
"""So many in one event keep it far below the size that an event may have."""


class LookTold(Part):
    """One look, as an entry of the audit log has it, without who it was."""

    position: Annotated[LogPosition, Field(description="Position of its entry in the audit log: a look's id there.")]
    looked_at: Moment
    action: Open[LookAction]
    object_type: Open[LookObject]
    object_id: LookedAtId
    case_id: Annotated[CaseId | None, Field(description="The case that the look was for, where one was named.")] = None
    role: Open[LookerRole]
    office_code: Annotated[
        OfficeCode | None, Field(description="The looker's office; of desk and field staff the SLRT office.")
    ] = None
    purpose: Open[LookPurpose]


class LooksRecorded(Event):
    """What the events of all services have in common."""

    KEY: ClassVar[str] = "chain_id"

    chain_id: ChainId
    looks: tuple[LookTold, ...] = Field(min_length=1, max_length=MOST_LOOKS)


class IntakeLooksRecorded(LooksRecorded):
    """Somebody looked at cases, at their people or at how those are reached, in intake.

    Told of the sealed audit log, some at a time, within seconds. Intake shows the resident who looked.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.looks-recorded.v1"
    TOPIC: ClassVar[str] = "slrt.intake.looks.v1"


class ReferralLooksRecorded(LooksRecorded):
    """Somebody looked at referrals.

    Told of the sealed audit log, some at a time, within seconds. Intake shows the resident who looked.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.looks-recorded.v1"
    TOPIC: ClassVar[str] = "slrt.referral.looks.v1"


class RegistryLooksRecorded(LooksRecorded):
    """Somebody looked at persons or families of the registry.

    Told of the sealed audit log, some at a time, within seconds. Intake shows the resident who looked.
    """

    TYPE: ClassVar[str] = "id.slrt.registry.looks-recorded.v1"
    TOPIC: ClassVar[str] = "slrt.registry.looks.v1"
