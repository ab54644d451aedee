"""What a resident sends and sees beyond where the case stands."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_contracts.codes import NotificationChannel
from slrt_intake.api.schemas import TrackingView
from slrt_intake.domain.challenge import CODE_DIGITS
from slrt_kit.http.bodies import Body


class CodeReceipt(BaseModel):
    """A code is on its way."""

    challenge_id: UUID
    expires_at: datetime = Field(description="UTC")
    channels: list[NotificationChannel] = Field(description="where it goes: the phone whose last digits were given")


class SessionBody(Body):
    """What the resident knows, and the code that came."""

    ticket_number: Annotated[str, Field(min_length=8, max_length=40, examples=["1274-7KQ4-M2XD"])]
    challenge_id: UUID
    code: Annotated[str, Field(pattern=f"^[0-9]{{{CODE_DIGITS}}}$", examples=["042137"])]


class SessionView(BaseModel):
    """An open session."""

    token: str = Field(description="goes back in the header Resident-Session; it is shown once and kept nowhere")
    expires_at: datetime = Field(description="UTC")


class SeenNeed(BaseModel):
    """A need and where it is."""

    label: str
    stage: str
    office: str | None = Field(description="the office that it was sent to last")
    outcome: str | None


class SeenPerson(BaseModel):
    """A person of the case, masked: enough for whoever gave the data to know it again."""

    relation: str
    name: str | None = Field(examples=["S••• A•••"])
    nik: str | None = Field(examples=["1274••••••••9001"])
    erased: bool


class SeenContact(BaseModel):
    """How we reach the resident, masked."""

    phone: str | None
    email: str | None
    kk_number: str | None
    language: str


class SeenStep(BaseModel):
    """Something that happened, in plain words."""

    at: datetime = Field(description="UTC")
    says: str
    office: str | None


class OwnCaseView(TrackingView):
    """The case as its resident may see it."""

    place: str = Field(description="village, district and regency that it belongs to")
    registered_at: datetime
    decided_at: datetime | None
    closed_at: datetime | None
    details: list[SeenNeed]
    persons: list[SeenPerson]
    contact: SeenContact
    steps: list[SeenStep]
