"""What routes about access to cases take and give over HTTP."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

from slrt_intake.api.registration_schemas import VillageCode
from slrt_intake.domain.emergency import EmergencyAccess
from slrt_intake.domain.transitions import CaseStatus, SealReason
from slrt_intake.store.figures import CountBy
from slrt_intake.store.restricted import RestrictedCase
from slrt_kit.http.bodies import Body, Flag

# The subject of a token: a user name of the local issuer, a UUID of Keycloak.
Officer = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$", examples=["belakang.1274"])]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)]


class OfficerBody(Body):
    """Who is meant."""

    officer: Officer


class OfficersView(BaseModel):
    """Who is in charge of a case, and nothing of what it says."""

    case_id: UUID
    officers: list[str]


class TransferBody(Body):
    """Where the case belongs."""

    village_code: VillageCode


class TransferView(BaseModel):
    """The case has gone there."""

    case_id: UUID
    village_code: str


class SealBody(Body):
    """Why the case is closed to everybody."""

    reason: SealReason


class SealView(BaseModel):
    """Whether a case is sealed."""

    case_id: UUID
    sealed: bool


class RestrictedView(BaseModel):
    """A restricted case as those know it who see to it that somebody is in charge."""

    case_id: UUID
    version: int = Field(description="for If-Match")
    district_code: str
    status: CaseStatus
    urgent: bool
    sealed: bool
    registered_at: datetime
    officers: list[str]

    @classmethod
    def of(cls, case: RestrictedCase) -> Self:
        return cls(**case._asdict())


class EmergencyBody(Body):
    """Which case, by its id or its ticket number, and why it cannot wait. The reason goes to the review."""

    case_id: UUID | None = None
    ticket_number: Annotated[str, Field(min_length=8, max_length=40)] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.case_id is None) == (self.ticket_number is None):
            raise ValueError("case_id atau ticket_number, salah satu / either case_id or ticket_number")
        return self


class EmergencyReceipt(BaseModel):
    """The case is open to the caller until ``ends_at``."""

    access_id: UUID
    case_id: UUID
    ends_at: datetime


class EmergencyView(EmergencyReceipt):
    """An emergency access, for its review."""

    version: int = Field(description="for If-Match")
    opened_by: str
    opened_at: datetime
    reason: str | None = Field(description="null when the case was erased")

    @classmethod
    def of(cls, access: EmergencyAccess) -> Self:
        return cls(
            access_id=access.access_id,
            case_id=access.case_id,
            ends_at=access.ends_at,
            version=access.version,
            opened_by=access.opened_by,
            opened_at=access.opened_at,
            reason=access.reason,
        )


class ReviewBody(Body):
    """What the review found."""

    justified: Flag


class ReviewView(BaseModel):
    """The review is on record."""

    access_id: UUID
    justified: bool


class FigureView(BaseModel):
    """One number; null where it is so small that it could point at somebody."""

    cell: str
    cases: int | None


class FiguresView(BaseModel):
    """How many cases there are. Those that are kept from most are in no number."""

    by: CountBy
    figures: list[FigureView]
