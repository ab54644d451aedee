"""Facts told by the intake service: who is on duty where."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import DutyRole, Open
from slrt_contracts.events.base import Event
from slrt_contracts.types import DutyArea, DutyId, FirstDutyDay, LastDutyDay, OfficeCode, OfficerId


class DutyAssigned(Event):
    """An officer has a role in an area, or at an office, from a day on; told again when it was changed."""

    TYPE: ClassVar[str] = "id.slrt.intake.duty-assigned.v1"
    TOPIC: ClassVar[str] = "slrt.intake.duty.v1"
    KEY: ClassVar[str] = "duty_id"

    duty_id: DutyId
    officer_id: OfficerId
    role_code: Open[DutyRole]
    area_code: DutyArea
    office_code: Annotated[OfficeCode | None, Field(description="The office, of a duty at one.")] = None
    first_day: FirstDutyDay
    last_day: Annotated[LastDutyDay | None, Field(description="Absent while nobody knows it.")] = None


class DutyEnded(Event):
    """A duty has ended, at the event's own time; that may be before its last day."""

    TYPE: ClassVar[str] = "id.slrt.intake.duty-ended.v1"
    TOPIC: ClassVar[str] = "slrt.intake.duty.v1"
    KEY: ClassVar[str] = "duty_id"

    duty_id: DutyId
